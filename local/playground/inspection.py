"""What the API never tells: every waiting job, the local queue's tasks, a job's trail of events."""

import json
from contextlib import closing
from pathlib import Path
from typing import Any
from uuid import UUID

from shared.config import settings
from shared.db.query import fetch_row
from shared.queue.local import LocalQueue

SHOWN_ROWS = 20

QUEUE = """
SELECT json_build_object(
    'waiting', (SELECT count(*) FROM video_jobs WHERE status = 'queued'),
    'rendering', (SELECT count(*) FROM video_jobs WHERE status = 'running'),
    'jobs', coalesce((
        SELECT json_agg(json_build_object(
            'id', job.id, 'videoId', job.video_id, 'prompt', job.prompt, 'status', job.status, 'attempts', job.attempts,
            'submissions', job.submissions, 'polls', job.polls, 'progress', job.progress,
            'providerStatus', job.provider_status, 'failureCode', job.failure_code,
            'availableAt', job.available_at, 'leaseExpiresAt', job.lease_expires_at, 'createdAt', job.created_at
        ) ORDER BY job.created_at DESC)
        FROM (SELECT * FROM video_jobs ORDER BY created_at DESC LIMIT CAST(:rows AS integer)) AS job), '[]')
)::text
"""
TRAIL = """
SELECT json_build_object(
    'jobId', job.id, 'videoId', job.video_id, 'prompt', job.prompt, 'status', job.status,
    'operationName', job.operation_name, 'sceneId', job.scene_id, 'deadlineAt', job.deadline_at,
    'events', coalesce((
        SELECT json_agg(json_build_object(
            'event', event, 'attempt', attempt, 'detail', detail, 'createdAt', created_at) ORDER BY id)
        FROM job_events WHERE job_id = job.id), '[]')
)::text
FROM video_jobs AS job WHERE job.id = CAST(:id AS uuid) OR job.video_id = CAST(:id AS uuid)
"""
TASKS = """
SELECT name, job_id AS jobId, due_at AS dueAt, created_at AS createdAt, dispatches, finished_at AS finishedAt
FROM tasks ORDER BY created_at DESC LIMIT ?
"""


def read_queue() -> dict[str, Any]:
    """Return how many jobs wait, the latest jobs, and the local queue's latest tasks (none for another queue)."""
    row = fetch_row(QUEUE, read_only=True, rows=SHOWN_ROWS)
    queue: dict[str, Any] = json.loads(row[0]) if row else {}
    return {**queue, "tasks": _tasks()}


def _tasks() -> list[dict[str, Any]]:
    current = settings()
    if current.task_queue_backend != "local":
        return []
    with closing(LocalQueue(Path(current.local_queue_path)).connect()) as connection:
        cursor = connection.execute(TASKS, (SHOWN_ROWS,))
        names = [column[0] for column in cursor.description]
        return [dict(zip(names, row, strict=True)) for row in cursor]


def read_trail(job_or_video_id: UUID) -> dict[str, Any] | None:
    """Return a job with everything that happened to it, oldest first; None when there is no such job."""
    row = fetch_row(TRAIL, read_only=True, id=job_or_video_id)
    return json.loads(row[0]) if row else None
