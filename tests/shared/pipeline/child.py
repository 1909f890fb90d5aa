"""Workers in processes of their own, each killed when it reaches its mark: `python -m tests.shared.pipeline.child`.

Reads lines of JSON {"environment", "jobId", "mark"}, answers each with how its worker's process ended. Python starts
once and forks from there. A mark is the name of a log event, or `half`/`stored` and the folder of what is being stored.
"""

import json
import os
import signal
import sys
from collections.abc import Iterable, Iterator
from uuid import UUID

from shared.config import settings
from shared.generation.factory import provider
from shared.pipeline.run import Pipeline
from shared.storage.factory import file_storage
from shared.storage.files import FileStorage
from shared.storage.store import StoredObject


def die() -> None:
    os.kill(os.getpid(), signal.SIGKILL)


class DeadlyOutput:
    """Standard output on which one line is the last."""

    def __init__(self, mark: str) -> None:
        self._mark = mark

    def write(self, text: str) -> int:
        if json.loads(text)["message"] == self._mark:
            die()
        return len(text)

    def flush(self) -> None:
        pass


class DeadlyStorage(FileStorage):
    """The files of the service, in which one step is the last."""

    mark = ""

    def put(self, key: str, chunks: Iterable[bytes]) -> StoredObject:
        folder = key.partition("/")[0]
        stored = super().put(key, self._half(chunks) if self.mark == f"half {folder}" else chunks)
        if self.mark == f"stored {folder}":
            die()
        return stored

    def _half(self, chunks: Iterable[bytes]) -> Iterator[bytes]:
        for chunk in chunks:
            yield chunk[: len(chunk) // 2]
            die()


def work(job_id: UUID, mark: str) -> None:
    current = settings()
    storage = file_storage(current)
    storage.__class__ = DeadlyStorage
    DeadlyStorage.mark = mark
    sys.stdout = DeadlyOutput(mark)
    Pipeline(current, provider(current), storage).run(job_id, 600)


def main() -> None:
    for order in map(json.loads, sys.stdin):
        worker = os.fork()
        if worker == 0:
            os.environ.update(order["environment"])
            work(UUID(order["jobId"]), order["mark"])
            os._exit(0)
        sys.stdout.write(f"{os.waitstatus_to_exitcode(os.waitpid(worker, 0)[1])}\n")
        sys.stdout.flush()


if __name__ == "__main__":
    main()
