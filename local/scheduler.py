"""Cloud Scheduler on a laptop: calls the sweep every minute and the leaderboard now and then, and both at the start."""

import threading
import time

import httpx

from shared.log import log

# The cloud recomputes the leaderboard at night; somebody who tries things out does not want to wait for that.
EVERY_SECONDS = {"/tasks/sweep": 60.0, "/tasks/leaderboard": 300.0}
_RETRY_SECONDS = 2.0
_TIMEOUT_SECONDS = 300.0


class Scheduler:
    """Calls each path of one service at its interval."""

    def __init__(self, service_url: str) -> None:
        self._client = httpx.Client(
            base_url=service_url, timeout=_TIMEOUT_SECONDS, headers={"User-Agent": "Google-Cloud-Scheduler"}
        )
        self._due_at = dict.fromkeys(EVERY_SECONDS, 0.0)

    def call_due(self, now: float) -> None:
        """Call what is due at `now`, a moment of any clock. What could not be reached is due again in two seconds."""
        for path, interval_seconds in EVERY_SECONDS.items():
            if self._due_at[path] <= now:
                self._due_at[path] = now + (interval_seconds if self._call(path) else _RETRY_SECONDS)

    def _call(self, path: str) -> bool:
        try:
            response = self._client.post(path, json={})
        # The service is starting, or has gone: the runner says so where it is seen.
        except httpx.HTTPError:
            return False
        if response.status_code != 200:
            log("schedule_failed", "WARNING", path=path, status=response.status_code)
        return response.status_code < 500


def start_scheduler(service_url: str) -> None:
    """Run a scheduler beside the caller until the process ends."""

    def run() -> None:
        scheduler = Scheduler(service_url)
        while True:
            scheduler.call_due(time.monotonic())
            time.sleep(1)

    threading.Thread(target=run, name="scheduler", daemon=True).start()
