"""POST /videos/{id}/view."""

from collections.abc import Callable
from typing import Any
from uuid import UUID

import pytest

from tests.api import Api, Person
from tests.rows import make_video, run
from tests.threads import at_once

ADA, BOB = Person("ada"), Person("bob")


def views(video_id: UUID) -> int:
    [count] = run("SELECT views_count FROM videos WHERE id = CAST(:id AS uuid)", id=video_id)
    return int(count)


def test_a_view_counts_once_for_a_signed_in_person(api: Api) -> None:
    video = make_video(ADA)
    for _ in range(3):
        answer = api.post(f"/videos/{video}/view", by=BOB)
        assert (answer.status_code, answer.json) == (200, {"success": True})
    assert views(video) == 1
    assert answer.headers["Cache-Control"] == "no-store"
    assert answer.headers["RateLimit-Policy"] == '"views";q=240;w=60'


def test_a_view_counts_once_for_a_session_and_once_for_an_address(api: Api) -> None:
    video = make_video(ADA)
    for session in ("one", "one", "two", None, None):
        assert api.post(f"/videos/{video}/view", {"sessionId": session} if session else None).status_code == 200
    assert views(video) == 3
    viewers = run("SELECT viewer FROM video_views ORDER BY viewer")
    assert viewers[1:] == ["session:one", "session:two"]
    # The address itself is nowhere.
    assert viewers[0].startswith("address:")
    assert "127.0.0.1" not in viewers[0]


def test_two_addresses_are_two_viewers(api: Api) -> None:
    video = make_video(ADA)
    for address in ("192.0.2.1", "192.0.2.2", "192.0.2.1"):
        api.post(f"/videos/{video}/view", environ_base={"REMOTE_ADDR": address})
    assert views(video) == 2


def test_a_signed_in_viewer_is_the_person_whatever_the_session_and_the_session_is_kept(api: Api) -> None:
    video = make_video(ADA)
    for session in ("one", "two"):
        api.post(f"/videos/{video}/view", {"sessionId": session}, by=BOB)
    assert views(video) == 1
    assert run("SELECT user_id::text, session_id, viewer FROM video_views") == [[str(BOB.id), "one", str(BOB.id)]]


def test_a_session_cannot_pass_for_a_person_or_an_address(api: Api) -> None:
    video = make_video(ADA)
    api.post(f"/videos/{video}/view", by=BOB)
    api.post(f"/videos/{video}/view", {"sessionId": str(BOB.id)})
    assert views(video) == 2


def test_a_view_counts_again_in_the_next_window(api: Api) -> None:
    video = make_video(ADA)
    api.post(f"/videos/{video}/view", by=BOB)
    run("UPDATE video_views SET window_start = window_start - interval '1 hour'")
    api.post(f"/videos/{video}/view", by=BOB)
    assert views(video) == 2


def test_the_window_is_configured_and_starts_at_its_own_multiples(api: Api, configure: Callable[..., None]) -> None:
    configure(VIDEO_VIEW_WINDOW_SECONDS="600")
    video = make_video(ADA)
    api.post(f"/videos/{video}/view", by=BOB)
    [[seconds, is_now]] = run(
        """
        SELECT extract(epoch FROM window_start)::bigint % 600,
            now() >= window_start AND now() < window_start + interval '10 minutes' FROM video_views
        """
    )
    assert (seconds, is_now) == (0, True)


def test_a_window_of_no_seconds_counts_every_look(api: Api, configure: Callable[..., None]) -> None:
    configure(VIDEO_VIEW_WINDOW_SECONDS="0")
    video = make_video(ADA)
    for _ in range(3):
        api.post(f"/videos/{video}/view", by=BOB)
    assert views(video) == 3


def test_somebody_with_an_anonymous_session_may_view(api: Api) -> None:
    video = make_video(ADA)
    visitor = Person("visitor", is_anonymous=True)
    for session in ("one", "two"):
        assert api.post(f"/videos/{video}/view", {"sessionId": session}, by=visitor).status_code == 200
    assert run("SELECT user_id, session_id, viewer FROM video_views") == [[None, "one", str(visitor.id)]]
    assert run("SELECT subject FROM rate_limits WHERE bucket = 'views'") == [str(visitor.id)]
    # Becoming a person makes the same viewer of them, and the profile.
    person = Person("visitor", id=visitor.id)
    assert run("SELECT count(*) FROM profiles WHERE id = CAST(:id AS uuid)", id=visitor.id) == [0]
    assert api.post(f"/videos/{video}/view", by=person).status_code == 200
    assert views(video) == 1
    assert run("SELECT username FROM profiles WHERE id = CAST(:id AS uuid)", id=visitor.id) == ["visitor"]


