"""The database restarts, the storage refuses, in the middle of a job: the same process goes on where it was."""

import os
import shutil
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from database.migrate import migrate
from local.postgres import start_postgres
from shared.config import Settings, settings
from shared.pipeline import job
from tests.shared.pipeline.conftest import Interceptor
from tests.shared.pipeline.line import Line

PROJECT = Path(__file__).parents[3]
OUTAGE_SECONDS = 0.5


class Database:
    """A server that nobody else uses, so that it can be restarted."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._server = start_postgres(folder)
        self.url = self._server.url("postgres")
        migrate(Settings(database_url=self.url), lambda _line: None)

    def stop(self) -> None:
        self._server.stop()

    def start(self) -> None:
        self._server = start_postgres(self._folder)
        assert self._server.url("postgres") == self.url

    def restart(self) -> threading.Timer:
        """Stop at once, and start a moment later."""
        self.stop()
        start = threading.Timer(OUTAGE_SECONDS, self.start)
        start.start()
        return start


@pytest.fixture(scope="module")
def own_server() -> Iterator[Database]:
    # Inside the project: as root the server runs as another user, for whom the parent folders are opened.
    folder = PROJECT / ".state" / f"test-restart-{os.getpid()}"
    database = Database(folder)
    yield database
    database.stop()
    shutil.rmtree(folder)


@pytest.fixture
def database(own_server: Database, line: Line, configure: Callable[..., None]) -> Database:
    configure(DATABASE_URL=own_server.url)
    return own_server


@contextmanager
def once_at(interceptor: Interceptor, part_of_path: str, happens: Callable[[], threading.Timer]) -> Iterator[None]:
    """Let something happen when the twin has answered the first request to such a path."""
    timers: list[threading.Timer] = []

    def after(path: str) -> None:
        if part_of_path in path:
            interceptor.calm()
            timers.append(happens())

    interceptor.after = after
    yield
    timers[0].join()


@pytest.mark.parametrize("moment", ["GenerateVideoText", "VideoGenerationStatus", "/files/video/"])
def test_a_database_that_restarts_is_waited_for(
    line: Line, interceptor: Interceptor, database: Database, moment: str
) -> None:
    """Also right after the provider took the order: that it was bought is the last thing to be forgotten."""
    line.twin.control("/settings", {"secondsPerClip": 0.3})
    order = line.order()
    with once_at(interceptor, moment, database.restart):
        assert line.deliver(order) == 200
    assert line.video(order)["status"] == "completed"
    assert line.bought(order) == 1
    assert line.events(order).count("claimed") == 1, "one delivery was enough"


def test_a_purchase_is_written_down_after_an_outage_that_is_longer_than_the_usual_patience(
    line: Line, interceptor: Interceptor, database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(job, "_PATIENCE_SECONDS", 0.1)
    order = line.order()
    with once_at(interceptor, "GenerateVideoText", database.restart):
        assert line.deliver(order) == 200
    assert line.bought(order) == 1
    assert line.events(order).count("claimed") == 1


def test_a_database_that_is_down_refuses_the_task_and_recovers(line: Line, database: Database) -> None:
    order = line.order()
    start = database.restart()
    assert line.deliver(order) == 503
    start.join()
    assert line.deliver(order) == 200
    assert line.bought(order) == 1


def test_a_sweep_without_a_database_is_refused(line: Line, database: Database) -> None:
    order = line.order()
    start = database.restart()
    answer = line.api.post("/tasks/sweep", {}, signed=False)
    assert (answer.status_code, answer.json["error"]) == (503, "database_unavailable")
    start.join()
    assert line.sweep()["timedOut"] == 0
    assert line.deliver(order) == 200


def refuse_to_store(root: Path) -> None:
    """Put a file where a folder should be: that refuses root, too."""
    if not (root / "incoming").exists():
        root.mkdir(exist_ok=True)
        (root / "incoming").touch()


def test_a_storage_that_refuses_in_the_middle_is_tried_again(line: Line, interceptor: Interceptor) -> None:
    order, root = line.order(), Path(settings().media_root)

    def refuse(path: str) -> None:
        if path.startswith("/files/video/"):
            refuse_to_store(root)

    interceptor.after = refuse
    assert line.deliver(order) == 503
    job = line.job(order)
    assert (job["status"], job["attempts"]) == ("queued", 0), "the clip waits at the provider: this costs no attempt"
    assert 0 < line.video(order)["progress"] < 100
    line.set(order, "available_at = now()")
    assert line.deliver(order) == 503

    interceptor.calm()
    (root / "incoming").unlink()
    line.set(order, "available_at = now()")
    assert line.deliver(order) == 200
    assert line.video(order)["status"] == "completed"
    assert line.bought(order) == 1


def test_a_storage_that_never_comes_back_ends_with_the_deadline(line: Line) -> None:
    refuse_to_store(Path(settings().media_root))
    order = line.order()
    line.deliver_until_over(order)
    failure = line.video(order)["failure"]
    assert (failure["code"], failure["retryable"]) == ("storage_failed", True)
