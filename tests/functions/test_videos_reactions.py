"""POST /videos/{id}/like, POST /videos/{id}/dislike, DELETE /videos/{id}/reaction."""

from typing import Any
from uuid import UUID

import pytest

from tests.api import Api, Person
from tests.rows import make_video, run
from tests.threads import at_once

ADA, BOB, EVE = Person("ada"), Person("bob"), Person("eve")
ROUTES = [("POST", "like"), ("POST", "dislike"), ("DELETE", "reaction")]


def counters(video_id: UUID) -> tuple[int, int]:
    [(likes, dislikes)] = run(
        "SELECT likes_count, dislikes_count FROM videos WHERE id = CAST(:id AS uuid)", id=video_id
    )
    return likes, dislikes


def reactions(video_id: UUID) -> list[Any]:
    return run("SELECT xmin::text || ctid::text FROM video_reactions WHERE video_id = CAST(:id AS uuid)", id=video_id)


def assert_score_is_its_formula() -> None:
    errors = run(
        """
        SELECT abs(ranking_score - logic.score(logic.heat_from_rows(id, published_at), likes_count, dislikes_count))
        FROM videos WHERE status = 'completed'
        """
    )
    assert max(errors) < 1e-6


def test_a_like_counts_and_answers_success(api: Api) -> None:
    video = make_video(ADA)
    answer = api.post(f"/videos/{video}/like", by=BOB)
    assert (answer.status_code, answer.json) == (200, {"success": True})
    assert answer.headers["Cache-Control"] == "no-store"
    assert answer.headers["RateLimit-Policy"] == '"reactions";q=120;w=60'
    assert counters(video) == (1, 0)
    assert run("SELECT total_likes FROM creator_stats WHERE user_id = CAST(:id AS uuid)", id=ADA.id) == [1]
    assert_score_is_its_formula()


def test_liking_twice_changes_nothing_and_writes_no_row(api: Api) -> None:
    video = make_video(ADA)
    api.post(f"/videos/{video}/like", by=BOB)
    before = reactions(video)
    assert api.post(f"/videos/{video}/like", by=BOB).json == {"success": True}
    assert reactions(video) == before
    assert counters(video) == (1, 0)


def test_each_reaction_replaces_the_other_and_can_be_taken_back(api: Api) -> None:
    video = make_video(ADA)
    story = [("POST", "like", (1, 0)), ("POST", "dislike", (0, 1)), ("POST", "like", (1, 0))]
    story += [("DELETE", "reaction", (0, 0)), ("DELETE", "reaction", (0, 0)), ("POST", "dislike", (0, 1))]
    for method, verb, expected in story:
        assert api.request(method, f"/videos/{video}/{verb}", by=BOB).json == {"success": True}
        assert counters(video) == expected
        assert_score_is_its_formula()


def test_the_viewer_sees_their_own_reaction(api: Api) -> None:
    video = make_video(ADA)
    api.post(f"/videos/{video}/dislike", by=BOB)
    assert api.get(f"/videos/{video}", by=BOB).json["viewerReaction"] == "dislike"
    assert api.get(f"/videos/{video}", by=ADA).json["viewerReaction"] is None
    assert "viewerReaction" not in api.get(f"/videos/{video}").json


@pytest.mark.parametrize(("method", "verb"), ROUTES)
def test_the_first_sight_of_somebody_makes_their_profile(api: Api, method: str, verb: str) -> None:
    video = make_video(ADA)
    newcomer = Person("newcomer")
    assert api.request(method, f"/videos/{video}/{verb}", by=newcomer).status_code == 200
    found = run("SELECT username, email FROM profiles WHERE id = CAST(:id AS uuid)", id=newcomer.id)
    assert found == [["newcomer", "newcomer@example.com"]]


@pytest.mark.parametrize("status", ["pending", "processing", "failed"])
@pytest.mark.parametrize(("method", "verb"), ROUTES)
def test_an_unfinished_video_is_not_ready_for_its_owner_and_not_there_for_others(
    api: Api, method: str, verb: str, status: str
) -> None:
    video = make_video(ADA, status=status)
    owner, other = (api.request(method, f"/videos/{video}/{verb}", by=person) for person in (ADA, BOB))
    assert (owner.status_code, owner.json["error"]) == (409, "video_not_ready")
    assert (other.status_code, other.json["error"]) == (404, "video_not_found")
    assert reactions(video) == []


