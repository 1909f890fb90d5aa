"""POST /videos/{id}/sync-status while a video is being made: a read, and at times the help of a passer-by."""

import json
import subprocess
import sys
from collections.abc import Callable
from typing import Any
from uuid import uuid4

import pytest

from tests.api import Person
from tests.shared.pipeline.line import Line, Order
from tests.shared.pipeline.test_deliveries import abandoned, polls


def test_a_clip_that_nobody_fetches_is_stored_by_the_look(line: Line, stored: Callable[[], list[str]]) -> None:
    order = abandoned(line)
    video = line.look_until_over(order)
    assert video["status"] == "completed"
    assert sorted(asset["storageKey"] for asset in video["assets"]) == stored()
    assert line.deliver(order) == 200
    assert line.bought(order) == 1
    assert line.events(order).count("completed") == 1


def test_a_look_at_work_that_goes_on_leaves_the_job_as_it_was(line: Line) -> None:
    line.twin.control("/settings", {"secondsPerClip": 60})
    order = abandoned(line)
    before = line.events(order)
    video = line.look(order).json
    assert (video["status"], video["pollAfterSeconds"]) == ("processing", 5)
    job = line.job(order)
    assert (job["status"], job["attempts"], job["polls"]) == ("queued", 0, 1)
    assert line.events(order) == [*before, "progress"], "the provider's word was new; the look itself is no event"


def test_the_provider_is_asked_once_in_an_interval(line: Line, configure: Callable[..., None]) -> None:
    line.twin.control("/settings", {"secondsPerClip": 60})
    order = abandoned(line)
    configure(VIDEO_STATUS_POLL_SECONDS="60")
    before = polls(line)
    for _ in range(3):
        assert line.look(order).json["status"] == "processing"
    assert polls(line) == before + 1


@pytest.mark.parametrize(
    "state",
    [
        "status = 'running', lease_expires_at = now() + interval '1 minute'",
        "available_at = now() + interval '1 minute'",
        "operation_name = NULL",
    ],
)
def test_the_provider_is_not_asked(line: Line, state: str) -> None:
    """A worker has the job; it waits out a delay; there is nothing to ask about."""
    order = abandoned(line)
    line.set(order, state)
    before = polls(line)
    assert line.look(order).json["status"] == "processing"
    assert polls(line) == before


def test_a_dead_workers_job_is_taken_over_by_a_look(line: Line) -> None:
    order = abandoned(line)
    line.set(order, "status = 'running', lease_expires_at = now() - interval '1 second'")
    assert line.look_until_over(order)["status"] == "completed"
    assert "lease_expired" in line.events(order)


def test_a_look_while_another_video_is_rendered_only_reads(line: Line) -> None:
    order, other = abandoned(line), line.order()
    line.set(other, "status = 'running', lease_expires_at = now() + interval '1 minute'")
    assert line.look(order).json["status"] == "processing"


@pytest.mark.parametrize(("fault", "status"), [("poll_unavailable", "processing"), ("vanished", "failed")])
def test_what_the_provider_says_counts_and_the_look_still_answers(line: Line, fault: str, status: str) -> None:
    order = abandoned(line)
    name = line.job(order)["operation_name"]
    line.twin.control(f"/operations/{name}/outcome", {"outcome": fault})
    answer = line.look(order)
    assert (answer.status_code, answer.json["status"]) == (200, status)


def test_a_look_at_nothing_to_poll_imports_no_pipeline(line: Line) -> None:
    order = line.order()
    code = f"""
import json, sys
from local.gateway import Gateway, read_operations
from tests.api import Api, Person
from uuid import UUID
owner = Person("ada", UUID("{order.owner.id}"))
answer = Api(Gateway(read_operations())).post("/videos/{order.video_id}/sync-status", by=owner)
print(json.dumps([answer.status_code, sorted(sys.modules)]))
"""
    child = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    status, modules = json.loads(child.stdout.splitlines()[-1])
    assert status == 200
    assert not {"av", "httpx", "shared.pipeline.run", "google.cloud.storage"} & set(modules)


# Overrides


def unconfirmed(line: Line) -> tuple[Order, str]:
    """Return an order whose submission was taken and not confirmed, and the name the provider gave it."""
    line.twin.arm("submit_empty")
    order = line.order()
    assert line.deliver(order) == 200
    assert line.video(order)["failure"]["code"] == "submission_unconfirmed"
    name = line.twin.operations()[0]["name"]
    line.twin.control(f"/operations/{name}/outcome", {"outcome": "success"})
    return order, name


def test_a_clip_whose_name_got_lost_is_brought_home_by_its_owner(line: Line) -> None:
    order, name = unconfirmed(line)
    # Its name was checked for the shape of the provider that is configured now: that is where it is asked for.
    line.set(order, "provider = 'veo'")
    video = line.look_until_over(order, {"operationName": name, "sceneId": str(uuid4())})
    assert video["status"] == "completed"
    assert "failure" not in video
    assert line.job(order)["submissions"] == 1
    assert "attached" in line.events(order)


def test_an_operation_of_another_video_is_refused(line: Line) -> None:
    taken, (order, _) = line.order(), unconfirmed(line)
    line.deliver(taken)
    answer = line.look(order, {"operationName": line.job(taken)["operation_name"]})
    assert (answer.status_code, answer.json["error"]) == (409, "operation_in_use")
    assert line.video(order)["status"] == "failed"


def test_an_operation_that_is_known_is_never_replaced(line: Line) -> None:
    order, other = abandoned(line), uuid4().hex
    name = line.job(order)["operation_name"]
    assert line.look_until_over(order, {"operationName": other})["status"] == "completed"
    assert line.job(order)["operation_name"] == name


@pytest.mark.parametrize(
    "state", ["status = 'running', lease_expires_at = now() + interval '1 hour'", "status = 'failed'"]
)
def test_what_a_worker_holds_and_what_failed_otherwise_stays(line: Line, state: str) -> None:
    order = line.order()
    line.set(order, state)
    assert line.look(order, {"operationName": uuid4().hex}).status_code == 200
    assert line.job(order)["operation_name"] is None


@pytest.mark.parametrize(
    "body",
    [
        {"operationName": "../../secrets"},
        {"operationName": "A" * 32},
        {"operationName": "a" * 32, "sceneId": "kitchen"},
        {"sceneId": "kitchen"},
        {"operationName": 7},
        {"operation": "a" * 32},
    ],
)
def test_overrides_must_have_the_right_shape(line: Line, body: Any) -> None:
    assert line.look(line.order(), body).status_code == 422


def test_a_scene_without_an_operation_changes_nothing(line: Line) -> None:
    order, other_scene = line.order(), uuid4()
    assert line.look(order, {"sceneId": str(other_scene)}).status_code == 200
    assert line.job(order)["scene_id"] != str(other_scene)


def test_only_the_owner_may_look_and_override(line: Line) -> None:
    order, stranger = line.order(), Person("eve")
    for body in (None, {"operationName": uuid4().hex}):
        assert line.look(order, body, by=stranger).status_code == 404
    assert line.deliver(order) == 200
    assert line.look(order, by=stranger).status_code == 403
    assert line.job(order)["operation_name"] == line.twin.operations()[0]["name"]
