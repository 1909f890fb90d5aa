"""Signing in through a provider: `/authorize`, a page that stands in for the provider, and the way back."""

import sqlite3
from typing import Any
from urllib.parse import parse_qsl, urlencode, urlsplit, urlunsplit

from flask import Blueprint, redirect, render_template, request, url_for
from werkzeug.wrappers import Response

from local.supabase_twin.errors import validation_failed
from local.supabase_twin.flows import Flow, begin_flow, find_flow, finish_flow, redirect_target
from local.supabase_twin.identities import user_from_provider
from local.supabase_twin.sessions import open_session
from local.supabase_twin.twin import Twin, current_twin
from local.supabase_twin.users import User, checked_email

PROVIDERS = ("apple", "azure", "discord", "facebook", "github", "google")
TOKEN_FIELDS = ("access_token", "expires_at", "expires_in", "refresh_token", "token_type")

routes = Blueprint("provider", __name__, template_folder="templates")


@routes.get("/authorize")
def authorize() -> Response:
    """Begin a sign-in and send the browser to the provider's page."""
    twin, wanted = current_twin(), request.args
    provider = wanted.get("provider", "").lower()
    if provider not in PROVIDERS:
        raise validation_failed(f"Unsupported provider: Provider {provider} could not be found")
    target = redirect_target(wanted.get("redirect_to", ""), twin.public_url)
    challenge, method = wanted.get("code_challenge", ""), wanted.get("code_challenge_method", "")
    with twin.store.transaction() as connection:
        flow = begin_flow(
            connection, twin.now(), provider=provider, redirect_to=target, challenge=challenge, method=method
        )
    return redirect(url_for("provider.page", state=flow.id), 302)


@routes.get("/provider")
def page() -> str:
    """Show the page that stands in for the provider's own sign-in."""
    twin = current_twin()
    with twin.store.transaction() as connection:
        flow = find_flow(connection, request.args.get("state", ""), twin.now())
    return render_template("provider.html", flow=flow, provider=flow.provider.capitalize())


@routes.post("/callback")
def callback() -> Response:
    """Take what the person chose on the provider's page and send the browser back to the application."""
    twin, form = current_twin(), request.form
    with twin.store.transaction() as connection:
        flow = find_flow(connection, form.get("state", ""), twin.now())
        if form.get("action") == "cancel":
            finish_flow(connection, flow, None)
            return redirect(_refused(flow), 303)
        email = checked_email(form.get("email", "").strip())
        name = form.get("name", "").strip() or email.partition("@")[0]
        user = user_from_provider(connection, flow.provider, email, name, twin.now())
        return redirect(_signed_in(twin, connection, finish_flow(connection, flow, user), user), 303)


def _signed_in(twin: Twin, connection: sqlite3.Connection, flow: Flow, user: User) -> str:
    if flow.auth_code:
        return _address(flow.redirect_to, query={"code": flow.auth_code})
    answer = open_session(twin, connection, user, "oauth")
    return _address(flow.redirect_to, fragment={name: answer[name] for name in TOKEN_FIELDS})


def _refused(flow: Flow) -> str:
    reason = {
        "error": "access_denied",
        "error_code": "access_denied",
        "error_description": "The person cancelled the sign-in",
    }
    return _address(flow.redirect_to, query=reason, fragment=reason)


def _address(target: str, query: dict[str, Any] | None = None, fragment: dict[str, Any] | None = None) -> str:
    parts = urlsplit(target)
    whole_query = urlencode([*parse_qsl(parts.query, keep_blank_values=True), *(query or {}).items()])
    return urlunsplit(parts._replace(query=whole_query, fragment=urlencode(fragment or {})))
