"""Request signatures: proof that a request came through a server that knows the shared secret.

HMAC-SHA256 over `timestamp LF METHOD LF path`, plus `LF body` when the body is not empty: raw bytes, no query string.
The frontend's proxy signs exactly this text.
"""

import hmac
import re
from collections.abc import Iterable

from werkzeug.datastructures import Headers

from shared.errors import ApiError

TIMESTAMP_HEADER = "X-InstaVeo-Timestamp"
SIGNATURE_HEADER = "X-InstaVeo-Signature"

# re.ASCII: \d would take other scripts' digits, which int() reads too.
_TIMESTAMP = re.compile(r"\d{1,12}", re.ASCII)
_SIGNATURE = re.compile(r"[0-9a-f]{64}")


def sign(secret: str, timestamp: str, method: str, path: str, body: bytes) -> str:
    """Return the signature of a request as 64 lower-case hexadecimal digits. `timestamp` is in unix seconds."""
    text = f"{timestamp}\n{method}\n{path}".encode()
    return hmac.digest(secret.encode(), text + b"\n" + body if body else text, "sha256").hex()


def verify_signature(
    headers: Headers,
    method: str,
    path: str,
    body: bytes,
    *,
    secrets: Iterable[str],
    now_seconds: float,
    ttl_seconds: float,
) -> None:
    """Check a request's two headers against any of `secrets` (the current one and, while rotating, the previous one).

    Raises ApiError `missing_signature`, `invalid_signature` or `expired_signature`, each a 401 that says nothing more.
    """
    timestamp, signature = headers.get(TIMESTAMP_HEADER), headers.get(SIGNATURE_HEADER)
    if not timestamp or not signature:
        raise ApiError("missing_signature")
    if not _TIMESTAMP.fullmatch(timestamp) or not _SIGNATURE.fullmatch(signature):
        raise ApiError("invalid_signature", cause="malformed header")
    if abs(now_seconds - int(timestamp)) > ttl_seconds:
        raise ApiError("expired_signature")
    # Every secret is tried, whichever matches, so that the time taken tells nothing.
    matches = [hmac.compare_digest(sign(secret, timestamp, method, path, body), signature) for secret in secrets]
    if not any(matches):
        raise ApiError("invalid_signature", cause="no secret matches")
