"""POST /videos/create: the rules that many callers at once must not get around, and all the others."""

from collections import Counter
from collections.abc import Callable
from typing import Any

import pytest

from tests.api import Api, Person
from tests.rows import make_video, run
from tests.threads import at_once

ADA, BOB = Person("ada"), Person("bob")
PROMPT = {"prompt": "a red kite"}


def test_a_new_video_is_pending_and_complete_in_every_field(api: Api) -> None:
    answer = api.post("/videos/create", {"prompt": "  a red kite\n"}, by=ADA)
    assert answer.status_code == 201
    body = dict(answer.json)
    assert body.pop("createdAt") == body.pop("updatedAt")
    [video_id] = run("SELECT id::text FROM videos")
    assert body == {
        "id": video_id,
        "prompt": "a red kite",
        "videoUrl": "",
        "userId": str(ADA.id),
        "username": "ada",
        "likes": 0,
        "dislikes": 0,
        "views": 0,
        "status": "pending",
        "assets": [],
        "queuePosition": 1,
        "progress": 0,
        "pollAfterSeconds": 5,
        "viewerReaction": None,
    }
    assert answer.headers["RateLimit-Policy"] == '"create";q=30;w=3600'


@pytest.mark.parametrize(
    ("body", "field"),
    [
        (None, "prompt"),
        ({}, "prompt"),
        ({"prompt": None}, "prompt"),
        ({"prompt": 7}, "prompt"),
        ({"prompt": ["a"]}, "prompt"),
        ({"prompt": " \n\t "}, "prompt"),
        ({"prompt": "x" * 2001}, "prompt"),
        ({"prompt": "a\x00b"}, "prompt"),
        ({"prompt": "a\ud800b"}, "prompt"),
        ({"prompt": "a", "model": "veo"}, "model"),
        ([], "body"),
        ("text", "body"),
    ],
)
def test_an_unusable_body_is_refused_by_the_name_of_its_field(api: Api, body: Any, field: str) -> None:
    answer = api.post("/videos/create", body, by=ADA)
    assert (answer.status_code, answer.json["error"]) == (422, "validation_failed")
    assert [each["field"] for each in answer.json["errors"]] == [field]
    assert run("SELECT count(*) FROM videos") == [0]


@pytest.mark.parametrize("raw", [b"{", b"\xff", b'{"prompt": "a", "prompt": "b"}', b'{"prompt": NaN}', b"[" * 20000])
def test_what_is_not_json_is_a_400(api: Api, raw: bytes) -> None:
    answer = api.post("/videos/create", raw, by=ADA)
    assert (answer.status_code, answer.json["error"]) == (400, "invalid_json")


def test_the_longest_prompt_and_any_script_are_kept_as_they_are(api: Api) -> None:
    prompt = ("Ein Drache 🐉 über İstanbul — 'quoted' \"twice\" \\ %s :name $1 <b>" * 40)[:2000]
    assert api.post("/videos/create", {"prompt": prompt}, by=ADA).json["prompt"] == prompt.strip()


def test_the_second_video_within_the_cooldown_has_to_wait(api: Api, configure: Callable[..., None]) -> None:
    configure(VIDEO_CREATION_COOLDOWN_SECONDS="120")
    assert api.post("/videos/create", PROMPT, by=ADA).status_code == 201
    answer = api.post("/videos/create", PROMPT, by=ADA)
    assert (answer.status_code, answer.json["error"]) == (429, "cooldown")
    assert 110 <= int(answer.headers["Retry-After"]) <= 120
    assert api.post("/videos/create", PROMPT, by=BOB).status_code == 201
    run("UPDATE videos SET created_at = created_at - interval '121 seconds'")
    assert api.post("/videos/create", PROMPT, by=ADA).status_code == 201


def test_a_video_that_failed_through_no_fault_of_its_prompt_does_not_count(
    api: Api, configure: Callable[..., None]
) -> None:
    configure(VIDEO_CREATION_COOLDOWN_SECONDS="120")
    api.post("/videos/create", PROMPT, by=ADA)
    run("UPDATE video_jobs SET status = 'failed', failure_code = 'x', failure_blames_prompt = true")
    run("UPDATE videos SET status = 'failed'")
    assert api.post("/videos/create", PROMPT, by=ADA).json["error"] == "cooldown"
    run("UPDATE video_jobs SET failure_blames_prompt = false")
    assert api.post("/videos/create", PROMPT, by=ADA).status_code == 201


