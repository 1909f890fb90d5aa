"""Servers under measurement: each a process of its own, started as it is deployed."""

import os
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from functools import cache
from pathlib import Path

import psutil
import yaml

from benchmarks.tools.people import JWT_SECRET, SIGNATURE_SECRET, SUPABASE_URL

PROJECT = Path(__file__).parents[2]
EMPTY = PROJECT / "benchmarks" / "peers" / "empty" / "main.py"
# As Terraform deploys a function: sixteen requests at once.
THREADS = "16"
_START_SECONDS = 60.0


class Server:
    """A running server, its port and the CPU it has used."""

    def __init__(self, process: "subprocess.Popen[bytes]", port: int) -> None:
        self.port = port
        self._process = psutil.Process(process.pid)

    def cpu_seconds(self) -> float:
        """Return the CPU time of the server's processes so far."""
        return sum(sum(each.cpu_times()[:2]) for each in [self._process, *self._process.children(recursive=True)])

    def keep_to(self, processors: set[int]) -> None:
        """Let every thread that the server has by now run on these processors only."""
        keep_to(processors, [self._process, *self._process.children(recursive=True)])

    def resident_mebibytes(self) -> float:
        """Return the memory that the largest of the server's processes holds."""
        processes = [self._process, *self._process.children(recursive=True)]
        return float(max(each.memory_info().rss for each in processes)) / 2**20


def keep_to(processors: set[int], processes: Iterable[psutil.Process]) -> None:
    """Let every thread of the processes run on these processors only; what they start later inherits it."""
    for thread in (thread for process in processes for thread in process.threads()):
        with suppress(ProcessLookupError):
            os.sched_setaffinity(thread.id, processors)


@cache
def pool_size(entry_point: str) -> int:
    """Return how many connections to the database Terraform gives an instance of a function."""
    paths = yaml.safe_load((PROJECT / "openapi.yaml").read_text())["paths"]
    operations = [each for path in paths.values() for each in path.values() if isinstance(each, dict)]
    [found] = [each for each in operations if each.get("operationId") == entry_point]
    return int(max(1, found.get("x-database-pool-factor", 1)))


def environment(database_url: str, **more: str) -> dict[str, str]:
    """Return the environment of a function, with one connection unless more is said."""
    inherited = {name: os.environ[name] for name in ("PATH", "HOME", "LANG", "TMPDIR") if name in os.environ}
    return {
        **inherited,
        "PYTHONPATH": str(PROJECT),
        "GOOGLE_CLOUD_PROJECT": "benchmark",
        "THREADS": THREADS,
        "DATABASE_POOL_SIZE": "1",
        "DATABASE_URL": database_url,
        "SUPABASE_JWT_SECRET": JWT_SECRET,
        "SUPABASE_URL": SUPABASE_URL,
        "REQUEST_SIGNATURE_SECRET": SIGNATURE_SECRET,
        "ADDRESS_HASH_SALT": "benchmark",
        **more,
    }


def function_command(entry_point: str, source: Path = PROJECT / "main.py") -> list[str]:
    """Return the command that Google's builder gives a Python function."""
    framework = Path(sys.executable).parent / "functions-framework"
    return [str(framework), "--target", entry_point, "--source", str(source), "--port", "{port}"]


@contextmanager
def serving(command: Sequence[str], variables: Mapping[str, str]) -> Iterator[Server]:
    """Start a server whose command has `{port}` in it, yield it once it listens, and end it."""
    port = free_port()
    # A file and not /dev/null: writing the log is part of a request.
    with tempfile.TemporaryFile() as output:
        process = subprocess.Popen(
            [part.replace("{port}", str(port)) for part in command],
            env=dict(variables),
            cwd=PROJECT,
            stdout=output,
            stderr=output,
            start_new_session=True,
        )
        try:
            _wait_until_it_listens(process, port, output.fileno())
            yield Server(process, port)
        finally:
            process.terminate()
            try:
                process.wait(10)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()


def _wait_until_it_listens(process: "subprocess.Popen[bytes]", port: int, output: int) -> None:
    deadline = time.monotonic() + _START_SECONDS
    while time.monotonic() < deadline:
        if process.poll() is not None:
            raise RuntimeError(f"the server ended: {os.pread(output, 2000, 0).decode(errors='replace')}")
        try:
            socket.create_connection(("127.0.0.1", port), 1).close()
        except OSError:
            time.sleep(0.01)
        else:
            return
    raise RuntimeError(f"the server does not listen: {os.pread(output, 2000, 0).decode(errors='replace')}")


def free_port() -> int:
    """Return a port nobody listens on."""
    with socket.create_server(("127.0.0.1", 0)) as probe:
        return int(probe.getsockname()[1])
