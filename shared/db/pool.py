"""The process's pool of connections: made at the first statement, shared by all threads, no larger than configured."""

import threading
from functools import lru_cache
from typing import Any

from pg8000 import dbapi
from sqlalchemy.pool import QueuePool

from shared.config import Settings, settings
from shared.db.pipelined import PipelinedConnection, pipelined
from shared.db.url import connect_arguments

# Below Cloud SQL's hour-long certificates and the ten minutes some poolers and firewalls grant an idle connection.
_RECYCLE_SECONDS = 540
_WAIT_SECONDS = 10
_connector_lock = threading.Lock()


@lru_cache(maxsize=1)
def pool() -> QueuePool:
    """Return the pool. SQLAlchemy's, without its engine: its way of executing costs a quarter of a request."""
    current = settings()
    return QueuePool(
        lambda: connect(current),
        pool_size=current.database_pool_size,
        max_overflow=0,
        timeout=_WAIT_SECONDS,
        recycle=_RECYCLE_SECONDS,
        # Statements run in autocommit: there is nothing to roll back, and rolling back would cost a turn.
        reset_on_return=None,
    )


def connect(current: Settings) -> PipelinedConnection:
    """Open a new pipelined connection to the configured database.

    Raises pg8000's InterfaceError or DatabaseError, or OSError, when the database cannot be reached or refuses.
    """
    url = current.effective_database_url
    if url is None:
        return pipelined(_connect_cloud_sql(current))
    return pipelined(dbapi.connect(**connect_arguments(url), timeout=current.database_timeout_seconds))


def _connect_cloud_sql(current: Settings) -> dbapi.Connection:
    return _connector().connect(
        current.cloud_sql_instance,
        "pg8000",
        user=current.cloud_sql_user,
        db=current.cloud_sql_database,
        enable_iam_auth=True,
        timeout=current.database_timeout_seconds,
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
