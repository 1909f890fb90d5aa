"""The queue of jobs: what hands a job to the worker, over HTTP, one at a time, until it answers 2xx."""

from typing import Protocol
from uuid import UUID

WORKER_PATH = "/tasks/generate"
# Cloud Tasks stops listening after this long and tries again; 30 minutes is the most it grants.
DISPATCH_DEADLINE_SECONDS = 1800


class TaskQueue(Protocol):
    """Where a job is enqueued. `cloud_tasks` and `local` keep this promise."""

    def enqueue_job(self, job_id: UUID, attempt: int, delay_seconds: float = 0) -> bool:
        """Enqueue the job under the name of job and attempt; return False when that name was enqueued before.

        Never call it inside a transaction: a task must not speak of a row that is not there yet. Raises the
        backend's own error when the queue cannot be reached.
        """


def task_name(job_id: UUID, attempt: int) -> str:
    """Return the task's name. It begins with the random job id: names with a common beginning are slow to create."""
    return f"{job_id.hex}-{attempt}"
