"""A job as one worker holds it: claimed under a lease, written to under a fencing token.

The fence is a number that grows with every claim. A worker that lost its lease without knowing still holds the old
one, and none of its writes finds a row (https://martin.kleppmann.com/2016/02/08/how-to-do-distributed-locking.html).
"""

import time
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from pg8000.exceptions import DatabaseError

from shared.db.query import fetch_row
from shared.errors import ApiError
from shared.log import log

# A database that restarts is back within this time.
_PATIENCE_SECONDS = 45.0

CLAIM = """
SELECT * FROM logic.claim_job(CAST(:job_id AS uuid), CAST(:lease_seconds AS double precision),
    CAST(:poll_seconds AS double precision))
"""
SUBMITTING = """
SELECT logic.job_submitting(CAST(:job_id AS uuid), CAST(:fence AS bigint), CAST(:provider AS text),
    CAST(:lease_seconds AS double precision))
"""
SUBMITTED = """
SELECT logic.job_submitted(CAST(:job_id AS uuid), CAST(:fence AS bigint), CAST(:operation_name AS text),
    CAST(:lease_seconds AS double precision))
"""
PROGRESSED = """
SELECT logic.job_progressed(CAST(:job_id AS uuid), CAST(:fence AS bigint), CAST(:provider_status AS text),
    CAST(:progress AS integer), CAST(:is_poll AS boolean), CAST(:lease_seconds AS double precision))
"""
STORED = """
SELECT logic.job_stored(CAST(:job_id AS uuid), CAST(:fence AS bigint), CAST(:size_bytes AS bigint),
    CAST(:sha256 AS text), CAST(:lease_seconds AS double precision))
"""
RELEASE = """
SELECT logic.release_job(CAST(:job_id AS uuid), CAST(:fence AS bigint), CAST(:delay_seconds AS double precision),
    CAST(:code AS text), CAST(:failed AS boolean), CAST(:forget_operation AS boolean))
"""
FAIL = """
SELECT logic.fail_job(CAST(:job_id AS uuid), CAST(:fence AS bigint), CAST(:code AS text), CAST(:message AS text),
    CAST(:retryable AS boolean), CAST(:blames_prompt AS boolean))
"""
FINISH = """
SELECT logic.finish_job(CAST(:job_id AS uuid), CAST(:fence AS bigint), CAST(:duration_seconds AS double precision),
    CAST(:assets AS jsonb))
"""


class LeaseLostError(Exception):
    """Another worker holds the job now: stop, and touch nothing more."""


@dataclass(frozen=True)
class Job:
    """A claimed job. `provider` sold it the operation, if it has one.

    `attempts` are the failed ones since a clip was bought, `submissions` all those to the provider; `failure_code` says
    how the last attempt failed.

    `deadline` is a moment of `time.monotonic()`; `lease_seconds` is how long each sign of life lasts.
    """

    id: UUID
    deadline: float
    lease_seconds: float
    fence: int
    video_id: UUID
    prompt: str
    scene_id: UUID
    provider: str | None
    operation_name: str | None
    provider_status: str | None
    failure_code: str | None
    attempts: int
    submissions: int
    polls: int

    @property
    def seconds_left(self) -> float:
        """The time until the person was promised an answer."""
        return self.deadline - time.monotonic()

    @property
    def is_overdue(self) -> bool:
        """Whether the person was promised an answer by now."""
        return self.seconds_left < 0

    def write(self, sql: str, event: str | None, *, patience_seconds: float = 0.0, **values: Any) -> None:
        """Run one of this module's statements under the fence and log `event`, if it is one. Raises LeaseLostError.

        A lease is renewed for `lease_seconds` unless `values` say for how long. A database that cannot be reached is
        waited for, up to `patience_seconds` when that is longer than usual; after that raises ApiError
        `database_unavailable`. A statement that it refuses is repeated too, for the usual time; after that raises
        pg8000's DatabaseError.
        """
        values = {"lease_seconds": self.lease_seconds, **values}
        row = _patiently(sql, patience_seconds, job_id=self.id, fence=self.fence, **values)
        if row is None or row[0] is not True:
            raise LeaseLostError(f"job {self.id}, fence {self.fence}")
        if event is not None:
            self.log(event, **_loggable(values))

    def log(self, event: str, severity: str = "INFO", **fields: Any) -> None:
        """Write one structured line about this job."""
        log(event, severity, jobId=self.id, videoId=self.video_id, fence=self.fence, attempts=self.attempts, **fields)


def claim(job_id: UUID, lease_seconds: float, poll_seconds: float | None = None) -> Job | str:
    """Take the job for `lease_seconds`, or return why not: `done`, `busy` or `later`.

    With `poll_seconds` only for a look at the provider, which nobody must have had so recently; this leaves no trace.
    """
    row = fetch_row(CLAIM, job_id=job_id, lease_seconds=lease_seconds, poll_seconds=poll_seconds)
    if row is None:
        raise TypeError("logic.claim_job returned no row")
    outcome, *columns, seconds_to_deadline = row
    if outcome != "claimed":
        return str(outcome)
    deadline = time.monotonic() + seconds_to_deadline
    job = Job(job_id, deadline, lease_seconds, *columns)
    if poll_seconds is None:
        job.log("job_claimed")
    return job


def _loggable(values: dict[str, Any]) -> dict[str, Any]:
    # `message` is the name of the event in a line, which the dashboard counts by.
    hidden = ("assets", "lease_seconds", "message")
    return {name: value for name, value in values.items() if name not in hidden}


def _patiently(sql: str, patience_seconds: float, **values: Any) -> list[Any] | None:
    """Run a statement that may be repeated, again and again while the database is away or refuses it, for a while."""
    started, pause_seconds = time.monotonic(), 0.5
    while True:
        try:
            return fetch_row(sql, read_only=True, **values)
        except (ApiError, DatabaseError) as error:
            # A database that answers lets others take the job over, so there is no use in outwaiting a refusal.
            patience = (
                _PATIENCE_SECONDS if isinstance(error, DatabaseError) else max(patience_seconds, _PATIENCE_SECONDS)
            )
            if time.monotonic() + pause_seconds > started + patience:
                raise
            time.sleep(pause_seconds)
            pause_seconds = min(pause_seconds * 2, 5)
