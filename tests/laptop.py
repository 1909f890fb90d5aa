"""The processes of `make dev` behind a port and with state of their own, for the tests that need all of it."""

from __future__ import annotations

import os
import socket
import time
from typing import TYPE_CHECKING

import httpx
import pytest

from local.child import start_child
from local.environment import local_environment

if TYPE_CHECKING:
    import subprocess
    from pathlib import Path


class Laptop:
    """Server and dispatcher over a migrated database; `overrides` are environment variables as a person sets them."""

    def __init__(self, folder: Path, database_url: str, **overrides: str) -> None:
        self._folder = folder
        given = {
            "PATH": os.environ["PATH"],
            "PORT": str(free_port()),
            "DATABASE_URL": database_url,
            "STATE_FOLDER": str(folder),
            "MEDIA_ROOT": str(folder / "media"),
            "LOCAL_QUEUE_PATH": str(folder / "queue.sqlite3"),
            "VIDEO_STATUS_POLL_SECONDS": "0.2",
            "VIDEO_JOB_LEASE_SECONDS": "4",
            **overrides,
        }
        self.environment = local_environment(given)
        self._children: list[subprocess.Popen[bytes]] = []

    @property
    def base_url(self) -> str:
        """The address of everything."""
        return self.environment["BASE_URL"]

    def start(self) -> None:
        """Start both processes and wait until the service says that it is well."""
        for module in ("local.server", "local.dispatcher"):
            self._children.append(start_child(module, self.environment, str(self._folder / f"{module}.log")))
        for _ in range(300):
            try:
                if httpx.get(f"{self.base_url}/health").status_code == 200:
                    return
            except httpx.HTTPError:
                pass
            time.sleep(0.1)
        pytest.fail((self._folder / "local.server.log").read_text()[-2000:])

    def kill(self) -> None:
        """Stop both processes as a power cut does."""
        for child in self._children:
            os.killpg(child.pid, 9)
            child.wait()
            assert child.stdin is not None
            child.stdin.close()
        self._children.clear()


def free_port() -> int:
    """Return a port that nobody listens on."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        return int(server.getsockname()[1])
