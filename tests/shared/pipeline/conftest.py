import socket
from collections.abc import Callable, Iterable, Iterator
from wsgiref.types import StartResponse, WSGIApplication, WSGIEnvironment

import httpx
import pytest
from werkzeug.wsgi import ClosingIterator

from local.flow_twin.app import create_app
from local.gateway import Gateway, read_operations
from shared.config import settings
from shared.storage.files import FileStorage
from tests.api import Api
from tests.local.flow_twin.twin_server import SESSION_TOKEN, Twin, serving
from tests.shared.pipeline.line import Line


class Interceptor:
    """Passes requests on to the twin; `before` sees the path and may answer instead, `after` sees it once answered."""

    def __init__(self, application: WSGIApplication) -> None:
        self._application = application
        self.calm()

    def calm(self) -> None:
        self.before: Callable[[str], Iterable[bytes] | None] = lambda _path: None
        self.after: Callable[[str], None] = lambda _path: None

    def __call__(self, environment: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        path = str(environment["PATH_INFO"])
        instead = self.before(path)
        if instead is not None:
            start_response("200 OK", [("Content-Type", "video/mp4")])
            return instead
        body = self._application(environment, start_response)
        self.after(path)
        return ClosingIterator(_hanging_up(body, environment), getattr(body, "close", None))


def _hanging_up(body: Iterable[bytes], environment: WSGIEnvironment) -> Iterator[bytes]:
    """Pass the body on; where the twin breaks the connection, break it, which this server leaves open."""
    try:
        yield from body
    except ConnectionAbortedError:
        environment["werkzeug.socket"].shutdown(socket.SHUT_RDWR)
        raise


@pytest.fixture(scope="session")
def running(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Twin, Interceptor]]:
    with serving() as server, httpx.Client() as client:
        url = f"http://127.0.0.1:{server.port}"
        server.app = Interceptor(create_app(tmp_path_factory.mktemp("twin"), url, clip_seconds=0.2))
        yield Twin(url, client), server.app


@pytest.fixture(scope="session")
def gateway() -> Gateway:
    return Gateway(read_operations())


@pytest.fixture
def api(environment: None, gateway: Gateway) -> Api:
    """The API over an empty database; its applications are kept, since reading the contract takes half a second."""
    return Api(gateway)


@pytest.fixture
def twin(running: tuple[Twin, Interceptor]) -> Twin:
    running[0].calm()
    running[0].control("/settings", {"hangSeconds": 0.1})
    return running[0]


@pytest.fixture
def interceptor(running: tuple[Twin, Interceptor]) -> Iterator[Interceptor]:
    yield running[1]
    running[1].calm()


@pytest.fixture
def line(api: Api, twin: Twin, configure: Callable[..., None]) -> Line:
    """A service whose provider is the twin, with nothing to wait for."""
    configure(
        FLOW_API_GENERATE_URL=f"{twin.url}/v1/video:batchAsyncGenerateVideoText",
        FLOW_API_STATUS_URL=f"{twin.url}/v1/video:batchCheckAsyncVideoGenerationStatus",
        FLOW_SESSION_URL=f"{twin.url}/fx/api/auth/session",
        FLOW_SESSION_TOKEN=SESSION_TOKEN,
        FLOW_PROJECT_ID="5f7c1c1e-3b5e-4a1b-9d5c-0c2f4b0f6a11",
        MEDIA_SOURCE_HOSTS=twin.url.removeprefix("http://"),
        VIDEO_STATUS_POLL_SECONDS="0.02",
        VIDEO_EXPECTED_SECONDS="1",
    )
    return Line(api, twin)


@pytest.fixture
def stored(line: Line) -> Callable[[], list[str]]:
    """List the keys of everything in the storage."""
    storage = FileStorage(settings().media_root, "/media", b"")
    return lambda: list(storage.list_older("", -60))
