"""GET /users/{id}/videos and GET /users/{id}/liked."""

import base64
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID, uuid4

import pytest

from tests.api import Api, Person
from tests.rows import make_profile, make_video, run

ADA, BOB, EVE = Person("ada"), Person("bob"), Person("eve")
MOMENT = datetime(2026, 3, 1, 12, tzinfo=UTC)


def ids(answer: Any) -> list[str]:
    assert answer.status_code == 200, answer.json
    return [video["id"] for video in answer.json]


def walk(api: Api, path: str, by: Person) -> list[list[str]]:
    """Follow the Link headers to the end; return the ids of each page."""
    pages = []
    while path:
        answer = api.get(path, by=by)
        pages.append(ids(answer))
        link = answer.headers.get("Link")
        path = link.removeprefix("<").removesuffix('>; rel="next"') if link else ""
    return pages


def like(person: Person, video_id: UUID, moment: datetime) -> None:
    make_profile(person)
    run(
        """
        INSERT INTO video_reactions (video_id, user_id, reaction, created_at)
        VALUES (CAST(:video AS uuid), CAST(:person AS uuid), 'like', CAST(:moment AS timestamptz))
        """,
        video=video_id,
        person=person.id,
        moment=moment,
    )


def test_videos_come_newest_first_as_a_bare_array(api: Api) -> None:
    made = [make_video(ADA, created_at=MOMENT + timedelta(seconds=number)) for number in (1, 3, 2)]
    make_video(BOB)
    answer = api.get(f"/users/{ADA.id}/videos", by=BOB)
    assert ids(answer) == [str(made[index]) for index in (1, 2, 0)]
    assert isinstance(answer.json, list)
    assert "Link" not in answer.headers
    assert answer.headers["Cache-Control"] == "private, no-cache"
    assert answer.json[0] == api.get(f"/videos/{made[1]}", by=BOB).json


def test_unfinished_and_failed_videos_are_for_their_owner_alone(api: Api) -> None:
    statuses = ("completed", "pending", "processing", "failed")
    made = {status: str(make_video(ADA, status=status)) for status in statuses}
    own = api.get(f"/users/{ADA.id}/videos", by=ADA)
    assert set(ids(own)) == set(made.values())
    assert {video["status"] for video in own.json} == set(statuses)
    assert own.headers["Cache-Control"] == "no-store"
    assert "ETag" not in own.headers
    assert ids(api.get(f"/users/{ADA.id}/videos", by=BOB)) == [made["completed"]]


def test_somebody_without_videos_or_without_a_profile_yet_has_an_empty_list(api: Api) -> None:
    make_profile(BOB)
    for name in ("videos", "liked"):
        assert ids(api.get(f"/users/{BOB.id}/{name}", by=ADA)) == []
        assert ids(api.get(f"/users/{ADA.id}/{name}", by=ADA)) == []


@pytest.mark.parametrize("name", ["videos", "liked"])
@pytest.mark.parametrize("user_id", ["00000000-0000-4000-8000-00000000dead", "me"])
def test_somebody_unknown_is_a_404(api: Api, name: str, user_id: str) -> None:
    answer = api.get(f"/users/{user_id}/{name}", by=ADA)
    assert (answer.status_code, answer.json["error"]) == (404, "user_not_found")


@pytest.mark.parametrize("limit", [1, 2, 3, 7])
def test_pages_cover_every_video_once_also_when_microseconds_and_moments_are_equal(api: Api, limit: int) -> None:
    # Three at one moment, and neighbours that differ by one microsecond.
    offsets = (0, 0, 0, 1, 2, 999_999, 1_000_000)
    made = [make_video(ADA, created_at=MOMENT + timedelta(microseconds=offset)) for offset in offsets]
    pages = walk(api, f"/users/{ADA.id}/videos?limit={limit}", BOB)
    assert [len(page) for page in pages[:-1]] == [limit] * (len(pages) - 1)
    seen = [video_id for page in pages for video_id in page]
    in_order = sorted(zip(offsets, made, strict=True), key=lambda each: (each[0], each[1].bytes), reverse=True)
    assert seen == [str(video_id) for _, video_id in in_order]


def test_a_new_video_does_not_disturb_the_pages_after_the_first(api: Api) -> None:
    made = [make_video(ADA, created_at=MOMENT + timedelta(minutes=number)) for number in range(4)]
    first = api.get(f"/users/{ADA.id}/videos?limit=2", by=BOB)
    make_video(ADA)
    path = first.headers["Link"].split(">")[0].removeprefix("<")
    assert ids(api.get(path, by=BOB)) == [str(made[1]), str(made[0])]


def test_liked_videos_come_with_the_latest_like_first(api: Api) -> None:
    first, second, third = (make_video(ADA) for _ in range(3))
    for video, minute in ((second, 1), (third, 2), (first, 3)):
        like(BOB, video, MOMENT + timedelta(minutes=minute))
    like(EVE, second, MOMENT)
    answer = api.get(f"/users/{BOB.id}/liked", by=EVE)
    assert ids(answer) == [str(first), str(third), str(second)]
    assert [video["viewerReaction"] for video in answer.json] == [None, None, "like"]


