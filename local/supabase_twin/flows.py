"""Sign-ins under way at a provider: begun by `/authorize`, finished by a code or by tokens in the address."""

import base64
import hashlib
import hmac
import re
import sqlite3
import uuid
from dataclasses import dataclass, replace
from urllib.parse import urlsplit

from local.supabase_twin.errors import AuthError, validation_failed
from local.supabase_twin.users import User, find_user

FLOW_LIFETIME_SECONDS = 300
CHALLENGE_PATTERN = re.compile(r"[A-Za-z0-9._~-]+")
LOCAL_HOSTS = ("localhost", "127.0.0.1", "::1")


@dataclass(frozen=True)
class Flow:
    """One sign-in under way. Without a code challenge it ends with tokens in the address (implicit flow)."""

    id: str
    provider: str
    redirect_to: str
    code_challenge: str | None
    code_challenge_method: str | None
    auth_code: str | None
    user_id: str | None
    created_at: float


def begin_flow(
    connection: sqlite3.Connection, now: float, *, provider: str, redirect_to: str, challenge: str, method: str
) -> Flow:
    """Remember a sign-in that goes to the provider's page. Raises AuthError for a bad code challenge."""
    _check_challenge(challenge, method)
    flow = Flow(str(uuid.uuid4()), provider, redirect_to, challenge or None, method.lower() or None, None, None, now)
    connection.execute("DELETE FROM flows WHERE created_at < ?", (now - 2 * FLOW_LIFETIME_SECONDS,))
    row = (flow.id, flow.provider, flow.redirect_to, flow.code_challenge, flow.code_challenge_method, None, None, now)
    connection.execute("INSERT INTO flows VALUES (?, ?, ?, ?, ?, ?, ?, ?)", row)
    return flow


def find_flow(connection: sqlite3.Connection, flow_id: str, now: float) -> Flow:
    """Return a sign-in whose page is still open. Raises AuthError when it is unknown, finished or too old."""
    row = connection.execute("SELECT * FROM flows WHERE id = ? AND auth_code IS NULL", (flow_id,)).fetchone()
    if row is None or row["created_at"] + FLOW_LIFETIME_SECONDS < now:
        raise AuthError(400, "bad_oauth_state", "OAuth state is unknown, finished or expired: start the sign-in again")
    return Flow(**dict(row))


def finish_flow(connection: sqlite3.Connection, flow: Flow, user: User | None) -> Flow:
    """End the provider's part. With a code challenge the answer carries the code to be exchanged by `user`."""
    if user is None or flow.code_challenge is None:
        connection.execute("DELETE FROM flows WHERE id = ?", (flow.id,))
        return flow
    finished = replace(flow, auth_code=str(uuid.uuid4()), user_id=user.id)
    statement = "UPDATE flows SET auth_code = ?, user_id = ? WHERE id = ?"
    connection.execute(statement, (finished.auth_code, finished.user_id, flow.id))
    return finished


def redeem_code(connection: sqlite3.Connection, auth_code: str, code_verifier: str, now: float) -> User:
    """Return who signed in, once. Raises AuthError when the code is unknown, too old or not the caller's."""
    row = connection.execute("SELECT * FROM flows WHERE auth_code = ?", (auth_code,)).fetchone()
    user = find_user(connection, row["user_id"]) if row else None
    if row is None or user is None:
        raise AuthError(404, "flow_state_not_found", "invalid flow state, no valid flow state found")
    if row["created_at"] + FLOW_LIFETIME_SECONDS < now:
        raise AuthError(403, "flow_state_expired", "invalid flow state, flow state has expired")
    if not hmac.compare_digest(_challenge(code_verifier, row["code_challenge_method"]), row["code_challenge"].encode()):
        raise AuthError(400, "bad_code_verifier", "code challenge does not match previously saved code verifier")
    connection.execute("DELETE FROM flows WHERE id = ?", (row["id"],))
    return user


def redirect_target(wanted: str, public_url: str) -> str:
    """Return where to send the browser afterwards: `wanted` on this machine, else the public address."""
    # Browsers read a backslash as a slash, so the host they go to is not the one that urlsplit sees.
    if "\\" in wanted or any(character <= " " for character in wanted):
        return public_url
    try:
        parts = urlsplit(wanted)
        allowed = parts.scheme in ("http", "https") and parts.hostname in (*LOCAL_HOSTS, urlsplit(public_url).hostname)
    except ValueError:
        return public_url
    return wanted if allowed and "@" not in parts.netloc else public_url


def _check_challenge(challenge: str, method: str) -> None:
    if bool(challenge) != bool(method):
        raise validation_failed("PKCE flow requires code_challenge_method and code_challenge")
    if challenge and method.lower() not in ("s256", "plain"):
        raise validation_failed("code challenge method must be s256 or plain")
    if challenge and not 43 <= len(challenge) <= 128:
        raise validation_failed("code challenge has to be between 43 and 128 characters")
    if challenge and not CHALLENGE_PATTERN.fullmatch(challenge):
        allowed = "alphanumeric characters, hyphens, periods, underscores and tildes"
        raise validation_failed(f"code challenge can only contain {allowed}")


def _challenge(code_verifier: str, method: str) -> bytes:
    if method == "plain":
        return code_verifier.encode()
    return base64.urlsafe_b64encode(hashlib.sha256(code_verifier.encode()).digest()).rstrip(b"=")