def test_a_view_of_a_person_is_activity(api: Api) -> None:
    video = make_video(ADA)
    run("UPDATE profiles SET last_active_at = now() - interval '1 day'")
    api.post(f"/videos/{video}/view", by=ADA)
    assert run("SELECT last_active_at > now() - interval '1 minute' FROM profiles") == [True]


def test_views_do_not_move_the_ranking(api: Api) -> None:
    video = make_video(ADA)
    score = run("SELECT ranking_score FROM videos")
    api.post(f"/videos/{video}/view", by=BOB)
    assert run("SELECT ranking_score FROM videos") == score


def test_an_unfinished_video_is_not_ready_for_its_owner_and_not_there_for_others(api: Api) -> None:
    video = make_video(ADA, status="processing")
    answers = [api.post(f"/videos/{video}/view", by=person) for person in (ADA, BOB, None)]
    assert [answer.json["error"] for answer in answers] == ["video_not_ready", "video_not_found", "video_not_found"]
    assert views(video) == 0


@pytest.mark.parametrize("video_id", ["00000000-0000-4000-8000-00000000dead", "feed"])
def test_a_video_that_does_not_exist_is_a_404(api: Api, video_id: str) -> None:
    assert api.post(f"/videos/{video_id}/view").json["error"] == "video_not_found"


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({"sessionId": ""}, "sessionId"),
        ({"sessionId": " "}, "sessionId"),
        ({"sessionId": "x" * 129}, "sessionId"),
        ({"sessionId": 7}, "sessionId"),
        ({"sessionId": "a\x00b"}, "sessionId"),
        ({"sessionId": "a\ud800"}, "sessionId"),
        ({"session": "x"}, "session"),
    ],
)
def test_an_unusable_session_is_refused(api: Api, body: dict[str, Any], field: str) -> None:
    answer = api.post(f"/videos/{make_video(ADA)}/view", body)
    assert (answer.status_code, answer.json["error"]) == (422, "validation_failed")
    assert [each["field"] for each in answer.json["errors"]] == [field]


def test_a_session_of_128_characters_is_taken_and_null_is_none(api: Api) -> None:
    video = make_video(ADA)
    assert api.post(f"/videos/{video}/view", {"sessionId": "x" * 128}).status_code == 200
    assert api.post(f"/videos/{video}/view", {"sessionId": None}).status_code == 200


def test_a_view_must_be_signed_and_a_bad_token_is_refused(api: Api) -> None:
    path = f"/videos/{make_video(ADA)}/view"
    assert api.post(path, signed=False).json["error"] == "missing_signature"
    assert api.post(path, headers={"Authorization": "Bearer nonsense"}).json["error"] == "invalid_token"


@pytest.mark.parametrize("session", ["one", None])
def test_each_viewer_has_an_allowance_though_all_come_from_one_address(api: Api, session: str | None) -> None:
    path, body = f"/videos/{make_video(ADA)}/view", {"sessionId": session} if session else None
    api.post(path, body)
    run("UPDATE rate_limits SET full_at = now() + interval '70 seconds' WHERE bucket = 'views'")
    answer = api.post(path, body)
    assert (answer.status_code, answer.json["error"]) == (429, "rate_limited")
    assert int(answer.headers["Retry-After"]) >= 1
    for other, person in (("two", None), (None if session else "one", None), ("one", BOB)):
        assert api.post(path, {"sessionId": other} if other else None, by=person).status_code == 200


def test_sessions_may_not_be_invented_without_end(api: Api) -> None:
    path = f"/videos/{make_video(ADA)}/view"
    api.post(path, {"sessionId": "one"})
    run("UPDATE rate_limits SET full_at = now() + interval '70 seconds' WHERE bucket = 'views_address'")
    answer = api.post(path, {"sessionId": "two"})
    assert (answer.status_code, answer.json["error"]) == (429, "rate_limited")
    assert 5 <= int(answer.headers["Retry-After"]) <= 11
    assert answer.headers["RateLimit-Policy"] == '"views";q=240;w=60'
    assert answer.headers["RateLimit"].startswith('"views";r=239;')
    for body, person in ((None, None), ({"sessionId": "two"}, BOB)):
        assert api.post(path, body, by=person).status_code == 200
    [address] = run("SELECT subject FROM rate_limits WHERE bucket = 'views_address'")
    assert sorted(run("SELECT subject FROM rate_limits WHERE bucket = 'views'")) == sorted(
        [address, "session:one", "session:two", str(BOB.id)]
    )


def test_100_views_of_one_person_at_once_count_once(api: Api) -> None:
    video = make_video(ADA)
    assert set(at_once(100, lambda _: api.post(f"/videos/{video}/view", by=BOB).status_code)) == {200}
    assert views(video) == 1


def test_views_of_100_sessions_at_once_all_count(api: Api) -> None:
    video = make_video(ADA)
    at_once(100, lambda number: api.post(f"/videos/{video}/view", {"sessionId": f"s{number}"}))
    assert views(video) == 100
