"""What docs/data.md and docs/ranking.md say is what there is."""

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
