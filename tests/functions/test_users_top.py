"""GET /users/top."""

import pytest

from tests.api import Api, Person
from tests.rows import make_profile, make_video

ADA, BOB, EVE = Person("ada"), Person("bob"), Person("eve")


def recompute(api: Api) -> None:
    assert api.post("/tasks/leaderboard", signed=False).status_code == 200


def test_creators_come_best_first_with_rank_and_score(api: Api) -> None:
    make_video(ADA)
    for _ in range(3):
        make_video(BOB)
    make_profile(EVE)
    recompute(api)
    answer = api.get("/users/top", by=BOB)
    assert answer.status_code == 200
    board = [(each["username"], each["rank"], each["videosCreated"], each["email"]) for each in answer.json]
    # Nobody is a creator without a video, and an e-mail address is its owner's own.
    assert board == [("bob", 1, 3, "bob@example.com"), ("ada", 2, 1, "")]
    assert answer.json[0]["creatorScore"] > answer.json[1]["creatorScore"] > 40
    assert answer.json[0] == api.get(f"/users/{BOB.id}", by=BOB).json
    assert answer.headers["Cache-Control"] == "private, no-cache"


def test_before_the_first_recompute_everybody_is_there_without_a_rank(api: Api) -> None:
    make_video(ADA)
    recompute(api)
    make_video(BOB)
    answer = api.get("/users/top", by=EVE)
    assert [each["username"] for each in answer.json] == ["ada", "bob"]
    assert {"rank", "creatorScore"}.isdisjoint(answer.json[1])


def test_an_empty_board_is_an_empty_array(api: Api) -> None:
    make_profile(ADA)
    assert api.get("/users/top", by=ADA).json == []


def test_the_limit_is_20_unless_asked_for_and_100_at_most(api: Api) -> None:
    for number in range(103):
        make_video(Person(f"p{number}"))
    recompute(api)
    lengths = [
        len(api.get(f"/users/top{query}", by=ADA).json) for query in ("", "?limit=3", "?limit=100", "?limit=5000")
    ]
    assert lengths == [20, 3, 100, 100]


@pytest.mark.parametrize("limit", ["0", "-5", "ten", "2.5", "9999999999"])
def test_a_limit_that_is_no_number_from_1_up_is_refused(api: Api, limit: str) -> None:
    answer = api.get(f"/users/top?limit={limit}", by=ADA)
    assert (answer.status_code, answer.json["error"]) == (422, "validation_failed")


def test_a_token_is_needed(api: Api) -> None:
    assert api.get("/users/top").json["error"] == "missing_token"
