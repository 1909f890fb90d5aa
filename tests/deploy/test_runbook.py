"""docs/operations.md is read at night: what it tells one to type must work."""

import re
from contextlib import closing

import pytest
from pg8000 import dbapi

from scripts.package import PROJECT
from shared.db.url import connect_arguments
from shared.generation.provider import FAILURES

RUNBOOK = (PROJECT / "docs" / "operations.md").read_text()
DEPLOYING = (PROJECT / "docs" / "deploy.md").read_text()


@pytest.mark.parametrize("statement", re.findall(r"```sql\n(.*?)```", RUNBOOK, re.DOTALL))
def test_every_statement_runs(statement: str, database_url: str) -> None:
    with closing(dbapi.connect(**connect_arguments(database_url))) as connection:
        connection.cursor().execute(statement)


def test_every_failure_it_explains_exists() -> None:
    section = RUNBOOK.partition("### `job_failures`")[2].partition("###")[0]
    explained = set(re.findall(r"`([a-z]+_[a-z_]+)`", section)) - {"queue_age"}
    assert explained
    assert explained <= set(FAILURES)


@pytest.mark.parametrize("text", [RUNBOOK, DEPLOYING], ids=["operations", "deploy"])
def test_every_link_leads_somewhere(text: str) -> None:
    headings = {_anchor(heading) for heading in re.findall(r"^#+ (.+)$", text, re.MULTILINE)}
    for target in re.findall(r"\]\(([^)]+)\)", text):
        file, _, anchor = target.partition("#")
        if file.startswith("http"):
            continue
        assert not file or (PROJECT / "docs" / file).exists(), target
        assert file or anchor in headings, target


def _anchor(heading: str) -> str:
    return re.sub(r"[^\w -]", "", heading.lower()).replace(" ", "-")
