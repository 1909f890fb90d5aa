"""The signing proxy: what the real frontend's server does for its pages, since a browser must not know the secret."""

import time
from collections.abc import Callable, Iterable
from io import BytesIO
from typing import Any

from werkzeug.wrappers import Request, Response

from shared.answers import error_answer
from shared.errors import ApiError
from shared.signature import SIGNATURE_HEADER, TIMESTAMP_HEADER, sign

WsgiApp = Callable[[dict[str, Any], Callable[..., Any]], Iterable[bytes]]


class SigningProxy:
    """A WSGI application that hands each request of the playground's own page to `api` with the signature it needs."""

    def __init__(self, api: WsgiApp, secret: str) -> None:
        self._api = api
        self._secret = secret

    def __call__(self, environment: dict[str, Any], start_response: Callable[..., Any]) -> Iterable[bytes]:
        """Sign the request below the mount point and let the API answer it."""
        # The API's address is the path without the mount point, for the signature as for the routing.
        environment = {**environment, "SCRIPT_NAME": ""}
        request = Request(environment)
        if not _is_from_own_page(request):
            answer = error_answer(ApiError("missing_signature", cause="another page's request"), "playground")
            response = Response(answer.body, answer.status, answer.headers, content_type=answer.content_type)
            return response(environment, start_response)
        body = request.get_data(cache=False)
        timestamp = str(int(time.time()))
        environment |= {
            "wsgi.input": BytesIO(body),
            "CONTENT_LENGTH": str(len(body)),
            _variable(TIMESTAMP_HEADER): timestamp,
            _variable(SIGNATURE_HEADER): sign(self._secret, timestamp, request.method, request.path, body),
        }
        return self._api(environment, start_response)


def _is_from_own_page(request: Request) -> bool:
    """Tell whether the request is the playground's: any page on the web may send a form to localhost."""
    site = request.headers.get("Sec-Fetch-Site")
    if site is not None:
        return site == "same-origin"
    own = request.host_url.rstrip("/")
    return request.headers.get("Origin", own) == own


def _variable(header: str) -> str:
    """Return the name under which WSGI has a request's header."""
    return f"HTTP_{header.upper().replace('-', '_')}"
