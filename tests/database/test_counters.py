"""The triggers: whoever writes, and however many rows at once, the figures are those of the rows."""

from collections.abc import Iterator
from typing import Any
from uuid import UUID, uuid4

import pytest
from pg8000.exceptions import DatabaseError

from shared.db.pipelined import PipelinedConnection
from tests.database.world import connected, make_people, make_videos, query, violations

REACT_TO_ALL = """
INSERT INTO video_reactions AS mine (video_id, user_id, reaction, created_at)
SELECT video, person, CASE WHEN (place + nr) % 3 = 0 THEN 'dislike' ELSE 'like' END::reaction_kind,
    now() - make_interval(mins => (place * nr)::integer)
FROM unnest(CAST($1 AS uuid[])) WITH ORDINALITY AS videos (video, place),
    unnest(CAST($2 AS uuid[])) WITH ORDINALITY AS people (person, nr)
ON CONFLICT (video_id, user_id) DO UPDATE SET reaction = excluded.reaction, created_at = excluded.created_at
"""
VIEW_ALL = """
INSERT INTO video_views (video_id, user_id, viewer, window_start)
SELECT video, person, person::text, now() FROM unnest(CAST($1 AS uuid[])) AS video, unnest(CAST($2 AS uuid[])) AS person
"""


@pytest.fixture
def database(environment: None) -> Iterator[PipelinedConnection]:
    with connected() as connection:
        yield connection


def totals(database: PipelinedConnection) -> Any:
    return query(
        database,
        """
        SELECT (SELECT sum(likes_count) FROM videos), (SELECT sum(dislikes_count) FROM videos),
            (SELECT sum(views_count) FROM videos), (SELECT sum(total_likes) FROM creator_stats),
            (SELECT sum(total_dislikes) FROM creator_stats), (SELECT sum(videos_created) FROM creator_stats)
        """,
    )[0]


def refused(database: PipelinedConnection, sql: str, *values: Any) -> str:
    with pytest.raises(DatabaseError) as error:
        query(database, sql, *values)
    return str(error.value.args[0]["C"])


def test_bulk_writes_of_reactions_count_as_single_ones_do(database: PipelinedConnection) -> None:
    people = make_people(database, 12)
    videos = make_videos(database, [*people[:4], *people[:3]])
    query(database, REACT_TO_ALL, videos, people)
    assert totals(database) == (56, 28, 0, 56, 28, 7)
    assert violations(database) == []
    # An upsert of which some rows are new and some replace others.
    query(database, "DELETE FROM video_reactions WHERE user_id = ANY(CAST($1 AS uuid[]))", people[:5])
    assert violations(database) == []
    query(database, REACT_TO_ALL, videos[::-1], people[::-1])
    assert sum(totals(database)[:2]) == 84
    assert violations(database) == []
    query(database, "UPDATE video_reactions SET reaction = 'like', created_at = created_at + interval '1 hour'")
    assert totals(database)[:2] == (84, 0)
    assert violations(database) == []
    query(database, "DELETE FROM video_reactions")
    assert totals(database) == (0, 0, 0, 0, 0, 7)
    assert violations(database) == []


def test_a_reaction_moved_to_another_video_is_counted_there(database: PipelinedConnection) -> None:
    people = make_people(database, 3)
    first, second = make_videos(database, people[:2])
    query(database, REACT_TO_ALL, [first], people)
    query(database, "UPDATE video_reactions SET video_id = CAST($1 AS uuid)", second)
    assert query(database, "SELECT likes_count + dislikes_count FROM videos ORDER BY published_at") == [3, 0]
    assert violations(database) == []


def test_bulk_writes_of_views_count(database: PipelinedConnection) -> None:
    people = make_people(database, 5)
    videos = make_videos(database, people[:3])
    query(database, VIEW_ALL, videos, people)
    assert totals(database)[2] == 15
    query(database, "DELETE FROM video_views WHERE user_id = CAST($1 AS uuid)", people[0])
    assert totals(database)[2] == 12
    assert violations(database) == []