def test_seeded_videos_do_not_start_a_cooldown(api: Api, configure: Callable[..., None]) -> None:
    configure(VIDEO_CREATION_COOLDOWN_SECONDS="120")
    make_video(ADA)
    assert api.post("/videos/create", PROMPT, by=ADA).status_code == 201


def test_a_full_queue_is_a_503_that_says_when_to_come_back(api: Api, configure: Callable[..., None]) -> None:
    configure(VIDEO_QUEUE_MAXSIZE="2")
    people = [Person(f"p{number}") for number in range(3)]
    answers = [api.post("/videos/create", PROMPT, by=person) for person in people]
    assert [answer.status_code for answer in answers] == [201, 201, 503]
    assert [answer.json.get("queuePosition") for answer in answers] == [1, 2, None]
    assert answers[2].json["error"] == "queue_full"
    assert int(answers[2].headers["Retry-After"]) >= 1
    # The one being rendered no longer waits.
    run("UPDATE video_jobs SET status = 'running' WHERE created_at = (SELECT min(created_at) FROM video_jobs)")
    assert api.post("/videos/create", PROMPT, by=people[2]).status_code == 201


def test_a_full_queue_costs_nothing_of_the_hours_allowance(api: Api, configure: Callable[..., None]) -> None:
    configure(VIDEO_QUEUE_MAXSIZE="0")
    refused = [api.post("/videos/create", PROMPT, by=ADA) for _ in range(31)]
    assert {answer.json["error"] for answer in refused} == {"queue_full"}
    configure(VIDEO_QUEUE_MAXSIZE="1")
    answer = api.post("/videos/create", PROMPT, by=ADA)
    assert (answer.status_code, answer.headers["RateLimit"].partition(";t=")[0]) == (201, '"create";r=29')


def test_the_31st_video_of_an_hour_is_refused(api: Api, configure: Callable[..., None]) -> None:
    configure(VIDEO_QUEUE_MAXSIZE="100")
    answers = [api.post("/videos/create", PROMPT, by=ADA) for _ in range(31)]
    assert [answer.status_code for answer in answers] == [201] * 30 + [429]
    assert answers[-1].json["error"] == "rate_limited"
    assert 60 <= int(answers[-1].headers["Retry-After"]) <= 120


@pytest.mark.parametrize("refusal", ["queue_full", "cooldown", "replay", "video_not_found"])
def test_tries_are_limited_too_whatever_comes_of_them(api: Api, configure: Callable[..., None], refusal: str) -> None:
    path, body, headers = "/videos/create", PROMPT, {"Idempotency-Key": "key"} if refusal == "replay" else {}
    if refusal == "queue_full":
        configure(VIDEO_QUEUE_MAXSIZE="0")
    elif refusal == "cooldown":
        configure(VIDEO_CREATION_COOLDOWN_SECONDS="120")
    elif refusal == "video_not_found":
        path, body = f"/videos/{ADA.id}/recreate", {}
    assert api.post(path, body, by=ADA, headers=headers).status_code in (201, 404, 503)
    assert run("SELECT count(*) FROM rate_limits WHERE bucket = 'create_attempts'") == [1]
    run("UPDATE rate_limits SET full_at = now() + interval '70 seconds' WHERE bucket = 'create_attempts'")
    answer = api.post(path, body, by=ADA, headers=headers)
    assert (answer.status_code, answer.json["error"]) == (429, "rate_limited")
    assert answer.headers["RateLimit-Policy"] == '"create_attempts";q=60;w=60'
    assert answer.headers["RateLimit"].startswith('"create_attempts";r=0;')
    assert 5 <= int(answer.headers["Retry-After"]) <= 11
    assert api.post(path, body, by=BOB).status_code in (201, 404, 503)


def test_a_minute_has_60_tries(api: Api, configure: Callable[..., None]) -> None:
    configure(VIDEO_QUEUE_MAXSIZE="0")
    answers = [api.post("/videos/create", PROMPT, by=ADA).json["error"] for _ in range(70)]
    # A try comes back every second: a slow machine may be let through a few more times.
    assert answers[:60] == ["queue_full"] * 60
    assert "rate_limited" in answers[60:]


