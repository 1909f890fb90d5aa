"""From the prompt to the stored video with nobody delivering by hand: routes, the real client, a queue, the worker."""

import time
from collections.abc import Callable, Iterator

import pytest

from local.gateway import Gateway
from tests.local.flow_twin.twin_server import serving
from tests.shared.pipeline.line import Line
from tests.shared.queue.emulated import QUEUE, emulated_queue


@pytest.fixture
def queued_line(line: Line, gateway: Gateway, configure: Callable[..., None]) -> Iterator[Line]:
    with emulated_queue() as address, serving(gateway) as server:
        configure(
            TASK_QUEUE_BACKEND="cloud_tasks",
            CLOUD_TASKS_QUEUE=QUEUE,
            CLOUD_TASKS_EMULATOR_HOST=address,
            WORKER_URL=f"http://127.0.0.1:{server.port}",
        )
        yield line


def test_videos_arrive_through_cloud_tasks_one_after_the_other_whatever_happens(queued_line: Line) -> None:
    line = queued_line
    # The first delivery of one comes to nothing; the queue brings it again.
    line.twin.arm("poll_empty", times=1)
    orders = [line.order() for _ in range(3)]
    for _ in range(600):
        if all(line.job(order)["status"] == "succeeded" for order in orders):
            break
        for order in orders:
            line.set(order, "available_at = least(available_at, now())")
        time.sleep(0.05)
    assert [line.video(order)["status"] for order in orders] == ["completed"] * 3
    assert [line.bought(order) for order in orders] == [1, 1, 1]


def test_a_queue_that_is_down_does_not_keep_a_video_from_being_made(
    queued_line: Line, configure: Callable[..., None]
) -> None:
    line = queued_line
    configure(CLOUD_TASKS_EMULATOR_HOST="127.0.0.1:1")
    order = line.order()
    assert line.sweep()["enqueued"] == 0, "its task may still be on its way"
    moment = "now() - interval '61 seconds'"
    line.set(order, f"created_at = {moment}, available_at = {moment}")
    assert line.sweep()["enqueued"] is None
    assert line.deliver(order) == 200
