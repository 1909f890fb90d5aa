"""One network turn to the database: counted for every route of the contract, so that a new one cannot be forgotten."""

from collections.abc import Callable

from shared.db.pool import pool
from tests.api import Api
from tests.contract import operations
from tests.proxy import counting_proxy
from tests.wire import SUPABASE_URL, every_route

# No database in what they do. The queue is no part of the count: create and recreate are one turn and the enqueue.
NO_TURN = {"auth_oauth", "media_serve", "docs_page", "docs_openapi"}
# Called by the platform or by Supabase, and allowed several.
NOT_CALLED_BY_PEOPLE = {"hooks_supabase_user"} | {
    name for name, operation in operations().items() if operation["x-access"] == "task"
}
# A page of twenty videos; the text of a statement that the server keeps is not sent again.
FEED_RECEIVED_BYTES, SENT_BYTES = 30_000, 700


def test_every_route_that_people_call_takes_one_turn(
    api: Api, database_url: str, configure: Callable[..., None]
) -> None:
    with counting_proxy(database_url) as (proxy, url):
        configure(DATABASE_URL=url, DATABASE_POOL_SIZE="1", SUPABASE_URL=SUPABASE_URL, VIDEO_QUEUE_MAXSIZE="100")
        api.get("/videos/feed")
        found = every_route(api, proxy)
        pool().close()
    assert set(found) == set(operations()) - NOT_CALLED_BY_PEOPLE
    assert {name: each.turns for name, each in found.items()} == {name: int(name not in NO_TURN) for name in found}
    assert {name for name, each in operations().items() if each.get("x-database-pool-factor") == 0} == NO_TURN
    assert {name: each.sent_bytes for name, each in found.items() if each.sent_bytes > SENT_BYTES} == {}
    assert found["videos_feed"].received_bytes < FEED_RECEIVED_BYTES
