"""The real client against a Cloud Tasks emulator that delivers to a real HTTP server."""

import json
import queue
from collections.abc import Callable, Iterable, Iterator
from typing import Any, NamedTuple
from uuid import UUID, uuid4
from wsgiref.types import StartResponse, WSGIEnvironment

import pytest
from google.api_core.exceptions import GoogleAPICallError

from shared.config import ConfigurationError, Settings
from shared.queue.cloud_tasks import CloudTasksQueue
from shared.queue.task_queue import DISPATCH_DEADLINE_SECONDS, task_name
from tests.local.flow_twin.twin_server import serving
from tests.shared.queue.emulated import QUEUE, emulated_queue

ACCOUNT = "caller@instaveo.iam.gserviceaccount.com"
PATIENCE_SECONDS = 30.0


class Delivery(NamedTuple):
    method: str
    path: str
    headers: dict[str, str]
    body: Any


class Worker:
    """Takes deliveries and answers them with the given statuses, then 200."""

    def __init__(self) -> None:
        self.statuses: list[str] = []
        self.url = ""
        self._deliveries: queue.Queue[Delivery] = queue.Queue()

    def __call__(self, environment: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        headers = {name: str(environment[name]) for name in environment if name.startswith(("HTTP_", "CONTENT_"))}
        body = environment["wsgi.input"].read(int(environment["CONTENT_LENGTH"]))
        delivery = Delivery(environment["REQUEST_METHOD"], environment["PATH_INFO"], headers, json.loads(body))
        self._deliveries.put(delivery)
        start_response(self.statuses.pop(0) if self.statuses else "200 OK", [])
        return []

    def next(self) -> Delivery:
        return self._deliveries.get(timeout=PATIENCE_SECONDS)

    def is_idle(self) -> bool:
        return self._deliveries.empty()


@pytest.fixture(scope="module")
def emulator() -> Iterator[str]:
    with emulated_queue() as address:
        yield address


@pytest.fixture
def worker() -> Iterator[Worker]:
    worker = Worker()
    with serving(worker) as server:
        worker.url = f"http://127.0.0.1:{server.port}"
        yield worker


@pytest.fixture
def tasks(emulator: str, worker: Worker) -> CloudTasksQueue:
    return CloudTasksQueue(
        Settings(
            cloud_tasks_queue=QUEUE,
            cloud_tasks_emulator=emulator,
            worker_url=worker.url,
            task_service_account=ACCOUNT,
        )
    )


def waiting(tasks: CloudTasksQueue, job_id: UUID) -> Any:
    """Return the job's task as the queue has it."""
    (task,) = [each for each in tasks._client.list_tasks(parent=QUEUE) if job_id.hex in each.name]
    return task


def test_a_job_arrives_at_the_worker(tasks: CloudTasksQueue, worker: Worker) -> None:
    job_id = uuid4()
    assert tasks.enqueue_job(job_id, 0)
    delivery = worker.next()
    assert (delivery.method, delivery.path, delivery.body) == ("POST", "/tasks/generate", {"jobId": str(job_id)})
    assert delivery.headers["CONTENT_TYPE"] == "application/json"
    assert delivery.headers["HTTP_X_CLOUDTASKS_TASKNAME"] == task_name(job_id, 0)


def test_a_name_is_taken_once_and_a_new_attempt_is_a_new_name(tasks: CloudTasksQueue, worker: Worker) -> None:
    job_id, last = uuid4(), uuid4()
    assert [tasks.enqueue_job(job_id, 0) for _ in range(3)] == [True, False, False]
    assert tasks.enqueue_job(job_id, 1)
    assert tasks.enqueue_job(last, 0)
    arrived = [worker.next().headers["HTTP_X_CLOUDTASKS_TASKNAME"] for _ in range(3)]
    assert arrived == [task_name(job_id, 0), task_name(job_id, 1), task_name(last, 0)]
    assert not tasks.enqueue_job(job_id, 0), "also when the task is gone"


def test_a_503_brings_the_task_again(tasks: CloudTasksQueue, worker: Worker) -> None:
    worker.statuses = ["503 Service Unavailable", "503 Service Unavailable"]
    job_id = uuid4()
    tasks.enqueue_job(job_id, 0)
    deliveries = [worker.next() for _ in range(3)]
    assert [each.headers["HTTP_X_CLOUDTASKS_TASKRETRYCOUNT"] for each in deliveries] == ["0", "1", "2"]
    assert [each.body for each in deliveries] == [{"jobId": str(job_id)}] * 3
    assert worker.is_idle()


def test_a_delay_lets_others_go_first(tasks: CloudTasksQueue, worker: Worker) -> None:
    later, now = uuid4(), uuid4()
    tasks.enqueue_job(later, 0, delay_seconds=1)
    tasks.enqueue_job(now, 0)
    assert [worker.next().body["jobId"] for _ in range(2)] == [str(now), str(later)]


def test_a_task_carries_its_callers_account_and_the_longest_deadline(tasks: CloudTasksQueue, worker: Worker) -> None:
    job_id = uuid4()
    tasks.enqueue_job(job_id, 0, delay_seconds=3600)
    task = waiting(tasks, job_id)
    token = task.http_request.oidc_token
    # Cloud Run and the function compare the audience with the host they are called by: no path in it.
    assert (token.service_account_email, token.audience) == (ACCOUNT, worker.url)
    assert task.dispatch_deadline.total_seconds() == DISPATCH_DEADLINE_SECONDS
    assert task.name.startswith(f"{QUEUE}/tasks/{job_id.hex}")


def test_a_queue_that_cannot_be_reached_says_so() -> None:
    nowhere = CloudTasksQueue(Settings(cloud_tasks_queue=QUEUE, cloud_tasks_emulator="127.0.0.1:1"))
    with pytest.raises(GoogleAPICallError):
        nowhere.enqueue_job(uuid4(), 0)


def test_a_queue_without_a_name_is_refused(configure: Callable[..., None]) -> None:
    with pytest.raises(ConfigurationError, match="CLOUD_TASKS_QUEUE"):
        CloudTasksQueue(Settings())
