"""What was bought is written down, whatever happens around the purchase, and is never bought again."""

import io
import json
import sys
import threading
from collections.abc import Callable
from dataclasses import replace
from uuid import uuid4

import pytest

from shared.config import settings
from shared.errors import ApiError
from shared.generation.flow import FlowProvider
from shared.generation.provider import Clip, Progress
from shared.pipeline import job
from shared.pipeline.run import Pipeline
from shared.storage.factory import storage
from tests.rows import run
from tests.shared.pipeline.conftest import Interceptor
from tests.shared.pipeline.line import Line, Order
from tests.shared.pipeline.test_deliveries import abandoned


class Shop:
    """A provider that sells what it is told to; its clips are never ready."""

    name = "shop"

    def __init__(self, sell: Callable[[], str]) -> None:
        self.sold = 0
        self._sell = sell

    def submit(self, prompt: str, scene_id: str, aspect_ratio: str, seed: int) -> str:
        self.sold += 1
        return self._sell()

    def poll(self, operation_name: str, scene_id: str, last_status: str | None) -> Progress | Clip:
        raise ZeroDivisionError

    def is_operation_name(self, text: str) -> bool:
        return True

    def work(self, order: Order) -> str:
        """Run a worker that buys here."""
        return Pipeline(settings(), self, storage(settings())).run(order.job_id, 600)


