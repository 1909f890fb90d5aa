"""Tasks come late, twice, ten at a time and out of order; there is one lane, one generation and one finish."""

import json
import os
from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest

from shared.config import settings
from shared.errors import ApiError
from shared.generation.factory import provider
from shared.generation.provider import Clip
from shared.pipeline import litter
from shared.pipeline.run import Pipeline
from shared.storage.factory import storage
from shared.storage.files import FileStorage
from shared.storage.store import StoredObject
from tests.rows import run
from tests.shared.pipeline.conftest import Interceptor
from tests.shared.pipeline.line import Line, Order


def test_ten_deliveries_at_once_are_one_generation_and_one_finish(line: Line) -> None:
    order = line.order()
    with ThreadPoolExecutor(10) as pool:
        statuses = list(pool.map(lambda _: line.deliver(order), range(10)))
    assert statuses.count(200) >= 1
    assert set(statuses) <= {200, 503}
    assert line.deliver(order) == 200
    assert line.bought(order) == 1
    assert line.video(order)["status"] == "completed"
    assert [line.events(order).count(event) for event in ("submitting", "submitted", "stored", "completed")] == [1] * 4


def test_ten_looks_at_once_ask_the_provider_once(line: Line, configure: Any) -> None:
    order = abandoned(line)
    line.twin.control("/settings", {"secondsPerClip": 60})
    configure(VIDEO_STATUS_POLL_SECONDS="60")
    before = polls(line)
    with ThreadPoolExecutor(10) as pool:
        statuses = list(pool.map(lambda _: line.look(order).status_code, range(10)))
    assert statuses == [200] * 10
    assert polls(line) == before + 1


def abandoned(line: Line) -> Order:
    """Return an order whose clip was submitted and whose worker then ran out of time."""
    line.twin.arm("poll_unavailable", times=1)
    order = line.order()
    assert line.deliver(order) == 503
    line.set(order, "available_at = now(), polled_at = NULL")
    return order


def polls(line: Line) -> int:
    return sum(each["polls"] for each in line.twin.operations())


def test_one_video_is_rendered_at_a_time(line: Line) -> None:
    first, second = line.order(), line.order()
    run("SELECT logic.claim_job(CAST(:id AS uuid), 60, NULL)", id=first.job_id)
    assert line.deliver(second) == 503
    assert line.video(second)["queuePosition"] == 1
    line.end_lease(first)
    assert line.deliver(second) == 200
    assert line.job(first)["attempts"] == 1
    assert line.deliver(first) == 200
    assert [line.bought(order) for order in (first, second)] == [1, 1]


def test_places_in_the_line_move_up(line: Line) -> None:
    orders = [line.order() for _ in range(3)]
    assert [line.video(order)["queuePosition"] for order in orders] == [1, 2, 3]
    line.deliver(orders[0])
    assert [line.video(order).get("queuePosition") for order in orders] == [None, 1, 2]


def delete(order: Order) -> None:
    run("SELECT logic.delete_video(CAST(:id AS uuid))", id=order.video_id)


def test_a_task_for_a_deleted_video_buys_nothing(line: Line) -> None:
    order, bought = line.order(), len(line.twin.operations())
    delete(order)
    assert line.deliver(order) == 200
    assert len(line.twin.operations()) == bought


def check_nothing_remains(line: Line, order: Order, stored: Callable[[], list[str]]) -> None:
    """Check that the worker stopped, that nobody goes on, and that a day later no file of the video is left."""
    assert line.deliver(order) == 200, "there is nothing left to do"
    root = Path(settings().media_root)
    for key in stored():
        os.utime(root / key, (0, 0))
    for minute in range(litter.SLICES):
        litter.remove_litter(settings(), minute)
    assert stored() == []


@pytest.mark.parametrize("moment", ["GenerateVideoText", "VideoGenerationStatus", "/files/video/"])
def test_a_video_that_is_deleted_while_it_is_made_stops_and_its_files_go(
    line: Line, interceptor: Interceptor, stored: Callable[[], list[str]], moment: str
) -> None:
    order, bought = line.order(), len(line.twin.operations())

    def delete_now(path: str) -> None:
        if moment in path:
            interceptor.calm()
            delete(order)

    interceptor.after = delete_now
    assert line.deliver(order) == 503
    assert len(line.twin.operations()) == bought + 1
    check_nothing_remains(line, order, stored)
    assert len(line.twin.operations()) == bought + 1


class DeletingStorage(FileStorage):
    """Files whose video is deleted as soon as it is published."""

    order: Order

    def put(self, key: str, chunks: Iterable[bytes]) -> StoredObject:
        stored = super().put(key, chunks)
        if key.startswith("videos/"):
            delete(self.order)
        return stored


def test_a_video_that_is_deleted_between_its_file_and_its_end_leaves_no_file(
    line: Line, stored: Callable[[], list[str]]
) -> None:
    order, current, bought = line.order(), settings(), len(line.twin.operations())
    files = DeletingStorage(current.media_root, "/media", b"")
    files.order = order
    with pytest.raises(ApiError, match="lane_busy"):
        Pipeline(current, provider(current), files).run(order.job_id, 600)
    assert stored() == [f"thumbnails/{order.video_id}.jpg", f"videos/{order.video_id}.mp4"]
    assert len(line.twin.operations()) == bought + 1
    check_nothing_remains(line, order, stored)


