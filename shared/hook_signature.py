"""Proof that Supabase calls: a shared secret, or a signature after Standard Webhooks.

A database webhook sends one of the plain secrets as `Authorization: Bearer SECRET`. An Auth hook signs
`id.timestamp.body` by HMAC-SHA256 (https://www.standardwebhooks.com), with two habits of Supabase's own: several
signatures are joined by `, `, and a secret reads `v1,whsec_BASE64`.
"""

import base64
import binascii
import hmac
import re
from typing import NamedTuple

from werkzeug.datastructures import Headers

from shared.errors import ApiError

TOLERANCE_SECONDS = 300
_SIGNING_SECRET = re.compile(r"(?:v1,)?whsec_(.+)")
_ID = re.compile(r"[\x21-\x7e]{1,255}")
# re.ASCII: \d would take other scripts' digits, which int() reads too.
_TIMESTAMP = re.compile(r"\d{1,12}", re.ASCII)
_VERSION = "v1,"


class HookSecrets(NamedTuple):
    """What SUPABASE_HOOK_SECRETS holds: plain secrets, and keys for signatures."""

    plain: list[bytes]
    signing: list[bytes]


def read_hook_secrets(text: str) -> HookSecrets:
    """Return the secrets of a text that joins them by `|`. Raises ApiError `not_configured` for a broken one."""
    plain, signing = [], []
    for part in filter(None, map(str.strip, text.split("|"))):
        match = _SIGNING_SECRET.fullmatch(part)
        if match is None:
            plain.append(part.encode())
            continue
        try:
            signing.append(base64.b64decode(match[1], validate=True))
        except (binascii.Error, ValueError) as error:
            raise ApiError(
                "not_configured", cause="SUPABASE_HOOK_SECRETS: what follows whsec_ is not base64"
            ) from error
    return HookSecrets(plain, signing)


def verify_hook(headers: Headers, body: bytes, bearer: str | None, *, secrets: HookSecrets, now_seconds: float) -> None:
    """Check who calls. A request that carries a signature stands or falls by it; `bearer` is looked at otherwise.

    Raises ApiError `invalid_hook_signature` (401), which says nothing more.
    """
    if "webhook-signature" in headers:
        _verify_signature(headers, body, secrets.signing, now_seconds)
        return
    given = (bearer or "").encode("utf-8", "replace")
    # Every secret is tried, whichever matches, so that the time taken tells nothing.
    matches = [hmac.compare_digest(secret, given) for secret in secrets.plain]
    if not any(matches):
        raise ApiError("invalid_hook_signature", cause="no secret matches")


def _verify_signature(headers: Headers, body: bytes, keys: list[bytes], now_seconds: float) -> None:
    message_id, timestamp = headers.get("webhook-id", ""), headers.get("webhook-timestamp", "")
    if not _ID.fullmatch(message_id) or not _TIMESTAMP.fullmatch(timestamp):
        raise ApiError("invalid_hook_signature", cause="malformed header")
    if abs(now_seconds - int(timestamp)) > TOLERANCE_SECONDS:
        raise ApiError("invalid_hook_signature", cause="too old or from the future")
    signed = f"{message_id}.{timestamp}.".encode() + body
    expected = [base64.b64encode(hmac.digest(key, signed, "sha256")) for key in keys]
    given = [
        part.rstrip(",").removeprefix(_VERSION).encode("utf-8", "replace")
        for part in headers.get("webhook-signature", "").split()
        if part.startswith(_VERSION)
    ]
    matches = [hmac.compare_digest(one, other) for one in expected for other in given]
    if not any(matches):
        raise ApiError("invalid_hook_signature", cause="no signature matches")
