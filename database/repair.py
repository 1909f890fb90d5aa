"""Count again whatever was counted wrong, and say what that changed: `python -m database.repair`.

Only figures that follow from the rows are repaired (counters, scores, sums, last activity). Whatever else breaks a rule
of `database/invariants.sql` is reported for a person to decide. Exit status 1 when something is left.
"""

import sys
from collections.abc import Callable

from database.connection import maintenance_connection
from database.invariants import Rule, read_rules, report, violations
from shared.config import settings
from shared.db.pipelined import PipelinedConnection

# In this order: a creator's sums are over the figures of their videos.
REPAIRS = {
    "reactions_counted": "logic.repair_video",
    "views_counted": "logic.repair_video",
    "score_is_the_formula": "logic.repair_video",
    "creators_summed": "logic.repair_creator",
    "activity_noted": "logic.repair_activity",
}


def repair(connection: PipelinedConnection, say: Callable[[str], None]) -> int:
    """Repair what can be, each row in a transaction of its own; tell `say` each change, return how many there were."""
    rules = {rule.name: rule for rule in read_rules()}
    return sum(_repair_rule(connection, rules[name], function, say) for name, function in REPAIRS.items())


def _repair_rule(connection: PipelinedConnection, rule: Rule, function: str, say: Callable[[str], None]) -> int:
    changes = 0
    while found := violations(connection, rule):
        before = changes
        for violation in found:
            statement = f"SELECT {function}(CAST($1 AS uuid))"
            [[change]] = connection.execute_unnamed(statement, [violation.id]).rows
            if change is not None:
                changes += 1
                say(f"{rule.name} {violation.id}: {change}")
        # Nothing to change for any of them: another repair was quicker, or the rule and the repair disagree.
        if changes == before:
            break
    return changes


def _say(line: str) -> None:
    sys.stdout.write(f"  {line}\n")


def main() -> int:
    """Repair the database of the environment and report on it; return the exit status."""
    connection = maintenance_connection(settings())
    try:
        changes = repair(connection, _say)
        _say(f"{changes} repaired")
        return 1 if report(connection) else 0
    finally:
        connection.close()


if __name__ == "__main__":
    sys.exit(main())
