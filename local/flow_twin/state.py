"""What the twin remembers, in one SQLite file: operations, issued tokens, and what the control API has set."""

import json
import secrets
import sqlite3
import threading
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

SCHEMA = """
create table if not exists settings (key text primary key, value text not null);
create table if not exists tokens (token text primary key, expires_at real not null);
create table if not exists armed (
  id integer primary key, outcome text not null, submissions integer, times integer);
create table if not exists operations (
  name text primary key, scene_id text not null, prompt text not null, aspect_ratio text not null,
  model text not null, seed integer not null, outcome text not null, times_left integer,
  created_at real not null, polls integer not null default 0, status text not null);
"""
DEFAULTS: dict[str, Any] = {
    "seconds_per_clip": 10.0,
    "hang_seconds": 90.0,
    "token_seconds": 3600.0,
    "url_seconds": 21600.0,
    "session": "alive",
}
FIRST_CREDITS = 1000
CREDITS_PER_CLIP = 20


@dataclass
class Operation:
    """One clip that was asked for. `aspect_ratio` is "9:16" or "16:9"; `times_left` None means its fault never ends."""

    name: str
    scene_id: str
    prompt: str
    aspect_ratio: str
    model: str
    seed: int
    outcome: str
    times_left: int | None
    created_at: float
    polls: int
    status: str


class State:
    """The twin's memory. It survives a restart; one connection a call keeps it safe between threads and processes."""

    def __init__(self, path: Path) -> None:
        path.parent.mkdir(parents=True, exist_ok=True)
        self._path = path
        self._lock = threading.Lock()
        with self._database() as database:
            database.executescript(SCHEMA)
        if "signing_key" not in self.settings():
            self.set("signing_key", secrets.token_hex(32))

    @contextmanager
    def _database(self) -> Iterator[sqlite3.Connection]:
        with self._lock, closing(sqlite3.connect(self._path, timeout=30)) as database, database:
            database.row_factory = sqlite3.Row
            # To outlive the process is enough; waiting for the disk at every poll is not worth a power cut.
            database.execute("pragma synchronous = off")
            yield database

    def settings(self) -> dict[str, Any]:
        """Return every setting, defaults included."""
        with self._database() as database:
            rows = database.execute("select key, value from settings").fetchall()
        return {**DEFAULTS, **{row["key"]: json.loads(row["value"]) for row in rows}}

    def set(self, key: str, value: Any) -> None:
        """Store one setting."""
        with self._database() as database:
            database.execute("insert or replace into settings values (?, ?)", (key, json.dumps(value)))

    def clips_bought(self) -> int:
        """Return how many clips were accepted since the beginning."""
        with self._database() as database:
            return int(database.execute("select count(*) from operations").fetchone()[0])

    def credits(self) -> int:
        """Return what is left of the account's credits; the twin lets them go below zero."""
        return FIRST_CREDITS - CREDITS_PER_CLIP * self.clips_bought()

    def issue_token(self, seconds: float) -> tuple[str, float]:
        """Return a new access token and the unix time it expires at."""
        token, expires_at = "ya29." + secrets.token_urlsafe(24), time.time() + seconds
        with self._database() as database:
            database.execute("insert into tokens values (?, ?)", (token, expires_at))
        return token, expires_at

    def knows_token(self, token: str) -> bool:
        """Tell whether this token was issued here and lives."""
        with self._database() as database:
            query = "select 1 from tokens where token = ? and expires_at > ?"
            return database.execute(query, (token, time.time())).fetchone() is not None

    def revoke_tokens(self) -> None:
        """Make every token issued so far worthless."""
        with self._database() as database:
            database.execute("delete from tokens")

    def arm(self, outcome: str, submissions: int | None, times: int | None) -> None:
        """Choose the outcome of the following submissions (None: all of them)."""
        with self._database() as database:
            values = (outcome, submissions, times)
            database.execute("insert into armed (outcome, submissions, times) values (?, ?, ?)", values)

    def armed(self) -> list[dict[str, Any]]:
        """Return what is armed, in the order in which it will be used up."""
        with self._database() as database:
            query = "select outcome, submissions, times from armed order by submissions is null, id"
            return [dict(row) for row in database.execute(query)]

    def disarm(self) -> None:
        """Forget every armed outcome."""
        with self._database() as database:
            database.execute("delete from armed")

    def next_outcome(self) -> tuple[str, int | None]:
        """Use up one armed outcome and return it with its `times`; ("success", None) when nothing is armed.

        Counted ones go first, oldest first; of those for all submissions the latest holds.
        """
        with self._database() as database:
            query = "select * from armed order by submissions is null, iif(submissions is null, -id, id) limit 1"
            row = database.execute(query).fetchone()
            if row is None:
                return "success", None
            database.execute("update armed set submissions = submissions - 1 where id = ?", (row["id"],))
            database.execute("delete from armed where submissions <= 0")
            return row["outcome"], row["times"]

    def add(self, operation: Operation) -> None:
        """Remember a new operation."""
        with self._database() as database:
            columns = ", ".join(f":{key}" for key in vars(operation))
            database.execute(f"insert into operations values ({columns})", vars(operation))  # noqa: S608 own field names

    def operation(self, name: str) -> Operation | None:
        """Return the operation of this name, or None."""
        with self._database() as database:
            row = database.execute("select * from operations where name = ?", (name,)).fetchone()
        return Operation(**row) if row else None

    def operations(self) -> list[Operation]:
        """Return every operation, the newest first."""
        with self._database() as database:
            rows = database.execute("select * from operations order by created_at desc").fetchall()
        return [Operation(**row) for row in rows]

    def change_outcome(self, name: str, outcome: str, times: int | None) -> None:
        """Give an operation another outcome."""
        with self._database() as database:
            query = "update operations set outcome = ?, times_left = ? where name = ?"
            database.execute(query, (outcome, times, name))

    def note_poll(self, name: str, status: str) -> None:
        """Count one poll and what it was told."""
        with self._database() as database:
            database.execute("update operations set polls = polls + 1, status = ? where name = ?", (status, name))

    def use_fault(self, name: str) -> bool:
        """Use up one of the times an operation's fault is to be played; False when none is left."""
        with self._database() as database:
            query = """update operations set times_left = times_left - 1
                       where name = ? and (times_left is null or times_left > 0)"""
            return database.execute(query, (name,)).rowcount == 1
