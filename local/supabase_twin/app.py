"""The Supabase Auth twin: a Supabase project's sign-in service on this machine, mounted at `/auth/v1`."""

import time
from collections.abc import Callable
from pathlib import Path

from flask import Flask, Response, make_response, request
from werkzeug.exceptions import HTTPException

from local.supabase_twin import routes_about, routes_mail, routes_provider, routes_tokens, routes_user
from local.supabase_twin.errors import API_VERSION_HEADER, AuthError, error_response
from local.supabase_twin.keys import make_signer
from local.supabase_twin.store import Store
from local.supabase_twin.twin import EXTENSION_NAME, Twin

REUSE_INTERVAL_SECONDS = 10.0
MAXIMUM_BODY_BYTES = 1_000_000
ALLOWED_HEADERS = "Authorization, Content-Type, apikey, X-Client-Info, X-Supabase-Api-Version"


def _print_mail(email: str, link: str) -> None:
    print(f"Mail for {email}: sign in with {link}", flush=True)


def create_app(
    state_dir: Path,
    public_url: str,
    jwt_secret: str | None,
    *,
    now: Callable[[], float] = time.time,
    reuse_interval_seconds: float = REUSE_INTERVAL_SECONDS,
    deliver: Callable[[str, str], None] = _print_mail,
) -> Flask:
    """Return the twin as a WSGI application.

    People and keys live in `state_dir`; `public_url` is the origin that browsers reach it at, without `/auth/v1`;
    tokens are signed with `jwt_secret`, or with a kept ES256 key when there is none. No mail leaves the machine:
    `deliver` gets the address and the link instead, and prints them unless told otherwise.
    """
    state_dir.mkdir(parents=True, exist_ok=True)
    signer = make_signer(state_dir, jwt_secret)
    app = Flask("local.supabase_twin")
    app.config["MAX_CONTENT_LENGTH"] = MAXIMUM_BODY_BYTES
    app.extensions[EXTENSION_NAME] = Twin(
        Store(state_dir), signer, public_url.rstrip("/"), now, reuse_interval_seconds, deliver
    )
    for module in (routes_tokens, routes_user, routes_provider, routes_mail, routes_about):
        app.register_blueprint(module.routes)
    app.before_request(_answer_preflight)
    app.after_request(_allow_every_origin)
    app.register_error_handler(AuthError, error_response)
    app.register_error_handler(HTTPException, _http_error)
    return app


def _answer_preflight() -> Response | None:
    if request.method != "OPTIONS":
        return None
    response = make_response("", 204)
    wanted = request.headers.get("Access-Control-Request-Headers", ALLOWED_HEADERS)
    response.headers["Access-Control-Allow-Headers"] = wanted
    response.headers["Access-Control-Allow-Methods"] = "GET, POST, PUT, DELETE, OPTIONS"
    response.headers["Access-Control-Max-Age"] = "7200"
    return response


def _allow_every_origin(response: Response) -> Response:
    # Sessions travel in headers, never in cookies, so no origin gains anything by being allowed.
    response.headers["Access-Control-Allow-Origin"] = "*"
    response.headers["Access-Control-Expose-Headers"] = f"{API_VERSION_HEADER}, X-Sb-Error-Code"
    return response


def _http_error(error: HTTPException) -> Response:
    status = error.code or 500
    code = "unexpected_failure" if status >= 500 else "not_found" if status == 404 else "bad_request"
    return error_response(AuthError(status, code, error.description or error.name))
