"""One statement, one network turn: pg8000's connection with the extended protocol sent in a single flush.

As it comes, pg8000 sends PARSE, waits, sends DESCRIBE and BIND, waits, sends EXECUTE, waits: three turns a statement.
Postgres takes all of them together, up to the SYNC that ends them, and skips the rest when one fails
(https://www.postgresql.org/docs/current/protocol-flow.html#PROTOCOL-FLOW-PIPELINING). The statement has no name, so
this works behind poolers that hand the connection to others between transactions.
"""

import select
import socket
from collections.abc import Sequence
from contextlib import suppress
from typing import Any, cast

from pg8000.converters import make_params
from pg8000.core import (
    BIND,
    DESCRIBE,
    EXECUTE_MSG,
    NULL_BYTE,
    PARSE,
    PORTAL,
    SYNC_MSG,
    Context,
    H_pack,
    _flush,
    _write,
    i_pack,
)
from pg8000.dbapi import Connection
from pg8000.exceptions import InterfaceError


class PipelinedConnection(Connection):  # type: ignore[misc] # pg8000 has no types
    """A pg8000 DB-API connection whose statements cost one turn each."""

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
        self._send_message(BIND, _bind(make_params(self.py_types, vals)))
        self._send_message(DESCRIBE, PORTAL + NULL_BYTE)
        _write(self._sock, EXECUTE_MSG)
        _write(self._sock, SYNC_MSG)
        _flush(self._sock)
        self.handle_messages(context)
        return context

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


def _bind(parameters: Sequence[str | None]) -> bytes:
    """Return a BIND message: unnamed portal, unnamed statement, every parameter and every column as text."""
    parts = [NULL_BYTE, NULL_BYTE, H_pack(0), H_pack(len(parameters))]
    for parameter in parameters:
        if parameter is None:
            parts.append(i_pack(-1))
        else:
            value = parameter.encode()
            parts += [i_pack(len(value)), value]
    return b"".join([*parts, H_pack(0)])


def pipelined(connection: Connection) -> PipelinedConnection:
    """Turn a pg8000 connection, also one that the Cloud SQL connector made, into a pipelined one in autocommit mode."""
    # The connector builds its connections itself; the class adds behaviour and no state, so it can be put on later.
    connection.__class__ = PipelinedConnection
    connection.autocommit = True
    if connection._usock.family != socket.AF_UNIX:
        connection._usock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    return cast("PipelinedConnection", connection)
