"""The production line as its neighbours see it: creating, delivering tasks, looking. Time is made to pass by hand."""

import itertools
import time
from dataclasses import dataclass
from typing import Any
from uuid import UUID, uuid4

from shared.pipeline.run import SEEDS
from tests.api import Api, Person, Response
from tests.local.flow_twin.twin_server import Twin
from tests.rows import run

JOB = """
SELECT to_json(job)::jsonb || jsonb_build_object('video_status', video.status)
FROM video_jobs AS job JOIN videos AS video ON video.id = job.video_id WHERE job.id = CAST(:id AS uuid)
"""
_numbers = itertools.count()


@dataclass(frozen=True)
class Order:
    """A video somebody asked for, and its job."""

    owner: Person
    video_id: UUID
    job_id: UUID


class Line:
    """The service over the API, with the Flow twin as its provider."""

    def __init__(self, api: Api, twin: Twin) -> None:
        self.api = api
        self.twin = twin

    def order(self) -> Order:
        owner = Person(f"ada{next(_numbers)}")
        response = self.api.post("/videos/create", {"prompt": "a red kite"}, by=owner)
        assert response.status_code == 201, response.text
        video_id = UUID(response.json["id"])
        (job_id,) = run("SELECT id FROM video_jobs WHERE video_id = CAST(:id AS uuid)", id=video_id)
        order = Order(owner, video_id, UUID(str(job_id)))
        # The seed follows from the scene: with the same one, all clips are one file at the twin, rendered once.
        scene_id = UUID(int=uuid4().int // SEEDS * SEEDS)
        self.set(order, f"scene_id = '{scene_id}'")
        self.forget_tries()
        return order

    def forget_tries(self) -> None:
        """Forget the allowances that are whole again after a second, which every sweep after that would tell of."""
        run("DELETE FROM rate_limits WHERE bucket = 'create_attempts'")

    def deliver(self, order: Order) -> int:
        """Send the task once and return the status."""
        return self.api.post("/tasks/generate", {"jobId": str(order.job_id)}, signed=False).status_code

    def deliver_until_over(self, order: Order, times: int = 8) -> None:
        """Send the task again and again, as the queue does; delays pass at once. Hours pass with the last delivery."""
        for number in range(times):
            if self.deliver(order) == 200:
                return
            self.set(order, "available_at = now(), polled_at = NULL")
            if number == times - 2:
                self.set(order, "deadline_at = now()")
        raise AssertionError(f"still {self.job(order)}")

    def look(self, order: Order, body: Any = None, by: Person | None = None) -> Response:
        return self.api.post(f"/videos/{order.video_id}/sync-status", body, by=by or order.owner)

    def look_until_over(self, order: Order, body: Any = None) -> Any:
        """Look as the create page does, the first time with `body`, and return the finished or failed video."""
        for _ in range(300):
            video = self.look(order, body).json
            if video["status"] in ("completed", "failed"):
                return video
            body = None
            time.sleep(0.03)
        raise AssertionError(f"still {video}")

    def sweep(self) -> Any:
        response = self.api.post("/tasks/sweep", {}, signed=False)
        assert response.status_code == 200, response.text
        return response.json

    def set(self, order: Order, assignments: str) -> None:
        """Change columns of the job."""
        run(f"UPDATE video_jobs SET {assignments} WHERE id = CAST(:id AS uuid)", id=order.job_id)

    def end_lease(self, order: Order) -> None:
        """Let the time pass after which a dead worker's job is taken over."""
        self.set(order, "lease_expires_at = now() - interval '1 second'")

    def job(self, order: Order) -> dict[str, Any]:
        (row,) = run(JOB, id=order.job_id)
        assert isinstance(row, dict)
        return row

    def video(self, order: Order) -> Any:
        return self.api.get(f"/videos/{order.video_id}", by=order.owner).json

    def events(self, order: Order) -> list[str]:
        return run("SELECT event FROM job_events WHERE job_id = CAST(:id AS uuid) ORDER BY id", id=order.job_id)

    def bought(self, order: Order) -> int:
        """Return how many clips the provider counts for this video."""
        scene_id = self.job(order)["scene_id"]
        return len([each for each in self.twin.operations() if each["sceneId"] == scene_id])
