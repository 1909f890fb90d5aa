"""One route, one statement, one network turn, and what happens to it when connections break."""

from collections.abc import Callable, Iterator

import pytest

from shared.db.pool import pool
from tests.api import Api, Person
from tests.proxy import CountingProxy, counting_proxy


@pytest.fixture
def proxy(api: Api, database_url: str, configure: Callable[..., None]) -> Iterator[CountingProxy]:
    with counting_proxy(database_url) as (counting, url):
        # A pool of one, opened by the first request: what is counted after it are turns of requests alone.
        configure(DATABASE_URL=url, DATABASE_POOL_SIZE="1")
        api.get("/videos/feed")
        yield counting
        pool().close()


def turns(proxy: CountingProxy, call: Callable[[], object]) -> int:
    before = proxy.turns
    call()
    assert proxy.connections == 1
    return proxy.turns - before


def test_the_main_routes_take_one_turn(api: Api, proxy: CountingProxy) -> None:
    ada = Person("ada")
    assert turns(proxy, lambda: api.get("/videos/feed")) == 1
    assert turns(proxy, lambda: api.get("/videos/feed", by=ada)) == 1
    created = api.post("/videos/create", {"prompt": "first sight makes the profile too"}, by=ada)
    assert created.status_code == 201
    assert turns(proxy, lambda: api.post("/videos/create", {"prompt": "a second one"}, by=ada)) == 1
    path = f"/videos/{created.get_json()['id']}"
    assert turns(proxy, lambda: api.get(path, by=ada)) == 1
    assert turns(proxy, lambda: api.get(path)) == 1


def test_what_is_refused_before_the_database_takes_none(api: Api, proxy: CountingProxy) -> None:
    assert turns(proxy, lambda: api.post("/videos/create", {"prompt": "x"})) == 0
    assert turns(proxy, lambda: api.post("/videos/create", {"prompt": ""}, by=Person())) == 0
    assert turns(proxy, lambda: api.post("/videos/create", {"prompt": "x"}, by=Person(), signed=False)) == 0
    assert turns(proxy, lambda: api.get("/videos/not-an-id")) == 0
    assert turns(proxy, lambda: api.get("/videos/feed?cursor=broken")) == 0
    assert turns(proxy, lambda: api.request("OPTIONS", "/videos/create")) == 0
