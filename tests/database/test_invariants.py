"""The rules see what is wrong, the repair mends what follows from the rows, and both say so."""

from collections.abc import Iterator
from itertools import pairwise

import pytest

from database import invariants, repair
from database.invariants import FIRST_ID, LAST_ID, read_rules
from shared.db.pipelined import PipelinedConnection
from tests.api import Api
from tests.database.world import connected, create, end_job, make_people, make_videos, query, react, violations
from tests.threads import at_once

# Each rule with a change behind the triggers' back that breaks it, and nothing else but the rules named after it.
BREAKS: dict[str, tuple[str, set[str]]] = {
    "reactions_counted": (
        "UPDATE videos SET likes_count = likes_count + 3 WHERE status = 'completed'",
        {"score_is_the_formula", "creators_summed"},
    ),
    "views_counted": ("UPDATE videos SET views_count = 17 WHERE status = 'completed'", set()),
    "score_is_the_formula": ("UPDATE videos SET ranking_score = ranking_score + 0.001", set()),
    "creators_summed": ("UPDATE creator_stats SET total_dislikes = 9", set()),
    "activity_noted": ("UPDATE profiles SET last_active_at = '2020-01-01'", set()),
    "audience_after_finish": (
        """
        INSERT INTO video_views (video_id, viewer, window_start)
        SELECT id, 'me', now() FROM videos WHERE status = 'failed'
        """,
        {"views_counted"},
    ),
    "finished_has_a_file": ("UPDATE video_assets SET size_bytes = 0", set()),
    "no_orphan_asset": (
        """
        UPDATE video_assets SET video_id = (SELECT id FROM videos WHERE status = 'failed')
        WHERE asset_type = 'thumbnail'
        """,
        set(),
    ),
    "one_job_runs": (
        """
        DROP INDEX video_jobs_one_running;
        UPDATE video_jobs SET
            status = 'running', lease_expires_at = now(), failure_code = NULL, finished_at = NULL
        """,
        {"job_matches_video"},
    ),
    "running_has_a_lease": (
        "UPDATE video_jobs SET status = 'running', finished_at = NULL WHERE status = 'succeeded'",
        {"job_matches_video"},
    ),
    "job_matches_video": ("UPDATE videos SET status = 'pending' WHERE status = 'failed'", set()),
    "ended_has_an_end": ("UPDATE video_jobs SET failure_reason = NULL", set()),
}
REPAIRED = set(repair.REPAIRS)


@pytest.fixture
def database(environment: None) -> Iterator[PipelinedConnection]:
    with connected() as connection:
        people = make_people(connection, 4)
        for person in people[:2]:
            video = create(connection, person)
            assert video
            assert end_job(connection, video, succeeds=person == people[0])
        videos = make_videos(connection, people[:2])
        for person in people:
            react(connection, person, videos[0], "like")
        assert violations(connection) == []
        yield connection


def break_rule(database: PipelinedConnection, name: str) -> None:
    """Break one rule inside a transaction that the test leaves open, so that the next finds nothing of it."""
    database.autocommit = False
    database.execute_simple(
        "BEGIN; SET LOCAL session_replication_role = replica; ALTER TABLE videos DROP CONSTRAINT "
        "videos_unfinished_have_no_audience; " + BREAKS[name][0] + "; SET LOCAL session_replication_role = origin"
    )


def test_every_rule_has_a_test_and_every_repair_a_rule() -> None:
    names = [rule.name for rule in read_rules()]
    assert names == list(BREAKS)
    assert set(names) > REPAIRED


@pytest.mark.parametrize("name", BREAKS)
def test_a_rule_sees_what_breaks_it(database: PipelinedConnection, name: str) -> None:
    break_rule(database, name)
    found = {rule for rule, _, _ in violations(database)}
    assert name in found
    assert found <= {name} | BREAKS[name][1]
    database.rollback()


@pytest.mark.parametrize("name", BREAKS)
def test_the_repair_mends_figures_says_what_it_changed_and_leaves_the_rest_to_people(
    database: PipelinedConnection, name: str
) -> None:
    break_rule(database, name)
    broken = violations(database)
    lines: list[str] = []
    changes = repair.repair(database, lines.append)
    assert changes == len(lines)
    mended = {rule for rule, _, _ in broken} & REPAIRED
    if name in REPAIRED:
        assert changes > 0
        assert violations(database) == []
        assert all(" -> " in line for line in lines)
    assert {line.split()[0] for line in lines} <= REPAIRED
    assert not {rule for rule, _, _ in violations(database)} & mended - {"views_counted"}
    # A second time there is nothing to do.
    assert repair.repair(database, lines.append) == 0
    database.rollback()


