"""The edge: the one place where a request is read, let in, answered and logged.

A route says its method, its path, who may call it and whether the request must be signed. None of these has a
default: a route that forgets one does not import.
"""

import functools
import re
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from secrets import token_hex
from typing import Literal, get_args

import flask
from werkzeug.exceptions import HTTPException

from shared import auth, cors
from shared.answers import Answer, error_answer, framework_error, not_modified
from shared.body import parse_json_object, read_body
from shared.call import Call
from shared.config import ConfigurationError, Settings, settings
from shared.errors import ApiError
from shared.log import log, log_crash, request_fields, trace_fields
from shared.signature import verify_signature

# none: anybody. optional: anybody, and a token that is sent must be good. user: signed in, anonymous sessions too.
# account: signed in with an account. task: Cloud Tasks or Cloud Scheduler. hook: the route checks the sender itself.
Access = Literal["none", "optional", "user", "account", "task", "hook"]
Handler = Callable[[Call], Answer]
View = Callable[[flask.Request], flask.Response]

_PIECE_BYTES = 64 * 1024
_REQUEST_ID = re.compile(r"[A-Za-z0-9_-]{8,64}")


@dataclass(frozen=True)
class Route:
    """What a route declares about itself; `openapi.yaml` must say the same."""

    name: str
    method: str
    path: str
    access: Access
    signed: bool


def endpoint(method: str, path: str, *, access: Access, signed: bool) -> Callable[[Handler], View]:
    """Make an HTTP function, as functions-framework expects it, of a function from Call to Answer.

    `path` is a template such as `/videos/{id}/like`; a parameter written `{key*}` takes slashes too. Raises TypeError
    at import for an unknown `access`; `access` and `signed` have no defaults, so forgetting one raises too.
    """
    if access not in get_args(Access):
        raise TypeError(f"access must be one of {get_args(Access)}")
    pattern = _path_pattern(path)

    def decorate(handler: Handler) -> View:
        route = Route(handler.__name__, method, path, access, signed)

        @functools.wraps(handler)
        def view(request: flask.Request) -> flask.Response:
            return _serve(route, pattern, handler, request)

        view.route = route  # type: ignore[attr-defined]
        return view

    return decorate


def check_settings(route: Route, current: Settings) -> None:
    """Refuse to start a route that could not let anybody in. Raises ConfigurationError naming what is missing."""
    missing = []
    if route.signed and current.request_signature_secret is None:
        missing.append("REQUEST_SIGNATURE_SECRET (it accepts signed requests only)")
    if route.access in ("user", "account") and not (current.supabase_jwt_secret or current.supabase_url):
        missing.append("SUPABASE_JWT_SECRET or SUPABASE_URL (it accepts access tokens only)")
    asks_supabase = route.access in ("optional", "user", "account") and current.supabase_verify == "remote"
    # Without its key Supabase refuses every session, and everybody would be signed out.
    if asks_supabase and not (current.supabase_url and current.supabase_anon_key):
        missing.append("SUPABASE_URL and SUPABASE_ANON_KEY (with SUPABASE_VERIFY=remote)")
    if route.access == "task" and current.in_cloud and current.task_service_account is None:
        missing.append("TASK_SERVICE_ACCOUNT (only Cloud Tasks and Cloud Scheduler may call it)")
    keeps_addresses = route.access == "optional" and route.signed
    # All addresses there are could be tried against a hash without one.
    if keeps_addresses and current.in_cloud and not current.address_hash_salt:
        missing.append("ADDRESS_HASH_SALT (it keeps hashes of network addresses)")
    if missing:
        raise ConfigurationError(f"{route.name} needs {' and '.join(missing)}")


def _path_pattern(template: str) -> re.Pattern[str]:
    parts = re.split(r"\{(\w+)(\*?)\}", template)
    pattern = re.escape(parts[0])
    for name, rest, literal in zip(parts[1::3], parts[2::3], parts[3::3], strict=True):
        pattern += f"(?P<{name}>{'.+' if rest else '[^/]+'})" + re.escape(literal)
    return re.compile(pattern)


def _serve(route: Route, pattern: re.Pattern[str], handler: Handler, request: flask.Request) -> flask.Response:
    started = time.perf_counter()
    given_id = request.environ.get("HTTP_X_REQUEST_ID", "")
    request_id = given_id if _REQUEST_ID.fullmatch(given_id) else token_hex(16)
    trace = trace_fields(request.environ.get("HTTP_X_CLOUD_TRACE_CONTEXT"), settings().cloud_project)
    context = request_fields.set({"requestId": request_id, **trace})
    try:
        answer, code = _answer(route, pattern, handler, request, request_id)
        response = _respond(route, request, answer, request_id)
        _log_request(route, request, response.status_code, code, time.perf_counter() - started)
        _drop_unread_body(request)
    finally:
        request_fields.reset(context)
    return response