def test_a_worker_that_lost_its_lease_writes_nothing(line: Line, interceptor: Any) -> None:
    order = line.order()

    def take_over(path: str) -> None:
        if path.endswith("VideoGenerationStatus"):
            interceptor.calm()
            line.end_lease(order)
            assert run("SELECT * FROM logic.claim_job(CAST(:id AS uuid), 60, NULL)", id=order.job_id)[0][0] == "claimed"

    interceptor.after = take_over
    assert line.deliver(order) == 503
    assert line.job(order)["status"] == "running"
    assert "completed" not in line.events(order)
    line.end_lease(order)
    assert line.deliver(order) == 200
    assert line.bought(order) == 1


def test_what_a_late_worker_bought_is_written_down_although_its_job_went_back(line: Line, interceptor: Any) -> None:
    order = line.order()

    def sweep(path: str) -> None:
        if path.endswith("GenerateVideoText"):
            interceptor.calm()
            line.end_lease(order)
            assert line.sweep()["leasesExpired"] == 1

    interceptor.after = sweep
    assert line.deliver(order) == 503
    assert line.job(order)["operation_name"]
    assert line.deliver(order) == 200
    assert line.bought(order) == 1


def test_before_the_function_has_to_end_the_job_is_given_back(line: Line, configure: Any) -> None:
    line.twin.control("/settings", {"secondsPerClip": 60})
    configure(FUNCTION_TIMEOUT_SECONDS="91", VIDEO_STATUS_POLL_SECONDS="1")
    order = line.order()
    assert line.deliver(order) == 503
    job = line.job(order)
    assert (job["status"], job["attempts"], job["operation_name"] is None) == ("queued", 0, False)
    line.twin.control("/settings", {"secondsPerClip": 0})
    configure(FUNCTION_TIMEOUT_SECONDS="1800", VIDEO_STATUS_POLL_SECONDS="0.02")
    assert line.deliver(order) == 200
    assert line.bought(order) == 1


def test_the_trail_of_events_and_the_log_tell_the_same_story(line: Line, capsys: pytest.CaptureFixture[str]) -> None:
    line.twin.control("/settings", {"secondsPerClip": 0.3})
    order = line.order()
    capsys.readouterr()
    assert line.deliver(order) == 200
    # Not every progress is an event, only a new word of the provider; and the twin may skip one.
    trail = [event for event in line.events(order) if event != "progress"]
    assert trail == ["queued", "claimed", "submitting", "submitted", "stored", "completed"]
    lines = [json.loads(text) for text in capsys.readouterr().out.splitlines()]
    told = [each for each in lines if each["message"].startswith("job_")]
    assert len(told) == len(line.events(order)), "one line an event: job_accepted for queued"
    assert {each["jobId"] for each in told} == {str(order.job_id)}
    assert line.job(order)["polls"] > told.count("job_progressed")


def test_a_failure_is_logged_under_the_name_that_is_counted(line: Line, capsys: pytest.CaptureFixture[str]) -> None:
    line.twin.arm("refused")
    order = line.order()
    assert line.deliver(order) == 200
    lines = [json.loads(text) for text in capsys.readouterr().out.splitlines()]
    (failed,) = [each for each in lines if each["message"] == "job_failed"]
    assert (failed["code"], failed["blames_prompt"]) == ("prompt_refused", True)


def test_progress_only_grows_and_is_whole_when_the_file_can_be_read(line: Line, interceptor: Any) -> None:
    line.twin.control("/settings", {"secondsPerClip": 0.4})
    order, seen = line.order(), [0]

    def read(path: str) -> None:
        if not path.endswith("GenerateVideoText"):
            seen.append(line.video(order)["progress"])

    interceptor.after = read
    assert line.deliver(order) == 200
    assert seen == sorted(seen)
    assert 0 < seen[-1] < 100
    assert line.job(order)["progress"] == 100


def test_a_task_without_a_usable_job_is_refused(line: Line) -> None:
    for body in ({}, {"jobId": "seven"}, {"jobId": str(settings()), "more": 1}):
        assert line.api.post("/tasks/generate", body, signed=False).status_code == 422
    assert line.api.post("/tasks/generate", {"jobId": "0" * 32}, signed=False).status_code == 200


def test_a_service_without_a_provider_says_so_and_keeps_the_job(line: Line, configure: Any) -> None:
    order = line.order()
    configure(FLOW_PROJECT_ID="")
    answer = line.api.post("/tasks/generate", {"jobId": str(order.job_id)}, signed=False)
    assert (answer.status_code, answer.json["error"]) == (503, "not_configured")
    assert line.look(order).status_code == 200
    assert line.job(order)["status"] == "queued"


class Buggy:
    """A provider with a bug in it."""

    name = "buggy"

    def submit(self, prompt: str, scene_id: str, aspect_ratio: str, seed: int) -> str:
        return uuid4().hex

    def poll(self, operation_name: str, scene_id: str, last_status: str | None) -> Clip:
        raise ZeroDivisionError

    def is_operation_name(self, text: str) -> bool:
        return True


def test_a_bug_neither_blocks_the_lane_nor_goes_on_for_ever(line: Line) -> None:
    order, other = line.order(), line.order()
    pipeline = Pipeline(settings(), Buggy(), storage(settings()))
    # Its last attempt is one more than it may fail: the clip is bought, and might have been ready.
    for attempts in range(1, settings().video_job_max_attempts + 2):
        with pytest.raises(ZeroDivisionError):
            pipeline.run(order.job_id, 600)
        assert (line.job(order)["status"], line.job(order)["attempts"]) == ("queued", attempts)
        line.set(order, "available_at = now()")
    assert line.deliver(other) == 200
    assert pipeline.run(order.job_id, 600) == "done"
    assert line.video(order)["failure"]["code"] == "timed_out"
    assert line.events(order).count("submitted") == 1
