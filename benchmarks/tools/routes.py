"""The hot routes: how to call each over HTTP, and the statement it sends to the database."""

from collections.abc import Callable, Iterator
from itertools import count, repeat
from typing import NamedTuple

from benchmarks.tools.people import person_id, request, video_id
from functions.users import get as users_get
from functions.users import top as users_top
from functions.videos import feed, get, view
from shared import reactions

# Co-prime to the number of videos, so that one after the other is visited and neighbours in time are not neighbours.
_STRIDE = 7919
PERSON = "md5('person ' || :person)::uuid"
VIDEO = "md5('video ' || :video)::uuid"
FEED_SQL = feed.SORTS["rank"].sql


class HotRoute(NamedTuple):
    """One way of calling a route: its entry point, its requests, and its statement as SQL expressions fill it."""

    name: str
    entry_point: str
    requests: Callable[[], Iterator[bytes]]
    sql: str
    parameters: dict[str, str]


def hot_routes(people: int, videos: int) -> list[HotRoute]:
    """Return the hot routes over that many numbered people and videos."""

    def paths(method: str, path: str, *, signed_in: bool = True, body: bytes = b"") -> Callable[[], Iterator[bytes]]:
        def requests() -> Iterator[bytes]:
            for number in count():
                filled = path.replace("{id}", str(video_id(1 + number * _STRIDE % videos)))
                yield request(method, filled, by=1 + number % people if signed_in else None, body=body)

        return requests

    page = {"viewer": PERSON, "id": "NULL", "place": "NULL", "limit": "20", "list": "'feed'"}
    person = {"email": "'person@example.com'", "username": "'person'"}
    like = {**person, "user_id": PERSON, "video_id": VIDEO, "reaction": "'like'"}
    look = {**person, "user_id": PERSON, "video_id": VIDEO, "session_id": "NULL", "viewer": PERSON + "::text",
            "address": "NULL", "window_seconds": "3600"}  # fmt: skip
    return [
        HotRoute("feed, signed in", "videos_feed", paths("GET", "/videos/feed"), FEED_SQL, page),
        HotRoute(
            "feed, anonymous",
            "videos_feed",
            lambda: repeat(request("GET", "/videos/feed")),
            FEED_SQL,
            {**page, "viewer": "NULL"},
        ),
        HotRoute("get", "videos_get", paths("GET", "/videos/{id}"), get.SQL, {"viewer": PERSON, "id": VIDEO}),
        HotRoute("like", "videos_like", paths("POST", "/videos/{id}/like"), reactions.SQL, like),
        HotRoute("view", "videos_view", paths("POST", "/videos/{id}/view"), view.SQL, look),
        HotRoute(
            "users_get",
            "users_get",
            people_paths(people),
            users_get.SQL,
            {**person, "id": PERSON, "viewer": PERSON, "is_anonymous": "false"},
        ),
        HotRoute(
            "users_top", "users_top", paths("GET", "/users/top"), users_top.SQL, {"viewer": PERSON, "limit": "50"}
        ),
    ]


def people_paths(people: int) -> Callable[[], Iterator[bytes]]:
    """Return requests of people for each other's profiles."""

    def requests() -> Iterator[bytes]:
        for number in count():
            yield request("GET", f"/users/{person_id(1 + number * _STRIDE % people)}", by=1 + number % people)

    return requests


def numbers(people: int, videos: int) -> str:
    """Return pgbench's lines that draw a person and a video."""
    return f"\\set person random(1, {people})\n\\set video random(1, {videos})"
