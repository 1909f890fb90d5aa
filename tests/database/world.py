"""What the tests of the data share: statements on bare connections, and small populations."""

import json
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any
from uuid import UUID, uuid4

from database.invariants import FIRST_ID, LAST_ID
from shared.config import Settings, settings
from shared.db.pipelined import PipelinedConnection
from shared.db.pool import connect

VIOLATIONS = f"SELECT rule, id, found FROM logic.violations('{FIRST_ID}', '{LAST_ID}')"


@contextmanager
def connected(url: str | None = None) -> Iterator[PipelinedConnection]:
    """Open a connection in autocommit to the database at `url`, by default the configured one."""
    connection = connect(Settings(database_url=url) if url else settings())
    # These tests are about what is written, and not about waiting for a disk.
    connection.execute_unnamed("SET synchronous_commit = off")
    try:
        yield connection
    finally:
        connection.close()


def query(connection: PipelinedConnection, sql: str, *values: Any) -> list[Any]:
    """Run one statement with `$1`-style parameters; rows with one column come as plain values. Nothing is retried."""
    rows = connection.execute_unnamed(sql, values).rows or []
    return [row[0] if len(row) == 1 else tuple(row) for row in rows]


def violations(connection: PipelinedConnection) -> list[Any]:
    """Return every row that breaks a rule of `database/invariants.sql`."""
    return query(connection, VIOLATIONS)


def make_people(connection: PipelinedConnection, count: int) -> list[UUID]:
    """Make profiles in one statement; return their ids."""
    return query(
        connection,
        """
        INSERT INTO profiles (id, username, email)
        SELECT id, 'p' || left(replace(id::text, '-', ''), 20), '' FROM (
            SELECT gen_random_uuid() AS id FROM generate_series(1, CAST($1 AS integer))) AS made
        RETURNING id
        """,
        count,
    )


def make_videos(connection: PipelinedConnection, owners: list[UUID], *, seconds_apart: float = 60) -> list[UUID]:
    """Make a finished video with its file for each owner named, the first the newest; return their ids so."""
    ids = [uuid4() for _ in owners]
    query(
        connection,
        """
        INSERT INTO videos (id, user_id, prompt, status, video_url, published_at, created_at)
        SELECT id, owner, 'a kite', 'completed', '/media/' || id, moment, moment
        FROM (SELECT id, owner, now() - make_interval(secs => CAST($3 AS double precision) * number) AS moment
            FROM unnest(CAST($1 AS uuid[]), CAST($2 AS uuid[])) WITH ORDINALITY AS given (id, owner, number)) AS made
        """,
        ids,
        owners,
        seconds_apart,
    )
    query(
        connection,
        """
        INSERT INTO video_assets (video_id, asset_type, storage_backend, storage_key, file_path, public_url,
            content_type, size_bytes, sha256)
        SELECT id, 'video', 'local', id::text, id::text, '/media/' || id, 'video/mp4', 10, 'abc'
        FROM unnest(CAST($1 AS uuid[])) AS id
        """,
        ids,
    )
    return ids


def assets_of(video_id: UUID) -> str:
    """Return the JSON that finishing a video takes."""
    asset: dict[str, Any] = {"storage_backend": "local", "storage_key": f"{video_id}", "file_path": f"media/{video_id}"}
    asset |= {"content_type": "video/mp4", "size_bytes": 10, "sha256": "abc", "public_url": f"/media/{video_id}"}
    return json.dumps([{**asset, "asset_type": kind} for kind in ("video", "thumbnail")])


def react(connection: PipelinedConnection, person: UUID, video: UUID, reaction: str | None) -> str | None:
    """React as the API does; return the code of the rule that stopped it, or None."""
    error: str | None = query(
        connection,
        "SELECT error FROM logic.react(CAST($1 AS uuid), '', 'somebody', CAST($2 AS uuid), CAST($3 AS reaction_kind))",
        person,
        video,
        reaction,
    )[0]
    return error


def create(connection: PipelinedConnection, person: UUID, source: UUID | None = None) -> UUID | None:
    """Create or recreate a video as the API does, without a cooldown; return its id, None when a rule stopped it."""
    body = query(
        connection,
        "SELECT body FROM logic.create_video(CAST($1 AS uuid), '', 'somebody', 'a kite', CAST($2 AS uuid), "
        "NULL, NULL, 0, 1000, 7200)",
        person,
        source,
    )[0]
    return UUID(json.loads(body)["id"]) if body else None


def end_job(connection: PipelinedConnection, video: UUID, *, succeeds: bool) -> bool:
    """Claim the job of a waiting video and finish or fail it, as a worker does; return whether it could be claimed."""
    jobs = query(connection, "SELECT id FROM video_jobs WHERE video_id = CAST($1 AS uuid)", video)
    if not jobs:
        return False
    claim = "SELECT outcome, fence FROM logic.claim_job(CAST($1 AS uuid), 60, NULL)"
    [(outcome, fence)] = query(connection, claim, jobs[0])
    if outcome != "claimed":
        return False
    if succeeds:
        finish = "SELECT logic.finish_job(CAST($1 AS uuid), CAST($2 AS bigint), 8, CAST($3 AS jsonb))"
        [done] = query(connection, finish, jobs[0], fence, assets_of(video))
    else:
        fail = "SELECT logic.fail_job(CAST($1 AS uuid), CAST($2 AS bigint), 'timed_out', 'Too long.', true, false)"
        [done] = query(connection, fail, jobs[0], fence)
    return bool(done)
