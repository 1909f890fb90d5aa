"""Check what must always be true of the rows: `python -m database.invariants`, exit status 1 when something is not.

The rules are the queries of `database/invariants.sql`.
"""

import re
import sys
from pathlib import Path
from typing import NamedTuple

from database.connection import maintenance_connection
from shared.config import settings
from shared.db.pipelined import PipelinedConnection

FIRST_ID, LAST_ID = "00000000-0000-0000-0000-000000000000", "ffffffff-ffff-ffff-ffff-ffffffffffff"
MAX_VIOLATIONS = 1000
_SHOWN = 20
_FILE = Path(__file__).with_name("invariants.sql")
_RULE = re.compile(r"^-- rule: (\w+): (.+)\n((?:.*\n)*?)(?=\n-- rule:|\Z)", re.MULTILINE)
_BOUND = re.compile(r"(?<!:):(first|last)\b")


class Rule(NamedTuple):
    """One rule: its name, what it says, and the query for rows that break it, with `:first` and `:last` in it."""

    name: str
    sentence: str
    query: str


class Violation(NamedTuple):
    """One row that breaks a rule: its id and what was found."""

    id: str
    found: str


def read_rules() -> list[Rule]:
    """Return the rules of `invariants.sql` in their order."""
    return [Rule(*match.groups()) for match in _RULE.finditer(_FILE.read_text())]


def violations_function() -> str:
    """Return the SQL that makes `logic.violations(p_first, p_last)` of all rules; part of every migration."""
    selects = [
        f"SELECT '{rule.name}', id, found FROM (\n{rule.query}) AS {rule.name}"  # noqa: S608 - our own file
        for rule in read_rules()
    ]
    body = _BOUND.sub(r"p_\1", "\nUNION ALL ".join(selects))
    return (
        "CREATE FUNCTION logic.violations(p_first uuid, p_last uuid) RETURNS TABLE (rule text, id text, found text)\n"
        f"LANGUAGE sql STABLE AS $$\n{body}\n$$;\n"
    )


def violations(connection: PipelinedConnection, rule: Rule) -> list[Violation]:
    """Return the rows that break the rule, `MAX_VIOLATIONS` at most."""
    numbers = {"first": "CAST($1 AS uuid)", "last": "CAST($2 AS uuid)"}
    query = _BOUND.sub(lambda bound: numbers[bound[1]], rule.query)
    statement = f"SELECT id, found FROM ({query}) AS broken LIMIT {MAX_VIOLATIONS}"  # noqa: S608 - our own file
    rows = connection.execute_unnamed(statement, [FIRST_ID, LAST_ID]).rows or []
    return [Violation(*row) for row in rows]


def report(connection: PipelinedConnection) -> int:
    """Print each rule and the rows that break it; return how many rules are broken."""
    broken = 0
    for rule in read_rules():
        found = violations(connection, rule)
        broken += bool(found)
        sys.stdout.write(f"  {'BROKEN' if found else 'ok    '}  {rule.name}: {rule.sentence}\n")
        for violation in found[:_SHOWN]:
            sys.stdout.write(f"            {violation.id}: {violation.found}\n")
        if len(found) > _SHOWN:
            more = "or more" if len(found) == MAX_VIOLATIONS else "in all"
            sys.stdout.write(f"            ... {len(found)} {more}\n")
    return broken


def main() -> int:
    """Report on the database of the environment; return the exit status."""
    connection = maintenance_connection(settings())
    try:
        return 1 if report(connection) else 0
    finally:
        connection.close()


if __name__ == "__main__":
    sys.exit(main())
