"""The local queue: a SQLite file that the routes write and the dispatcher reads. Durable, like the real one."""

import sqlite3
import time
from contextlib import closing
from pathlib import Path
from uuid import UUID

from shared.queue.task_queue import task_name

SCHEMA = """
CREATE TABLE IF NOT EXISTS tasks (
    name TEXT PRIMARY KEY,
    job_id TEXT NOT NULL,
    due_at REAL NOT NULL,
    created_at REAL NOT NULL,
    dispatches INTEGER NOT NULL DEFAULT 0,
    finished_at REAL
)
"""


class LocalQueue:
    """Tasks in a file. A finished task's row stays, so that its name stays taken as in Cloud Tasks."""

    def __init__(self, path: Path) -> None:
        self._path = path

    def connect(self) -> sqlite3.Connection:
        """Open the file, made at first use, with the table in it. In autocommit; waits up to ten seconds for others."""
        self._path.parent.mkdir(parents=True, exist_ok=True)
        connection = sqlite3.connect(self._path, timeout=10, isolation_level=None)
        connection.execute("PRAGMA journal_mode = WAL")
        connection.execute(SCHEMA)
        return connection

    def enqueue_job(self, job_id: UUID, attempt: int, delay_seconds: float = 0) -> bool:
        """Enqueue as TaskQueue promises. Raises sqlite3.Error when the file cannot be written."""
        now = time.time()
        row = (task_name(job_id, attempt), str(job_id), now + delay_seconds, now)
        with closing(self.connect()) as connection:
            inserted = connection.execute(
                "INSERT INTO tasks (name, job_id, due_at, created_at) VALUES (?, ?, ?, ?) ON CONFLICT DO NOTHING", row
            )
            return inserted.rowcount == 1