def test_a_view_is_a_hot_update_that_touches_no_index(database: PipelinedConnection) -> None:
    people = make_people(database, 20)
    videos = make_videos(database, people[:1])
    counters = "SELECT n_tup_upd, n_tup_hot_upd FROM pg_stat_user_tables WHERE relname = 'videos'"
    query(database, "SELECT pg_stat_force_next_flush()")
    before = query(database, counters)[0]
    for person in people:
        query(database, VIEW_ALL, videos, [person])
    query(database, "SELECT pg_stat_force_next_flush()")
    after = query(database, counters)[0]
    # All but those that filled the page.
    assert after[0] - before[0] == 20
    assert after[1] - before[1] >= 18


def test_new_videos_bring_no_figures_along(database: PipelinedConnection) -> None:
    [person] = make_people(database, 1)
    query(
        database,
        """
        INSERT INTO videos (user_id, prompt, likes_count, dislikes_count, views_count, heat, heat_peak, ranking_score)
        VALUES (CAST($1 AS uuid), 'a kite', 5, 6, 7, 8, 9, 10)
        """,
        person,
    )
    row = query(database, "SELECT likes_count, dislikes_count, views_count, heat, heat_peak, ranking_score FROM videos")
    assert row == [(0, 0, 0, None, None, None)]


REFUSED_WRITES = [
    "UPDATE videos SET likes_count = likes_count + 1",
    "UPDATE videos SET dislikes_count = 0",
    "UPDATE videos SET views_count = 1000",
    "UPDATE videos SET ranking_score = 1e9",
    "UPDATE videos SET heat = 1e9",
    "UPDATE creator_stats SET total_likes = 1000",
    "UPDATE creator_stats SET videos_created = 1000",
    "DELETE FROM creator_stats",
    "UPDATE videos SET status = 'processing'",
    "UPDATE videos SET status = 'failed'",
    "UPDATE videos SET published_at = now() + interval '1 year'",
    "UPDATE videos SET user_id = (SELECT min(id::text)::uuid FROM profiles WHERE id <> user_id)",
    "UPDATE video_views SET video_id = (SELECT id FROM videos WHERE id <> video_id LIMIT 1)",
    "TRUNCATE video_reactions",
    "TRUNCATE video_views",
    "TRUNCATE videos CASCADE",
    "TRUNCATE creator_stats",
]


@pytest.mark.parametrize("statement", REFUSED_WRITES)
def test_what_would_make_figures_wrong_is_refused_to_everybody(database: PipelinedConnection, statement: str) -> None:
    people = make_people(database, 3)
    videos = make_videos(database, people)
    query(database, REACT_TO_ALL, videos, people)
    query(database, VIEW_ALL, videos, people)
    before = totals(database)
    # Integrity constraint violation, or a check or foreign key.
    assert refused(database, statement).startswith("23")
    assert totals(database) == before
    assert violations(database) == []


def test_emptying_everything_together_is_allowed(database: PipelinedConnection) -> None:
    people = make_people(database, 2)
    query(database, REACT_TO_ALL, make_videos(database, people), people)
    query(database, "TRUNCATE profiles CASCADE")
    assert violations(database) == []


@pytest.mark.parametrize("status", ["pending", "processing", "failed"])
def test_nobody_reacts_to_or_views_an_unfinished_video(database: PipelinedConnection, status: str) -> None:
    [person] = make_people(database, 1)
    video = uuid4()
    query(
        database,
        "INSERT INTO videos (id, user_id, prompt, status) "
        "VALUES (CAST($1 AS uuid), CAST($2 AS uuid), 'a kite', CAST($3 AS video_status))",
        video,
        person,
        status,
    )
    assert refused(database, REACT_TO_ALL, [video], [person]) == "23514"
    assert refused(database, VIEW_ALL, [video], [person]) == "23514"
    assert query(database, "SELECT count(*) FROM video_reactions") == [0]


