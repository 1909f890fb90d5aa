"""A real Postgres for the whole run, migrated once; an empty database and fresh settings for each test."""

import os
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from database.migrate import migrate
from local.gateway import Gateway, read_operations
from local.postgres import LocalPostgres, start_postgres
from shared import auth
from shared.config import Settings, settings
from shared.db import pool
from shared.db.pool import connect
from shared.queue.factory import task_queue
from shared.storage.factory import storage_named
from tests.api import JWT_SECRET, SIGNATURE_SECRET, Api

PROJECT = Path(__file__).parent.parent
# Everything hangs on the profiles. TRUNCATE would take fifty times as long: it makes every file and index anew.
EMPTY = "WITH limits AS (DELETE FROM rate_limits) DELETE FROM profiles"


@pytest.fixture(scope="session")
def server() -> Iterator[LocalPostgres]:
    """The Postgres that all test processes share."""
    started = start_postgres(PROJECT / ".state" / "test-postgres")
    yield started
    started.stop()


@pytest.fixture(scope="session")
def database_url(server: LocalPostgres) -> Iterator[str]:
    """A migrated database of this test process alone."""
    name = f"test_{os.getpid()}"
    _run(server.url("postgres"), f"CREATE DATABASE {name}")
    url = server.url(name)
    migrate(Settings(database_url=url), lambda _line: None)
    yield url
    _run(server.url("postgres"), f"DROP DATABASE {name} WITH (FORCE)")


def _run(url: str, statement: str) -> None:
    connection = connect(Settings(database_url=url))
    connection.execute_unnamed(statement)
    connection.close()


@pytest.fixture
def configure(monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[..., None]]:
    """Set environment variables for one test; whatever was made from the old ones is made anew."""

    def set_variables(**variables: str) -> None:
        for name, value in variables.items():
            monkeypatch.setenv(name, value)
        _forget()

    yield set_variables
    _forget()


def _forget() -> None:
    if pool.pool.cache_info().currsize:
        pool.pool().close()
    for made_once in (pool.pool, settings, task_queue, storage_named, auth.key_set):
        made_once.cache_clear()


@pytest.fixture
def environment(database_url: str, configure: Callable[..., None], tmp_path: Path) -> None:
    """Configure a whole service with an empty database. Nobody has to wait between two videos."""
    configure(
        DATABASE_URL=database_url,
        DATABASE_POOL_SIZE="8",
        SUPABASE_JWT_SECRET=JWT_SECRET,
        REQUEST_SIGNATURE_SECRET=SIGNATURE_SECRET,
        MEDIA_ROOT=str(tmp_path / "media"),
        LOCAL_QUEUE_PATH=str(tmp_path / "queue.sqlite3"),
        VIDEO_CREATION_COOLDOWN_SECONDS="0",
        # Nothing listens there: a test that talks to a provider names its own.
        FLOW_API_GENERATE_URL="http://127.0.0.1:9",
        FLOW_API_STATUS_URL="http://127.0.0.1:9",
        FLOW_SESSION_URL="http://127.0.0.1:9",
    )
    _run(database_url, EMPTY)


@pytest.fixture(scope="session")
def gateway() -> Gateway:
    """Every entry point's application, each made once: they read the settings at every request."""
    return Gateway(read_operations())


@pytest.fixture
def api(environment: None, gateway: Gateway) -> Api:
    """The API behind its gateway, over an empty database."""
    return Api(gateway)
