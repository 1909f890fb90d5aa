"""The playground in a real browser: the whole product as a person meets it."""

import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.laptop import Laptop, free_port
from tests.node_project import absent, installed, run_tests

FOLDER = Path(__file__).parent


@pytest.fixture
def laptop(environment: None, database_url: str, tmp_path: Path) -> Iterator[Laptop]:
    started = Laptop(tmp_path, database_url, CORS_ALLOWED_ORIGINS=f"http://localhost:{free_port()}")
    started.start()
    yield started
    started.kill()


@pytest.mark.timeout(600)
def test_the_playground_in_chromium(laptop: Laptop, tmp_path: Path) -> None:
    chromium = shutil.which("chromium") or shutil.which("google-chrome")
    if chromium is None:
        absent("Chromium is needed for this test: apt-get install chromium")
    pictures = tmp_path / "screenshots"
    pictures.mkdir()
    run_tests(
        installed(FOLDER),
        timeout_seconds=560,
        BASE_URL=laptop.base_url,
        CHROMIUM=chromium,
        ALLOWED_ORIGIN=laptop.environment["CORS_ALLOWED_ORIGINS"],
        REQUEST_SIGNATURE_SECRET=laptop.environment["REQUEST_SIGNATURE_SECRET"],
        SCREENSHOTS=str(pictures),
    )
    assert {path.name for path in pictures.iterdir()} >= {"feed-desktop.png", "feed-phone.png"}
