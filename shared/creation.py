"""Making a video, for the two routes that do: the statement, the idempotency key, and the enqueueing."""

import json
import re
from dataclasses import replace
from hashlib import sha256
from uuid import UUID

from shared.answers import Answer
from shared.call import Call
from shared.config import settings
from shared.db.write import write
from shared.errors import invalid_field
from shared.log import log_crash
from shared.queue.factory import task_queue

SQL = """
SELECT * FROM logic.create_video(
    CAST(:user_id AS uuid), CAST(:email AS text), CAST(:username AS text), CAST(:prompt AS text),
    CAST(:source_video_id AS uuid), CAST(:key AS text), CAST(:request_hash AS text),
    CAST(:cooldown_seconds AS double precision), CAST(:queue_maxsize AS integer),
    CAST(:deadline_seconds AS double precision))
"""
_KEY = re.compile(r"[\x21-\x7e]{1,255}")


def create_video(call: Call, *, prompt: str | None = None, source_video_id: UUID | None = None) -> Answer:
    """Make a video and its job in one statement, then enqueue the job; return the 201 with the new Video.

    Raises ApiError for the rule that stopped it: `cooldown`, `rate_limited`, `queue_full`, `idempotency_key_reused`,
    `video_not_found`, or `validation_failed` for an unusable Idempotency-Key.
    """
    current = settings()
    user = call.signed_in
    answer, job_id = write(
        SQL,
        status=201,
        user_id=user.id,
        email=user.email,
        username=user.username,
        prompt=prompt,
        source_video_id=source_video_id,
        key=_idempotency_key(call),
        request_hash=sha256(f"{prompt}\n{source_video_id}".encode()).hexdigest(),
        cooldown_seconds=current.video_creation_cooldown_seconds,
        queue_maxsize=current.video_queue_maxsize,
        deadline_seconds=current.video_job_deadline_seconds,
    )
    if job_id is not None:
        _enqueue(job_id)
    location = f"/videos/{json.loads(str(answer.body))['id']}"
    return replace(answer, headers={**answer.headers, "Location": location})


def _idempotency_key(call: Call) -> str | None:
    """Return the Idempotency-Key, with or without the quotes of a structured field (RFC 8941)."""
    text = call.headers.get("Idempotency-Key", "").strip()
    key = text[1:-1] if len(text) > 1 and text[0] == text[-1] == '"' else text
    if text and not _KEY.fullmatch(key):
        raise invalid_field("Idempotency-Key", "must have 1 to 255 visible ASCII characters")
    return key or None


def _enqueue(job_id: UUID) -> None:
    # The row is saved: the video is on its way whatever happens here, since the sweeper enqueues what was missed.
    try:
        task_queue().enqueue_job(job_id, attempt=0)
    except Exception as error:  # noqa: BLE001 - a queue may fail in many ways, none of them the caller's concern
        log_crash("enqueue_failed", error, jobId=job_id)
