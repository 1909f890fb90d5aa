"""Google Cloud Tasks: the queue of the deployed service (max_concurrent_dispatches = 1)."""

import datetime as dt
import json
from typing import Any
from uuid import UUID

from shared.config import ConfigurationError, Settings
from shared.queue.task_queue import DISPATCH_DEADLINE_SECONDS, WORKER_PATH, task_name

_CALL_TIMEOUT_SECONDS = 5


class CloudTasksQueue:
    """Named HTTP tasks with an OIDC token of the invoking service account."""

    def __init__(self, settings: Settings) -> None:
        if settings.cloud_tasks_queue is None:
            raise ConfigurationError("CLOUD_TASKS_QUEUE (projects/…/locations/…/queues/…) is not set")
        self._parent = settings.cloud_tasks_queue
        self._worker_url = settings.worker_url
        self._service_account = settings.task_service_account
        self._client = _client(settings.cloud_tasks_emulator)

    def enqueue_job(self, job_id: UUID, attempt: int, delay_seconds: float = 0) -> bool:
        """Enqueue as TaskQueue promises. Raises google.api_core.exceptions.GoogleAPICallError."""
        from google.api_core.exceptions import AlreadyExists  # noqa: PLC0415 - came with the client

        task = self._task(job_id, attempt, delay_seconds)
        try:
            self._client.create_task(parent=self._parent, task=task, timeout=_CALL_TIMEOUT_SECONDS)
        except AlreadyExists:
            return False
        return True

    def _task(self, job_id: UUID, attempt: int, delay_seconds: float) -> dict[str, Any]:
        request: dict[str, Any] = {
            "http_method": "POST",
            "url": f"{self._worker_url}{WORKER_PATH}",
            "headers": {"Content-Type": "application/json"},
            "body": json.dumps({"jobId": str(job_id)}).encode(),
        }
        if self._service_account:
            # Without a path: Cloud Run compares the audience with its own URL.
            request["oidc_token"] = {
                "service_account_email": self._service_account,
                "audience": self._worker_url,
            }
        task: dict[str, Any] = {
            "name": f"{self._parent}/tasks/{task_name(job_id, attempt)}",
            "http_request": request,
            "dispatch_deadline": dt.timedelta(seconds=DISPATCH_DEADLINE_SECONDS),
        }
        if delay_seconds:
            task["schedule_time"] = dt.datetime.now(dt.UTC) + dt.timedelta(seconds=delay_seconds)
        return task


def _client(emulator: str | None) -> Any:
    from google.cloud import tasks_v2  # noqa: PLC0415 - gRPC takes a third of a second

    if emulator is None:
        return tasks_v2.CloudTasksClient()
    import grpc  # noqa: PLC0415 - for the emulator only
    from google.cloud.tasks_v2.services.cloud_tasks.transports import CloudTasksGrpcTransport  # noqa: PLC0415

    return tasks_v2.CloudTasksClient(transport=CloudTasksGrpcTransport(channel=grpc.insecure_channel(emulator)))
