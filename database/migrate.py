"""Bring the database up to date: `python -m database.migrate`.

In one transaction: the numbered steps that are missing, then the replaceable part (functions, triggers, JSON shapes:
the schema `logic`) dropped and rebuilt from its files. Nothing is touched when nothing has changed.
"""

import sys
from collections.abc import Callable
from hashlib import sha256
from pathlib import Path

from alembic import command
from alembic.config import Config
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import Connection, create_engine

from database.connection import maintenance_connection
from database.invariants import violations_function
from shared.config import Settings, settings

_FOLDER = Path(__file__).parent
# Any number, the same for everybody: two migrations at once run one after the other.
_LOCK_KEY = 7_243_015


def migrate(current: Settings, say: Callable[[str], None]) -> bool:
    """Migrate the configured database and return whether anything was to be done; `say` gets a line for each step.

    Raises pg8000's errors, through SQLAlchemy, when a step fails: then nothing of this run remains.
    """
    engine = create_engine("postgresql+pg8000://", creator=lambda: _connection(current))
    with engine.begin() as connection:
        connection.exec_driver_sql("SET LOCAL lock_timeout = '10s'")
        connection.exec_driver_sql(f"SELECT pg_advisory_xact_lock({_LOCK_KEY})")
        changed = _migrate(connection, say)
    engine.dispose()
    return changed


def _connection(current: Settings) -> object:
    connection = maintenance_connection(current)
    connection.autocommit = False
    return connection


def _migrate(connection: Connection, say: Callable[[str], None]) -> bool:
    config = Config()
    config.set_main_option("script_location", str(_FOLDER / "migrations"))
    config.attributes["connection"] = connection
    newest = ScriptDirectory.from_config(config).get_current_head()
    options = {"version_table": "schema_version"}
    at = MigrationContext.configure(connection, opts=options).get_current_revision()
    parts = _replaceable()
    fingerprint = sha256("".join(parts).encode()).hexdigest()
    built = connection.exec_driver_sql(
        "SELECT obj_description(oid, 'pg_namespace') FROM pg_namespace WHERE nspname = 'logic'"
    ).scalar()
    if at == newest and built == fingerprint:
        return False
    # First, since a step may change tables that the views and triggers look at.
    connection.exec_driver_sql("DROP SCHEMA IF EXISTS logic CASCADE")
    if at != newest:
        say(f"tables: {at or 'empty'} -> {newest}")
        command.upgrade(config, "head")
    say(f"functions, triggers and shapes: {len(parts)} files")
    connection.exec_driver_sql("CREATE SCHEMA logic")
    for part in parts:
        # By the simple protocol, which takes a file of many statements.
        connection.connection.dbapi_connection.execute_simple(part)  # type: ignore[union-attr]
    connection.exec_driver_sql(f"COMMENT ON SCHEMA logic IS '{fingerprint}'")
    return True


def _replaceable() -> list[str]:
    parts = {file.stem: file.read_text() for file in (_FOLDER / "replaceable").glob("*.sql")}
    # After all that the rules look at, before 90_access says who may call them.
    parts["85_invariants"] = violations_function()
    return [parts[name] for name in sorted(parts)]


def main() -> None:
    """Migrate the database of the environment and say what was done."""
    if not migrate(settings(), _say):
        _say("the database is up to date")


def _say(line: str) -> None:
    sys.stdout.write(f"  {line}\n")


if __name__ == "__main__":
    main()
