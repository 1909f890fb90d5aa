"""PATCH /users/{id}."""

from typing import Any
from uuid import uuid4

import pytest

from tests.api import Api, Person
from tests.rows import make_profile, run
from tests.threads import at_once

ADA, BOB = Person("ada"), Person("bob")


def test_name_and_picture_change_and_the_answer_is_the_profile(api: Api) -> None:
    make_profile(ADA)
    body = {"username": "ada.lovelace_1", "avatarUrl": "https://example.com/a.png?x=1#y"}
    answer = api.patch(f"/users/{ADA.id}", body, by=ADA)
    assert answer.status_code == 200
    assert {name: answer.json[name] for name in body} == body
    assert answer.json["email"] == "ada@example.com"
    assert answer.json == api.get(f"/users/{ADA.id}", by=ADA).json
    assert answer.headers["Cache-Control"] == "no-store"
    assert answer.headers["RateLimit-Policy"] == '"profile";q=20;w=60'


def test_the_first_sight_makes_the_profile_and_changes_it(api: Api) -> None:
    assert api.patch(f"/users/{ADA.id}", {"username": "countess"}, by=ADA).json["username"] == "countess"


def test_what_is_not_sent_stays_and_null_takes_the_picture_away(api: Api) -> None:
    api.patch(f"/users/{ADA.id}", {"username": "countess", "avatarUrl": "https://example.com/a"}, by=ADA)
    assert api.patch(f"/users/{ADA.id}", {}, by=ADA).json["avatarUrl"] == "https://example.com/a"
    assert api.patch(f"/users/{ADA.id}", None, by=ADA).json["username"] == "countess"
    answer = api.patch(f"/users/{ADA.id}", {"avatarUrl": None}, by=ADA)
    assert "avatarUrl" not in answer.json
    assert answer.json["username"] == "countess"


def test_a_name_is_made_lower_case_and_trimmed(api: Api) -> None:
    assert api.patch(f"/users/{ADA.id}", {"username": " Ada_L.1 "}, by=ADA).json["username"] == "ada_l.1"


@pytest.mark.parametrize(
    "username",
    [
        "ab",
        "a" * 31,
        "with space",
        "dash-ed",
        "ünal",
        "\u212aelvin",
        "a\nb",
        "abc\x00",
        "abc\ud800",
        "",
        7,
        None,
        ["abc"],
    ],
)
def test_an_unusable_name_is_refused(api: Api, username: Any) -> None:
    answer = api.patch(f"/users/{ADA.id}", {"username": username}, by=ADA)
    assert (answer.status_code, answer.json["error"]) == (422, "validation_failed")
    assert [each["field"] for each in answer.json["errors"]] == ["username"]


@pytest.mark.parametrize(
    "url",
    [
        "http://example.com/a.png",
        "javascript:alert(1)",
        "data:image/png;base64,AAAA",
        "//example.com/a.png",
        "https://",
        "https:///a.png",
        "https://[broken/a.png",
        "https://example.com/a b.png",
        'https://example.com/"onerror=',
        "https://example.com\\@evil.com",
        "https://example.com/<script>",
        "https://example.com/" + "a" * 2040,
        "https://example.com/\x00",
        "https://example.com/\u202ereversed",
        "",
        7,
        ["https://example.com"],
    ],
)
def test_an_unusable_picture_is_refused(api: Api, url: Any) -> None:
    answer = api.patch(f"/users/{ADA.id}", {"avatarUrl": url}, by=ADA)
    assert (answer.status_code, answer.json["error"]) == (422, "validation_failed")
    assert [each["field"] for each in answer.json["errors"]] == ["avatarUrl"]


def test_a_picture_of_2048_characters_is_taken(api: Api) -> None:
    url = "https://example.com/".ljust(2048, "a")
    assert api.patch(f"/users/{ADA.id}", {"avatarUrl": url}, by=ADA).json["avatarUrl"] == url