def test_the_repair_may_not_be_used_as_a_way_past_the_guards(database: PipelinedConnection) -> None:
    repair.repair(database, lambda line: None)
    database.autocommit = False
    database.execute_simple("BEGIN")
    query(database, "SELECT logic.repair_video(id) FROM videos")
    with pytest.raises(Exception, match="kept by triggers"):
        query(database, "UPDATE videos SET likes_count = 5")
    database.rollback()


def test_somebody_who_waited_for_a_lock_just_before_their_minute_was_over_breaks_no_rule(
    database: PipelinedConnection,
) -> None:
    for seconds, is_broken in ((89, False), (121, True)):
        query(
            database,
            "UPDATE profiles SET last_active_at = logic.newest_activity(id) - make_interval(secs => $1)",
            float(seconds),
        )
        assert bool(violations(database)) == is_broken


def test_both_commands_report_and_set_the_exit_status(
    database: PipelinedConnection, capsys: pytest.CaptureFixture[str]
) -> None:
    assert invariants.main() == 0
    assert capsys.readouterr().out.count("  ok  ") == len(BREAKS)
    query(database, "SET session_replication_role = replica")
    query(database, "UPDATE videos SET views_count = 5 WHERE status = 'completed'")
    assert invariants.main() == 1
    assert "BROKEN  views_counted" in (said := capsys.readouterr().out)
    assert said.count("counted 5, rows 0") == 3
    assert repair.main() == 0
    assert "views 5 -> 0" in (said := capsys.readouterr().out)
    assert "3 repaired" in said
    assert invariants.main() == 0


def test_a_day_of_spot_checks_looks_at_every_id_once(database: PipelinedConnection) -> None:
    slices = query(
        database,
        "SELECT logic.id_at(minute * 65536 / 1440, '0')::text, logic.id_at((minute + 1) * 65536 / 1440 - 1, 'f')::text "
        "FROM generate_series(0, 1439) AS minute ORDER BY minute",
    )
    bounds = [(int(first.replace("-", ""), 16), int(last.replace("-", ""), 16)) for first, last in slices]
    assert (slices[0][0], slices[-1][1]) == (FIRST_ID, LAST_ID)
    assert all(last + 1 == first for (_, last), (first, _) in pairwise(bounds))
    assert query(database, "SELECT logic.spot_check()::text") == ["[]"]


def test_repairing_while_people_react_neither_loses_nor_doubles_a_reaction(database: PipelinedConnection) -> None:
    people = query(database, "SELECT id FROM profiles ORDER BY id")
    videos = query(database, "SELECT id FROM videos WHERE status = 'completed' ORDER BY id")

    def act(number: int) -> None:
        with connected() as connection:
            for step in range(25):
                if number < len(people):
                    kind = ("like", "dislike", None)[(step + number) % 3]
                    react(connection, people[number], videos[step % len(videos)], kind)
                else:
                    # One row a transaction, as the command does it.
                    query(connection, "SELECT logic.repair_video(CAST($1 AS uuid))", videos[step % len(videos)])
                    query(connection, "SELECT logic.repair_creator(CAST($1 AS uuid))", people[step % len(people)])

    at_once(len(people) + 2, act)
    assert violations(database) == []


def test_the_sweeper_reports_what_is_broken_in_the_slice_of_its_minute(database: PipelinedConnection, api: Api) -> None:
    assert api.post("/tasks/sweep", signed=False).json["rulesBroken"] == 0
    # One video for this minute and one for the next, should it begin meanwhile.
    videos = query(
        database,
        """
        SELECT logic.id_at(minute * 65536 / 1440 + 1, '7')::text FROM (
            SELECT (extract(epoch FROM now())::bigint / 60 + later)::integer % 1440 AS minute
            FROM generate_series(0, 1) AS later) AS soon
        """,
    )
    query(
        database,
        """
        INSERT INTO videos (id, user_id, prompt, status, video_url)
        SELECT id, (SELECT min(id::text)::uuid FROM profiles), 'a kite', 'completed', '/x'
        FROM unnest(CAST($1 AS uuid[])) AS id
        """,
        videos,
    )
    assert api.post("/tasks/sweep", signed=False).json["rulesBroken"] == 1
