"""POST /tasks/sweep: what was lost is found, what is in somebody's hands is left alone."""

import os
import sqlite3
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from uuid import UUID, uuid4

import pytest

from shared.config import settings
from shared.media.ingest import INCOMING_PREFIX
from shared.pipeline import litter, sweep
from shared.queue.local import LocalQueue
from shared.storage.files import FileStorage
from tests.rows import run, transaction
from tests.shared.pipeline.line import Line, Order


def tasks(order: Order) -> int:
    queue = LocalQueue(Path(settings().local_queue_path))
    with queue.connect() as connection:
        count = connection.execute("SELECT count(*) FROM tasks WHERE job_id = ?", (str(order.job_id),)).fetchone()[0]
    connection.close()
    return int(count)


def waited(line: Line, order: Order, seconds: float) -> None:
    """Let the job have waited so long since it was made, enqueued and available."""
    moment = f"now() - interval '{seconds} seconds'"
    line.set(order, f"created_at = {moment}, available_at = {moment}, enqueued_at = {moment}")


def repaired(report: dict[str, int | None]) -> dict[str, int | None]:
    return {name: count for name, count in report.items() if count != 0 and name != "milliseconds"}


def test_a_sweep_of_a_healthy_service_does_nothing(line: Line) -> None:
    waiting, done = line.order(), line.order()
    assert line.deliver(done) == 200
    assert repaired(line.sweep()) == {}
    assert tasks(waiting) == 1


def test_a_lost_enqueue_is_made_good_once(line: Line) -> None:
    order = line.order()
    line.set(order, "created_at = now() - interval '61 seconds', available_at = created_at")
    waited(line, order, 61)
    assert repaired(line.sweep()) == {"enqueued": 1}
    assert repaired(line.sweep()) == {}
    assert tasks(order) == 2
    assert line.job(order)["enqueued_at"]
    waited(line, order, 61)
    assert repaired(line.sweep()) == {"enqueued": 1}
    assert tasks(order) == 3


def test_a_job_that_was_never_enqueued_is(line: Line, configure: Callable[..., None], tmp_path: Path) -> None:
    path = settings().local_queue_path
    configure(LOCAL_QUEUE_PATH=str(tmp_path))
    order = line.order()
    configure(LOCAL_QUEUE_PATH=path)
    assert tasks(order) == 0
    line.set(order, "created_at = now() - interval '61 seconds', available_at = now() - interval '61 seconds'")
    assert repaired(line.sweep()) == {"enqueued": 1}
    assert tasks(order) == 1


def test_waiting_for_another_video_is_not_being_lost(line: Line) -> None:
    order, other = line.order(), line.order()
    line.set(other, "status = 'running', lease_expires_at = now() + interval '1 minute'")
    waited(line, order, 300)
    assert repaired(line.sweep()) == {}
    waited(line, order, 601)
    assert repaired(line.sweep()) == {"enqueued": 1}


def test_a_delay_is_no_loss(line: Line) -> None:
    order = line.order()
    waited(line, order, 1000)
    line.set(order, "available_at = now() + interval '1 minute'")
    assert repaired(line.sweep()) == {}


def test_a_dead_workers_job_goes_back_to_the_line_and_is_enqueued(line: Line) -> None:
    order = line.order()
    run("SELECT logic.claim_job(CAST(:id AS uuid), 60, NULL)", id=order.job_id)
    assert repaired(line.sweep()) == {}, "its worker lives"
    waited(line, order, 130)
    line.end_lease(order)
    assert repaired(line.sweep()) == {"leasesExpired": 1, "enqueued": 1}
    job = line.job(order)
    assert (job["status"], job["attempts"], job["fence"]) == ("queued", 1, 2)
    assert line.deliver(order) == 200


def test_an_overdue_job_ends_unless_a_worker_has_it(line: Line) -> None:
    waiting, held = line.order(), line.order()
    line.set(held, "status = 'running', lease_expires_at = now() + interval '1 minute'")
    for order in (waiting, held):
        line.set(order, "deadline_at = now() - interval '1 second'")
    assert repaired(line.sweep()) == {"timedOut": 1}
    assert line.video(waiting)["failure"] == {
        "code": "timed_out",
        "message": "Creating this video took too long, so we stopped waiting. Try again.",
        "retryable": True,
    }
    assert line.job(waiting)["failure_blames_prompt"] is False
    assert line.deliver(waiting) == 200
    line.end_lease(held)
    assert repaired(line.sweep()) == {"leasesExpired": 1, "timedOut": 1}


def test_five_sweeps_at_once_do_each_thing_once(line: Line) -> None:
    lost, late, dead = line.order(), line.order(), line.order()
    line.set(dead, "status = 'running', lease_expires_at = now() - interval '1 second'")
    line.set(late, "deadline_at = now()")
    for order in (lost, dead):
        waited(line, order, 700)
    with ThreadPoolExecutor(5) as pool:
        reports = list(pool.map(lambda _: line.sweep(), range(5)))
    sums = {name: sum(report[name] for report in reports) for name in ("leasesExpired", "timedOut", "enqueued")}
    assert sums == {"leasesExpired": 1, "timedOut": 1, "enqueued": 2}


