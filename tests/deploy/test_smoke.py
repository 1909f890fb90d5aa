"""The smoke test: it passes a service that works and names what is wrong with one that does not."""

from collections.abc import Callable

import httpx
import pytest

from local.gateway import Gateway, read_operations
from scripts.smoke import Smoke
from tests.api import Person

ORIGIN = "http://localhost:3000"


def _failures(client: httpx.Client, token: str | None = None) -> dict[str, str]:
    return {what: saw for verdict, what, saw in Smoke(client, ORIGIN, token).run() if verdict == "FAIL"}


@pytest.fixture
def client(environment: None) -> httpx.Client:
    """The whole service behind its gateway, under a name that is no laptop's, so that every check runs."""
    transport = httpx.WSGITransport(Gateway(read_operations()))
    return httpx.Client(transport=transport, base_url="https://api.instaveo.example")


def test_it_passes_a_service_that_works(client: httpx.Client, configure: Callable[..., None]) -> None:
    configure(TASK_SERVICE_ACCOUNT="caller@instaveo.example")
    assert _failures(client, Person().token()) == {}


def test_it_sees_tasks_that_anybody_may_call(client: httpx.Client) -> None:
    assert list(_failures(client)) == ["the platform's own targets are closed"]


def test_it_sees_an_origin_that_is_not_allowed(client: httpx.Client, configure: Callable[..., None]) -> None:
    configure(CORS_ALLOWED_ORIGINS="https://instaveo.example")
    assert "CORS_ALLOWED_ORIGINS" in _failures(client)["a browser may ask before it sends"]


def test_it_sees_a_dead_database(client: httpx.Client, configure: Callable[..., None]) -> None:
    configure(DATABASE_URL="postgresql://nobody@127.0.0.1:1/nothing")
    failures = _failures(client)
    assert "answered 503" in failures["the parts that it stands on answer"]
    assert "answered 503" in failures["anybody may read the feed"]


def test_it_sees_a_platforms_own_pages() -> None:
    page = httpx.MockTransport(lambda _request: httpx.Response(403, html="<h1>Forbidden</h1>"))
    failures = _failures(httpx.Client(transport=page, base_url="https://api.instaveo.example"))
    assert "answered 403" in failures["nobody creates without a token"]


def test_it_sees_that_nothing_is_there() -> None:
    def refuse(request: httpx.Request) -> httpx.Response:
        raise httpx.ConnectError("connection refused", request=request)

    failures = _failures(httpx.Client(transport=httpx.MockTransport(refuse), base_url="https://api.instaveo.example"))
    assert failures["anybody may read the feed"] == "connection refused"