@pytest.fixture
def impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let the usual patience with the database end after the first repetition."""
    monkeypatch.setattr(job, "_PATIENCE_SECONDS", 0.6)


def test_a_bug_around_the_purchase_buys_nothing_twice(line: Line) -> None:
    def broken() -> str:
        raise RecursionError

    order, shop = line.order(), Shop(broken)
    for _ in range(3):
        assert shop.work(order) == "done"
    assert line.video(order)["failure"]["code"] == "submission_unconfirmed"
    assert (shop.sold, line.job(order)["submissions"]) == (1, 1)


@pytest.mark.usefixtures("impatient")
def test_a_purchase_that_cannot_be_written_down_is_not_repeated(line: Line) -> None:
    first, second, shop = line.order(), line.order(), Shop(lambda: "the same name")
    with pytest.raises(ZeroDivisionError):
        shop.work(first)
    for _ in range(2):
        assert shop.work(second) == "done"
    assert line.video(second)["failure"]["code"] == "submission_unconfirmed"
    assert shop.sold == 2


def test_a_database_that_refuses_for_a_moment_is_asked_again(line: Line) -> None:
    first, second, shop = line.order(), line.order(), Shop(lambda: "the same name")
    line.set(first, "operation_name = 'the same name'")
    timer = threading.Timer(0.3, lambda: line.set(first, "operation_name = NULL"))
    timer.start()
    with pytest.raises(ZeroDivisionError):
        shop.work(second)
    timer.join()
    assert line.job(second)["operation_name"] == "the same name"


class GoneOutput(io.StringIO):
    """Standard output whose reader has gone away."""

    def write(self, _text: str) -> int:
        raise BrokenPipeError


def test_a_log_that_nobody_reads_stops_nothing(line: Line, monkeypatch: pytest.MonkeyPatch) -> None:
    order = line.order()
    monkeypatch.setattr(sys, "stdout", GoneOutput())
    assert line.deliver(order) == 200
    assert line.bought(order) == 1


def test_a_bug_is_told_also_when_the_job_cannot_be_given_back(
    line: Line, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    order, shop = line.order(), Shop(lambda: uuid4().hex)

    def poll(_name: str, _scene_id: str, _status: str | None) -> Progress:
        run("DELETE FROM videos WHERE id = CAST(:id AS uuid)", id=order.video_id)
        raise ZeroDivisionError("in the middle")

    monkeypatch.setattr(shop, "poll", poll)
    with pytest.raises(ApiError, match="lane_busy"):
        shop.work(order)
    assert "ZeroDivisionError: in the middle" in capsys.readouterr().out


@pytest.mark.parametrize("level", ["DEBUG", "ERROR"])
def test_the_trace_of_a_purchase_is_in_every_log(
    line: Line, configure: Callable[..., None], capsys: pytest.CaptureFixture[str], level: str
) -> None:
    configure(LOG_LEVEL=level)
    order = line.order()
    assert line.deliver(order) == 200
    lines = [json.loads(text) for text in capsys.readouterr().out.splitlines()]
    (accepted,) = [each for each in lines if each["message"] == "job_accepted"]
    assert (accepted["operation"], accepted["severity"]) == (line.job(order)["operation_name"], "NOTICE")


def test_who_may_have_bought_a_clip_writes_before_the_next_one_buys(line: Line, interceptor: Interceptor) -> None:
    """Its lease ran out while the database was away; others are back as early as the worker."""
    order, statuses = line.order(), []

    def others_first(path: str) -> None:
        if path.endswith("GenerateVideoText"):
            interceptor.calm()
            line.end_lease(order)
            statuses.append(line.deliver(order))

    interceptor.after = others_first
    statuses.append(line.deliver(order))
    assert statuses == [503, 503]
    assert line.job(order)["operation_name"]
    assert line.deliver(order) == 200, "at once: what is bought need not wait"
    assert line.bought(order) == 1


def test_what_failed_before_the_purchase_is_not_held_against_the_clip(line: Line) -> None:
    line.twin.arm("truncated_file", times=1)
    order = line.order()
    line.set(order, "attempts = 4, submissions = 3")
    assert line.deliver(order) == 503
    assert line.job(order)["attempts"] == 1
    line.set(order, "available_at = now()")
    assert line.deliver(order) == 200
    assert line.video(order)["status"] == "completed"
    assert line.bought(order) == 1


@pytest.mark.parametrize("counted", ["attempts", "submissions"])
def test_nothing_is_bought_after_the_last_attempt(line: Line, counted: str) -> None:
    order = line.order()
    line.set(order, f"{counted} = {settings().video_job_max_attempts}")
    assert line.deliver(order) == 200
    assert line.video(order)["status"] == "failed"
    assert line.bought(order) == 0


def test_a_clip_that_cannot_be_ready_in_time_is_not_bought(line: Line) -> None:
    order = line.order()
    line.set(order, "deadline_at = now() + interval '1 second'")
    assert line.deliver(order) == 200
    assert line.video(order)["failure"]["code"] == "timed_out"
    assert line.bought(order) == 0


def test_a_paid_clip_is_asked_for_once_more_after_the_deadline(line: Line) -> None:
    order = abandoned(line)
    line.set(order, "deadline_at = now() - interval '14 minutes'")
    assert line.sweep()["timedOut"] == 0
    assert line.deliver(order) == 200
    assert line.video(order)["status"] == "completed"


def test_a_paid_clip_that_nobody_asks_for_ends_all_the_same(line: Line) -> None:
    order = abandoned(line)
    line.set(order, "deadline_at = now() - interval '16 minutes'")
    assert line.sweep()["timedOut"] == 1
    assert line.video(order)["failure"]["code"] == "provider_unavailable", "the last that was heard of it"


def test_a_long_delay_of_a_paid_clip_ends_with_the_deadline(line: Line) -> None:
    line.twin.arm("poll_quota", times=1)
    order = line.order()
    line.set(order, "deadline_at = now() + interval '1 minute'")
    assert line.deliver(order) == 503
    job = line.job(order)
    assert job["available_at"] == job["deadline_at"]


def test_a_provider_that_answers_again_is_not_what_ends_the_job(line: Line) -> None:
    line.twin.control("/settings", {"secondsPerClip": 60})
    order = abandoned(line)
    assert line.job(order)["failure_code"] == "provider_unavailable"
    line.look(order)
    line.set(order, "deadline_at = now() - interval '16 minutes'")
    assert line.sweep()["timedOut"] == 1
    assert line.video(order)["failure"]["code"] == "timed_out"


def switch_to_veo(configure: Callable[..., None], flow_project_id: str) -> None:
    configure(
        GENERATION_PROVIDER="veo",
        VEO_API_URL="http://127.0.0.1:9",
        GCS_BUCKET="clips",
        FLOW_PROJECT_ID=flow_project_id,
    )


def test_a_clip_comes_from_the_provider_that_sold_it(line: Line, configure: Callable[..., None]) -> None:
    order = abandoned(line)
    switch_to_veo(configure, settings().flow_project_id or "")
    assert line.deliver(order) == 200
    assert line.video(order)["status"] == "completed"
    assert line.bought(order) == 1


def test_a_clip_of_a_provider_without_settings_waits_for_them(line: Line, configure: Callable[..., None]) -> None:
    order, project_id = abandoned(line), settings().flow_project_id or ""
    switch_to_veo(configure, "")
    assert line.deliver(order) == 503
    job = line.job(order)
    assert (job["status"], job["attempts"], job["submissions"]) == ("queued", 0, 1)
    configure(FLOW_PROJECT_ID=project_id)
    line.set(order, "available_at = now()")
    assert line.deliver(order) == 200
    assert line.video(order)["status"] == "completed"


@pytest.mark.parametrize(
    ("clip", "code"),
    [
        (Clip("https://[x", None, "READY"), "source_not_allowed"),
        (Clip("https://example.org/clip", None, "READY"), "source_not_allowed"),
    ],
)
def test_an_address_that_is_none_ends_the_job_at_once(
    line: Line, monkeypatch: pytest.MonkeyPatch, clip: Clip, code: str
) -> None:
    order, shop = line.order(), Shop(lambda: uuid4().hex)
    monkeypatch.setattr(shop, "poll", lambda *_: clip)
    assert shop.work(order) == "done"
    assert line.video(order)["failure"]["code"] == code


def test_a_poster_whose_address_is_none_costs_nothing(line: Line, monkeypatch: pytest.MonkeyPatch) -> None:
    poll = FlowProvider.poll

    def odd(self: FlowProvider, name: str, scene_id: str, status: str | None) -> Progress | Clip:
        found = poll(self, name, scene_id, status)
        return replace(found, thumbnail_url="https://[x") if isinstance(found, Clip) else found

    monkeypatch.setattr(FlowProvider, "poll", odd)
    order = line.order()
    assert line.deliver(order) == 200
    video = line.video(order)
    assert video["status"] == "completed"
    assert ["sourceUrl" in asset for asset in video["assets"]] == [True, False]
