"""The one base URL on a laptop: every entry point as its own functions-framework app, routed by openapi.yaml.

The deployed service has API Gateway in this place, which routes by the same document.
"""

import re
import threading
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any, NamedTuple
from uuid import uuid4

import functions_framework
import yaml
from werkzeug.wrappers import Response

from shared.answers import error_answer
from shared.errors import ApiError

PROJECT = Path(__file__).parent.parent
_METHODS = ("get", "post", "patch", "put", "delete")
WsgiApp = Callable[[dict[str, Any], Callable[..., Any]], Iterable[bytes]]


class Operation(NamedTuple):
    """One operation of openapi.yaml: its method in upper case, its path's pattern and its entry point."""

    method: str
    path: re.Pattern[str]
    entry_point: str


def read_operations(document: Path = PROJECT / "openapi.yaml") -> list[Operation]:
    """Return the operations of the contract, fixed paths before those with parameters."""
    paths = yaml.safe_load(document.read_text())["paths"]
    return [
        Operation(method.upper(), _pattern(path), operation["operationId"])
        for path in sorted(paths, key=lambda path: path.count("{"))
        for method, operation in paths[path].items()
        if method in _METHODS
    ]


def _pattern(path: str) -> re.Pattern[str]:
    # A media key has slashes in it; API Gateway writes this parameter {key=**}.
    return re.compile(re.sub(r"\\{(\w+)\\}", lambda name: ".+" if name[1] == "key" else "[^/]+", re.escape(path)))


class Gateway:
    """A WSGI application that hands each request to the app of its entry point, made when first called."""

    def __init__(self, operations: list[Operation]) -> None:
        self._operations = operations
        self._apps: dict[str, WsgiApp] = {}
        self._lock = threading.Lock()

    def __call__(self, environment: dict[str, Any], start_response: Callable[..., Any]) -> Iterable[bytes]:
        """Answer one request, as PEP 3333 says."""
        try:
            entry_point = self._entry_point(environment["REQUEST_METHOD"], environment["PATH_INFO"])
        except ApiError as error:
            request_id = uuid4().hex
            answer = error_answer(error, request_id)
            headers = {**answer.headers, "X-Request-Id": request_id}
            response = Response(answer.body, answer.status, headers, content_type=answer.content_type)
            return response(environment, start_response)
        return self.app(entry_point)(environment, start_response)

    def app(self, entry_point: str) -> WsgiApp:
        """Return the entry point's own functions-framework application."""
        with self._lock:
            if entry_point not in self._apps:
                application = functions_framework.create_app(entry_point, str(PROJECT / "main.py"))  # type: ignore[no-untyped-call]
                self._apps[entry_point] = application
            return self._apps[entry_point]

    def _entry_point(self, method: str, path: str) -> str:
        here = [operation for operation in self._operations if operation.path.fullmatch(path)]
        if not here:
            raise ApiError("not_found")
        # Of two templates that match, the first is the fixed one: /videos/feed is not the video "feed".
        here = [operation for operation in here if operation.path == here[0].path]
        wanted = {"HEAD": "GET", "OPTIONS": here[0].method}.get(method, method)
        for operation in here:
            if operation.method == wanted:
                return operation.entry_point
        raise ApiError("method_not_allowed", headers={"Allow": ", ".join(operation.method for operation in here)})