@pytest.mark.parametrize("key", ["a b", "x" * 256, "schlüssel", '""x y""'])
def test_an_unusable_idempotency_key_is_refused(api: Api, key: str) -> None:
    answer = api.post("/videos/create", PROMPT, by=ADA, headers={"Idempotency-Key": key})
    assert (answer.status_code, answer.json["error"]) == (422, "validation_failed")


def test_a_key_belongs_to_its_caller(api: Api) -> None:
    headers = {"Idempotency-Key": "key"}
    ids = {api.post("/videos/create", PROMPT, by=person, headers=headers).json["id"] for person in (ADA, BOB)}
    assert len(ids) == 2


def test_a_key_of_a_refused_creation_can_be_used_again(api: Api, configure: Callable[..., None]) -> None:
    configure(VIDEO_QUEUE_MAXSIZE="0")
    headers = {"Idempotency-Key": "key"}
    assert api.post("/videos/create", PROMPT, by=ADA, headers=headers).json["error"] == "queue_full"
    configure(VIDEO_QUEUE_MAXSIZE="1")
    answer = api.post("/videos/create", PROMPT, by=ADA, headers=headers)
    assert answer.status_code == 201
    assert "Idempotent-Replayed" not in answer.headers


def test_a_key_works_through_cooldown_and_full_queue(api: Api, configure: Callable[..., None]) -> None:
    configure(VIDEO_QUEUE_MAXSIZE="1", VIDEO_CREATION_COOLDOWN_SECONDS="120")
    headers = {"Idempotency-Key": "key"}
    first = api.post("/videos/create", PROMPT, by=ADA, headers=headers)
    again = api.post("/videos/create", PROMPT, by=ADA, headers=headers)
    assert (again.status_code, again.json) == (201, first.json)
    other = api.post("/videos/create", {"prompt": "something else"}, by=ADA, headers=headers)
    assert (other.status_code, other.json["error"]) == (422, "idempotency_key_reused")


def test_100_creations_of_one_person_at_once_make_one_video(api: Api, configure: Callable[..., None]) -> None:
    configure(VIDEO_CREATION_COOLDOWN_SECONDS="120", VIDEO_QUEUE_MAXSIZE="100")
    answers = at_once(100, lambda _: api.post("/videos/create", PROMPT, by=ADA))
    assert Counter(answer.status_code for answer in answers) == {201: 1, 429: 99}
    assert {answer.json["error"] for answer in answers if answer.status_code == 429} <= {"cooldown", "rate_limited"}
    assert run("SELECT (SELECT count(*) FROM videos), (SELECT count(*) FROM video_jobs)") == [[1, 1]]


def test_50_people_at_once_never_fill_the_queue_beyond_its_size(api: Api, configure: Callable[..., None]) -> None:
    configure(VIDEO_QUEUE_MAXSIZE="7")
    people = [Person(f"p{number}") for number in range(50)]
    answers = at_once(50, lambda number: api.post("/videos/create", PROMPT, by=people[number]))
    assert Counter(answer.status_code for answer in answers) == {201: 7, 503: 43}
    assert sorted(answer.json["queuePosition"] for answer in answers if answer.status_code == 201) == [*range(1, 8)]
    assert run("SELECT count(*) FROM video_jobs") == [7]


def test_the_same_key_20_times_at_once_makes_one_video_and_20_equal_answers(
    api: Api, configure: Callable[..., None]
) -> None:
    configure(VIDEO_CREATION_COOLDOWN_SECONDS="120")
    headers = {"Idempotency-Key": "same"}
    answers = at_once(20, lambda _: api.post("/videos/create", PROMPT, by=ADA, headers=headers))
    assert {answer.status_code for answer in answers} == {201}
    assert len({answer.get_data() for answer in answers}) == 1
    assert sum("Idempotent-Replayed" in answer.headers for answer in answers) == 19
    assert run("SELECT count(*) FROM videos") == [1]


def test_40_people_who_wish_for_one_name_all_get_a_profile(api: Api, configure: Callable[..., None]) -> None:
    configure(VIDEO_QUEUE_MAXSIZE="100")
    people = [Person("ada") for _ in range(40)]
    answers = at_once(40, lambda number: api.post("/videos/create", PROMPT, by=people[number]))
    assert {answer.status_code for answer in answers} == {201}
    names = [answer.json["username"] for answer in answers]
    assert len(set(names)) == 40
    assert all(name == "ada" or name.startswith("ada_") for name in names)
