"""Signing in with a link from a mail: `/otp`, `/magiclink`, `/recover`, `/verify`. The link is printed, not mailed."""

import sqlite3
from typing import Any
from urllib.parse import urlencode

from flask import Blueprint, Response, jsonify, redirect, request
from werkzeug.wrappers import Response as AnyResponse

from local.supabase_twin.addresses import redirect_target, with_refusal
from local.supabase_twin.errors import AuthError
from local.supabase_twin.flows import Challenge, begin_flow, find_mailed_flow
from local.supabase_twin.identities import link_email
from local.supabase_twin.incoming import json_body, object_field, text_field
from local.supabase_twin.sessions import signed_in_address
from local.supabase_twin.twin import Twin, current_twin
from local.supabase_twin.users import User, checked_email, find_user, find_user_by_email, insert_user

routes = Blueprint("mail", __name__)


@routes.post("/otp")
@routes.post("/magiclink")
def sign_in_link() -> Response:
    """Send a link that signs in, and makes a new person unless the caller forbids it."""
    twin, body = current_twin(), json_body()
    if text_field(body, "phone"):
        raise AuthError(400, "phone_provider_disabled", "Unsupported phone provider")
    email = checked_email(text_field(body, "email"))
    with twin.store.transaction() as connection:
        user = find_user_by_email(connection, email)
        if user is None and body.get("create_user") is False:
            raise AuthError(422, "otp_disabled", "Signups not allowed for otp")
        link = _link(twin, connection, "magiclink", body, user or _new_user(twin, connection, email, body))
    twin.deliver(email, link)
    return jsonify({})


@routes.post("/recover")
def recovery_link() -> Response:
    """Send a link to somebody who lost their password; the answer does not tell whether they exist."""
    twin, body = current_twin(), json_body()
    email = checked_email(text_field(body, "email"))
    with twin.store.transaction() as connection:
        user = find_user_by_email(connection, email)
        link = _link(twin, connection, "recovery", body, user) if user else None
    if link:
        twin.deliver(email, link)
    return jsonify({})


@routes.get("/verify")
def verify() -> AnyResponse:
    """Take a link from a mail and send the browser to the application, signed in."""
    twin = current_twin()
    with twin.store.transaction() as connection:
        flow = find_mailed_flow(connection, request.args.get("token", ""), twin.now())
        user = find_user(connection, flow.user_id) if flow and flow.user_id else None
        if flow and user:
            return redirect(signed_in_address(twin, connection, flow, user), 303)
    target = redirect_target(request.args.get("redirect_to", ""), twin.public_url)
    return redirect(with_refusal(target, "otp_expired", "Email link is invalid or has expired"), 303)


def _new_user(twin: Twin, connection: sqlite3.Connection, email: str, body: dict[str, Any]) -> User:
    user = insert_user(connection, twin.now(), email=email, metadata=object_field(body, "data"))
    return link_email(connection, user, twin.now())


def _link(twin: Twin, connection: sqlite3.Connection, kind: str, body: dict[str, Any], user: User) -> str:
    challenge = Challenge(text_field(body, "code_challenge"), text_field(body, "code_challenge_method").lower())
    target = redirect_target(request.args.get("redirect_to", ""), twin.public_url)
    flow = begin_flow(connection, twin.now(), kind=kind, redirect_to=target, challenge=challenge, user=user)
    return f"{twin.issuer}/verify?{urlencode({'token': flow.id, 'type': kind, 'redirect_to': target})}"
