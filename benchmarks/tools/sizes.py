"""How large and how long: the full run, or `BENCH_SCALE=small` to see within a minute that a benchmark works."""

import os
from dataclasses import dataclass


@dataclass(frozen=True)
class Sizes:
    """What the benchmarks scale by. Times are seconds."""

    name: str
    rounds: int
    measure_seconds: float
    connections: tuple[int, ...]
    cold_starts: int
    video_counts: tuple[int, ...]
    creators: int
    likers: int
    stored_megabytes: int
    jobs: int


FULL = Sizes("full", 5, 1.2, (1, 8, 32), 9, (10_000, 100_000, 1_000_000), 100_000, 1_000, 512, 60)
SMALL = Sizes("small", 2, 0.3, (1, 8), 2, (1_000, 10_000), 500, 50, 32, 4)


def sizes() -> Sizes:
    """Return the sizes that BENCH_SCALE names."""
    return SMALL if os.environ.get("BENCH_SCALE") == "small" else FULL
