"""The embedded server is shared: it runs as long as anybody uses it, and stops with the last one."""

import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from local.postgres import LocalPostgres, start_postgres
from shared.config import Settings
from shared.db.pool import connect

PROJECT = Path(__file__).parents[2]
# Another process: it starts the server, says so, and stops it once its input ends.
OTHER_USER = """
import sys
from pathlib import Path
from local.postgres import start_postgres
server = start_postgres(Path(sys.argv[1]))
print(flush=True)
sys.stdin.read()
server.stop()
"""


@pytest.fixture
def folder() -> Iterator[Path]:
    # Inside the project: as root the server runs as another user, for whom the parent folders are opened.
    path = PROJECT / ".state" / f"test-shared-{os.getpid()}"
    yield path
    shutil.rmtree(path)


def _is_running(server: LocalPostgres) -> bool:
    if not (Path(server.socket_folder) / ".s.PGSQL.5432").exists():
        return False
    connect(Settings(database_url=server.url("postgres"))).close()
    return True


def test_the_server_runs_until_its_last_user_leaves(folder: Path) -> None:
    first, second = start_postgres(folder), start_postgres(folder)
    second.stop()
    subprocess.run([sys.executable, "-c", OTHER_USER, str(folder)], cwd=PROJECT, input=b"", check=True)
    assert _is_running(first), "this process still uses it"
    first.stop()
    assert not _is_running(first)


def test_who_comes_back_while_others_keep_the_server_is_a_user_again(folder: Path) -> None:
    command = [sys.executable, "-c", OTHER_USER, str(folder)]
    with subprocess.Popen(command, cwd=PROJECT, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as other:
        assert other.stdout
        other.stdout.readline()
        start_postgres(folder).stop()
        back = start_postgres(folder)
        assert _is_running(back), "the other process uses it"
        other.communicate()
        assert _is_running(back), "this process uses it again"
    back.stop()
    assert not _is_running(back)
