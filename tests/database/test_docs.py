"""What docs/data.md and docs/ranking.md say is what there is."""

import re
from pathlib import Path

from database.invariants import read_rules
from scripts.plot_ranking import PLOT, draw
from tests.database.world import connected, query

DOCS = Path(__file__).parents[2] / "docs"


def test_the_plot_is_what_the_ranking_functions_answer_today(environment: None) -> None:
    with connected() as connection:
        assert PLOT.read_text() == draw(connection)


def test_every_table_and_every_rule_is_explained(environment: None) -> None:
    text = (DOCS / "data.md").read_text()
    with connected() as connection:
        tables = query(connection, "SELECT tablename::text FROM pg_tables WHERE schemaname = 'public'")
    missing = [name for name in [*tables, *(rule.name for rule in read_rules())] if f"`{name}`" not in text]
    assert missing == []


def test_every_allowance_is_explained(environment: None) -> None:
    table = re.findall(
        r"^\| `(\w+)` \| [^|]+ \| (\d+) in (a minute|an hour) \|", (DOCS / "data.md").read_text(), re.MULTILINE
    )
    explained = {(name, int(count), {"a minute": 60, "an hour": 3600}[period]) for name, count, period in table}
    with connected() as connection:
        spent = query(
            connection,
            r"SELECT spent[1], spent[2]::integer, spent[3]::integer FROM pg_proc, "
            r"regexp_matches(prosrc, 'logic\.spend\([^'']+''(\w+)'', (\d+), (\d+)\)', 'g') AS spent "
            r"WHERE pronamespace = 'logic'::regnamespace",
        )
    assert explained == set(spent)
