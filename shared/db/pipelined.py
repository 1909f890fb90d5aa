"""One statement, one network turn: pg8000's connection with the extended protocol sent in a single flush.

As it comes, pg8000 sends PARSE, waits, sends DESCRIBE and BIND, waits, sends EXECUTE, waits: three turns a statement.
Postgres takes all of them together, up to the SYNC that ends them, and skips the rest when one fails
(https://www.postgresql.org/docs/current/protocol-flow.html#PROTOCOL-FLOW-PIPELINING).

A statement that is sent again and again is parsed and planned once for a connection, under a name (ADR 6). Nothing here
relies on the name: behind a pooler that hands the connection to others between transactions, statements have none.
"""

import select
import socket
import struct
from collections.abc import Sequence
from contextlib import suppress
from functools import lru_cache
from hashlib import blake2b
from typing import Any, NamedTuple, cast

from pg8000.converters import make_params
from pg8000.core import (
    BIND,
    CLOSE,
    DESCRIBE,
    EXECUTE_MSG,
    NULL_BYTE,
    PARSE,
    PORTAL,
    READY_FOR_QUERY,
    STATEMENT,
    SYNC_MSG,
    Context,
    H_pack,
    _flush,
    _write,
    ci_unpack,
    i_pack,
)
from pg8000.dbapi import Connection
from pg8000.exceptions import DatabaseError, InterfaceError

# The server does not know the name: a pooler gave us another connection, or emptied this one. Its answer would have
# other columns than when it was parsed: the schema has changed. Either way nothing of the statement has happened.
_NAME_IS_OF_NO_USE = ("26000", "0A000")


class _Kept(NamedTuple):
    """A statement that the server keeps under a name, and what it told about the columns of its answer."""

    columns: list[dict[str, Any]] | None
    input_functions: list[Any]


class PipelinedConnection(Connection):  # type: ignore[misc] # pg8000 has no types
    """A pg8000 DB-API connection whose statements cost one turn each."""

    # By name; None once names have turned out to be of no use.
    _kept: dict[bytes, _Kept] | None
    # Until there is a socket.
    _usock: Any = None
    _sock: Any = None

    def __init__(self, *arguments: Any, **options: Any) -> None:
        """Open a connection as pg8000's DB-API does, and leave no socket behind when that fails."""
        try:
            super().__init__(*arguments, **options)
        except BaseException:
            self.close()
            raise

    def execute_kept(self, statement: str, vals: Sequence[Any] = ()) -> Context:
        """Run one statement like `execute_unnamed` and have the server keep it, parsed and planned, for the next time.

        Costs a second turn when the server has forgotten it; from then on this connection gives no more names.
        """
        if self._kept is None:
            return self.execute_unnamed(statement, vals)
        try:
            return self._execute_named(self._kept, statement, vals)
        except DatabaseError as error:
            details = error.args[0] if error.args else None
            if not isinstance(details, dict) or details.get("C") not in _NAME_IS_OF_NO_USE:
                raise
        self._kept = None
        return self.execute_unnamed(statement, vals)

    def _execute_named(self, kept: dict[bytes, _Kept], statement: str, vals: Sequence[Any]) -> Context:
        name = _name(statement)
        known = kept.get(name)
        bind = _bind(make_params(self.py_types, vals), name)
        if known:
            context = Context(statement, columns=known.columns, input_funcs=known.input_functions)
            self._send_message(BIND, bind)
        else:
            context = Context(statement)
            # One that failed after it was parsed is there already; closing what is not there is no error.
            self._send_message(CLOSE, STATEMENT + name)
            self._send_message(PARSE, name + statement.encode() + NULL_BYTE + H_pack(0))
            self._send_message(BIND, bind)
            self._send_message(DESCRIBE, PORTAL + NULL_BYTE)
        self._execute_and_sync(context)
        if not known:
            kept[name] = _Kept(context.columns, context.input_funcs)
        return context

    def execute_unnamed(
        self, statement: str, vals: Sequence[Any] = (), oids: Sequence[int] = (), stream: Any = None
    ) -> Context:
        """Run one statement with `$1`-style parameters and return pg8000's context (`rows`, `row_count`, `columns`).

        Raises pg8000's DatabaseError for what Postgres refuses; InterfaceError or OSError when the connection is lost.
        """
        # COPY talks back and forth by its nature, and the SYNC in the flush would cut it short.
        if stream is not None:
            return super().execute_unnamed(statement, vals, oids, stream)
        context = Context(statement)
        text = statement.encode() + NULL_BYTE + H_pack(len(oids)) + b"".join(i_pack(max(oid, 0)) for oid in oids)
        self._send_message(PARSE, NULL_BYTE + text)
        self._send_message(BIND, _bind(make_params(self.py_types, vals), NULL_BYTE))
        self._send_message(DESCRIBE, PORTAL + NULL_BYTE)
        self._execute_and_sync(context)
        return context

    def _execute_and_sync(self, context: Context) -> None:
        _write(self._sock, EXECUTE_MSG)
        _write(self._sock, SYNC_MSG)
        _flush(self._sock)
        self.handle_messages(context)

    def handle_messages(self, context: Context) -> None:
        """Take what the server says until it is ready for the next statement.

        As pg8000 does, but each message is read at once: the buffered socket returns less only when the server is gone.
        Raises what the statement ended with, InterfaceError when the connection is lost.
        """
        code = None
        while code != READY_FOR_QUERY:
            try:
                code, length = ci_unpack(self._sock.read(5))
                data = self._sock.read(length - 4)
            except (OSError, struct.error) as error:
                raise InterfaceError("network error") from error
            if len(data) < length - 4:
                raise InterfaceError("network error")
            self.message_types[code](data, context)
        if context.error is not None:
            raise context.error

    def close(self) -> None:
        """Hang up, quietly when the server already has: then there is nobody to say goodbye to."""
        file = self._sock
        with suppress(InterfaceError, OSError):
            super().close()
        # pg8000 leaves the file around its socket open, and with it the socket.
        if file is not None:
            with suppress(OSError):
                file.close()

    def is_stale(self) -> bool:
        """Tell, without a network turn, whether the server has hung up since the last statement.

        Between statements a healthy connection has nothing to read: whatever has arrived is a goodbye.
        """
        if self._usock is None:
            return True
        poller = select.poll()
        poller.register(self._usock, select.POLLIN)
        return bool(poller.poll(0))


@lru_cache(maxsize=256)
def _name(statement: str) -> bytes:
    """Return the name that follows from the text: whoever else uses the server's connection means the same by it."""
    digest = blake2b(statement.encode(), digest_size=16).hexdigest()
    return f"instaveo_{digest}\0".encode()


def _bind(parameters: Sequence[str | None], name: bytes) -> bytes:
    """Return a BIND message: unnamed portal, the statement of this name, every parameter and every column as text."""
    parts = [NULL_BYTE, name, H_pack(0), H_pack(len(parameters))]
    for parameter in parameters:
        if parameter is None:
            parts.append(i_pack(-1))
        else:
            value = parameter.encode()
            parts += [i_pack(len(value)), value]
    return b"".join([*parts, H_pack(0)])


def pipelined(connection: Connection) -> PipelinedConnection:
    """Turn a pg8000 connection, also one that the Cloud SQL connector made, into a pipelined one in autocommit mode."""
    # The connector builds its connections itself; the class can be put on later.
    connection.__class__ = PipelinedConnection
    connection._kept = {}
    connection.autocommit = True
    if connection._usock.family != socket.AF_UNIX:
        connection._usock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    return cast("PipelinedConnection", connection)
