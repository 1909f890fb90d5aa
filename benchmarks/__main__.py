"""Runs every benchmark, each in a process of its own: `python -m benchmarks`. One that fails does not stop the rest."""

import subprocess
import sys
import time

from benchmarks.tools.report import SECTIONS


def run(name: str) -> bool:
    """Run one benchmark and tell whether it went well; when this process is told to end, so is that one."""
    began = time.monotonic()
    print(f"--- {name}", flush=True)
    process = subprocess.Popen([sys.executable, "-m", f"benchmarks.{name}"])
    try:
        went_well = process.wait() == 0
    finally:
        process.terminate()
        process.wait()
    print(f"--- {name}: {time.monotonic() - began:.0f} s", flush=True)
    return went_well


def main() -> None:
    """Run them all and say which failed."""
    failed = [name for name in SECTIONS if not run(name)]
    if failed:
        sys.exit(f"failed: {', '.join(failed)}")


if __name__ == "__main__":
    main()
