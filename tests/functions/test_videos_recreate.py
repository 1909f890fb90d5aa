"""POST /videos/{id}/recreate."""

from collections.abc import Callable

import pytest

from tests.api import Api, Person
from tests.rows import make_video, run
from tests.threads import at_once

ADA, BOB = Person("ada"), Person("bob")


def test_a_finished_video_of_somebody_else_can_be_recreated(api: Api) -> None:
    source = make_video(ADA, prompt="a red kite over the dunes")
    answer = api.post(f"/videos/{source}/recreate", by=BOB)
    assert answer.status_code == 201
    assert answer.json["prompt"] == "a red kite over the dunes"
    assert answer.json["sourceVideoId"] == str(source)
    assert (answer.json["status"], answer.json["videoUrl"]) == ("pending", "")
    assert (answer.json["userId"], answer.json["username"]) == (str(BOB.id), "bob")
    assert answer.json["id"] != str(source)
    assert answer.json["updatedAt"] >= answer.json["createdAt"]
    assert answer.headers["Cache-Control"] == "no-store"
    assert run("SELECT prompt FROM video_jobs") == ["a red kite over the dunes"]


def test_the_new_video_has_a_job_in_the_queue(api: Api) -> None:
    video_id = api.post(f"/videos/{make_video(ADA)}/recreate", by=BOB).json["id"]
    jobs = run("SELECT status::text, attempts FROM video_jobs WHERE video_id = CAST(:id AS uuid)", id=video_id)
    assert jobs == [["queued", 0]]


@pytest.mark.parametrize("status", ["pending", "processing", "failed"])
def test_an_unfinished_video_can_be_recreated_by_its_owner_alone(api: Api, status: str) -> None:
    source = make_video(ADA, status=status)
    stranger = api.post(f"/videos/{source}/recreate", by=BOB)
    assert (stranger.status_code, stranger.json["error"]) == (404, "video_not_found")
    assert api.post(f"/videos/{source}/recreate", by=ADA).json["sourceVideoId"] == str(source)


@pytest.mark.parametrize("video_id", ["00000000-0000-4000-8000-00000000dead", "nonsense"])
def test_a_video_that_does_not_exist_is_a_404(api: Api, video_id: str) -> None:
    answer = api.post(f"/videos/{video_id}/recreate", by=BOB)
    assert (answer.status_code, answer.json["error"]) == (404, "video_not_found")
    assert run("SELECT count(*) FROM video_jobs") == [0]


def test_an_empty_object_is_fine_and_a_field_is_not(api: Api) -> None:
    source = make_video(ADA)
    assert api.post(f"/videos/{source}/recreate", {}, by=BOB).status_code == 201
    answer = api.post(f"/videos/{source}/recreate", {"prompt": "mine"}, by=BOB)
    assert (answer.status_code, answer.json["error"]) == (422, "validation_failed")


def test_the_same_idempotency_key_gives_the_same_video_again(api: Api) -> None:
    source, other = make_video(ADA), make_video(ADA)
    headers = {"Idempotency-Key": '"key-1"'}
    first = api.post(f"/videos/{source}/recreate", by=BOB, headers=headers)
    again = api.post(f"/videos/{source}/recreate", by=BOB, headers={"Idempotency-Key": "key-1"})
    assert (again.status_code, again.json) == (201, first.json)
    assert "Idempotent-Replayed" not in first.headers
    assert again.headers["Idempotent-Replayed"] == "true"
    another = api.post(f"/videos/{other}/recreate", by=BOB, headers=headers)
    assert (another.status_code, another.json["error"]) == (422, "idempotency_key_reused")
    creation = api.post("/videos/create", {"prompt": "a red kite"}, by=BOB, headers=headers)
    assert creation.json["error"] == "idempotency_key_reused"


def test_the_cooldown_holds_for_recreating_too(api: Api, configure: Callable[..., None]) -> None:
    configure(VIDEO_CREATION_COOLDOWN_SECONDS="120")
    source = make_video(ADA)
    assert api.post(f"/videos/{source}/recreate", by=BOB).status_code == 201
    answer = api.post(f"/videos/{source}/recreate", by=BOB)
    assert (answer.status_code, answer.json["error"]) == (429, "cooldown")
    assert 110 <= int(answer.headers["Retry-After"]) <= 120


def test_the_source_may_be_deleted_and_the_copy_stays(api: Api) -> None:
    source = make_video(ADA)
    video_id = api.post(f"/videos/{source}/recreate", by=BOB).json["id"]
    run("DELETE FROM videos WHERE id = CAST(:id AS uuid)", id=source)
    assert "sourceVideoId" not in api.get(f"/videos/{video_id}", by=BOB).json


def test_a_token_a_signature_and_an_account_are_needed(api: Api) -> None:
    path = f"/videos/{make_video(ADA)}/recreate"
    assert api.post(path).json["error"] == "missing_token"
    assert api.post(path, by=BOB, signed=False).json["error"] == "missing_signature"
    assert api.post(path, by=Person("visitor", is_anonymous=True)).json["error"] == "anonymous_user"


def test_20_recreations_with_one_key_at_once_make_one_video(api: Api) -> None:
    source = make_video(ADA)
    answers = at_once(20, lambda _: api.post(f"/videos/{source}/recreate", by=BOB, headers={"Idempotency-Key": "same"}))
    assert {answer.status_code for answer in answers} == {201}
    assert len({answer.get_data() for answer in answers}) == 1
    assert sum("Idempotent-Replayed" in answer.headers for answer in answers) == 19
    assert run("SELECT count(*) FROM video_jobs") == [1]