def test_a_whole_profile_may_be_sent_back_and_what_is_read_only_is_ignored(api: Api) -> None:
    make_profile(ADA)
    before = api.get(f"/users/{ADA.id}", by=ADA).json
    changed = {
        **before,
        "id": str(BOB.id),
        "email": "evil@example.com",
        "totalLikes": 1_000_000,
        "videosCreated": 99,
        "totalDislikes": 9,
        "rank": 1,
        "creatorScore": 100,
        "lastActiveAt": None,
        "createdAt": "never",
    }
    answer = api.patch(f"/users/{ADA.id}", changed, by=ADA)
    assert (answer.status_code, answer.json) == (200, before)


def test_unknown_fields_are_refused_by_name(api: Api) -> None:
    answer = api.patch(f"/users/{ADA.id}", {"username": "countess", "isAdmin": True, "role": "x"}, by=ADA)
    assert (answer.status_code, answer.json["error"]) == (422, "validation_failed")
    assert [each["field"] for each in answer.json["errors"]] == ["isAdmin", "role"]


@pytest.mark.parametrize("name", ["bob", "BOB", "Bob"])
def test_a_name_that_somebody_has_is_a_409_whatever_its_case(api: Api, name: str) -> None:
    make_profile(BOB)
    answer = api.patch(f"/users/{ADA.id}", {"username": name, "avatarUrl": "https://example.com/a"}, by=ADA)
    assert (answer.status_code, answer.json["error"]) == (409, "username_taken")
    assert "avatarUrl" not in api.get(f"/users/{ADA.id}", by=ADA).json


def test_ones_own_name_is_not_taken_and_nothing_is_written(api: Api) -> None:
    make_profile(ADA)
    before = run("SELECT xmin::text, ctid::text FROM profiles")
    assert api.patch(f"/users/{ADA.id}", {"username": "ADA"}, by=ADA).status_code == 200
    assert run("SELECT xmin::text, ctid::text FROM profiles") == before


@pytest.mark.parametrize("user_id", [BOB.id, uuid4()])
def test_somebody_elses_profile_is_a_403(api: Api, user_id: Any) -> None:
    make_profile(BOB)
    answer = api.patch(f"/users/{user_id}", {"username": "mine"}, by=ADA)
    assert (answer.status_code, answer.json["error"]) == (403, "not_owner")


def test_what_is_no_id_is_a_404(api: Api) -> None:
    assert api.patch("/users/me", {}, by=ADA).json["error"] == "user_not_found"


def test_ones_id_may_be_written_in_capitals(api: Api) -> None:
    assert api.patch(f"/users/{str(ADA.id).upper()}", {}, by=ADA).status_code == 200


def test_a_token_a_signature_and_an_account_are_needed(api: Api) -> None:
    visitor = Person("visitor", is_anonymous=True)
    assert api.patch(f"/users/{ADA.id}", {}).json["error"] == "missing_token"
    assert api.patch(f"/users/{ADA.id}", {}, by=ADA, signed=False).json["error"] == "missing_signature"
    assert api.patch(f"/users/{visitor.id}", {}, by=visitor).json["error"] == "anonymous_user"


def test_the_21st_change_of_a_minute_has_to_wait(api: Api) -> None:
    answers = [api.patch(f"/users/{ADA.id}", {}, by=ADA) for _ in range(20)]
    assert {answer.status_code for answer in answers} == {200}
    run("UPDATE rate_limits SET full_at = now() + interval '60 seconds'")
    answer = api.patch(f"/users/{ADA.id}", {"username": "countess"}, by=ADA)
    assert (answer.status_code, answer.json["error"]) == (429, "rate_limited")
    assert int(answer.headers["Retry-After"]) >= 1


def test_a_change_is_activity(api: Api) -> None:
    make_profile(ADA)
    run("UPDATE profiles SET last_active_at = now() - interval '1 day'")
    api.patch(f"/users/{ADA.id}", {"username": "countess"}, by=ADA)
    assert run("SELECT last_active_at > now() - interval '1 minute' FROM profiles") == [True]


def test_of_30_people_who_want_one_name_at_once_one_gets_it(api: Api) -> None:
    people = [Person(f"p{number}") for number in range(30)]
    answers = at_once(30, lambda n: api.patch(f"/users/{people[n].id}", {"username": "wanted"}, by=people[n]))
    assert sorted(answer.status_code for answer in answers) == [200] + [409] * 29
