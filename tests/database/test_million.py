"""At a million videos a page reads its own rows and the index entries to them, and nothing else. Counted, not timed."""

import json
from collections.abc import Iterator
from typing import Any
from uuid import UUID

import pytest

from database.migrate import migrate
from functions.users import liked, top, videos
from functions.videos import feed
from shared.config import Settings
from shared.db.pipelined import PipelinedConnection
from shared.db.query import _positional
from tests.database.conftest import new_database, run_at
from tests.database.world import connected, query, react

VIDEOS = 1_000_000
PEOPLE = 20_000
# Rows of a month, as the triggers would have left them: every video has the score of its publication. The indexes are
# made after the rows, since that is five times as fast.
FILL = f"""
SET session_replication_role = replica;
SET synchronous_commit = off;
SET maintenance_work_mem = '256MB';
CREATE TEMP TABLE kept AS
    SELECT indexrelid::regclass AS name, pg_get_indexdef(indexrelid) AS definition FROM pg_index
    WHERE indrelid = 'videos'::regclass AND NOT indisprimary;
DO $$ DECLARE v_name regclass; BEGIN
    FOR v_name IN SELECT name FROM kept LOOP EXECUTE format('DROP INDEX %s', v_name); END LOOP;
END $$;
INSERT INTO profiles (id, username)
    SELECT lpad(to_hex(number), 32, '0')::uuid, 'person_' || number FROM generate_series(1, {PEOPLE}) AS number;
INSERT INTO creator_stats (user_id, videos_created)
    SELECT lpad(to_hex(number), 32, '0')::uuid, {VIDEOS // PEOPLE} FROM generate_series(1, {PEOPLE}) AS number;
INSERT INTO videos (id, user_id, prompt, status, video_url, published_at, created_at, heat, heat_peak, ranking_score)
    SELECT id, owner, 'a kite', 'completed', '/x', moment, moment, heat, heat, logic.score(heat, 0, 0)
    FROM (
        SELECT lpad(to_hex(number), 32, '0')::uuid AS id, lpad(to_hex(number % {PEOPLE} + 1), 32, '0')::uuid AS owner,
            moment, logic.publish_heat(moment) AS heat
        FROM generate_series(1, {VIDEOS}) AS number,
            LATERAL (SELECT timestamptz '2026-06-01' - make_interval(secs => number * 2.592) AS moment) AS made
    ) AS made;
DO $$ DECLARE v_definition text; BEGIN
    FOR v_definition IN SELECT definition FROM kept LOOP EXECUTE v_definition; END LOOP;
END $$;
INSERT INTO video_assets (video_id, asset_type, storage_backend, storage_key, file_path, public_url, content_type,
        size_bytes, sha256)
    SELECT lpad(to_hex(number), 32, '0')::uuid, 'video', 'local', 'x', 'x', 'x', 'video/mp4', 10, 'abc'
    FROM generate_series(1, 50000) AS number;
INSERT INTO video_jobs (video_id, prompt, status, deadline_at, finished_at, output_url)
    SELECT lpad(to_hex(number), 32, '0')::uuid, 'a kite', 'succeeded', now(), now(), 'x'
    FROM generate_series(1, 50000) AS number;
SET session_replication_role = origin;
INSERT INTO video_reactions (video_id, user_id, reaction, created_at)
    SELECT lpad(to_hex(number * 7 % 40000 + 1), 32, '0')::uuid, lpad(to_hex(number % 500 + 1), 32, '0')::uuid, 'like',
        timestamptz '2026-06-01'
    FROM generate_series(1, 10000) AS number;
ANALYZE;
"""
VIEWER = UUID(int=7)


@pytest.fixture(scope="module")
def million(database_url: str) -> Iterator[PipelinedConnection]:
    with new_database(database_url, "million") as url:
        migrate(Settings(database_url=url), lambda line: None)
        run_at(url, FILL)
        with connected(url) as connection:
            yield connection


def explained(database: PipelinedConnection, sql: str, **values: Any) -> list[dict[str, Any]]:
    """Run the route's statement as it runs it, and return the nodes of its plan with what each really did."""
    statement, names = _positional(sql)
    parameters = [values[name] for name in names]
    [answer] = query(database, f"EXPLAIN (ANALYZE, FORMAT JSON) {statement}", *parameters)
    return list(_nodes((json.loads(answer) if isinstance(answer, str) else answer)[0]["Plan"]))


def _nodes(plan: dict[str, Any]) -> Iterator[dict[str, Any]]:
    yield plan
    for child in plan.get("Plans", []):
        yield from _nodes(child)


def scans(nodes: list[dict[str, Any]]) -> list[dict[str, Any]]:
    return [node for node in nodes if "Relation Name" in node]


def rows_read(node: dict[str, Any]) -> int:
    """Return the rows that a scan gave and those it threw away, over all its loops."""
    names = ("Actual Rows", "Rows Removed by Filter", "Rows Removed by Index Recheck")
    return round(sum(float(node.get(name, 0)) for name in names) * int(node["Actual Loops"]))


