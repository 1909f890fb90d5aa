"""The frontend's own kind of client, axios under Node, against the whole service."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.laptop import Laptop
from tests.node_project import NODE, installed, run_tests


@pytest.fixture
def laptop(environment: None, database_url: str, tmp_path: Path) -> Iterator[Laptop]:
    started = Laptop(tmp_path, database_url)
    started.start()
    yield started
    started.kill()


@pytest.mark.timeout(240)
def test_the_plans_axios_client_works_with_nothing_but_the_frontends_variables(laptop: Laptop) -> None:
    run_tests(
        installed(NODE / "axios"),
        NEXT_PUBLIC_API_URL=laptop.base_url,
        NEXT_PUBLIC_SUPABASE_URL=laptop.environment["SUPABASE_URL"],
        NEXT_PUBLIC_SUPABASE_ANON_KEY=laptop.environment["SUPABASE_ANON_KEY"],
        REQUEST_SIGNATURE_SECRET=laptop.environment["REQUEST_SIGNATURE_SECRET"],
    )
