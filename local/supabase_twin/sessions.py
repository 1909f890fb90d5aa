"""Sessions: access tokens, and refresh tokens that are each good for one use."""

import secrets
import sqlite3
import string
import uuid
from dataclasses import dataclass, replace
from typing import Any

from local.supabase_twin.addresses import with_code, with_tokens
from local.supabase_twin.errors import AuthError
from local.supabase_twin.flows import Flow, finish_flow
from local.supabase_twin.twin import Twin
from local.supabase_twin.users import User, find_user, user_json

ACCESS_TOKEN_SECONDS = 3600
REFRESH_TOKEN_CHARACTERS = 12
REFRESH_TOKEN_ALPHABET = string.ascii_lowercase + string.digits


@dataclass(frozen=True)
class Session:
    """One sign-in of one person; `method` is how they proved who they are."""

    id: str
    user_id: str
    method: str
    created_at: float


def open_session(twin: Twin, connection: sqlite3.Connection, user: User, method: str) -> dict[str, Any]:
    """Sign `user` in; return the token answer."""
    now = twin.now()
    user = replace(user, last_sign_in_at=now, updated_at=now)
    # Not the whole row: it may have changed since a slow password check read it.
    connection.execute("UPDATE users SET last_sign_in_at = ?, updated_at = ? WHERE id = ?", (now, now, user.id))
    session = Session(str(uuid.uuid4()), user.id, method, now)
    connection.execute("INSERT INTO sessions VALUES (?, ?, ?, ?)", (session.id, user.id, method, now))
    return token_answer(twin, connection, user, session, _issue(connection, session.id, None, now))


def signed_in_address(twin: Twin, connection: sqlite3.Connection, flow: Flow, user: User) -> str:
    """End a sign-in that left the application; return where the browser goes, with a code or with a session."""
    finished = finish_flow(connection, twin.now(), flow, user)
    if finished.auth_code:
        return with_code(flow.redirect_to, finished.auth_code)
    answer = open_session(twin, connection, user, flow.method)
    return with_tokens(flow.redirect_to, answer, flow.link_type)


def refresh_session(twin: Twin, connection: sqlite3.Connection, token: str) -> dict[str, Any] | AuthError:
    """Exchange a refresh token for the next one; return the token answer.

    A refusal is returned, not raised: revoking a stolen family must be committed although the answer is an error.
    """
    row = connection.execute("SELECT * FROM refresh_tokens WHERE token = ?", (token,)).fetchone()
    session = find_session(connection, row["session_id"]) if row else None
    user = find_user(connection, session.user_id) if session else None
    if row is None or session is None or user is None:
        return AuthError(400, "refresh_token_not_found", "Invalid Refresh Token: Refresh Token Not Found")
    next_token = _next_token(twin, connection, row)
    if next_token is None:
        # No member of the family may profit from the reuse interval any more.
        statement = "UPDATE refresh_tokens SET revoked = 1, updated_at = 0 WHERE session_id = ?"
        connection.execute(statement, (session.id,))
        return AuthError(400, "refresh_token_already_used", "Invalid Refresh Token: Already Used")
    return token_answer(twin, connection, user, session, next_token)


def token_answer(
    twin: Twin, connection: sqlite3.Connection, user: User, session: Session, refresh_token: str
) -> dict[str, Any]:
    """Return what supabase-js stores as its session."""
    issued_at = int(twin.now())
    return {
        "access_token": twin.signer.sign(_claims(twin, user, session, issued_at)),
        "token_type": "bearer",
        "expires_in": ACCESS_TOKEN_SECONDS,
        "expires_at": issued_at + ACCESS_TOKEN_SECONDS,
        "refresh_token": refresh_token,
        "user": user_json(connection, user),
    }


def find_session(connection: sqlite3.Connection, session_id: str) -> Session | None:
    """Return the session with this id, or None when it was signed out."""
    row = connection.execute("SELECT * FROM sessions WHERE id = ?", (session_id,)).fetchone()
    return Session(**dict(row)) if row else None


def end_sessions(connection: sqlite3.Connection, session: Session, scope: str) -> None:
    """Sign out: `global` everywhere, `local` here, `others` everywhere but here. Refresh tokens go with it."""
    condition = {"global": "user_id = :user", "local": "id = :id", "others": "user_id = :user AND id <> :id"}[scope]
    connection.execute(f"DELETE FROM sessions WHERE {condition}", {"user": session.user_id, "id": session.id})  # noqa: S608


def _claims(twin: Twin, user: User, session: Session, issued_at: int) -> dict[str, Any]:
    return {
        "iss": twin.issuer,
        "sub": user.id,
        "aud": "authenticated",
        "exp": issued_at + ACCESS_TOKEN_SECONDS,
        "iat": issued_at,
        "email": user.email or "",
        "phone": "",
        "app_metadata": user.app_metadata,
        "user_metadata": user.user_metadata,
        "role": "authenticated",
        "aal": "aal1",
        "amr": [{"method": session.method, "timestamp": int(session.created_at)}],
        "session_id": session.id,
        "is_anonymous": user.is_anonymous,
    }


def _next_token(twin: Twin, connection: sqlite3.Connection, row: sqlite3.Row) -> str | None:
    # A client that lost our answer asks again with the token before the active one: it gets the active one again.
    # A token older than that may only come back within the short interval in which parallel tabs refresh.
    query = "SELECT token, parent FROM refresh_tokens WHERE session_id = ? AND NOT revoked ORDER BY id DESC LIMIT 1"
    active = connection.execute(query, (row["session_id"],)).fetchone()
    if row["revoked"] and active and active["parent"] == row["token"]:
        return str(active["token"])
    now = twin.now()
    if row["revoked"] and now >= row["updated_at"] + twin.reuse_interval_seconds:
        return None
    if not row["revoked"]:
        connection.execute("UPDATE refresh_tokens SET revoked = 1, updated_at = ? WHERE id = ?", (now, row["id"]))
    return _issue(connection, row["session_id"], row["token"], now)


def _issue(connection: sqlite3.Connection, session_id: str, parent: str | None, now: float) -> str:
    token = "".join(secrets.choice(REFRESH_TOKEN_ALPHABET) for _ in range(REFRESH_TOKEN_CHARACTERS))
    statement = "INSERT INTO refresh_tokens (token, parent, session_id, updated_at) VALUES (?, ?, ?, ?)"
    connection.execute(statement, (token, parent, session_id, now))
    return token
