"""Child processes of the runner: they end when it ends, however it ends."""

import os
import signal
import subprocess
import sys
import threading


def start_child(module: str, environment: dict[str, str], log_path: str) -> "subprocess.Popen[bytes]":
    """Start `python -m module` with its output appended to a file. Ctrl-C reaches the runner alone, which stops it."""
    with open(log_path, "ab") as output:  # noqa: PTH123 - a plain descriptor for the child
        return subprocess.Popen(
            [sys.executable, "-m", module],
            stdin=subprocess.PIPE,
            stdout=output,
            stderr=output,
            env=environment,
            start_new_session=True,
        )


def die_with_parent() -> None:
    """End this process when the runner is gone: the pipe it holds then closes, also when it was killed."""

    def watch() -> None:
        sys.stdin.buffer.read()
        os.kill(os.getpid(), signal.SIGTERM)

    threading.Thread(target=watch, daemon=True).start()