def assert_few_rows(nodes: list[dict[str, Any]], most: int, *, bitmap: bool = False) -> None:
    allowed = {"Index Scan", "Index Only Scan", *(["Bitmap Heap Scan"] if bitmap else [])}
    for node in scans(nodes):
        assert node["Node Type"] in allowed, node
        assert rows_read(node) <= most, node


INDEXES = {"rank": "videos_feed", "new": "videos_newest", "top": "videos_most_liked"}
COLUMNS = {"rank": "ranking_score", "new": "published_at", "top": "likes_count"}


@pytest.mark.timeout(400)
@pytest.mark.parametrize("viewer", [None, VIEWER])
@pytest.mark.parametrize("skipped", [0, 900_000])
@pytest.mark.parametrize("sort", ["rank", "new", "top"])
def test_a_page_is_an_index_scan_of_one_row_more_than_it_shows(
    million: PipelinedConnection, sort: str, skipped: int, viewer: UUID | None
) -> None:
    place, last = None, None
    if skipped:
        column = COLUMNS[sort]
        order = f"ORDER BY {column} DESC, id DESC OFFSET {skipped} LIMIT 1"
        [(place, last)] = query(million, f"SELECT {column}::text, id FROM videos WHERE status = 'completed' {order}")
    nodes = explained(
        million, feed.SORTS[sort].sql, viewer=viewer, place=place, id=last, limit=20, list=feed.SORTS[sort].list_name
    )
    assert_few_rows(nodes, most=21)
    pages = [node for node in scans(nodes) if node.get("Index Name") == INDEXES[sort] and node["Alias"] == "video"]
    assert [(rows_read(node), node["Actual Loops"]) for node in pages] == [(21, 1)]


@pytest.mark.parametrize(("since", "newer"), [("2026-06-01", 0), ("2026-05-31T23:59:00Z", 23), ("2026-05-01", 100)])
def test_how_many_are_newer_is_counted_to_a_hundred_from_the_index(
    million: PipelinedConnection, since: str, newer: int
) -> None:
    nodes = explained(million, feed.NEWER_SQL, since=since, most=feed.MAX_NEWER)
    assert_few_rows(nodes, most=100)
    assert newer in {rows_read(node) for node in scans(nodes)}


def test_lists_and_the_leaderboard_read_their_page(million: PipelinedConnection) -> None:
    query(million, "SELECT logic.recompute_leaderboard()")
    assert_few_rows(explained(million, top.SQL, viewer=VIEWER, limit=100), most=100)
    page = {"viewer": VIEWER, "owner": VIEWER, "moment": None, "id": None, "limit": 20, "list": "any"}
    # Of a person with fifty videos Postgres may as well read all fifty and sort them.
    assert_few_rows(explained(million, videos.SQL, **page), most=VIDEOS // PEOPLE, bitmap=True)
    assert_few_rows(explained(million, liked.SQL, **page), most=VIDEOS // PEOPLE, bitmap=True)


def test_a_like_reads_a_handful_of_rows_by_index_whatever_the_size(million: PipelinedConnection) -> None:
    video, person = UUID(int=23_456), UUID(int=12_345)
    query(million, "SELECT pg_stat_force_next_flush()")
    before = table_reads(million)
    steps = ["like", "dislike", "like", None, "like", "like", None]
    for step in steps:
        assert react(million, person, video, step) is None
    query(
        million,
        "SELECT logic.view_video(CAST($1 AS uuid), '', 'somebody', CAST($2 AS uuid), NULL, 'me', NULL, 3600)",
        person,
        video,
    )
    query(million, "SELECT pg_stat_force_next_flush()")
    after = table_reads(million)
    for table, (whole_scans, rows) in after.items():
        assert whole_scans == before[table][0], table
        assert rows - before[table][1] <= 12 * (len(steps) + 1), table
    first, last = (f"{video}"[:-3] + end for end in ("000", "fff"))
    assert query(million, f"SELECT * FROM logic.violations('{first}', '{last}')") == []


def table_reads(database: PipelinedConnection) -> dict[str, tuple[int, int]]:
    """Return by table how often it was read as a whole, and how many rows its indexes gave; this session's included."""
    rows = query(
        database,
        """
        SELECT relname::text, seq_scan, coalesce(idx_tup_fetch, 0) FROM pg_stat_user_tables
        WHERE relname IN ('videos', 'video_reactions', 'video_views', 'creator_stats', 'profiles')
        """,
    )
    return {table: (whole_scans, fetched) for table, whole_scans, fetched in rows}


def test_the_sweepers_spot_check_reads_a_slice(million: PipelinedConnection) -> None:
    query(million, "SELECT pg_stat_force_next_flush()")
    before = table_reads(million)
    query(million, "SELECT logic.spot_check()")
    query(million, "SELECT pg_stat_force_next_flush()")
    after = table_reads(million)
    assert {table: scans for table, (scans, _) in after.items()} == {
        table: scans for table, (scans, _) in before.items()
    }
