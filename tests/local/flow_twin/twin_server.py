"""The Flow twin on a loopback socket, for tests."""

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from wsgiref.types import WSGIApplication

import httpx
from werkzeug.serving import WSGIRequestHandler, make_server

from local.flow_twin.app import create_app

SESSION_TOKEN = "flow-twin-session"
ACCESS_TOKEN = "ya29.flow-twin"
CALM = {"secondsPerClip": 0, "hangSeconds": 5, "tokenSeconds": 3600, "urlSeconds": 21600, "session": "alive"}


class Quiet(WSGIRequestHandler):
    def log(self, type: str, message: str, *args: Any) -> None:  # noqa: A002 the base class names it so
        pass


@contextmanager
def serving(application: WSGIApplication | None = None) -> Iterator[Any]:
    """Serve on a free port of the loopback; set `.app` of what is yielded to change the application."""
    server = make_server("127.0.0.1", 0, application or (lambda _, __: []), threaded=True, request_handler=Quiet)
    thread = threading.Thread(target=server.serve_forever, args=(0.05,))
    thread.start()
    try:
        yield server
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


class Twin:
    """A running twin and its remote control."""

    def __init__(self, url: str, client: httpx.Client) -> None:
        self.url = url
        self._client = client

    def control(self, path: str, body: dict[str, Any] | None = None, method: str = "POST") -> Any:
        response = self._client.request(method, f"{self.url}/control{path}", json=body)
        response.raise_for_status()
        return response.json()

    def arm(self, outcome: str, submissions: int | None = 1, times: int | None = None) -> None:
        self.control("/outcome", {"outcome": outcome, "submissions": submissions, "times": times})

    def calm(self) -> None:
        self.control("/outcome", method="DELETE")
        self.control("/settings", CALM)

    def bought(self) -> int:
        return int(self.control("", method="GET")["submissions"])

    def operations(self) -> list[dict[str, Any]]:
        found: list[dict[str, Any]] = self.control("/operations", method="GET")
        return found


@contextmanager
def running_twin(state_dir: Path, clip_seconds: float = 0.5) -> Iterator[Twin]:
    with serving() as server, httpx.Client() as client:
        url = f"http://127.0.0.1:{server.port}"
        server.app = create_app(state_dir, url, clip_seconds=clip_seconds)
        twin = Twin(url, client)
        twin.calm()
        yield twin
