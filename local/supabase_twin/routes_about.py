"""What the service says about itself: `/settings`, `/health`, `/.well-known/jwks.json`."""

from flask import Blueprint, Response, jsonify

from local.supabase_twin.keys import ACCEPTED_KEY_SET_AGE_SECONDS
from local.supabase_twin.routes_provider import PROVIDERS
from local.supabase_twin.twin import current_twin

routes = Blueprint("about", __name__)


@routes.get("/settings")
def settings() -> Response:
    """Answer which ways of signing in are open."""
    external = {"anonymous_users": True, "email": True, "phone": False} | dict.fromkeys(PROVIDERS, True)
    return jsonify(
        external=external,
        disable_signup=False,
        mailer_autoconfirm=True,
        phone_autoconfirm=False,
        sms_provider="",
        saml_enabled=False,
    )


@routes.get("/health")
def health() -> Response:
    """Answer as the real service does when it is well."""
    return jsonify(
        version="local-twin", name="GoTrue", description="GoTrue is a user registration and authentication API"
    )


@routes.get("/.well-known/jwks.json")
def key_set() -> Response:
    """Answer the public keys; none when tokens are signed with a shared secret."""
    response = jsonify(keys=current_twin().signer.public_keys)
    response.headers["Cache-Control"] = f"public, max-age={ACCEPTED_KEY_SET_AGE_SECONDS}"
    return response
