import gc
import socket
import threading
import warnings
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest
from pg8000 import dbapi
from pg8000.exceptions import DatabaseError, InterfaceError

from shared.config import Settings
from shared.db.pipelined import PipelinedConnection, pipelined
from shared.db.pool import connect
from shared.db.url import connect_arguments
from tests.proxy import CountingProxy, counting_proxy

SQL = "SELECT CAST($1 AS int) + 1, CAST($2 AS text)"


@pytest.fixture
def proxied(database_url: str) -> Iterator[tuple[CountingProxy, str]]:
    with counting_proxy(database_url) as pair:
        yield pair


def connected(url: str) -> PipelinedConnection:
    return pipelined(dbapi.connect(**connect_arguments(url)))


def test_a_statement_with_parameters_is_one_turn(proxied: tuple[CountingProxy, str]) -> None:
    proxy, url = proxied
    connection = connected(url)
    before = proxy.turns
    assert connection.execute_unnamed(SQL, [41, "naïve ☂"]).rows == [[42, "naïve ☂"]]
    assert proxy.turns - before == 1
    connection.close()


def test_pg8000_as_it_comes_takes_three(proxied: tuple[CountingProxy, str]) -> None:
    proxy, url = proxied
    connection = dbapi.connect(**connect_arguments(url))
    connection.autocommit = True
    before = proxy.turns
    connection.execute_unnamed(SQL, [41, "x"])
    assert proxy.turns - before == 3
    pipelined(connection).close()


def test_a_refused_statement_is_one_turn_and_leaves_the_connection_usable(proxied: tuple[CountingProxy, str]) -> None:
    proxy, url = proxied
    connection = connected(url)
    for broken in ("SELEC", "SELECT CAST('x' AS int)", "SELECT 1/0", "SELECT * FROM missing"):
        before = proxy.turns
        with pytest.raises(DatabaseError):
            connection.execute_unnamed(broken)
        assert proxy.turns - before == 1
    assert connection.execute_unnamed(SQL, [1, None]).rows == [[2, None]]
    connection.close()


def test_large_values_travel_both_ways_in_one_turn(proxied: tuple[CountingProxy, str]) -> None:
    proxy, url = proxied
    connection = connected(url)
    text = "ü" * 3_000_000
    before = proxy.turns
    assert connection.execute_unnamed("SELECT CAST($1 AS text)", [text]).rows == [[text]]
    assert proxy.turns - before == 1
    connection.close()


def test_a_connection_that_was_hung_up_on_is_known_without_a_turn(proxied: tuple[CountingProxy, str]) -> None:
    proxy, url = proxied
    connection = connected(url)
    connection.execute_unnamed("SELECT 1")
    before = proxy.turns
    assert not connection.is_stale()
    assert proxy.turns == before
    other = connected(url)
    other.execute_unnamed(
        "SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
        " WHERE datname = current_database() AND pid <> pg_backend_pid()"
    )
    other.execute_unnamed("SELECT pg_sleep(0.1)")
    assert connection.is_stale()
    connection.close()
    other.close()


def test_copy_still_works(database_url: str) -> None:
    connection = connected(database_url)
    cursor = connection.cursor()
    cursor.execute("CREATE TEMPORARY TABLE copied (n int)")
    cursor.execute("COPY copied FROM STDIN", stream=["1\n2\n3\n"])
    cursor.execute("SELECT sum(n) FROM copied")
    assert cursor.fetchone() == [6]
    connection.close()


def test_transactions_still_work_for_the_migrations(database_url: str) -> None:
    connection = connected(database_url)
    connection.autocommit = False
    cursor = connection.cursor()
    cursor.execute("CREATE TABLE gone (n int)")
    connection.rollback()
    cursor.execute("SELECT to_regclass('gone')")
    assert cursor.fetchone() == [None]
    connection.close()


def test_a_server_that_hangs_up_at_once_leaves_no_socket_behind(tmp_path: Path) -> None:
    with closing(socket.socket(socket.AF_UNIX)) as listener, warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        listener.bind(str(tmp_path / ".s.PGSQL.5432"))
        listener.listen(1)

        def accept_and_hang_up() -> None:
            listener.accept()[0].close()

        for _ in range(100):
            hangs_up = threading.Thread(target=accept_and_hang_up)
            hangs_up.start()
            with pytest.raises((InterfaceError, OSError)):
                connect(Settings(database_url=f"postgresql://nobody@/nothing?host={tmp_path}"))
            hangs_up.join()
        gc.collect()
    assert [str(each.message) for each in caught] == []
