"""A worker killed at any point: the task comes again, the video arrives, once, and was bought once."""

import json
import os
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.rows import run
from tests.shared.pipeline.line import Line, Order

PROJECT = Path(__file__).parents[3]
# The one window in which a clip can be bought twice is between the provider's answer and our commit: docs/pipeline.md.
WINDOW = "job_accepted"
MARKS = (
    "job_claimed",
    "job_submitting",
    WINDOW,
    "job_submitted",
    "job_progressed",
    "half incoming",
    "stored incoming",
    "stored thumbnails",
    "half videos",
    "stored videos",
    "job_stored",
    "job_completed",
)


@pytest.fixture(scope="module")
def workers() -> Iterator["subprocess.Popen[str]"]:
    command = [sys.executable, "-m", "tests.shared.pipeline.child"]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, cwd=PROJECT) as started:
        yield started
        assert started.stdin
        started.stdin.close()


KillAt = Callable[[str, Order], None]


@pytest.fixture
def kill_at(line: Line, workers: "subprocess.Popen[str]") -> KillAt:
    """Run a worker that dies at a mark."""

    def kill(mark: str, order: Order) -> None:
        assert workers.stdin
        assert workers.stdout
        asked = {"environment": dict(os.environ), "jobId": str(order.job_id), "mark": mark}
        workers.stdin.write(json.dumps(asked) + "\n")
        workers.stdin.flush()
        assert int(workers.stdout.readline()) == -signal.SIGKILL

    return kill


# The twin may still hold the file that it was sending when its client was killed.
@pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")
@pytest.mark.parametrize("mark", MARKS)
def test_a_worker_killed_anywhere_loses_nothing_and_buys_nothing_twice(
    line: Line, stored: Callable[[], list[str]], kill_at: KillAt, mark: str
) -> None:
    line.twin.control("/settings", {"secondsPerClip": 0.2})
    order = line.order()
    kill_at(mark, order)
    if mark != "job_completed":
        assert line.deliver(order) == 503, "the dead worker's lease still holds"
        line.end_lease(order)
    if mark in ("job_submitting", WINDOW):
        assert line.deliver(order) == 503, "a worker that is not dead would write down first what it bought"
        line.set(order, "available_at = now()")

    assert line.deliver(order) == 200
    video = line.video(order)
    assert video["status"] == "completed"
    assert sorted(asset["storageKey"] for asset in video["assets"]) == stored()
    assert stored() == [f"thumbnails/{order.video_id}.jpg", f"videos/{order.video_id}.mp4"]
    assert line.bought(order) == (2 if mark == WINDOW else 1)
    assert line.events(order).count("completed") == 1
    assert line.api.get(video["videoUrl"], headers={"Range": "bytes=0-1"}).status_code == 206


@pytest.mark.parametrize(("seconds_per_clip", "status"), [(0, "completed"), (60, "failed")])
def test_after_the_last_of_its_workers_died_a_clip_is_asked_for_once_more(
    line: Line, kill_at: KillAt, seconds_per_clip: int, status: str
) -> None:
    line.twin.control("/settings", {"secondsPerClip": seconds_per_clip})
    order = line.order()
    kill_at("job_submitted", order)
    die_at_once(line, order, times=4)
    line.end_lease(order)
    assert line.deliver(order) == 200
    assert line.video(order)["status"] == status
    assert line.bought(order) == 1


def die_at_once(line: Line, order: Order, times: int) -> None:
    """Let the lease end, and the next workers claim the job and die."""
    for _ in range(times):
        line.end_lease(order)
        line.sweep()
        run("SELECT * FROM logic.claim_job(CAST(:id AS uuid), 60, NULL)", id=order.job_id)


def test_a_worker_that_keeps_dying_ends_as_a_failure_nobody_is_blamed_for(line: Line, kill_at: KillAt) -> None:
    """Also when it dies of the clip itself: being asked once more is not being asked for ever."""
    order = line.order()
    kill_at("job_submitted", order)
    die_at_once(line, order, times=5)
    line.end_lease(order)
    assert line.deliver(order) == 200
    failure = line.video(order)["failure"]
    assert (failure["code"], failure["retryable"]) == ("timed_out", True)
    assert line.bought(order) == 1
