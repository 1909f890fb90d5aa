"""The Cloud Tasks emulator with what it forgets: the name of a task stays taken. `… emulator.py PORT QUEUE`."""

import sys
from typing import Any

from gcloud_tasks_emulator import server  # type: ignore[import-not-found] # in a folder of its own
from google.api_core.exceptions import AlreadyExists


class RememberingState(server.QueueState):  # type: ignore[misc] # no types
    """The emulator's queues, and every name that was used."""

    def __init__(self, *arguments: Any) -> None:
        super().__init__(*arguments)
        self._names: set[str] = set()

    def create_task(self, queue: str, task: Any) -> Any:
        """Refuse a name that was used before, as the service does for hours after the task is gone."""
        if task.name in self._names:
            raise AlreadyExists(f"Task {task.name} exists or existed.")  # type: ignore[no-untyped-call]
        self._names.add(task.name)
        return super().create_task(queue, task)


def main() -> None:
    """Serve one queue until stopped."""
    server.QueueState = RememberingState
    server.create_server("localhost", int(sys.argv[1]), default_queue_names=[sys.argv[2]]).run()


if __name__ == "__main__":
    main()
