"""Short-lived download links for files served by this project itself: an HMAC over key, time and file name."""

import hashlib
import hmac
from collections.abc import Mapping
from urllib.parse import urlencode

from shared.errors import ApiError
from shared.storage.store import attachment, content_type_of


def link_secret(request_secret: str) -> bytes:
    """Return the key for links, derived from the request secret so that neither signature can pass for the other."""
    return hmac.digest(request_secret.encode(), b"instaveo media link", hashlib.sha256)


def sign_link(secret: bytes, key: str, expires: int, filename: str) -> str:
    """Return the query text that lets `key` be saved as `filename` until `expires` (unix seconds).

    Raises ValueError for an invalid key or file name.
    """
    content_type_of(key)
    attachment(filename)
    signature = _signature(secret, key, str(expires), filename)
    return urlencode({"expires": expires, "download": filename, "signature": signature})


def check_link(secret: bytes, key: str, query: Mapping[str, str], now: float) -> str:
    """Return the file name of a link made by `sign_link`, from its query as it arrived; `now` is unix seconds.

    Raises ApiError `invalid_link` or `expired_link`: 403, since the frontend takes every 401 for the end of a session.
    """
    expires, filename = query.get("expires", ""), query.get("download", "")
    expected = _signature(secret, key, expires, filename).encode()
    if not secret or not hmac.compare_digest(expected, query.get("signature", "").encode("utf-8", "replace")):
        raise ApiError("invalid_link")
    if now > int(expires):
        raise ApiError("expired_link")
    return filename


def _signature(secret: bytes, key: str, expires: str, filename: str) -> str:
    text = f"{key}\n{expires}\n{filename}"
    return hmac.new(secret, text.encode("utf-8", "replace"), hashlib.sha256).hexdigest()
