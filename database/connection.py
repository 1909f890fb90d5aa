"""The connection of what an operator runs: migrating, checking the rules, repairing."""

from dataclasses import replace

from shared.config import Settings
from shared.db.pipelined import PipelinedConnection
from shared.db.pool import connect

# Reading a whole large table, or building an index over it, takes longer than any request may.
_TIMEOUT_SECONDS = 3600.0


def maintenance_connection(current: Settings) -> PipelinedConnection:
    """Open a connection to the configured database that waits for long statements."""
    return connect(replace(current, database_timeout_seconds=_TIMEOUT_SECONDS))