def _answer(
    route: Route, pattern: re.Pattern[str], handler: Handler, request: flask.Request, request_id: str
) -> tuple[Answer, str | None]:
    """Return the answer and, when it is an error, its code."""
    try:
        if request.method == "OPTIONS":
            return Answer(status=204, headers=cors.PREFLIGHT_HEADERS, content_type=None), None
        answer = handler(_let_in(route, pattern, request, request_id))
        seen = request.environ.get("HTTP_IF_NONE_MATCH")
        return (not_modified(answer, seen) if route.method == "GET" else answer), None
    except (ApiError, ConfigurationError) as raised:
        # What the whole route needs was checked at its start; this is about a part that few of its requests need.
        error = raised if isinstance(raised, ApiError) else ApiError("not_configured", cause=str(raised))
        if error.status >= 500 or error.cause:
            log("request_refused", "WARNING" if error.status >= 500 else "INFO", code=error.code, cause=error.cause)
        return error_answer(error, request_id), error.code
    # Raised while the framework reads a broken request: its own page for it would be HTML.
    except HTTPException as raised:
        problem = framework_error(raised)
        return error_answer(problem, request_id), problem.code
    except Exception as raised:  # noqa: BLE001 - here every unexpected error ends, as a 500 that tells nothing
        log_crash("request_crashed", raised, route=route.name)
        return error_answer(ApiError("internal_error"), request_id), "internal_error"


def _let_in(route: Route, pattern: re.Pattern[str], request: flask.Request, request_id: str) -> Call:
    current = settings()
    match = pattern.fullmatch(request.path)
    if match is None:
        raise ApiError("not_found")
    method = "GET" if request.method == "HEAD" else request.method
    if method != route.method:
        allowed = "GET, HEAD" if route.method == "GET" else route.method
        raise ApiError("method_not_allowed", headers={"Allow": f"{allowed}, OPTIONS"})
    user = _authenticate(route, request, current)
    raw_body = b"" if method == "GET" else read_body(request)
    if route.signed:
        _verify_signed(request, raw_body, current)
    return Call(
        request_id=request_id,
        method=request.method,
        parameters=match.groupdict(),
        query=request.args.to_dict() if request.query_string else {},
        headers=request.headers,
        # A hook's signature covers the raw bytes: its route verifies before it parses.
        body=parse_json_object(raw_body, request.mimetype) if raw_body and route.access != "hook" else {},
        raw_body=raw_body,
        remote_address=request.remote_addr,
        user=user,
    )


def _authenticate(route: Route, request: flask.Request, current: Settings) -> auth.User | None:
    if route.access in ("none", "hook"):
        return None
    if route.access == "task":
        token = auth.bearer_token(request.headers, behind_api_gateway=False)
        auth.verify_task_caller(token, current, audience=f"https://{request.host}")
        return None
    token = auth.bearer_token(request.headers, behind_api_gateway=current.behind_api_gateway)
    if token is None:
        if route.access == "optional":
            return None
        raise ApiError("missing_token")
    user = auth.verify_user(token, current)
    if route.access == "account" and user.is_anonymous:
        raise ApiError("anonymous_user")
    return user


def _verify_signed(request: flask.Request, raw_body: bytes, current: Settings) -> None:
    secrets = (current.request_signature_secret, current.request_signature_previous_secret)
    verify_signature(
        request.headers,
        request.method,
        request.path,
        raw_body,
        secrets=[secret for secret in secrets if secret],
        now_seconds=time.time(),
        ttl_seconds=current.request_signature_ttl_seconds,
    )


def _respond(route: Route, request: flask.Request, answer: Answer, request_id: str) -> flask.Response:
    headers = {
        **answer.headers,
        **cors.origin_headers(request.environ.get("HTTP_ORIGIN"), settings().cors_allowed_origins),
        "X-Request-Id": request_id,
        "X-Content-Type-Options": "nosniff",
    }
    if route.access == "optional":
        # Or a cache would give somebody who is signed in what it keeps for those who are not.
        headers["Vary"] += ", Authorization"
    # In a list, the body gets a length only when the headers bring none: an answer to HEAD brings the length of what it
    # does not send. A stream is handed on as it is; werkzeug sends no body for HEAD by itself.
    body = answer.body.encode() if isinstance(answer.body, str) else answer.body
    response = flask.Response(
        [body] if isinstance(body, bytes) else body, answer.status, headers, content_type=answer.content_type
    )
    if answer.content_type is None:
        # Flask makes up a type, HTML, also for an answer without a body.
        del response.headers["Content-Type"]
    return response


def _drop_unread_body(request: flask.Request) -> None:
    """Read what a refused request still sends, piece by piece: the framework would read it into memory as a whole."""
    if not request.content_length and "HTTP_TRANSFER_ENCODING" not in request.environ:
        return
    with suppress(HTTPException, OSError):
        while request.stream.read(_PIECE_BYTES):
            pass


def _log_request(route: Route, request: flask.Request, status: int, code: str | None, seconds: float) -> None:
    log(
        "request",
        "ERROR" if status == 500 else "INFO",
        route=route.name,
        code=code,
        httpRequest={
            "requestMethod": request.method,
            "requestUrl": request.path,
            "status": status,
            "latency": f"{seconds:.6f}s",
        },
    )
