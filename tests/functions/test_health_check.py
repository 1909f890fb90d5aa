"""GET /health: every part is named, whatever is wrong with it."""

from collections.abc import Callable

from tests.api import Api
from tests.rows import run


def test_a_database_that_was_never_migrated_is_a_part_that_is_down(
    api: Api, database_url: str, configure: Callable[..., None]
) -> None:
    assert api.get("/health").json["parts"]["database"] == {"status": "ok"}
    run("CREATE SCHEMA nothing")
    try:
        # Where no table is found.
        configure(DATABASE_URL=f"{database_url}&options=-csearch_path%3Dnothing")
        answer = api.get("/health")
        assert (answer.status_code, answer.headers["Retry-After"]) == (503, "5")
        parts = {name: part["status"] for name, part in answer.json["parts"].items()}
        assert parts == {"database": "unavailable", "queue": "unavailable", "storage": "ok"}
    finally:
        configure(DATABASE_URL=database_url)
        run("DROP SCHEMA nothing")
