"""GET /videos/feed: three orders, cursors, what is new."""

import base64
from datetime import UTC, datetime, timedelta
from typing import Any
from urllib.parse import quote
from uuid import UUID

import pytest

from tests.api import Api, Person
from tests.rows import make_video, run

ADA, BOB, EVE = Person("ada"), Person("bob"), Person("eve")
NOW = datetime(2026, 6, 1, tzinfo=UTC)


def page(api: Api, query: str = "", **options: Any) -> Any:
    answer = api.get(f"/videos/feed?{query}", **options)
    assert answer.status_code == 200, answer.text
    return answer.json


def ids(feed: Any) -> list[str]:
    return [video["id"] for video in feed["videos"]]


def published(hours_ago: float) -> UUID:
    return make_video(ADA, created_at=NOW - timedelta(hours=hours_ago))


def like(api: Api, video: UUID, *people: Person) -> None:
    for person in people:
        assert api.post(f"/videos/{video}/like", by=person).status_code == 200


def test_each_sort_has_its_order(api: Api) -> None:
    old, middle, new = published(48), published(1), published(0)
    # Long ago, so that the likes count for top and next to nothing for rank.
    for person, video, hours in ((BOB, old, 40), (EVE, old, 40), (BOB, middle, 0.5)):
        like(api, video, person)
        run(
            "UPDATE video_reactions SET created_at = CAST(:at AS timestamptz) WHERE video_id = CAST(:id AS uuid) "
            "AND user_id = CAST(:by AS uuid)",
            at=NOW - timedelta(hours=hours),
            id=video,
            by=person.id,
        )
    assert ids(page(api)) == ids(page(api, "sort=rank")) == [str(middle), str(new), str(old)]
    assert ids(page(api, "sort=new")) == [str(new), str(middle), str(old)]
    assert ids(page(api, "sort=top")) == [str(old), str(middle), str(new)]


@pytest.mark.parametrize("sort", ["rank", "new", "top"])
def test_pages_of_any_size_give_every_video_once(api: Api, sort: str) -> None:
    # Four at one moment and with as many likes: then the id decides.
    videos = [published(hours) for hours in (5, 3, 3, 3, 3, 1, 0)]
    like(api, videos[0], BOB)
    whole = ids(page(api, f"sort={sort}"))
    assert sorted(whole) == sorted(map(str, videos))
    for limit in range(1, 8):
        seen, cursor = list[str](), ""
        for _ in range(7):
            feed = page(api, f"sort={sort}&limit={limit}&cursor={cursor}")
            assert feed["hasMore"] == ("nextCursor" in feed)
            assert ("asOf" in feed) == (cursor == "")
            seen += ids(feed)
            cursor = feed.get("nextCursor", "")
            if not cursor:
                break
        assert seen == whole


@pytest.mark.parametrize("sort", ["rank", "new", "top"])
def test_a_cursor_belongs_to_its_sort(api: Api, sort: str) -> None:
    published(1)
    published(2)
    cursor = page(api, f"sort={sort}&limit=1")["nextCursor"]
    for other in {"rank", "new", "top"} - {sort}:
        answer = api.get(f"/videos/feed?sort={other}&cursor={cursor}")
        assert (answer.status_code, answer.json["error"]) == (400, "invalid_cursor")


VALUES = ["", "-1", "1.5", "2147483648", "9" * 20, "1e400", "nan", "x", "2026-01-01", "9999-12-31T23:59:59-23:59"]


@pytest.mark.parametrize("list_name", ["feed", "feed by new", "feed by top"])
@pytest.mark.parametrize("value", VALUES)
def test_a_forged_cursor_is_refused_or_read_but_never_a_500(api: Api, list_name: str, value: str) -> None:
    text = f"v1|{list_name}|{value}|{ADA.id}"
    cursor = base64.urlsafe_b64encode(text.encode()).decode().rstrip("=")
    for sort in ("rank", "new", "top"):
        assert api.get(f"/videos/feed?sort={sort}&cursor={cursor}").status_code in (200, 400)


def test_an_unknown_sort_and_an_unreadable_moment_are_422(api: Api) -> None:
    for query, name in (("sort=best", "sort"), ("since=yesterday", "since"), ("since=2026-01-01T00:00:00", "since")):
        answer = api.get(f"/videos/feed?{query}")
        assert (answer.status_code, answer.json["errors"][0]["field"]) == (422, name)


def test_as_of_is_the_newest_publication_so_that_an_unchanged_page_is_a_304(api: Api) -> None:
    assert page(api)["asOf"].startswith("1970-01-01T00:00:00")
    published(3)
    published(2)
    answer = api.get("/videos/feed")
    assert datetime.fromisoformat(answer.json["asOf"]) == NOW - timedelta(hours=2)
    again = api.get("/videos/feed", headers={"If-None-Match": answer.headers["ETag"]})
    assert again.status_code == 304


@pytest.mark.parametrize("sort", ["rank", "new", "top"])
def test_since_says_how_many_are_newer_and_sends_none(api: Api, sort: str) -> None:
    published(3)
    as_of = page(api, f"sort={sort}")["asOf"]
    # As a client sends it that escapes the plus sign, and as one that does not.
    for since in (quote(as_of), as_of):
        feed = page(api, f"sort={sort}&since={since}")
        assert feed == {"videos": [], "hasMore": False, "asOf": as_of, "newer": 0}
    published(2)
    published(1)
    published(4)
    make_video(ADA, status="pending")
    feed = page(api, f"sort={sort}&since={quote(as_of)}")
    assert (feed["newer"], datetime.fromisoformat(feed["asOf"])) == (2, NOW - timedelta(hours=1))
    assert page(api, f"since={quote(feed['asOf'])}")["newer"] == 0


def test_since_counts_to_a_hundred_at_most(api: Api) -> None:
    first = published(1)
    run(
        """
        INSERT INTO videos (user_id, prompt, status, video_url, published_at)
        SELECT user_id, prompt, status, video_url, published_at + make_interval(secs => number)
        FROM videos, generate_series(1, 150) AS number WHERE id = CAST(:id AS uuid)
        """,
        id=first,
    )
    assert page(api, "since=2020-01-01T00:00:00Z")["newer"] == 100


def test_a_signed_in_caller_sees_their_own_reactions(api: Api) -> None:
    video = published(1)
    like(api, video, BOB)
    for sort in ("rank", "new", "top"):
        assert page(api, f"sort={sort}", by=BOB)["videos"][0]["viewerReaction"] == "like"
        assert page(api, f"sort={sort}", by=EVE)["videos"][0]["viewerReaction"] is None
        assert "viewerReaction" not in page(api, f"sort={sort}")["videos"][0]


def test_a_cache_keeps_what_each_person_sees_apart(api: Api) -> None:
    video = published(1)
    for path in ("/videos/feed", f"/videos/{video}"):
        for options in ({}, {"by": ADA}, {"headers": {"Origin": "http://localhost:3000"}}):
            answer = api.get(path, **options)
            again = api.get(path, **{**options, "headers": {"If-None-Match": answer.headers["ETag"]}})
            assert again.status_code == 304
            assert answer.vary.to_header() == again.vary.to_header() == "Origin, Authorization"
