"""The process's connections: opened when first needed, shared by all threads, no more of them than configured.

Not SQLAlchemy's pool: importing it takes as long as functions-framework itself, at every cold start (ADR 5).
"""

import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import lru_cache
from typing import Any, NamedTuple

from pg8000 import dbapi
from pg8000.exceptions import DatabaseError, InterfaceError

from shared.config import Settings, settings
from shared.db.pipelined import PipelinedConnection, pipelined
from shared.db.url import connect_arguments

# Below Cloud SQL's hour-long certificates and the ten minutes some poolers and firewalls grant an idle connection.
_RECYCLE_SECONDS = 540.0
_WAIT_SECONDS = 10.0
_connector_lock = threading.Lock()


class NoConnectionError(Exception):
    """The database cannot be reached, lets nobody in, or every connection stayed in use for too long."""


class _Idle(NamedTuple):
    connection: PipelinedConnection
    opened_at: float


class Pool:
    """At most `size` connections at a time; the one used last is used next, so that a quiet instance keeps few."""

    def __init__(self, connect: Callable[[], PipelinedConnection], size: int) -> None:
        self._connect = connect
        self._places = threading.BoundedSemaphore(size)
        # Appending to a list and popping from it are atomic; the semaphore does the counting.
        self._idle: list[_Idle] = []

    @contextmanager
    def connection(self) -> Iterator[PipelinedConnection]:
        """Lend a connection that the server has not hung up on.

        It comes back after a DatabaseError, with which Postgres only refuses a statement; after any other exception
        half an answer may still be under way, and it is closed. Raises NoConnectionError.
        """
        if not self._places.acquire(timeout=_WAIT_SECONDS):
            raise NoConnectionError(f"no connection became free within {_WAIT_SECONDS} seconds")
        try:
            lent = self._usable() or self._opened()
            try:
                yield lent.connection
            except DatabaseError:
                self._idle.append(lent)
                raise
            except BaseException:
                lent.connection.close()
                raise
            self._idle.append(lent)
        finally:
            self._places.release()

    def close(self) -> None:
        """Close the idle connections."""
        while self._idle:
            self._idle.pop().connection.close()

    def _opened(self) -> _Idle:
        try:
            return _Idle(self._connect(), time.monotonic())
        # A wrong password or a missing database is a DatabaseError too, but of no statement.
        except (DatabaseError, InterfaceError, OSError) as error:
            raise NoConnectionError(str(error)) from error

    def _usable(self) -> _Idle | None:
        while True:
            try:
                idle = self._idle.pop()
            except IndexError:
                return None
            if time.monotonic() - idle.opened_at < _RECYCLE_SECONDS and not idle.connection.is_stale():
                return idle
            idle.connection.close()


@lru_cache(maxsize=1)
def pool() -> Pool:
    """Return this process's pool."""
    current = settings()
    return Pool(lambda: connect(current), current.database_pool_size)


def connect(current: Settings) -> PipelinedConnection:
    """Open a new pipelined connection to the configured database.

    Raises pg8000's InterfaceError or DatabaseError, or OSError, when the database cannot be reached or refuses.
    """
    # The socket's word for no limit is None, and zero means something else to it.
    timeout_seconds = current.database_timeout_seconds or None
    url = current.effective_database_url
    if url is None:
        connection = pipelined(_connect_cloud_sql(current))
        # The connector brings a socket of its own, on which neither it nor pg8000 sets any limit.
        connection._usock.settimeout(timeout_seconds)
        return connection
    return pipelined(PipelinedConnection(**connect_arguments(url), timeout=timeout_seconds))


def _connect_cloud_sql(current: Settings) -> dbapi.Connection:
    return _connector().connect(
        current.cloud_sql_instance,
        "pg8000",
        user=current.cloud_sql_user,
        db=current.cloud_sql_database,
        enable_iam_auth=True,
    )


def _connector() -> Any:
    # One connector a process: each starts a thread and fetches certificates of its own.
    with _connector_lock:
        return _make_connector()


@lru_cache(maxsize=1)
def _make_connector() -> Any:
    from google.cloud.sql.connector import Connector  # noqa: PLC0415 - half a second of imports, for Cloud SQL only

    # Lazy: between requests an instance has no CPU for a refresh in the background.
    return Connector(refresh_strategy="lazy")
