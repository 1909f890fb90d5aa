"""Rows put straight into the database, for tests of what comes after them."""

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime
from typing import Any
from uuid import UUID, uuid4

from shared.config import settings
from shared.db.pool import connect
from shared.db.query import fetch_rows
from tests.api import Person


def run(sql: str, **values: Any) -> list[Any]:
    """Run one statement and return its rows; those of a statement with one column as plain values."""
    rows = fetch_rows(sql, **values)
    return [row[0] if len(row) == 1 else row for row in rows]


@contextmanager
def transaction() -> Iterator[Any]:
    """Open a connection of its own with a transaction that is rolled back unless the test commits it."""
    connection = connect(settings())
    connection.autocommit = False
    try:
        yield connection
    finally:
        connection.rollback()
        connection.close()


def make_profile(person: Person) -> UUID:
    """Make a person's profile as their first sight does; return their id."""
    run(
        "SELECT logic.ensure_profile(CAST(:id AS uuid), CAST(:email AS text), CAST(:name AS text))",
        id=person.id,
        email=person.email,
        name=person.name,
    )
    return person.id


def make_video(
    owner: Person, *, status: str = "completed", prompt: str = "a red kite", created_at: datetime | None = None
) -> UUID:
    """Make a video, with its file when it is completed and its job when it is not; return its id."""
    make_profile(owner)
    video_id = uuid4()
    run(
        """
        INSERT INTO videos
            (id, user_id, prompt, status, video_url, thumbnail_url, published_at, created_at, duration_seconds)
        SELECT CAST(:id AS uuid), CAST(:owner AS uuid), CAST(:prompt AS text), CAST(:status AS video_status),
            CASE WHEN is_done THEN '/media/videos/' || :id || '.mp4' ELSE '' END,
            CASE WHEN is_done THEN '/media/thumbnails/' || :id || '.jpg' END,
            CASE WHEN is_done THEN moment END, moment, CASE WHEN is_done THEN 8 END
        FROM (SELECT CAST(:status AS text) = 'completed' AS is_done,
            coalesce(CAST(:created_at AS timestamptz), clock_timestamp()) AS moment) AS given
        """,
        id=str(video_id),
        owner=owner.id,
        prompt=prompt,
        status=status,
        created_at=created_at,
    )
    (_make_asset if status == "completed" else _make_job)(video_id, status)
    return video_id


def _make_asset(video_id: UUID, _status: str) -> None:
    run(
        """
        INSERT INTO video_assets (video_id, asset_type, storage_backend, storage_key, file_path, public_url, source_url,
            duration_seconds, content_type, size_bytes, sha256)
        VALUES (CAST(:id AS uuid), 'video', 'local', 'videos/' || :name || '.mp4', 'media/videos/' || :name || '.mp4',
            '/media/videos/' || :name || '.mp4', 'https://storage.googleapis.com/clip', 8, 'video/mp4', 10, 'abc')
        """,
        id=video_id,
        name=str(video_id),
    )


def _make_job(video_id: UUID, status: str) -> None:
    job_status = {"pending": "queued", "processing": "running", "failed": "failed"}[status]
    run(
        """
        INSERT INTO video_jobs (video_id, prompt, status, deadline_at, failure_code, failure_reason, failure_retryable,
            failure_blames_prompt)
        SELECT id, prompt, CAST(:status AS job_status), now() + interval '2 hours', code, reason, retryable, false
        FROM videos, (SELECT CASE WHEN CAST(:status AS text) = 'failed' THEN 'timed_out' END AS code,
            CASE WHEN CAST(:status AS text) = 'failed' THEN 'It took too long.' END AS reason,
            CASE WHEN CAST(:status AS text) = 'failed' THEN true END AS retryable) AS failure
        WHERE id = CAST(:id AS uuid)
        """,
        id=video_id,
        status=job_status,
    )
