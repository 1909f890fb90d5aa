"""The benchmarks send the routes' own statements: they must know every parameter that those have."""

import re

import pytest

from benchmarks import hot_row
from benchmarks.tools.pgbench import pgbench_script
from benchmarks.tools.routes import HotRoute, hot_routes
from shared.db.query import _positional


@pytest.mark.parametrize("route", hot_routes(10, 10), ids=lambda route: route.name)
def test_a_hot_routes_statement_can_be_given_to_pgbench(route: HotRoute) -> None:
    script = pgbench_script(route.sql, **route.parameters)
    # What is left are pgbench's own variables.
    assert set(re.findall(r"(?<![:\w]):([a-z]\w*)", script)) <= {"person", "video"}


@pytest.mark.parametrize("route", hot_row.STATEMENTS)
def test_the_hot_rows_statements_have_all_their_values(route: str) -> None:
    sql, values = hot_row.STATEMENTS[route]
    assert set(values(1, 1)) == set(_positional(sql)[1])
