"""The archive: reproducible, with nothing in it but what runs, and every entry point starts from it."""

import json
import os
import shutil
import socket
import subprocess
import sys
import time
from hashlib import sha256
from pathlib import Path
from zipfile import ZipFile

import httpx
import pytest

from main import ENTRY_POINTS
from scripts.package import PROJECT, write_package

# Environment variables and nothing else. No database listens at this address, which the answers must survive.
ENVIRONMENT = {
    "DATABASE_URL": "postgresql://nobody@127.0.0.1:1/nothing",
    "SUPABASE_URL": "https://test.supabase.co",
    "REQUEST_SIGNATURE_SECRET": "a-test-secret-for-signatures-of-32-characters",
    "SUPABASE_HOOK_SECRETS": "a-test-secret-for-hooks-of-32-characters",
    "PATH": "/usr/bin:/bin",
}
ASK_ALL = Path(__file__).parent / "ask_all_entry_points.py"
AS_PROCESSES = ("videos_feed", "videos_create", "generate_worker")
_START_SECONDS = 60
# The first run installs an environment.
pytestmark = pytest.mark.timeout(900)


@pytest.fixture(scope="module")
def python() -> Path:
    """The Python of an environment that has requirements.txt and nothing else; kept while that file stays the same."""
    requirements = PROJECT / "requirements.txt"
    digest = sha256(requirements.read_bytes()).hexdigest()[:16]
    folder = PROJECT / ".make" / f"package-{sys.version_info.major}.{sys.version_info.minor}-{digest}"
    if not (folder / "complete").exists():
        shutil.rmtree(folder, ignore_errors=True)
        subprocess.run([sys.executable, "-m", "venv", folder], check=True)
        pip = [str(folder / "bin" / "python"), "-m", "pip", "install", "--quiet", "--disable-pip-version-check"]
        subprocess.run([*pip, "--require-hashes", "-r", str(requirements)], check=True)
        (folder / "complete").touch()
    return folder / "bin" / "python"


@pytest.fixture(scope="module")
def unpacked(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An empty folder with the archive unpacked in it."""
    folder = tmp_path_factory.mktemp("package")
    write_package(folder / "package.zip")
    with ZipFile(folder / "package.zip") as package:
        package.extractall(folder / "code")
    return folder / "code"


def test_the_same_code_gives_the_same_bytes(tmp_path: Path) -> None:
    copy = tmp_path / "copy"
    for name in ("functions", "shared"):
        shutil.copytree(PROJECT / name, copy / name)
    for name in ("main.py", "openapi.yaml", "requirements.txt"):
        shutil.copy(PROJECT / name, copy)
    # Copied in another order, at another time, with other rights, and run before.
    os.utime(copy / "main.py", (1_000_000_000, 1_000_000_000))
    (copy / "main.py").chmod(0o600)
    (copy / "shared" / "__pycache__").mkdir(exist_ok=True)
    (copy / "shared" / "__pycache__" / "config.pyc").write_bytes(b"anything")

    assert write_package(tmp_path / "one.zip") == write_package(tmp_path / "two.zip", copy)


def test_changed_code_gives_another_hash(tmp_path: Path) -> None:
    (tmp_path / "functions").mkdir()
    (tmp_path / "shared").mkdir()
    for name in ("openapi.yaml", "requirements.txt"):
        (tmp_path / name).write_text("")
    (tmp_path / "main.py").write_text("A = 1\n")
    before = write_package(tmp_path / "package.zip", tmp_path)
    (tmp_path / "main.py").write_text("A = 2\n")
    assert write_package(tmp_path / "package.zip", tmp_path) != before


def test_a_broken_file_is_refused_before_the_builder_would(tmp_path: Path) -> None:
    for name in ("openapi.yaml", "requirements.txt"):
        (tmp_path / name).write_text("")
    (tmp_path / "main.py").write_text("def broken(:\n")
    with pytest.raises(SyntaxError):
        write_package(tmp_path / "package.zip", tmp_path)


def test_it_holds_only_what_runs(tmp_path: Path) -> None:
    write_package(tmp_path / "package.zip")
    with ZipFile(tmp_path / "package.zip") as package:
        names = package.namelist()
    tops = {name.partition("/")[0] for name in names}
    assert tops == {"main.py", "openapi.yaml", "requirements.txt", "functions", "shared"}
    assert not [name for name in names if name.endswith(".pyc") or "/." in name or "test" in name.rpartition("/")[2]]
    # The builder takes 500 MB; what is a hundredth of that holds no video, database or environment by mistake.
    assert (tmp_path / "package.zip").stat().st_size < 5_000_000


def test_every_entry_point_answers_from_it(python: Path, unpacked: Path) -> None:
    result = subprocess.run(
        [python, ASK_ALL], cwd=unpacked, env=ENVIRONMENT, capture_output=True, text=True, timeout=110, check=False
    )
    assert result.returncode == 0, result.stderr
    answers = json.loads(result.stdout.splitlines()[-1])
    assert set(answers) == set(ENTRY_POINTS)
    wrong = {
        name: answer
        for name, answer in answers.items()
        # Nothing crashed: with a dead database the answer is a plain 503, or does not need it.
        if answer["status"] == 500 or not answer["is_ours"]
    }
    assert not wrong


@pytest.mark.parametrize("entry_point", AS_PROCESSES)
def test_it_starts_as_a_process_and_answers_json(entry_point: str, python: Path, unpacked: Path) -> None:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    framework = str(python.parent / "functions-framework")
    command = [framework, "--target", entry_point, "--host", "127.0.0.1", "--port", str(port)]
    process = subprocess.Popen(command, cwd=unpacked, env=ENVIRONMENT, stdout=subprocess.DEVNULL)
    try:
        answer = _first_answer(process, f"http://127.0.0.1:{port}/nothing/here")
    finally:
        process.terminate()
        process.wait(10)
    assert answer.status_code == 404
    assert answer.json()["error"] == "not_found"


def _first_answer(process: "subprocess.Popen[bytes]", url: str) -> httpx.Response:
    give_up_at = time.monotonic() + _START_SECONDS
    while time.monotonic() < give_up_at:
        assert process.poll() is None, "the process ended"
        try:
            return httpx.get(url, timeout=10)
        except httpx.TransportError:
            time.sleep(0.2)
    raise TimeoutError(url)
