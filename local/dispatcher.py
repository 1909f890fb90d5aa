"""Cloud Tasks on a laptop: takes the local queue's tasks one after the other and POSTs them to the worker.

The same headers, the same reading of the answer (2xx is the end, anything else is tried again), the same growing
delays as the queue that infra/terraform makes. One process, one task at a time: max_concurrent_dispatches = 1.
"""

import json
import sqlite3
import time
from contextlib import closing
from pathlib import Path

import httpx

from local.child import die_with_parent
from local.scheduler import start_scheduler
from shared.config import settings
from shared.log import log
from shared.queue.local import LocalQueue
from shared.queue.task_queue import DISPATCH_DEADLINE_SECONDS, WORKER_PATH

_IDLE_SECONDS = 0.2
_FIRST_DELAY_SECONDS, _LONGEST_DELAY_SECONDS = 1.0, 30.0
NEXT_DUE = """
SELECT name, job_id, dispatches, due_at FROM tasks
WHERE finished_at IS NULL AND due_at <= ? ORDER BY due_at, created_at LIMIT 1
"""


class Dispatcher:
    """Delivers the tasks of one queue to one worker."""

    def __init__(self, queue: LocalQueue, worker_url: str) -> None:
        self._queue = queue
        self._url = f"{worker_url}{WORKER_PATH}"
        self._client = httpx.Client(timeout=httpx.Timeout(DISPATCH_DEADLINE_SECONDS, connect=5))

    def dispatch_next(self) -> bool:
        """Deliver the task that has been due the longest; return False when none is due."""
        with closing(self._queue.connect()) as connection:
            task = connection.execute(NEXT_DUE, (time.time(),)).fetchone()
            if task is None:
                return False
            name, job_id, dispatches, due_at = task
            status = self._post(name, job_id, dispatches, due_at)
            self._record(connection, name, dispatches, status)
        return True

    def _post(self, name: str, job_id: str, dispatches: int, due_at: float) -> int | None:
        """Return the worker's status, None when it could not be reached or did not answer."""
        headers = {
            "Content-Type": "application/json",
            "User-Agent": "Google-Cloud-Tasks",
            "X-CloudTasks-QueueName": "local",
            "X-CloudTasks-TaskName": name,
            "X-CloudTasks-TaskRetryCount": str(dispatches),
            "X-CloudTasks-TaskExecutionCount": str(dispatches),
            "X-CloudTasks-TaskETA": f"{due_at:.6f}",
        }
        try:
            return self._client.post(self._url, content=json.dumps({"jobId": job_id}), headers=headers).status_code
        except httpx.HTTPError as error:
            log("dispatch_failed", "WARNING", task=name, reason=str(error))
            return None

    def _record(self, connection: sqlite3.Connection, name: str, dispatches: int, status: int | None) -> None:
        if status is not None and 200 <= status < 300:
            connection.execute("UPDATE tasks SET finished_at = ? WHERE name = ?", (time.time(), name))
            return
        # The exponent is bounded too: a task that is refused for a day would make a number that no float can hold.
        delay_seconds = min(_LONGEST_DELAY_SECONDS, _FIRST_DELAY_SECONDS * 2 ** min(dispatches, 10))
        connection.execute(
            "UPDATE tasks SET dispatches = dispatches + 1, due_at = ? WHERE name = ?",
            (time.time() + delay_seconds, name),
        )


def main() -> None:
    """Deliver tasks, and call what is scheduled, until stopped."""
    die_with_parent()
    current = settings()
    start_scheduler(current.worker_url)
    dispatcher = Dispatcher(LocalQueue(Path(current.local_queue_path)), current.worker_url)
    while True:
        if not dispatcher.dispatch_next():
            time.sleep(_IDLE_SECONDS)


if __name__ == "__main__":
    main()
