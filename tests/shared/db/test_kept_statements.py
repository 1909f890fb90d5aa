"""Statements that the server keeps: planned once, one turn each, and no harm done when the server forgets them."""

from collections.abc import Iterator

import pytest
from pg8000.exceptions import DatabaseError

from shared.config import Settings
from shared.db.pipelined import PipelinedConnection
from shared.db.pool import connect
from tests.proxy import CountingProxy, counting_proxy

SQL = "SELECT CAST($1 AS int) + 1, CAST($2 AS text)"
KEPT = "SELECT count(*) FROM pg_prepared_statements"


@pytest.fixture
def proxied(database_url: str) -> Iterator[tuple[CountingProxy, PipelinedConnection]]:
    with counting_proxy(database_url) as (proxy, url):
        connection = connect(Settings(database_url=url))
        yield proxy, connection
        connection.close()


def kept(connection: PipelinedConnection) -> int:
    return int(connection.execute_unnamed(KEPT).rows[0][0])


def test_the_first_time_and_every_other_are_one_turn(proxied: tuple[CountingProxy, PipelinedConnection]) -> None:
    proxy, connection = proxied
    sizes = []
    for number in range(12):
        turns, sent = proxy.turns, proxy.client_bytes
        assert connection.execute_kept(SQL, [number, "naïve ☂"]).rows == [[number + 1, "naïve ☂"]]
        assert proxy.turns - turns == 1
        sizes.append(proxy.client_bytes - sent)
    assert kept(connection) == 1
    # The text is not sent again.
    assert max(sizes[1:]) < sizes[0] - len(SQL)


def test_a_statement_without_rows_keeps_having_none(proxied: tuple[CountingProxy, PipelinedConnection]) -> None:
    _, connection = proxied
    for _ in range(3):
        assert not connection.execute_kept("DO $$ BEGIN NULL; END $$").rows
        assert connection.execute_kept("SELECT 1 WHERE false").rows == []


def test_a_refused_statement_can_be_sent_again(proxied: tuple[CountingProxy, PipelinedConnection]) -> None:
    proxy, connection = proxied
    divide = "SELECT 1 / CAST($1 AS int)"
    for divisor, result in ((0, None), (0, None), (1, [[1]]), (0, None), (1, [[1]])):
        turns = proxy.turns
        if result is None:
            with pytest.raises(DatabaseError, match="22012"):
                connection.execute_kept(divide, [divisor])
        else:
            assert connection.execute_kept(divide, [divisor]).rows == result
        assert proxy.turns - turns == 1
    with pytest.raises(DatabaseError, match="42601"):
        connection.execute_kept("SELEC")
    assert kept(connection) == 1


def test_what_a_pooler_forgot_runs_without_a_name(proxied: tuple[CountingProxy, PipelinedConnection]) -> None:
    proxy, connection = proxied
    connection.execute_unnamed("CREATE TEMPORARY TABLE counted (n int)")
    insert = "INSERT INTO counted SELECT CAST($1 AS int) RETURNING n"
    for number in range(2):
        connection.execute_kept(insert, [number])
    # What another server connection behind a transaction pooler looks like.
    connection.execute_unnamed("DEALLOCATE ALL")
    assert connection.execute_kept(insert, [2]).rows == [[2]]
    turns = proxy.turns
    assert connection.execute_kept(insert, [3]).rows == [[3]]
    assert proxy.turns - turns == 1
    assert connection.execute_unnamed("SELECT array_agg(n) FROM counted").rows == [[[0, 1, 2, 3]]]
    assert kept(connection) == 0


def test_a_changed_column_is_seen(proxied: tuple[CountingProxy, PipelinedConnection]) -> None:
    _, connection = proxied
    connection.execute_unnamed("CREATE TEMPORARY TABLE changing (n int)")
    connection.execute_unnamed("INSERT INTO changing VALUES (7)")
    assert connection.execute_kept("SELECT n FROM changing").rows == [[7]]
    connection.execute_unnamed("ALTER TABLE changing ALTER n TYPE text")
    assert connection.execute_kept("SELECT n FROM changing").rows == [["7"]]


def test_functions_that_a_migration_rebuilt_are_found_again(
    proxied: tuple[CountingProxy, PipelinedConnection],
) -> None:
    _, connection = proxied
    for number in (1, 2):
        connection.execute_unnamed("DROP SCHEMA IF EXISTS rebuilt CASCADE")
        connection.execute_unnamed("CREATE SCHEMA rebuilt")
        connection.execute_unnamed(
            f"CREATE FUNCTION rebuilt.number() RETURNS int LANGUAGE sql AS $$ SELECT {number} $$"
        )
        assert connection.execute_kept("SELECT rebuilt.number()").rows == [[number]]
    connection.execute_unnamed("DROP SCHEMA rebuilt CASCADE")