def test_only_likes_are_in_the_list_and_a_switch_moves_a_video(api: Api) -> None:
    one, two = make_video(ADA), make_video(ADA)
    for path in (f"{one}/like", f"{two}/like", f"{one}/dislike"):
        api.post(f"/videos/{path}", by=BOB)
    assert ids(api.get(f"/users/{BOB.id}/liked", by=BOB)) == [str(two)]
    api.post(f"/videos/{one}/like", by=BOB)
    assert ids(api.get(f"/users/{BOB.id}/liked", by=BOB)) == [str(one), str(two)]
    api.delete(f"/videos/{one}/reaction", by=BOB)
    assert ids(api.get(f"/users/{BOB.id}/liked", by=BOB)) == [str(two)]


@pytest.mark.parametrize("limit", [1, 2, 4])
def test_pages_of_liked_videos_cover_each_once(api: Api, limit: int) -> None:
    made = [make_video(ADA) for _ in range(5)]
    for video, offset in zip(made, (0, 0, 1, 1, 5), strict=True):
        like(BOB, video, MOMENT + timedelta(microseconds=offset))
    seen = [video_id for page in walk(api, f"/users/{BOB.id}/liked?limit={limit}", EVE) for video_id in page]
    assert sorted(seen) == sorted(map(str, made))
    assert seen == ids(api.get(f"/users/{BOB.id}/liked", by=EVE))


def cursor(*parts: str) -> str:
    return base64.urlsafe_b64encode("|".join(parts).encode()).decode().rstrip("=")


NAME, VALUE, ID = f"videos of {ADA.id}", "2026-03-01 12:00:00.000001+00", str(uuid4())


@pytest.mark.parametrize(
    "text",
    [
        "nonsense!",
        "ü",
        cursor("v1", NAME, VALUE),
        cursor("v2", NAME, VALUE, ID),
        cursor("v1", "feed", VALUE, ID),
        cursor("v1", f"liked by {ADA.id}", VALUE, ID),
        cursor("v1", f"videos of {BOB.id}", VALUE, ID),
        cursor("v1", NAME, "653.058", ID),
        cursor("v1", NAME, "now", ID),
        cursor("v1", NAME, "infinity", ID),
        cursor("v1", NAME, "", ID),
        cursor("v1", NAME, "2026-03-01 12:00:00", ID),
        cursor("v1", NAME, "0001-01-01 00:00:00+23:59", ID),
        cursor("v1", NAME, "'; DROP TABLE videos; --", ID),
        cursor("v1", NAME, VALUE, "not-an-id"),
        cursor("v1", NAME, VALUE, ID, "more"),
        "A" * 301,
    ],
    # Random ids are in them; test processes that share the work must agree on the names.
    ids=lambda _text: "cursor",
)
def test_a_broken_or_foreign_cursor_is_a_400(api: Api, text: str) -> None:
    make_profile(ADA)
    answer = api.get(f"/users/{ADA.id}/videos?cursor={text}", by=BOB)
    assert (answer.status_code, answer.json["error"]) == (400, "invalid_cursor")


@pytest.mark.parametrize(
    "value", [VALUE, "2026-03-01 12:00:00+15:59", "9999-12-31 23:59:59+00", "0001-01-01 00:00:00+00"]
)
def test_any_moment_that_is_one_is_taken(api: Api, value: str) -> None:
    make_profile(ADA)
    assert api.get(f"/users/{ADA.id}/videos?cursor={cursor('v1', NAME, value, ID)}", by=BOB).status_code == 200


@pytest.mark.parametrize("name", ["videos", "liked"])
@pytest.mark.parametrize("limit", ["0", "-1", "x", "1.5", "٣", "1e3", " 1"])
def test_a_limit_that_is_no_number_from_1_up_is_refused(api: Api, name: str, limit: str) -> None:
    answer = api.get(f"/users/{ADA.id}/{name}?limit={limit}", by=ADA)
    assert (answer.status_code, answer.json["error"]) == (422, "validation_failed")


def test_a_page_has_50_videos_at_most(api: Api) -> None:
    for number in range(52):
        make_video(ADA, created_at=MOMENT + timedelta(minutes=number))
    for query in ("", "?limit=51", "?limit=1000"):
        assert [len(page) for page in walk(api, f"/users/{ADA.id}/videos{query}", BOB)] == [50, 2]


@pytest.mark.parametrize("name", ["videos", "liked"])
def test_a_token_is_needed_and_an_anonymous_session_will_do(api: Api, name: str) -> None:
    make_profile(ADA)
    assert api.get(f"/users/{ADA.id}/{name}").json["error"] == "missing_token"
    assert api.get(f"/users/{ADA.id}/{name}", by=Person("visitor", is_anonymous=True)).status_code == 200
