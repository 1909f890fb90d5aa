"""Signing up and getting tokens: `/signup`, `/token`."""

from typing import Any

from flask import Blueprint, Response, jsonify, request

from local.supabase_twin.errors import AuthError, invalid_credentials, validation_failed
from local.supabase_twin.flows import redeem_code
from local.supabase_twin.identities import link_email
from local.supabase_twin.incoming import json_body, object_field, text_field
from local.supabase_twin.passwords import check_strength, hash_password, password_matches
from local.supabase_twin.sessions import open_session, refresh_session
from local.supabase_twin.twin import Twin, current_twin
from local.supabase_twin.users import checked_email, find_user_by_email, insert_user

routes = Blueprint("tokens", __name__)


@routes.post("/signup")
def sign_up() -> Response:
    """Make a person with an e-mail address and a password, or a guest without either; sign them in."""
    body = json_body()
    if text_field(body, "phone"):
        raise AuthError(400, "phone_provider_disabled", "Phone signups are disabled")
    if not text_field(body, "email"):
        return _tokens(_sign_up_guest(current_twin(), body))
    return _tokens(_sign_up_with_password(current_twin(), body))


@routes.post("/token")
def token() -> Response:
    """Answer a session for a password, a refresh token or the code of a provider sign-in."""
    grants = {"password": _password_grant, "refresh_token": _refresh_grant, "pkce": _code_grant}
    grant = grants.get(request.args.get("grant_type", ""))
    if grant is None:
        raise AuthError(400, "invalid_credentials", "unsupported_grant_type")
    return _tokens(grant(current_twin(), json_body()))


def _sign_up_guest(twin: Twin, body: dict[str, Any]) -> dict[str, Any]:
    with twin.store.transaction() as connection:
        user = insert_user(connection, twin.now(), email=None, metadata=object_field(body, "data"))
        return open_session(twin, connection, user, "anonymous")


def _sign_up_with_password(twin: Twin, body: dict[str, Any]) -> dict[str, Any]:
    password = text_field(body, "password")
    if not password:
        raise validation_failed("Signup requires a valid password")
    check_strength(password)
    email, data = checked_email(text_field(body, "email")), object_field(body, "data")
    password_hash = hash_password(password)
    with twin.store.transaction() as connection:
        user = insert_user(connection, twin.now(), email=email, password_hash=password_hash, metadata=data)
        return open_session(twin, connection, link_email(connection, user, twin.now()), "password")


def _password_grant(twin: Twin, body: dict[str, Any]) -> dict[str, Any]:
    email = text_field(body, "email").lower()
    if text_field(body, "phone"):
        raise AuthError(400, "phone_provider_disabled", "Phone logins are disabled")
    if not email:
        raise validation_failed("missing email or phone")
    with twin.store.transaction() as connection:
        user = find_user_by_email(connection, email)
    # Hashing takes a while on purpose: not while the store is locked.
    if not password_matches(text_field(body, "password"), user.password_hash if user else None) or user is None:
        raise invalid_credentials()
    with twin.store.transaction() as connection:
        return open_session(twin, connection, user, "password") | {"weak_password": None}


def _refresh_grant(twin: Twin, body: dict[str, Any]) -> dict[str, Any]:
    refresh_token = text_field(body, "refresh_token")
    if not refresh_token:
        raise validation_failed("refresh_token required")
    with twin.store.transaction() as connection:
        answer = refresh_session(twin, connection, refresh_token)
    if isinstance(answer, AuthError):
        raise answer
    return answer


def _code_grant(twin: Twin, body: dict[str, Any]) -> dict[str, Any]:
    auth_code, code_verifier = text_field(body, "auth_code"), text_field(body, "code_verifier")
    if not auth_code or not code_verifier:
        raise validation_failed("invalid request: both auth code and code verifier should be non-empty")
    with twin.store.transaction() as connection:
        user, flow = redeem_code(connection, auth_code, code_verifier, twin.now())
        return open_session(twin, connection, user, flow.method)


def _tokens(answer: dict[str, Any]) -> Response:
    response = jsonify(answer)
    response.headers["Cache-Control"] = "no-store"
    return response
