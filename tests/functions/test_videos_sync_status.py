"""POST /videos/{id}/sync-status: who may ask, and the state that is answered."""

from typing import Any

import pytest

from tests.api import Api, Person
from tests.rows import make_video, run

ADA, BOB = Person("ada"), Person("bob")


@pytest.mark.parametrize("status", ["completed", "failed"])
def test_the_owner_is_answered_the_video_as_it_is(api: Api, status: str) -> None:
    video = make_video(ADA, status=status)
    answer = api.post(f"/videos/{video}/sync-status", by=ADA)
    assert (answer.status_code, answer.json["status"]) == (200, status)
    assert answer.json == api.get(f"/videos/{video}", by=ADA).json
    assert answer.headers["Cache-Control"] == "no-store"
    assert answer.headers["RateLimit-Policy"] == '"sync";q=240;w=60'


def test_a_failed_video_says_why(api: Api) -> None:
    answer = api.post(f"/videos/{make_video(ADA, status='failed')}/sync-status", by=ADA)
    assert answer.json["failure"] == {"code": "timed_out", "message": "It took too long.", "retryable": True}
    assert answer.json["failureReason"] == "It took too long."


def test_somebody_elses_video_is_a_403_when_they_may_see_it_and_a_404_when_not(api: Api) -> None:
    finished = api.post(f"/videos/{make_video(ADA)}/sync-status", by=BOB)
    assert (finished.status_code, finished.json["error"]) == (403, "not_owner")
    for status in ("pending", "processing", "failed"):
        hidden = api.post(f"/videos/{make_video(ADA, status=status)}/sync-status", by=BOB)
        assert (hidden.status_code, hidden.json["error"]) == (404, "video_not_found")
        run("DELETE FROM videos WHERE status <> 'completed'")


@pytest.mark.parametrize("video_id", ["00000000-0000-4000-8000-00000000dead", "nonsense"])
def test_a_video_that_does_not_exist_is_a_404(api: Api, video_id: str) -> None:
    assert api.post(f"/videos/{video_id}/sync-status", by=ADA).json["error"] == "video_not_found"


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({"operationName": 7}, "operationName"),
        ({"operationName": " "}, "operationName"),
        ({"sceneId": "x" * 201}, "sceneId"),
        ({"sceneId": "a\x00"}, "sceneId"),
        ({"operation": "x"}, "operation"),
    ],
)
def test_unusable_overrides_are_refused_by_name(api: Api, body: dict[str, Any], field: str) -> None:
    answer = api.post(f"/videos/{make_video(ADA)}/sync-status", body, by=ADA)
    assert (answer.status_code, answer.json["error"]) == (422, "validation_failed")
    assert [each["field"] for each in answer.json["errors"]] == [field]


def test_a_poll_is_no_activity(api: Api) -> None:
    video = make_video(ADA)
    run("UPDATE profiles SET last_active_at = now() - interval '1 day'")
    api.post(f"/videos/{video}/sync-status", by=ADA)
    assert run("SELECT last_active_at < now() - interval '1 hour' FROM profiles") == [True]


def test_its_limit_is_its_own_and_generous(api: Api) -> None:
    video = make_video(ADA)
    assert {api.post(f"/videos/{video}/sync-status", by=ADA).status_code for _ in range(130)} == {200}
    run("UPDATE rate_limits SET full_at = now() + interval '60 seconds'")
    answer = api.post(f"/videos/{video}/sync-status", by=ADA)
    assert (answer.status_code, answer.json["error"]) == (429, "rate_limited")
    assert api.post(f"/videos/{video}/like", by=ADA).status_code == 200


def test_a_token_a_signature_and_an_account_are_needed(api: Api) -> None:
    path = f"/videos/{make_video(ADA)}/sync-status"
    assert api.post(path).json["error"] == "missing_token"
    assert api.post(path, by=ADA, signed=False).json["error"] == "missing_signature"
    assert api.post(path, by=Person("visitor", is_anonymous=True)).json["error"] == "anonymous_user"
