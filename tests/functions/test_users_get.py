"""GET /users/{id}."""

from datetime import UTC, datetime

import pytest

from tests.api import Api, Person
from tests.rows import make_profile, make_video, run

ADA, BOB = Person("ada"), Person("bob")


def test_a_profile_in_every_field(api: Api) -> None:
    video = make_video(ADA)
    api.post(f"/videos/{video}/like", by=BOB)
    api.post(f"/videos/{video}/dislike", by=Person("eve"))
    run("UPDATE profiles SET avatar_url = 'https://example.com/ada.png' WHERE username = 'ada'")
    api.post("/tasks/leaderboard", signed=False)
    answer = api.get(f"/users/{ADA.id}", by=ADA)
    assert answer.status_code == 200
    body = dict(answer.json)
    moments = [datetime.fromisoformat(body.pop(name)) for name in ("createdAt", "lastActiveAt")]
    assert all(abs((datetime.now(UTC) - moment).total_seconds()) < 60 for moment in moments)
    assert 40 < body.pop("creatorScore") < 50
    assert body == {
        "id": str(ADA.id),
        "username": "ada",
        "email": "ada@example.com",
        "avatarUrl": "https://example.com/ada.png",
        "videosCreated": 1,
        "totalLikes": 1,
        "totalDislikes": 1,
        "rank": 1,
    }


def test_the_email_is_for_its_owner_alone(api: Api) -> None:
    make_profile(ADA)
    assert api.get(f"/users/{ADA.id}", by=BOB).json["email"] == ""
    assert api.get(f"/users/{ADA.id}", by=Person("visitor", is_anonymous=True)).json["email"] == ""


def test_what_is_not_known_yet_is_left_out(api: Api) -> None:
    make_profile(ADA)
    assert {"avatarUrl", "rank", "creatorScore"}.isdisjoint(api.get(f"/users/{ADA.id}", by=BOB).json)


def test_somebody_new_finds_their_own_profile_made(api: Api) -> None:
    newcomer = Person("Ada Lovelace")
    answer = api.get(f"/users/{newcomer.id}", by=newcomer)
    assert (answer.status_code, answer.json["username"]) == (200, "adalovelace")
    assert answer.json["videosCreated"] == 0
    assert api.get(f"/users/{newcomer.id}", by=BOB).status_code == 200


@pytest.mark.parametrize(
    ("wish", "username"),
    [("cleo", "cleo"), ("x", "x__"), ("Ünal", "nal"), ("иван", "somebody"), ("", "somebody"), ("a" * 60, "a" * 24)],
)
def test_a_first_username_is_made_from_the_wish_or_the_email(api: Api, wish: str, username: str) -> None:
    person = Person("somebody")
    token = person.token(user_metadata={"username": wish})
    answer = api.get(f"/users/{person.id}", headers={"Authorization": f"Bearer {token}"})
    assert answer.json["username"] == username


def test_a_look_at_a_profile_that_is_there_writes_nothing(api: Api) -> None:
    make_profile(ADA)
    run("UPDATE profiles SET last_active_at = now() - interval '1 day'")
    before = run("SELECT xmin::text, ctid::text FROM profiles")
    api.get(f"/users/{ADA.id}", by=ADA)
    assert run("SELECT xmin::text, ctid::text FROM profiles") == before


@pytest.mark.parametrize("user_id", ["00000000-0000-4000-8000-00000000dead", "nonsense", "7"])
def test_somebody_unknown_is_a_404_and_gets_no_profile(api: Api, user_id: str) -> None:
    answer = api.get(f"/users/{user_id}", by=ADA)
    assert (answer.status_code, answer.json["error"]) == (404, "user_not_found")
    assert run("SELECT count(*) FROM profiles") == [0]


def test_an_anonymous_session_gets_no_profile_but_finds_one_that_is_there(api: Api) -> None:
    visitor = Person("visitor", is_anonymous=True)
    answer = api.get(f"/users/{visitor.id}", by=visitor)
    assert (answer.status_code, answer.json["error"]) == (404, "user_not_found")
    assert run("SELECT count(*) FROM profiles") == [0]
    make_profile(visitor)
    assert api.get(f"/users/{visitor.id}", by=visitor).json["username"] == "visitor"


def test_a_token_is_needed(api: Api) -> None:
    answer = api.get(f"/users/{make_profile(ADA)}")
    assert (answer.status_code, answer.json["error"]) == (401, "missing_token")


def test_an_unchanged_profile_is_a_304(api: Api) -> None:
    make_profile(ADA)
    first = api.get(f"/users/{ADA.id}", by=BOB)
    assert first.headers["Cache-Control"] == "private, no-cache"
    again = api.get(f"/users/{ADA.id}", by=BOB, headers={"If-None-Match": first.headers["ETag"]})
    assert (again.status_code, again.get_data()) == (304, b"")