@pytest.mark.parametrize("video_id", ["00000000-0000-4000-8000-00000000dead", "nonsense", "1"])
@pytest.mark.parametrize(("method", "verb"), ROUTES)
def test_a_video_that_does_not_exist_is_a_404(api: Api, method: str, verb: str, video_id: str) -> None:
    answer = api.request(method, f"/videos/{video_id}/{verb}", by=BOB)
    assert (answer.status_code, answer.json["error"]) == (404, "video_not_found")


@pytest.mark.parametrize(("method", "verb"), ROUTES)
def test_a_token_a_signature_and_an_account_are_needed(api: Api, method: str, verb: str) -> None:
    path = f"/videos/{make_video(ADA)}/{verb}"
    visitor = Person("visitor", is_anonymous=True)
    assert api.request(method, path).json["error"] == "missing_token"
    assert api.request(method, path, by=BOB, signed=False).json["error"] == "missing_signature"
    answer = api.request(method, path, by=visitor)
    assert (answer.status_code, answer.json["error"]) == (403, "anonymous_user")


def test_the_121st_reaction_of_a_minute_has_to_wait(api: Api) -> None:
    video = make_video(ADA)
    statuses = [api.post(f"/videos/{video}/like", by=BOB).status_code for _ in range(120)]
    answer = api.post(f"/videos/{video}/dislike", by=BOB)
    # The allowance fills up again by two a second: a slow machine may be let through a few more times.
    while answer.status_code == 200:
        answer = api.post(f"/videos/{video}/like", by=BOB)
    assert set(statuses) == {200}
    assert (answer.status_code, answer.json["error"]) == (429, "rate_limited")
    assert int(answer.headers["Retry-After"]) >= 1
    assert answer.headers["RateLimit"].startswith('"reactions";r=0;')
    assert api.post(f"/videos/{video}/like", by=EVE).status_code == 200


def test_200_likes_of_one_person_at_once_count_once(api: Api) -> None:
    video = make_video(ADA)
    run("UPDATE rate_limits SET full_at = now()")
    answers = at_once(200, lambda _: api.post(f"/videos/{video}/like", by=BOB).status_code)
    # 120 a minute: the others are told to wait, which is the same to the counter.
    assert set(answers) <= {200, 429}
    assert answers.count(200) >= 120
    assert counters(video) == (1, 0)
    assert len(reactions(video)) == 1
    assert_score_is_its_formula()


def test_likes_of_50_people_at_once_on_two_videos_all_count(api: Api) -> None:
    videos = [make_video(ADA), make_video(BOB)]
    people = [Person(f"fan{number}") for number in range(50)]
    answers = at_once(
        50, lambda number: [api.post(f"/videos/{video}/like", by=people[number]).status_code for video in videos]
    )
    assert answers == [[200, 200]] * 50
    assert [counters(video) for video in videos] == [(50, 0), (50, 0)]
    assert_score_is_its_formula()


def test_one_person_liking_and_disliking_at_once_ends_with_one_reaction(api: Api) -> None:
    video = make_video(ADA)
    verbs = ("like", "dislike", "reaction")
    at_once(
        30,
        lambda number: api.request(
            "DELETE" if number % 3 == 2 else "POST", f"/videos/{video}/{verbs[number % 3]}", by=BOB
        ),
    )
    counted = run(
        """
        SELECT count(*) FILTER (WHERE reaction = 'like'), count(*) FILTER (WHERE reaction = 'dislike')
        FROM video_reactions
        """
    )
    assert [list(counters(video))] == counted
    assert sum(counters(video)) <= 1
    assert_score_is_its_formula()


def test_a_video_deleted_at_the_same_moment_is_a_404_and_no_crash(api: Api) -> None:
    video = make_video(ADA)
    people = [Person(f"fan{number}") for number in range(20)]

    def act(number: int) -> int:
        if number == 10:
            run("DELETE FROM videos WHERE id = CAST(:id AS uuid)", id=video)
            return 404
        return api.post(f"/videos/{video}/like", by=people[number]).status_code

    assert set(at_once(20, act)) <= {200, 404}
    assert run("SELECT total_likes FROM creator_stats WHERE user_id = CAST(:id AS uuid)", id=ADA.id) == [0]
