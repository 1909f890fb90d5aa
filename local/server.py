"""Everything behind http://localhost:PORT in one process: the gateway, and the stand-ins that are not replaced."""

import os
import socket
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

from gunicorn.app.base import BaseApplication
from werkzeug.middleware.dispatcher import DispatcherMiddleware

from local.child import die_with_parent
from local.gateway import Gateway, read_operations
from local.playground import SigningProxy
from local.playground import create_app as playground

# The worker keeps one busy for minutes, each playing video one for seconds.
_THREADS = 32


def application() -> Any:
    """Return the WSGI application: the API, the playground, and below their own paths the twins of STAND_INS."""
    state = Path(os.environ["STATE_FOLDER"])
    base_url = os.environ["BASE_URL"]
    stand_ins = os.environ["STAND_INS"].split(",")
    mounts: dict[str, Any] = {}
    if "supabase" in stand_ins:
        from local.supabase_twin import create_app as supabase_twin  # noqa: PLC0415 - not when a real one is used

        mounts["/auth/v1"] = supabase_twin(state, base_url, os.environ.get("SUPABASE_JWT_SECRET"))
    if "flow" in stand_ins:
        from local.flow_twin.app import create_app as flow_twin  # noqa: PLC0415 - not when the real one is used

        mounts["/twins/flow"] = flow_twin(state, f"{base_url}/twins/flow")
    api, page = Gateway(read_operations()), playground(stand_ins)
    mounts["/playground"] = page
    mounts["/playground/api"] = SigningProxy(api, os.environ["REQUEST_SIGNATURE_SECRET"])

    def front(environment: dict[str, Any], start_response: Callable[..., Any]) -> Iterable[bytes]:
        # This one address shows the page; every other one is the API's.
        return (page if environment["PATH_INFO"] == "/" else api)(environment, start_response)

    return DispatcherMiddleware(front, mounts)


class Server(BaseApplication):  # type: ignore[misc] # gunicorn has no types
    """Gunicorn with one process and threads, as functions-framework starts it in the cloud."""

    def load_config(self) -> None:
        """Set what differs from gunicorn's defaults."""
        port = os.environ["PORT"]
        self.cfg.set("bind", [f"127.0.0.1:{port}", *([f"[::1]:{port}"] if _has_ipv6() else [])])
        self.cfg.set("threads", _THREADS)
        self.cfg.set("timeout", 0)
        self.cfg.set("graceful_timeout", 3)
        self.cfg.set("loglevel", "error")
        self.cfg.set("control_socket_disable", True)

    def load(self) -> Any:
        """Build the application in the worker process."""
        return application()


def _has_ipv6() -> bool:
    """Tell whether `localhost` may mean ::1 here: browsers and Node try it first."""
    try:
        with socket.socket(socket.AF_INET6) as probe:
            probe.bind(("::1", 0))
    except OSError:
        return False
    return True


if __name__ == "__main__":
    die_with_parent()
    Server().run()
