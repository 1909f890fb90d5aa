import hashlib
import os
import re
import shutil
import subprocess
import time
from pathlib import Path

import pytest

from local.supabase_twin import anon_key
from tests.local.supabase_server import JWT_SECRET, running_twin

PROJECT = Path(__file__).parent.parent / "node" / "supabase"
INSTALLED_LOCK = PROJECT / "node_modules" / ".installed-lock-sha256"
NODE_TIMEOUT_SECONDS = 100


@pytest.fixture(scope="module")
def supabase_js() -> Path:
    """The folder of the Node tests with its packages installed, once for each content of the lock file."""
    if not shutil.which("node") or not shutil.which("npm"):
        message = "Node.js 20 or newer with npm is needed to test with the real supabase-js"
        pytest.fail(message) if os.environ.get("CI") == "true" else pytest.skip(message)
    lock = hashlib.sha256((PROJECT / "package-lock.json").read_bytes()).hexdigest()
    if not INSTALLED_LOCK.exists() or INSTALLED_LOCK.read_text() != lock:
        run(["npm", "ci"])
        INSTALLED_LOCK.write_text(lock)
    return PROJECT


def run(command: list[str], **variables: str) -> str:
    done = subprocess.run(
        command,
        cwd=PROJECT,
        env=os.environ | variables,
        capture_output=True,
        text=True,
        timeout=NODE_TIMEOUT_SECONDS,
        check=False,
    )
    assert done.returncode == 0, f"{done.stdout}\n{done.stderr}"
    return done.stdout


@pytest.mark.parametrize(("algorithm", "jwt_secret"), [("ES256", None), ("HS256", JWT_SECRET)])
def test_the_real_supabase_js_works(supabase_js: Path, tmp_path: Path, algorithm: str, jwt_secret: str | None) -> None:
    with running_twin(tmp_path, jwt_secret, time.time, reuse_interval_seconds=0) as origin:
        report = run(
            ["node", "--test", "--test-reporter=tap"],
            SUPABASE_URL=origin,
            SUPABASE_ANON_KEY=anon_key(jwt_secret),
            TOKEN_ALGORITHM=algorithm,
        )
    # A runner that finds no tests is content, too.
    assert re.search(r"^# pass [1-9]", report, re.MULTILINE), report
    assert "# skipped 0" in report


def test_the_lock_file_pins_versions_and_names_no_registry() -> None:
    lock = (PROJECT / "package-lock.json").read_text()
    assert "://" not in lock
    assert '"@supabase/supabase-js": "2.109.0"' in lock
