"""Runs every benchmark, each in a process of its own: `python -m benchmarks`. One that fails does not stop the rest."""

import subprocess
import sys
import time

from benchmarks.tools.report import SECTIONS


def main() -> None:
    """Run them all and say which failed."""
    failed = []
    for name in SECTIONS:
        began = time.monotonic()
        print(f"--- {name}", flush=True)
        if subprocess.run([sys.executable, "-m", f"benchmarks.{name}"], check=False).returncode:
            failed.append(name)
        print(f"--- {name}: {time.monotonic() - began:.0f} s", flush=True)
    if failed:
        sys.exit(f"failed: {', '.join(failed)}")


if __name__ == "__main__":
    main()
