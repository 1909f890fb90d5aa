"""The TypeScript client: generated types fresh, compiled strictly, and used against the running service."""

import hashlib
import os
import re
import shutil
import subprocess
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest
from werkzeug.serving import make_server

from local.gateway import Gateway, read_operations
from tests.api import SIGNATURE_SECRET, Person
from tests.rows import make_video

CLIENT = Path(__file__).parent.parent.parent / "clients" / "typescript"
INSTALLED_LOCK = CLIENT / "node_modules" / ".installed-lock-sha256"
NODE_TIMEOUT_SECONDS = 100


@pytest.fixture(scope="module")
def client() -> Path:
    """The client's folder with its tools installed, once for each content of the lock file."""
    if not shutil.which("node") or not shutil.which("npm"):
        message = "Node.js 20 or newer with npm is needed to test the TypeScript client"
        pytest.fail(message) if os.environ.get("CI") == "true" else pytest.skip(message)
    lock = hashlib.sha256((CLIENT / "package-lock.json").read_bytes()).hexdigest()
    if not INSTALLED_LOCK.exists() or INSTALLED_LOCK.read_text() != lock:
        _run("npm", "ci", "--no-audit", "--no-fund")
        INSTALLED_LOCK.write_text(lock)
    return CLIENT


def _run(*command: str, **variables: str) -> str:
    done = subprocess.run(
        command,
        cwd=CLIENT,
        env=os.environ | variables,
        capture_output=True,
        text=True,
        timeout=NODE_TIMEOUT_SECONDS,
        check=False,
    )
    assert done.returncode == 0, f"{done.stdout}\n{done.stderr}"
    return done.stdout


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
    _run("npm", "run", "--silent", "check-generated")


def test_it_has_no_dependencies_at_run_time() -> None:
    assert '"dependencies"' not in (CLIENT / "package.json").read_text()


def test_it_compiles_and_works_against_the_service(client: Path, base_url: str) -> None:
    grace, ada = Person("grace"), Person("ada")
    videos = [make_video(grace) for _ in range(5)]
    shutil.rmtree(client / "build", ignore_errors=True)
    _run("npm", "run", "--silent", "build")
    report = _run(
        "node",
        "--test",
        "--test-reporter=tap",
        "build/test/",
        API_URL=base_url,
        ACCESS_TOKEN=ada.token(),
        USER_ID=str(ada.id),
        SIGNATURE_SECRET=SIGNATURE_SECRET,
        VIDEO_ID=str(videos[0]),
    )
    # A runner that finds no tests is content, too.
    assert re.search(r"^# pass [1-9]", report, re.MULTILINE), report
    assert "# skipped 0" in report
