"""The twin behind a real loopback port, mounted at `/auth/v1` as the local gateway does."""

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from flask import Flask
from werkzeug.middleware.dispatcher import DispatcherMiddleware
from werkzeug.serving import make_server

from local.supabase_twin import create_app

SHUTDOWN_POLL_SECONDS = 0.01
JWT_SECRET = "a-shared-secret-with-more-than-32-characters"


class Clock:
    """A clock that moves only when told to."""

    def __init__(self, unix_seconds: float) -> None:
        self.unix_seconds = unix_seconds

    def __call__(self) -> float:
        return self.unix_seconds

    def advance(self, seconds: float) -> None:
        self.unix_seconds += seconds


@contextmanager
def running_twin(
    state_dir: Path,
    jwt_secret: str | None,
    now: Callable[[], float],
    *,
    reuse_interval_seconds: float = 10.0,
    deliver: Callable[[str, str], None] = print,
) -> Iterator[str]:
    """Serve a twin; yield its origin, such as `http://127.0.0.1:54321`."""
    # The tokens name the port, which is known only once the server has it.
    server = make_server("127.0.0.1", 0, Flask("nothing yet"), threaded=True)
    origin = f"http://127.0.0.1:{server.port}"
    twin = create_app(
        state_dir, origin, jwt_secret, now=now, reuse_interval_seconds=reuse_interval_seconds, deliver=deliver
    )
    server.app = DispatcherMiddleware(Flask("gateway"), {"/auth/v1": twin})
    thread = threading.Thread(target=server.serve_forever, args=(SHUTDOWN_POLL_SECONDS,))
    thread.start()
    try:
        yield origin
    finally:
        server.shutdown()
        thread.join()
        server.server_close()
