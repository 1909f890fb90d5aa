"""The TypeScript client: generated types fresh, compiled strictly, and used against the running service."""

import re
import shutil
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest
from werkzeug.serving import make_server

from local.gateway import Gateway, read_operations
from tests.api import SIGNATURE_SECRET, Person
from tests.node_project import installed, run
from tests.rows import make_video

CLIENT = Path(__file__).parent.parent.parent / "clients" / "typescript"
NODE_TIMEOUT_SECONDS = 100


@pytest.fixture(scope="module")
def client() -> Path:
    return installed(CLIENT)


@pytest.fixture
def base_url(environment: None) -> Iterator[str]:
    """The service on a port of its own."""
    server = make_server("127.0.0.1", 0, Gateway(read_operations()), threaded=True)
    thread = threading.Thread(target=server.serve_forever, args=(0.01,))
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.port}"
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


def test_the_types_are_those_of_the_contract(client: Path) -> None:
    run(client, ["npm", "run", "--silent", "check-generated"], timeout_seconds=NODE_TIMEOUT_SECONDS)


def test_it_has_no_dependencies_at_run_time() -> None:
    assert '"dependencies"' not in (CLIENT / "package.json").read_text()


def test_it_compiles_and_works_against_the_service(client: Path, base_url: str) -> None:
    grace, ada = Person("grace"), Person("ada")
    videos = [make_video(grace) for _ in range(5)]
    shutil.rmtree(client / "build", ignore_errors=True)
    run(client, ["npm", "run", "--silent", "build"], timeout_seconds=NODE_TIMEOUT_SECONDS)
    report = run(
        client,
        ["node", "--test", "--test-reporter=tap", "build/test/"],
        timeout_seconds=NODE_TIMEOUT_SECONDS,
        API_URL=base_url,
        ACCESS_TOKEN=ada.token(),
        USER_ID=str(ada.id),
        SIGNATURE_SECRET=SIGNATURE_SECRET,
        VIDEO_ID=str(videos[0]),
    )
    # A runner that finds no tests is content, too.
    assert re.search(r"^# pass [1-9]", report, re.MULTILINE), report
    assert "# skipped 0" in report
