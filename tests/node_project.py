"""Tests that run under Node: their packages are installed once for each content of the lock file."""

import hashlib
import os
import re
import shutil
import subprocess
from pathlib import Path
from typing import NoReturn

import pytest

NODE = Path(__file__).parent / "node"


def installed(folder: Path) -> Path:
    """Return the folder with its packages installed; skip the test where Node is absent (fail when CI=true)."""
    if not shutil.which("node") or not shutil.which("npm"):
        absent("Node.js 20 or newer with npm is needed for this test")
    lock = hashlib.sha256((folder / "package-lock.json").read_bytes()).hexdigest()
    stamp = folder / "node_modules" / ".installed-lock-sha256"
    if not stamp.exists() or stamp.read_text() != lock:
        run(folder, ["npm", "ci"], timeout_seconds=100)
        stamp.write_text(lock)
    return folder


def absent(message: str) -> NoReturn:
    """Skip the test, or fail it in CI, where everything has to be there."""
    if os.environ.get("CI") == "true":
        pytest.fail(message)
    pytest.skip(message)


def run_tests(folder: Path, *files: str, timeout_seconds: float = 100, **variables: str) -> str:
    """Run these test files of the folder, or all, with these environment variables; return the report (TAP)."""
    command = ["node", "--test", "--test-reporter=tap", *files]
    report = run(folder, command, timeout_seconds=timeout_seconds, **variables)
    # A runner that finds no tests is content, too.
    assert re.search(r"^# pass [1-9]", report, re.MULTILINE), report
    assert "# skipped 0" in report
    return report


def run(folder: Path, command: list[str], *, timeout_seconds: float, **variables: str) -> str:
    """Run a command in the folder and return what it printed; fail the test with that when it fails."""
    done = subprocess.run(
        command,
        cwd=folder,
        env=os.environ | variables,
        capture_output=True,
        text=True,
        timeout=timeout_seconds,
        check=False,
    )
    assert done.returncode == 0, f"{done.stdout}\n{done.stderr}"
    return done.stdout
