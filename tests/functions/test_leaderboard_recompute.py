"""POST /tasks/leaderboard."""

import math
from collections.abc import Callable
from typing import Any

import pytest

from tests.api import Api, Person
from tests.rows import make_profile, make_video, run
from tests.threads import at_once

ADA, BOB, EVE = Person("ada"), Person("bob"), Person("eve")


def recompute(api: Api) -> Any:
    answer = api.post("/tasks/leaderboard", signed=False)
    assert answer.status_code == 200, answer.json
    assert answer.headers["Cache-Control"] == "no-store"
    return answer.json


def stats() -> list[Any]:
    return run(
        """
        SELECT profile.username, stats.rank, stats.creator_score::float
        FROM creator_stats AS stats JOIN profiles AS profile ON profile.id = stats.user_id
        ORDER BY stats.rank, profile.username
        """
    )


@pytest.mark.parametrize(
    ("days", "videos", "likes", "dislikes"),
    [
        (0, 1, 0, 0),
        (0, 50, 1000, 100),
        (0, 500, 10**9, 10**6),
        (30, 0, 0, 0),
        (45, 10, 5, 3),
        (15, 25, 31, 50),
        (29.99, 1, 1, 1),
        (-1, 1, 0, 0),
        (7.3, 12, 345, 6),
    ],
)
def test_the_score_is_the_frontends_formula(
    environment: None, days: float, videos: int, likes: int, dislikes: int
) -> None:
    recency = max(0.0, min(100.0, 100 - days / 30 * 100))
    expected = (
        0.4 * recency
        + 0.3 * min(100, videos / 50 * 100)
        + 0.2 * min(100, math.log10(likes + 1) / math.log10(1001) * 100)
        + 0.1 * min(100, dislikes / 100 * 100)
    )
    [score] = run(
        """
        SELECT logic.creator_score(make_interval(secs => CAST(:seconds AS double precision)),
            CAST(:videos AS bigint), CAST(:likes AS bigint), CAST(:dislikes AS bigint))::float
        """,
        seconds=days * 86400,
        videos=videos,
        likes=likes,
        dislikes=dislikes,
    )
    assert score == pytest.approx(round(expected, 1), abs=1e-9)


def test_score_and_rank_are_written_for_creators_alone(api: Api) -> None:
    make_video(ADA)
    make_video(BOB)
    make_video(BOB)
    make_profile(EVE)
    report = recompute(api)
    assert (report["creators"], report["changed"]) == (2, 2)
    assert report["milliseconds"] >= 0
    assert stats() == [["bob", 1, 41.2], ["ada", 2, 40.6], ["eve", None, 0.0]]


def test_equal_scores_share_a_rank_and_the_next_one_is_skipped(api: Api) -> None:
    for person in (ADA, BOB):
        make_video(person)
        make_video(person)
    make_video(EVE)
    recompute(api)
    assert [(name, rank) for name, rank, _ in stats()] == [("ada", 1), ("bob", 1), ("eve", 3)]


def test_a_second_run_changes_nothing_and_writes_no_row(api: Api) -> None:
    make_video(ADA)
    recompute(api)
    before = run("SELECT xmin::text, ctid::text FROM creator_stats")
    assert recompute(api)["changed"] == 0
    assert run("SELECT xmin::text, ctid::text FROM creator_stats") == before


def test_only_rows_that_change_are_written(api: Api) -> None:
    for person in (ADA, BOB, EVE):
        make_video(person)
    recompute(api)
    run("UPDATE profiles SET last_active_at = now() - interval '10 days' WHERE username = 'eve'")
    assert recompute(api)["changed"] == 1
    assert stats() == [["ada", 1, 40.6], ["bob", 1, 40.6], ["eve", 3, 27.3]]
    moments = (
        "SELECT stats.last_active_at = profile.last_active_at FROM creator_stats AS stats JOIN profiles AS profile"
    )
    assert run(f"{moments} ON profile.id = stats.user_id") == [True] * 3


def test_who_has_no_video_any_more_leaves_the_board(api: Api) -> None:
    make_video(ADA)
    video = make_video(BOB)
    recompute(api)
    run("DELETE FROM videos WHERE id = CAST(:id AS uuid)", id=video)
    assert recompute(api) | {"milliseconds": 0} == {"creators": 1, "changed": 1, "milliseconds": 0}
    assert stats() == [["ada", 1, 40.6], ["bob", None, 0.0]]
    assert {"rank", "creatorScore"}.isdisjoint(api.get(f"/users/{BOB.id}", by=ADA).json)
    assert recompute(api)["changed"] == 0


def test_an_empty_service_has_nothing_to_recompute(api: Api) -> None:
    assert recompute(api) | {"milliseconds": 0} == {"creators": 0, "changed": 0, "milliseconds": 0}


def test_likes_go_on_while_it_runs_many_times_at_once(api: Api) -> None:
    videos = [make_video(Person(f"creator{number}")) for number in range(10)]
    fans = [Person(f"fan{number}") for number in range(30)]

    def act(number: int) -> set[int]:
        if number % 3 == 0:
            return {api.post("/tasks/leaderboard", signed=False).status_code for _ in range(5)}
        return {api.post(f"/videos/{video}/like", by=fans[number]).status_code for video in videos}

    assert at_once(30, act) == [{200}] * 30
    assert run("SELECT sum(total_likes)::int FROM creator_stats") == [200]
    recompute(api)
    assert recompute(api)["changed"] == 0
    assert run("SELECT DISTINCT rank FROM creator_stats WHERE videos_created > 0") == [1]


def test_it_and_deletions_do_not_wait_for_each_other_in_a_circle(api: Api) -> None:
    people = [Person(f"p{number}") for number in range(12)]
    videos = [make_video(person) for person in people]
    for person in people:
        for video in videos:
            api.post(f"/videos/{video}/like", by=person)

    def act(number: int) -> set[int]:
        if number % 2 == 0:
            run("DELETE FROM profiles WHERE id = CAST(:id AS uuid)", id=people[number].id)
            return {200}
        return {api.post("/tasks/leaderboard", signed=False).status_code for _ in range(3)}

    assert at_once(12, act) == [{200}] * 12
    assert run("SELECT sum(total_likes)::int FROM creator_stats") == [36]


def test_on_a_laptop_anybody_may_call_it_and_in_the_cloud_only_the_scheduler(
    api: Api, configure: Callable[..., None]
) -> None:
    assert recompute(api)["creators"] == 0
    configure(K_SERVICE="leaderboard", TASK_SERVICE_ACCOUNT="scheduler@example.iam.gserviceaccount.com")
    for headers in ({}, {"Authorization": "Bearer nonsense"}, {"Authorization": f"Bearer {ADA.token()}"}):
        answer = api.post("/tasks/leaderboard", signed=False, headers=headers)
        assert (answer.status_code, answer.json["error"]) == (401, "invalid_caller")
