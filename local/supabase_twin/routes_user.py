"""What a signed-in person can do with their account: `/user`, `/logout`."""

import sqlite3
from dataclasses import replace
from typing import Any

from flask import Blueprint, Response, jsonify, request

from local.supabase_twin.errors import AuthError, validation_failed
from local.supabase_twin.identities import link_email
from local.supabase_twin.incoming import bearer_claims, caller, json_body, object_field, text_field
from local.supabase_twin.passwords import check_strength, hash_password, password_matches
from local.supabase_twin.sessions import end_sessions
from local.supabase_twin.twin import current_twin
from local.supabase_twin.users import User, checked_email, save_user, user_json

SIGN_OUT_SCOPES = ("global", "local", "others")

routes = Blueprint("user", __name__)


@routes.get("/user")
def get_user() -> Response:
    """Answer the caller's account."""
    twin = current_twin()
    claims = bearer_claims(twin)
    with twin.store.transaction() as connection:
        user, _ = caller(connection, claims)
        return jsonify(user_json(connection, user))


@routes.put("/user")
def update_user() -> Response:
    """Change the caller's e-mail address, password or metadata; a new password signs out every other session."""
    twin = current_twin()
    claims, body = bearer_claims(twin), json_body()
    if object_field(body, "app_metadata"):
        raise AuthError(403, "not_admin", "Updating app_metadata requires admin privileges")
    with twin.store.transaction() as connection:
        user, session = caller(connection, claims)
        password_hash = _new_password_hash(user, body)
        metadata = _merged(user.user_metadata, object_field(body, "data"))
        user = replace(user, password_hash=password_hash, user_metadata=metadata, updated_at=twin.now())
        user = _with_email(connection, user, text_field(body, "email"), twin.now())
        save_user(connection, user)
        if text_field(body, "password"):
            end_sessions(connection, session, "others")
        return jsonify(user_json(connection, user))


@routes.post("/logout")
def sign_out() -> tuple[str, int]:
    """End the caller's sessions and their refresh tokens."""
    twin = current_twin()
    claims, scope = bearer_claims(twin), request.args.get("scope", "global")
    if scope not in SIGN_OUT_SCOPES:
        raise validation_failed(f'Unsupported logout scope "{scope}"')
    with twin.store.transaction() as connection:
        _, session = caller(connection, claims)
        end_sessions(connection, session, scope)
    return "", 204


def _new_password_hash(user: User, body: dict[str, Any]) -> str | None:
    password = text_field(body, "password")
    if not password:
        return user.password_hash
    if user.email is None and not text_field(body, "email"):
        message = "Updating password of an anonymous user without an email or phone is not allowed"
        raise AuthError(422, "validation_failed", message)
    check_strength(password)
    if user.password_hash and password_matches(password, user.password_hash):
        raise AuthError(422, "same_password", "New password should be different from the old password.")
    return hash_password(password)


def _with_email(connection: sqlite3.Connection, user: User, text: str, now: float) -> User:
    email = checked_email(text) if text else user.email
    if email == user.email:
        return user
    changed = replace(user, email=email, is_anonymous=False)
    # Saved before the identity is linked: a taken address is refused with the message that fits it.
    save_user(connection, changed)
    return link_email(connection, changed, now)


def _merged(metadata: dict[str, Any], changes: dict[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in (metadata | changes).items() if value is not None}
