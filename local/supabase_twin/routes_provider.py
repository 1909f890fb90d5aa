"""Signing in through a provider: `/authorize`, a page that stands in for the provider, and the way back."""

from flask import Blueprint, redirect, render_template, request, url_for
from werkzeug.wrappers import Response

from local.supabase_twin.addresses import redirect_target, with_refusal
from local.supabase_twin.errors import validation_failed
from local.supabase_twin.flows import Challenge, begin_flow, find_provider_flow, forget_flow
from local.supabase_twin.identities import user_from_provider
from local.supabase_twin.sessions import signed_in_address
from local.supabase_twin.twin import current_twin
from local.supabase_twin.users import checked_email

PROVIDERS = {
    "apple": "Apple",
    "azure": "Microsoft",
    "discord": "Discord",
    "facebook": "Facebook",
    "github": "GitHub",
    "google": "Google",
}

routes = Blueprint("provider", __name__, template_folder="templates")


@routes.get("/authorize")
def authorize() -> Response:
    """Begin a sign-in and send the browser to the provider's page."""
    twin, wanted = current_twin(), request.args
    provider = wanted.get("provider", "").lower()
    if provider not in PROVIDERS:
        raise validation_failed(f"Unsupported provider: Provider {provider} could not be found")
    target = redirect_target(wanted.get("redirect_to", ""), twin.public_url)
    challenge = Challenge(wanted.get("code_challenge", ""), wanted.get("code_challenge_method", "").lower())
    with twin.store.transaction() as connection:
        flow = begin_flow(connection, twin.now(), kind=provider, redirect_to=target, challenge=challenge, user=None)
    return redirect(url_for("provider.page", state=flow.id), 302)


@routes.get("/provider")
def page() -> str:
    """Show the page that stands in for the provider's own sign-in."""
    twin = current_twin()
    with twin.store.transaction() as connection:
        flow = find_provider_flow(connection, request.args.get("state", ""), twin.now())
    return render_template("provider.html", flow=flow, provider=PROVIDERS[flow.kind])


@routes.post("/callback")
def callback() -> Response:
    """Take what the person chose on the provider's page and send the browser back to the application."""
    twin, form = current_twin(), request.form
    with twin.store.transaction() as connection:
        flow = find_provider_flow(connection, form.get("state", ""), twin.now())
        if form.get("action") == "cancel":
            forget_flow(connection, flow)
            return redirect(with_refusal(flow.redirect_to, "access_denied", "The person cancelled the sign-in"), 303)
        email = checked_email(form.get("email", "").strip())
        name = form.get("name", "").strip() or email.partition("@")[0]
        user = user_from_provider(connection, flow.kind, email, name, twin.now())
        return redirect(signed_in_address(twin, connection, flow, user), 303)
