"""Reading a request: its JSON body, and who sends it."""

import json
import sqlite3
import uuid
from typing import Any

from flask import request

from local.supabase_twin.errors import AuthError
from local.supabase_twin.sessions import Session, find_session
from local.supabase_twin.twin import Twin
from local.supabase_twin.users import User, find_user

BEARER_PREFIX = "bearer "


def json_body() -> dict[str, Any]:
    """Return the JSON object of the request. Raises AuthError `bad_json` when there is none."""
    try:
        body = json.loads(request.get_data(), parse_constant=_refuse_constant)
        # UTF-8, and so SQLite, cannot hold half of a surrogate pair; the real service replaces it too.
        body = json.loads(json.dumps(body, ensure_ascii=False).encode("utf-8", "replace"))
    except (ValueError, RecursionError) as error:
        raise _bad_json(str(error)) from error
    if not isinstance(body, dict):
        raise _bad_json("it is not an object")
    return body


def text_field(body: dict[str, Any], name: str) -> str:
    """Return a text of the body, empty when absent. Raises AuthError `bad_json` for another type."""
    value = body.get(name)
    if value is not None and not isinstance(value, str):
        raise _bad_json(f"{name} must be a string")
    return value or ""


def object_field(body: dict[str, Any], name: str) -> dict[str, Any]:
    """Return an object of the body, empty when absent. Raises AuthError `bad_json` for another type."""
    value = body.get(name)
    if value is not None and not isinstance(value, dict):
        raise _bad_json(f"{name} must be an object")
    return value or {}


def bearer_claims(twin: Twin) -> dict[str, Any]:
    """Return the claims of the caller's access token. Raises AuthError when it is missing or bad."""
    header = request.headers.get("Authorization", "")
    if not header.lower().startswith(BEARER_PREFIX):
        raise AuthError(401, "no_authorization", "This endpoint requires a valid Bearer token")
    return twin.signer.verify(header[len(BEARER_PREFIX) :].strip(), twin.now())


def caller(connection: sqlite3.Connection, claims: dict[str, Any]) -> tuple[User, Session]:
    """Return who the claims speak of. Raises AuthError when the person or the session is gone."""
    if not claims.get("sub"):
        raise AuthError(403, "bad_jwt", "invalid claim: missing sub claim")
    user = find_user(connection, _uuid_claim(claims, "sub"))
    if user is None:
        raise AuthError(403, "user_not_found", "User from sub claim in JWT does not exist")
    session = find_session(connection, _uuid_claim(claims, "session_id"))
    if session is None or session.user_id != user.id:
        raise AuthError(403, "session_not_found", "Session from session_id claim in JWT does not exist")
    return user, session


def _refuse_constant(name: str) -> None:
    raise ValueError(f"{name} is not JSON")


def _uuid_claim(claims: dict[str, Any], name: str) -> str:
    try:
        return str(uuid.UUID(str(claims.get(name))))
    except ValueError as error:
        raise AuthError(403, "bad_jwt", f"invalid claim: {name} claim must be a UUID") from error


def _bad_json(reason: str) -> AuthError:
    return AuthError(400, "bad_json", f"Could not parse request body as JSON: {reason}")
