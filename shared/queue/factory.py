"""The one place that chooses a queue."""

from functools import lru_cache
from pathlib import Path

from shared.config import ConfigurationError, settings
from shared.queue.task_queue import TaskQueue


@lru_cache(maxsize=1)
def task_queue() -> TaskQueue:
    """Return this process's queue: `TASK_QUEUE_BACKEND`'s. Imports only what that one needs.

    Raises ConfigurationError for the laptop's queue in the cloud, where its file goes with the instance.
    """
    current = settings()
    if current.task_queue_backend == "cloud_tasks":
        from shared.queue.cloud_tasks import CloudTasksQueue  # noqa: PLC0415 - gRPC takes a third of a second

        return CloudTasksQueue(current)
    if current.in_cloud:
        raise ConfigurationError("TASK_QUEUE_BACKEND must be cloud_tasks in the cloud")
    from shared.queue.local import LocalQueue  # noqa: PLC0415 - sqlite3, on a laptop only

    return LocalQueue(Path(current.local_queue_path))
