"""The local queue, its dispatcher and its scheduler: what a laptop has in place of Cloud Tasks and Cloud Scheduler."""

import time
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from uuid import uuid4

import pytest

from local.dispatcher import Dispatcher
from local.scheduler import Scheduler
from shared.queue.local import LocalQueue
from shared.queue.task_queue import task_name
from tests.local.flow_twin.twin_server import serving
from tests.shared.queue.test_cloud_tasks import Worker


@pytest.fixture
def worker() -> Iterator[Worker]:
    worker = Worker()
    with serving(worker) as server:
        worker.url = f"http://127.0.0.1:{server.port}"
        yield worker


@pytest.fixture
def tasks(tmp_path: Path) -> LocalQueue:
    return LocalQueue(tmp_path / "queue.sqlite3")


def test_the_dispatcher_speaks_as_cloud_tasks_does(tasks: LocalQueue, worker: Worker) -> None:
    job_id = uuid4()
    assert tasks.enqueue_job(job_id, 0)
    dispatcher = Dispatcher(tasks, worker.url)
    assert dispatcher.dispatch_next()
    delivery = worker.next()
    assert (delivery.method, delivery.path, delivery.body) == ("POST", "/tasks/generate", {"jobId": str(job_id)})
    assert delivery.headers["HTTP_X_CLOUDTASKS_TASKNAME"] == task_name(job_id, 0)
    assert not dispatcher.dispatch_next(), "it was answered with 200"


def test_a_name_stays_taken(tasks: LocalQueue, worker: Worker) -> None:
    job_id = uuid4()
    assert [tasks.enqueue_job(job_id, 0) for _ in range(2)] == [True, False]
    assert Dispatcher(tasks, worker.url).dispatch_next()
    assert not tasks.enqueue_job(job_id, 0)
    assert tasks.enqueue_job(job_id, 1)


def test_what_was_not_answered_comes_again_later_also_after_a_restart(
    tasks: LocalQueue, worker: Worker, monkeypatch: pytest.MonkeyPatch
) -> None:
    worker.statuses = ["503 Service Unavailable"]
    tasks.enqueue_job(uuid4(), 0)
    dispatcher = Dispatcher(tasks, worker.url)
    assert dispatcher.dispatch_next()
    assert not dispatcher.dispatch_next(), "not at once"
    later = time.time() + 2
    monkeypatch.setattr(time, "time", lambda: later)
    assert Dispatcher(tasks, worker.url).dispatch_next()
    assert [worker.next().headers["HTTP_X_CLOUDTASKS_TASKRETRYCOUNT"] for _ in range(2)] == ["0", "1"]


def test_a_task_that_is_refused_for_days_comes_again_all_the_same(tasks: LocalQueue, worker: Worker) -> None:
    worker.statuses = ["503 Service Unavailable"]
    tasks.enqueue_job(uuid4(), 0)
    with closing(tasks.connect()) as connection:
        connection.execute("UPDATE tasks SET dispatches = 5000")
        connection.commit()
        assert Dispatcher(tasks, worker.url).dispatch_next()
        assert connection.execute("SELECT dispatches FROM tasks").fetchall() == [(5001,)]


def test_a_worker_that_is_not_there_loses_nothing(tasks: LocalQueue) -> None:
    tasks.enqueue_job(uuid4(), 0)
    assert Dispatcher(tasks, "http://127.0.0.1:1").dispatch_next()
    with tasks.connect() as connection:
        assert connection.execute("SELECT dispatches, finished_at FROM tasks").fetchall() == [(1, None)]
    connection.close()


def test_a_delay_lets_others_go_first(tasks: LocalQueue, worker: Worker) -> None:
    later, now = uuid4(), uuid4()
    tasks.enqueue_job(later, 0, delay_seconds=60)
    tasks.enqueue_job(now, 0)
    dispatcher = Dispatcher(tasks, worker.url)
    assert [dispatcher.dispatch_next(), dispatcher.dispatch_next()] == [True, False]
    assert worker.next().body["jobId"] == str(now)


def test_the_scheduler_calls_each_path_at_its_interval(worker: Worker) -> None:
    scheduler = Scheduler(worker.url)
    for second in range(0, 301, 10):
        scheduler.call_due(float(second))
    called = []
    while not worker.is_idle():
        called.append(worker.next().path)
    assert called.count("/tasks/sweep") == 6
    assert called.count("/tasks/leaderboard") == 2


def test_the_scheduler_comes_back_soon_to_a_service_that_is_not_there_yet(worker: Worker) -> None:
    worker.statuses = ["503 Service Unavailable"]
    scheduler = Scheduler(worker.url)
    for second in (0.0, 1.0, 2.0, 3.0):
        scheduler.call_due(second)
    called = [worker.next().path for _ in range(3)]
    assert called == ["/tasks/sweep", "/tasks/leaderboard", "/tasks/sweep"]
    assert worker.is_idle()