def test_what_somebody_does_moves_their_last_activity_and_nobody_elses(database: PipelinedConnection) -> None:
    people = make_people(database, 3)
    videos = make_videos(database, people[:1])
    query(database, "UPDATE profiles SET last_active_at = now() - interval '1 day'")
    query(database, REACT_TO_ALL, videos, people[1:2])
    query(database, VIEW_ALL, videos, people[2:])
    idle = query(database, "SELECT id FROM profiles WHERE last_active_at < now() - interval '1 hour'")
    assert idle == people[:1]
    # At most once a minute: the second look writes nothing to the profile.
    row_versions = query(database, "SELECT xmin::text FROM profiles ORDER BY id")
    query(database, "DELETE FROM video_views")
    query(database, VIEW_ALL, videos, people[2:])
    assert query(database, "SELECT xmin::text FROM profiles ORDER BY id") == row_versions


def recreation(database: PipelinedConnection, source: UUID, owner: UUID) -> UUID:
    [copy] = make_videos(database, [owner])
    query(database, "UPDATE videos SET source_video_id = CAST($1 AS uuid) WHERE id = CAST($2 AS uuid)", source, copy)
    return copy


DELETE_VIDEO = ["SELECT logic.delete_video(CAST($1 AS uuid))", "DELETE FROM videos WHERE id = CAST($1 AS uuid)"]


@pytest.mark.parametrize("delete", DELETE_VIDEO)
def test_a_deleted_video_takes_its_audience_along_and_leaves_its_recreations(
    database: PipelinedConnection, delete: str
) -> None:
    people = make_people(database, 4)
    gone, stays = make_videos(database, [people[0], people[0]])
    copy = recreation(database, gone, people[1])
    query(database, REACT_TO_ALL, [gone, stays, copy], people)
    query(database, VIEW_ALL, [gone, stays], people)
    query(database, delete, gone)
    assert violations(database) == []
    rows = query(database, "SELECT id, source_video_id, likes_count + dislikes_count FROM videos ORDER BY id")
    assert rows == sorted([(stays, None, 4), (copy, None, 4)])
    assert totals(database)[5] == 2
    assert query(database, "SELECT count(*) FROM video_views") == [4]


def test_a_deleted_profile_takes_its_videos_and_reactions_and_leaves_what_others_made(
    database: PipelinedConnection,
) -> None:
    people = make_people(database, 4)
    gone, theirs = make_videos(database, people[:2])
    copy = recreation(database, gone, people[2])
    query(database, REACT_TO_ALL, [gone, theirs, copy], people)
    query(database, VIEW_ALL, [gone, theirs], people)
    query(database, "DELETE FROM profiles WHERE id = CAST($1 AS uuid)", people[0])
    assert violations(database) == []
    rows = query(
        database, "SELECT id, source_video_id, likes_count + dislikes_count, views_count FROM videos ORDER BY id"
    )
    # Their likes go with them; that they looked stays counted, without their name.
    assert rows == sorted([(theirs, None, 3, 4), (copy, None, 3, 0)])
    assert query(database, "SELECT count(*) FROM video_views WHERE user_id IS NULL") == [1]


def test_bulk_deletes_leave_everything_consistent(database: PipelinedConnection) -> None:
    people = make_people(database, 6)
    videos = make_videos(database, people * 2)
    query(database, REACT_TO_ALL, videos, people)
    query(database, VIEW_ALL, videos, people)
    query(database, "DELETE FROM videos WHERE id = ANY(CAST($1 AS uuid[]))", videos[:5])
    assert violations(database) == []
    query(database, "DELETE FROM profiles WHERE id = ANY(CAST($1 AS uuid[]))", people[:3])
    assert violations(database) == []
    assert query(database, "SELECT count(*) FROM creator_stats") == [3]
