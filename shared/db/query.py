"""Running a statement: named parameters, one turn, one row back."""

import re
from collections.abc import Callable
from functools import lru_cache
from typing import Any

from pg8000.exceptions import DatabaseError, InterfaceError

from shared.db.pipelined import PipelinedConnection
from shared.db.pool import NoConnectionError, pool
from shared.errors import ApiError

Row = list[Any]

# `:name`, but not the second colon of a `::cast` nor a time such as 12:30.
_PARAMETER = re.compile(r"(?<![:\w]):([a-z]\w*)")
# SQLSTATEs (https://www.postgresql.org/docs/current/errcodes-appendix.html) after which the same statement may be sent
# again as it is: nothing of it happened. Serialization failure, deadlock.
_RETRIED = ("40001", "40P01")
# Cannot connect now, too many connections, shutdown, crash, starting up; 08xxx: the connection failed; 25006: it takes
# no writes, as while another server takes over from it.
_UNAVAILABLE = ("53", "57P", "08", "25006")
# On Supabase a profile refers to its account: a token that outlived the account cannot make a new profile.
_ACCOUNT_CONSTRAINT = "profiles_id_fkey"


def fetch_row(sql: str, *, read_only: bool = False, **values: Any) -> Row | None:
    """Run one statement in one turn and return its first row, or None. Parameters are written `CAST(:name AS type)`.

    A connection that the server closed while idle is replaced before use. One that breaks in the middle is tried again
    only when `read_only` says that running the statement twice does no harm. Raises ApiError `database_unavailable`
    when the database cannot be reached, pg8000's DatabaseError for a statement that it refuses.
    """
    rows = fetch_rows(sql, read_only=read_only, **values)
    return rows[0] if rows else None


def fetch_rows(sql: str, *, read_only: bool = False, **values: Any) -> list[Row]:
    """Run one statement like `fetch_row` and return all its rows."""
    statement, names = _positional(sql)
    parameters = [values[name] for name in names]

    def run(connection: PipelinedConnection) -> list[Row]:
        return connection.execute_kept(statement, parameters).rows or []

    return _with_connection(run, attempts=2, read_only=read_only)


@lru_cache(maxsize=256)
def _positional(sql: str) -> tuple[str, tuple[str, ...]]:
    """Return the statement with `$1`, `$2` … for its named parameters, and their names in that order."""
    names: list[str] = []

    def number(match: re.Match[str]) -> str:
        if match[1] not in names:
            names.append(match[1])
        return f"${names.index(match[1]) + 1}"

    return _PARAMETER.sub(number, sql), tuple(names)


def _with_connection(run: Callable[[PipelinedConnection], list[Row]], *, attempts: int, read_only: bool) -> list[Row]:
    try:
        with pool().connection() as connection:
            return run(connection)
    except DatabaseError as error:
        state = sql_state(error)
        if state.startswith(_UNAVAILABLE):
            lost: Exception = error
        elif state in _RETRIED and attempts > 1:
            return _with_connection(run, attempts=attempts - 1, read_only=read_only)
        elif _error_fields(error).get("n") == _ACCOUNT_CONSTRAINT:
            raise ApiError("invalid_token", cause="the account was deleted") from error
        else:
            # It quotes whole rows, e-mail addresses among them, and would be logged with the traceback.
            _error_fields(error).pop("D", None)
            raise
    except NoConnectionError as error:
        raise _unavailable(error) from error
    except (InterfaceError, OSError) as error:
        lost = error
    # After a time-out the database is slow and still at work on the first one: a second one beside it would not help.
    timed_out = any(isinstance(each, TimeoutError) for each in (lost, lost.__cause__))
    if read_only and attempts > 1 and not timed_out:
        return _with_connection(run, attempts=attempts - 1, read_only=read_only)
    raise _unavailable(lost) from lost


def _unavailable(error: Exception) -> ApiError:
    return ApiError("database_unavailable", cause=str(error)[:300])


def sql_state(error: DatabaseError) -> str:
    """Return the five-character SQLSTATE of an error that Postgres reported, or an empty text."""
    return _error_fields(error).get("C", "")


def _error_fields(error: DatabaseError) -> dict[str, str]:
    """Return Postgres's fields of an error: C the SQLSTATE, n the constraint, M the message."""
    fields = error.args[0] if error.args else None
    return fields if isinstance(fields, dict) else {}
