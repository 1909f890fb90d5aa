"""Sign-ins under way outside the application: at a provider's page, or in a mailed link."""

import base64
import hashlib
import hmac
import re
import sqlite3
import uuid
from dataclasses import astuple, dataclass, replace

from local.supabase_twin.errors import AuthError, validation_failed
from local.supabase_twin.users import User, find_user

FLOW_SECONDS = 300
MAILED_LINK_SECONDS = 3600
MAILED_LINK_TYPES = ("magiclink", "recovery")
CHALLENGE_PATTERN = re.compile(r"[A-Za-z0-9._~-]+")


@dataclass(frozen=True)
class Challenge:
    """The PKCE half of a sign-in; both texts are empty in the implicit flow."""

    text: str
    method: str

    def check(self) -> None:
        """Raise AuthError when the challenge breaks RFC 7636."""
        if bool(self.text) != bool(self.method):
            raise validation_failed("PKCE flow requires code_challenge_method and code_challenge")
        if self.method not in ("", "s256", "plain"):
            raise validation_failed("code challenge method must be s256 or plain")
        if self.text and not 43 <= len(self.text) <= 128:
            raise validation_failed("code challenge has to be between 43 and 128 characters")
        if self.text and not CHALLENGE_PATTERN.fullmatch(self.text):
            allowed = "alphanumeric characters, hyphens, periods, underscores and tildes"
            raise validation_failed(f"code challenge can only contain {allowed}")

    def answered_by(self, code_verifier: str) -> bool:
        """Tell whether `code_verifier` is what this challenge was made from."""
        answer = code_verifier.encode()
        if self.method == "s256":
            answer = base64.urlsafe_b64encode(hashlib.sha256(answer).digest()).rstrip(b"=")
        return hmac.compare_digest(answer, self.text.encode())


@dataclass(frozen=True)
class Flow:
    """One sign-in under way; `kind` is a provider, or what a mailed link is for.

    The person is known from the start for a mailed link, and once they chose who they are at a provider.
    """

    id: str
    kind: str
    redirect_to: str
    challenge: Challenge
    auth_code: str | None
    user_id: str | None
    expires_at: float

    @property
    def link_type(self) -> str | None:
        """What the mailed link is for; None for a provider."""
        return self.kind if self.kind in MAILED_LINK_TYPES else None

    @property
    def method(self) -> str:
        """How the person proves who they are, as `amr` names it."""
        return "otp" if self.link_type else "oauth"


def begin_flow(
    connection: sqlite3.Connection, now: float, *, kind: str, redirect_to: str, challenge: Challenge, user: User | None
) -> Flow:
    """Remember a sign-in that leaves the application. Raises AuthError for a bad code challenge."""
    challenge.check()
    seconds = MAILED_LINK_SECONDS if user else FLOW_SECONDS
    flow = Flow(str(uuid.uuid4()), kind, redirect_to, challenge, None, user.id if user else None, now + seconds)
    connection.execute("DELETE FROM flows WHERE expires_at < ?", (now - MAILED_LINK_SECONDS,))
    kept = (flow.id, kind, redirect_to, *astuple(challenge), None, flow.user_id, flow.expires_at)
    connection.execute("INSERT INTO flows VALUES (?, ?, ?, ?, ?, ?, ?, ?)", kept)
    return flow


def find_provider_flow(connection: sqlite3.Connection, flow_id: str, now: float) -> Flow:
    """Return a sign-in whose page is still open. Raises AuthError when it is unknown, finished or too old."""
    flow = _find(connection, "id", flow_id)
    if flow is None or flow.link_type or flow.auth_code or flow.expires_at < now:
        raise AuthError(400, "bad_oauth_state", "OAuth state is unknown, finished or expired: start the sign-in again")
    return flow


def find_mailed_flow(connection: sqlite3.Connection, flow_id: str, now: float) -> Flow | None:
    """Return the sign-in of a mailed link, or None when it is unknown, used or too old."""
    flow = _find(connection, "id", flow_id)
    return flow if flow and flow.link_type and not flow.auth_code and flow.expires_at >= now else None


def finish_flow(connection: sqlite3.Connection, now: float, flow: Flow, user: User) -> Flow:
    """End the outside part. With a code challenge the result has the code that `user` exchanges for a session."""
    if not flow.challenge.text:
        forget_flow(connection, flow)
        return flow
    finished = replace(flow, auth_code=str(uuid.uuid4()), user_id=user.id, expires_at=now + FLOW_SECONDS)
    statement = "UPDATE flows SET auth_code = ?, user_id = ?, expires_at = ? WHERE id = ?"
    connection.execute(statement, (finished.auth_code, user.id, finished.expires_at, flow.id))
    return finished


def forget_flow(connection: sqlite3.Connection, flow: Flow) -> None:
    """Drop a sign-in, so that nothing of it can be used again."""
    connection.execute("DELETE FROM flows WHERE id = ?", (flow.id,))


def redeem_code(connection: sqlite3.Connection, auth_code: str, code_verifier: str, now: float) -> tuple[User, Flow]:
    """Return who signed in and how, once. Raises AuthError when the code is unknown, too old or not the caller's."""
    flow = _find(connection, "auth_code", auth_code)
    user = find_user(connection, flow.user_id) if flow and flow.user_id else None
    if flow is None or user is None:
        raise AuthError(404, "flow_state_not_found", "invalid flow state, no valid flow state found")
    if flow.expires_at < now:
        raise AuthError(403, "flow_state_expired", "invalid flow state, flow state has expired")
    if not flow.challenge.answered_by(code_verifier):
        raise AuthError(400, "bad_code_verifier", "code challenge does not match previously saved code verifier")
    forget_flow(connection, flow)
    return user, flow


def _find(connection: sqlite3.Connection, column: str, value: str) -> Flow | None:
    row = connection.execute(f"SELECT * FROM flows WHERE {column} = ?", (value,)).fetchone()  # noqa: S608
    if row is None:
        return None
    values = dict(row)
    challenge = Challenge(values.pop("challenge"), values.pop("challenge_method"))
    return Flow(challenge=challenge, **values)
