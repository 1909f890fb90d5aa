import socket
from collections.abc import Callable
from urllib.parse import urlsplit

import pytest
from pg8000 import dbapi
from pg8000.exceptions import DatabaseError

from shared.config import Settings
from shared.db.pool import pool
from shared.db.query import fetch_row, fetch_rows
from shared.db.url import connect_arguments
from shared.errors import ApiError
from shared.log import log_crash
from tests.proxy import counting_proxy


def test_named_parameters_are_numbered_once_each(environment: None) -> None:
    sql = "SELECT CAST(:a AS int), CAST(:b AS text), CAST(:a AS int) * 2, '12:30'::time::text"
    assert fetch_row(sql, a=4, b="x") == [4, "x", 8, "12:30:00"]


def test_no_row_is_none(environment: None) -> None:
    assert fetch_row("SELECT 1 WHERE false") is None
    assert fetch_rows("SELECT 1 WHERE false") == []


def test_a_connection_killed_while_idle_is_replaced_also_for_writes(
    environment: None, database_url: str, configure: Callable[..., None]
) -> None:
    with counting_proxy(database_url) as (proxy, url):
        configure(DATABASE_URL=url, DATABASE_POOL_SIZE="1")
        fetch_row("SELECT 1")
        proxy.cut()
        assert fetch_row("SELECT 2") == [2]
        assert proxy.connections == 2
        pool().close()


def test_a_statement_cut_off_in_the_middle_is_repeated_only_when_reading(
    environment: None, database_url: str, configure: Callable[..., None]
) -> None:
    cut_myself_off = "SELECT pg_terminate_backend(pg_backend_pid()) WHERE nextval('attempts') = 1"
    count = "SELECT last_value FROM attempts"
    fetch_row("CREATE SEQUENCE attempts")
    try:
        with pytest.raises(ApiError, match="database_unavailable"):
            fetch_row(cut_myself_off)
        assert fetch_row(count) == [1]
        fetch_row("ALTER SEQUENCE attempts RESTART")
        assert fetch_row(cut_myself_off, read_only=True) is None
        assert fetch_row(count) == [2]
    finally:
        fetch_row("DROP SEQUENCE attempts")


@pytest.mark.parametrize("wrong", [("postgresql://postgres@127.0.0.1:1/nothing", ""), ("", "/no_such_database")])
def test_a_database_that_lets_nobody_in_is_a_503_with_retry_after(
    environment: None, database_url: str, configure: Callable[..., None], wrong: tuple[str, str]
) -> None:
    nobody, nowhere = wrong
    configure(DATABASE_URL=nobody or database_url.replace(urlsplit(database_url).path, nowhere))
    with pytest.raises(ApiError) as caught:
        fetch_row("SELECT 1")
    assert (caught.value.status, caught.value.code) == (503, "database_unavailable")
    assert caught.value.headers["Retry-After"]


def test_connections_go_back_to_the_pool_whatever_happens(environment: None, configure: Callable[..., None]) -> None:
    configure(DATABASE_POOL_SIZE="1")
    for _ in range(3):
        with pytest.raises(Exception, match="division by zero"):
            fetch_row("SELECT 1/0")
    assert fetch_row("SELECT 1") == [1]


def test_a_statement_that_takes_too_long_is_not_sent_a_second_time(
    environment: None, configure: Callable[..., None]
) -> None:
    configure(DATABASE_TIMEOUT_SECONDS="1")
    with pytest.raises(ApiError, match="database_unavailable"):
        fetch_row("SELECT pg_sleep(6)", read_only=True)
    configure(DATABASE_TIMEOUT_SECONDS="30")
    running = """
    SELECT count(*) FROM pg_stat_activity
    WHERE datname = current_database() AND query = 'SELECT pg_sleep(6)' AND state = 'active'
    """
    assert fetch_row(running) == [1]


def test_the_time_limit_holds_also_on_the_connector_s_own_socket(
    environment: None, database_url: str, configure: Callable[..., None], monkeypatch: pytest.MonkeyPatch
) -> None:
    arguments = connect_arguments(database_url)

    def connect_like_the_connector(_settings: Settings) -> dbapi.Connection:
        own = socket.socket(socket.AF_UNIX)
        own.connect(arguments["unix_sock"])
        return dbapi.connect(arguments["user"], database=arguments["database"], sock=own, ssl_context=False, timeout=30)

    monkeypatch.setattr("shared.db.pool._connect_cloud_sql", connect_like_the_connector)
    configure(DATABASE_URL="", CLOUD_SQL_INSTANCE="project:region:instance", DATABASE_TIMEOUT_SECONDS="1")
    with pytest.raises(ApiError, match="database_unavailable"):
        fetch_row("SELECT pg_sleep(6)")


def test_no_time_limit_is_no_limit(environment: None, configure: Callable[..., None]) -> None:
    configure(DATABASE_TIMEOUT_SECONDS="0")
    assert fetch_row("SELECT 1 FROM pg_sleep(0.1)") == [1]


# Apart from the test, since a traceback quotes the lines that it leads through.
EMAIL = "ada@example.com"
REFUSED = "INSERT INTO profiles (id, username, email) VALUES (gen_random_uuid(), 'Not A Name', CAST(:email AS text))"


def test_a_refused_row_is_not_quoted_in_the_log(environment: None, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(DatabaseError, match="profiles_username_check") as caught:
        fetch_row(REFUSED, email=EMAIL)
    log_crash("request_crashed", caught.value)
    assert EMAIL not in capsys.readouterr().out
