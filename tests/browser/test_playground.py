"""The playground in a real browser: the whole product as a person meets it."""

import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from scripts.seed_many import seed_many
from scripts.seed_profiles import seed_profiles
from scripts.seed_videos import seed_videos
from tests.laptop import Laptop, free_port
from tests.node_project import absent, installed, run_tests

FOLDER = Path(__file__).parent


@pytest.fixture
def laptop(environment: None, database_url: str, tmp_path: Path) -> Iterator[Laptop]:
    started = Laptop(tmp_path, database_url, CORS_ALLOWED_ORIGINS=f"http://localhost:{free_port()}")
    started.start()
    yield started
    started.kill()


@pytest.fixture
def chromium() -> str:
    found = shutil.which("chromium") or shutil.which("google-chrome")
    return found or absent("Chromium is needed for this test: apt-get install chromium")


@pytest.mark.timeout(600)
def test_the_product_in_chromium(chromium: str, laptop: Laptop, tmp_path: Path) -> None:
    pictures = tmp_path / "screenshots"
    pictures.mkdir()
    run_tests(
        installed(FOLDER),
        "playground.test.js",
        timeout_seconds=560,
        BASE_URL=laptop.base_url,
        CHROMIUM=chromium,
        ALLOWED_ORIGIN=laptop.environment["CORS_ALLOWED_ORIGINS"],
        REQUEST_SIGNATURE_SECRET=laptop.environment["REQUEST_SIGNATURE_SECRET"],
        SCREENSHOTS=str(pictures),
    )
    assert {path.name for path in pictures.iterdir()} >= {"feed-desktop.png", "feed-phone.png"}


@pytest.mark.timeout(300)
def test_a_long_feed_in_chromium(chromium: str, laptop: Laptop) -> None:
    seed_profiles()
    seed_videos()
    seed_many(60, seed=1)
    run_tests(installed(FOLDER), "feed.test.js", timeout_seconds=200, BASE_URL=laptop.base_url, CHROMIUM=chromium)


@pytest.mark.timeout(300)
def test_the_docs_page_in_chromium(chromium: str, laptop: Laptop) -> None:
    run_tests(installed(FOLDER), "docs.test.js", timeout_seconds=200, BASE_URL=laptop.base_url, CHROMIUM=chromium)
