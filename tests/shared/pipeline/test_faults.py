"""Every fault of the Flow twin through the whole pipeline: it ends as the table in docs/pipeline.md says."""

import re
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

import pytest

from local.flow_twin.outcomes import OUTCOMES
from shared.generation.provider import FAILURES
from tests.shared.pipeline.line import Line, Order

DOCUMENT = Path(__file__).parents[3] / "docs" / "pipeline.md"
# | `fault` | completed, 1 | failed `code`, 5 | ; the number is how many clips the provider counts.
ROW = re.compile(r"\| `(\w+)` \| (completed|failed `(\w+)`), (\d) \| (?:the same|(completed|failed `(\w+)`), (\d)) \|")


class End(NamedTuple):
    code: str | None
    bought: int


class Row(NamedTuple):
    fault: str
    once: End
    always: End | None


def table() -> list[Row]:
    rows = []
    for found in ROW.finditer(DOCUMENT.read_text()):
        fault, _, code, bought, always, always_code, always_bought = found.groups()
        rows.append(Row(fault, End(code, int(bought)), End(always_code, int(always_bought)) if always else None))
    return rows


def test_the_table_names_every_fault_once() -> None:
    assert sorted(row.fault for row in table()) == sorted(OUTCOMES)


def end_of(line: Line, order: Order) -> End:
    job, video = line.job(order), line.video(order)
    code = job["failure_code"]
    assert video["status"] == ("failed" if code else "completed")
    if code:
        told = FAILURES[code]
        assert video["failure"] == {"code": code, "message": told.message, "retryable": told.retryable}
        # Who did nothing wrong may try again at once.
        assert job["failure_blames_prompt"] is told.prompt_refused
    return End(code, line.bought(order))


@pytest.mark.parametrize("row", table(), ids=lambda row: row.fault)
def test_every_fault_ends_as_documented(line: Line, configure: Callable[..., None], row: Row) -> None:
    if row.fault == "frozen":
        configure(VIDEO_STATUS_MAX_POLLS="5")
    line.twin.arm(row.fault, times=1)
    assert delivered(line) == row.once
    if row.always:
        line.twin.arm(row.fault, submissions=None)
        assert delivered(line) == row.always


def delivered(line: Line) -> End:
    order = line.order()
    line.deliver_until_over(order)
    return end_of(line, order)


@pytest.mark.parametrize("row", [row for row in table() if row.always], ids=lambda row: row.fault)
def test_a_fault_that_outlasts_the_deadline_ends_as_documented(line: Line, row: Row) -> None:
    """Nobody takes the job again after its first failure: the sweep ends it, and tells the person why."""
    line.twin.arm(row.fault, submissions=None)
    order = line.order()
    assert line.deliver(order) == 503
    line.set(order, "deadline_at = now() - interval '1 hour'")
    assert line.sweep()["timedOut"] == 1
    assert row.always
    assert end_of(line, order).code == row.always.code


def test_a_failure_without_blame_holds_no_cooldown(line: Line, configure: Callable[..., None]) -> None:
    configure(VIDEO_CREATION_COOLDOWN_SECONDS="60")
    for fault, status in (("submit_captcha", 201), ("submit_unsafe", 429)):
        line.twin.arm(fault)
        order = line.order()
        line.deliver_until_over(order)
        again = line.api.post("/videos/create", {"prompt": "a blue kite"}, by=order.owner)
        assert again.status_code == status


def test_a_dead_session_is_waited_out(line: Line) -> None:
    line.twin.control("/tokens/revoke")
    line.twin.control("/settings", {"session": "dead"})
    order = line.order()
    assert line.deliver(order) == 503
    assert line.job(order)["available_at"] > line.job(order)["updated_at"]
    line.twin.control("/settings", {"session": "alive"})
    line.set(order, "available_at = now()")
    assert line.deliver(order) == 200
    assert line.video(order)["status"] == "completed"