def test_a_row_that_somebody_has_locked_is_left_for_the_next_time(line: Line) -> None:
    order = line.order()
    waited(line, order, 700)
    with transaction() as other:
        other.cursor().execute("SELECT FROM video_jobs WHERE id::text = %s FOR UPDATE", (str(order.job_id),))
        assert repaired(line.sweep()) == {}
    assert repaired(line.sweep()) == {"enqueued": 1}


def test_a_queue_that_is_down_keeps_nothing_else_from_being_repaired(line: Line) -> None:
    class Down:
        def enqueue_job(self, job_id: UUID, attempt: int, delay_seconds: float = 0) -> bool:
            raise sqlite3.OperationalError(f"no queue for {job_id}-{attempt} in {delay_seconds}")

    lost, late = line.order(), line.order()
    waited(line, lost, 700)
    line.set(late, "deadline_at = now()")
    assert repaired(sweep.sweep(settings(), Down())) == {"timedOut": 1, "enqueued": None}
    waited(line, lost, 61)
    assert repaired(line.sweep()) == {"enqueued": 1}


@pytest.mark.parametrize(
    ("table", "make_old", "name"),
    [
        ("rate_limits", "full_at = now()", "rateLimitsRemoved"),
        ("idempotency_keys", "created_at = now() - interval '25 hours'", "idempotencyKeysRemoved"),
        ("job_events", "created_at = now() - interval '31 days'", "jobEventsRemoved"),
    ],
)
def test_rows_go_when_they_are_old_and_a_bounded_number_at_a_time(
    line: Line, monkeypatch: pytest.MonkeyPatch, table: str, make_old: str, name: str
) -> None:
    orders = [line.order() for _ in range(3)]
    for order in orders:
        headers = {"Idempotency-Key": "k"}
        line.api.post("/videos/create", {"prompt": "again"}, by=order.owner, headers=headers)
    line.forget_tries()
    assert repaired(line.sweep()) == {}, "they are in use"
    run(f"UPDATE {table} SET {make_old}")
    (count,) = run(f"SELECT count(*) FROM {table}")
    monkeypatch.setattr(sweep, "ROWS_MAX", 2)
    assert repaired(line.sweep()) == {name: 2}
    monkeypatch.setattr(sweep, "ROWS_MAX", 5000)
    assert repaired(line.sweep()) == {name: count - 2}


def test_looking_for_old_events_writes_nothing_to_the_young_ones_and_passes_by_locked_ones(line: Line) -> None:
    young, old = line.order(), line.order()
    run("UPDATE job_events SET created_at = now() - interval '31 days' WHERE job_id = CAST(:id AS uuid)", id=old.job_id)
    with transaction() as other:
        other.cursor().execute("SELECT FROM job_events WHERE job_id::text = %s FOR UPDATE", (str(old.job_id),))
        assert repaired(line.sweep()) == {}
    assert run("SELECT xmax::text FROM job_events WHERE job_id = CAST(:id AS uuid)", id=young.job_id) == ["0"]
    assert repaired(line.sweep()) == {"jobEventsRemoved": 1}


# Files


@pytest.fixture
def files(line: Line) -> FileStorage:
    return FileStorage(settings().media_root, "/media", b"")


def put(files: FileStorage, key: str, age_seconds: float = 25 * 3600) -> str:
    files.put(key, [b"bytes"])
    moment = time.time() - age_seconds
    os.utime(files.path(key), (moment, moment))
    return key


def test_files_that_no_row_speaks_of_go_and_all_others_stay(line: Line, files: FileStorage) -> None:
    done, open_ = line.order(), line.order()
    assert line.deliver(done) == 200
    kept = {
        put(files, f"videos/{open_.video_id}.mp4"),
        put(files, f"videos/{uuid4()}.mp4", age_seconds=3600),
        put(files, "videos/00ff-not-ours.mp4"),
        put(files, f"incoming/{uuid4()}.mp4", age_seconds=3600),
    }
    for folder, suffix in (("videos", "mp4"), ("thumbnails", "jpg")):
        key = f"{folder}/{done.video_id}.{suffix}"
        os.utime(files.path(key), (0, 0))
        kept.add(key)
    litter_keys = [
        put(files, f"videos/{uuid4()}.mp4"),
        put(files, f"thumbnails/{uuid4()}.jpg"),
        put(files, f"incoming/{uuid4()}.mp4"),
        put(files, f"veo/{uuid4()}/sample_0.mp4"),
        # The row of this video speaks of another file.
        put(files, f"videos/{done.video_id}.jpg"),
    ]
    removed = [litter.remove_litter(settings(), minute) for minute in range(litter.SLICES)]
    assert sum(removed) == len(litter_keys)
    assert set(files.list_older("", -60)) == kept


def test_a_run_removes_a_bounded_number(line: Line, files: FileStorage, monkeypatch: pytest.MonkeyPatch) -> None:
    for _ in range(5):
        put(files, f"incoming/{uuid4()}.mp4")
    monkeypatch.setattr(litter, "REMOVALS_MAX", 2)
    assert [line.sweep()["filesRemoved"] for _ in range(4)] == [2, 2, 1, 0]


def test_a_storage_that_is_down_is_reported(line: Line, configure: Callable[..., None]) -> None:
    configure(MEDIA_STORAGE_BACKEND="gcp")
    assert repaired(line.sweep()) == {"filesRemoved": None}


def test_the_scratch_folder_is_the_ingests(line: Line) -> None:
    assert litter.SCRATCH_PREFIXES[0] == INCOMING_PREFIX
