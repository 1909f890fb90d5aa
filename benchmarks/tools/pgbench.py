"""pgbench with a route's own statement: what the database alone can do, without HTTP and without Python."""

import re
import subprocess
import tempfile
from pathlib import Path
from typing import NamedTuple
from urllib.parse import parse_qs, urlsplit

from benchmarks.tools.database import program

_TPS = re.compile(r"tps = ([\d.]+) \(without")
_LATENCY = re.compile(r"latency average = ([\d.]+) ms")
_FAILED = re.compile(r"number of failed transactions: (\d+)")


class Limit(NamedTuple):
    """Transactions a second and their mean latency."""

    per_second: float
    milliseconds: float


def pgbench_script(sql: str, prelude: str = "", **expressions: str) -> str:
    """Return a script that runs `sql` with SQL expressions for its parameters, e.g. of numbers that `prelude` draws."""

    def expression(match: re.Match[str]) -> str:
        return f"({expressions[match[1]]})"

    statement = re.sub(r"(?<![:\w]):([a-z]\w*)", expression, sql)
    # One line: pgbench ends a statement at a semicolon, and comments would swallow what follows them.
    lines = [line.partition("--")[0].strip() for line in statement.strip().splitlines()]
    return f"{prelude}\n{' '.join(lines)};\n"


def run_pgbench(
    url: str,
    script: str,
    clients: int,
    seconds: float,
    *,
    protocol: str = "extended",
    count_each: int | None = None,
    variables: dict[str, str] | None = None,
) -> Limit:
    """Run a script over `clients` connections, for `seconds` or `count_each` times in each of them.

    `protocol` is pgbench's: `extended` parses every time, as the functions do; `prepared` keeps the plan. Raises
    RuntimeError when a statement failed.
    """
    parts = urlsplit(url)
    duration = ["-t", str(count_each)] if count_each else ["-T", str(max(1, round(seconds)))]
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "script.sql"
        file.write_text(script)
        command = [program("pgbench"), "-n", "-M", protocol, "-c", str(clients), "-j", "1", *duration, "-f", str(file)]
        command += [f"-D{name}={value}" for name, value in (variables or {}).items()]
        command += ["-h", parse_qs(parts.query)["host"][0], "-U", "postgres", parts.path.lstrip("/")]
        done = subprocess.run(command, capture_output=True, text=True, check=False)
    tps, latency, failed = _TPS.search(done.stdout), _LATENCY.search(done.stdout), _FAILED.search(done.stdout)
    if done.returncode or tps is None or latency is None or (failed and int(failed[1])):
        raise RuntimeError(f"pgbench failed: {done.stderr[-600:]}{done.stdout[-600:]}")
    return Limit(float(tps[1]), float(latency[1]))
