"""What a network between function and database costs: one turn pays once, a transaction of an ORM several times.

On one machine a turn is nearly free. In a cloud it is a millisecond within a zone and five or more to another region or
through a pooler; here a proxy adds them.
"""

import sys
from contextlib import ExitStack
from urllib.parse import parse_qs, urlsplit

from benchmarks.throughput import FLOOR, Round, measure, plain, start
from benchmarks.tools.database import add_people, add_videos, database
from benchmarks.tools.load import medians
from benchmarks.tools.report import median, publish, table
from benchmarks.tools.routes import hot_routes
from benchmarks.tools.servers import environment, serving
from benchmarks.tools.sizes import sizes

# Co-prime: no pair of a person and a video comes twice.
PEOPLE, VIDEOS = 1_001, 5_000
MEASURED = ("feed, signed in", "get", "like")
MILLISECONDS = (1, 5)
CONNECTIONS = (1, 8)


def delayed(stack: ExitStack, url: str, milliseconds: int) -> str:
    """Return the URL of the same database, that many milliseconds away."""
    parts = urlsplit(url)
    unix_socket = f"{parse_qs(parts.query)['host'][0]}/.s.PGSQL.5432"
    command = [sys.executable, "-m", "benchmarks.tools.delay", unix_socket, "{port}", str(milliseconds)]
    proxy = stack.enter_context(serving(command, environment(url)))
    return f"postgresql://postgres@127.0.0.1:{proxy.port}{parts.path}?sslmode=disable"


def rows(milliseconds: int, connections: int, found: dict[str, list[Round]]) -> list[list[object]]:
    """Return the table's rows; the last column is how many times as fast as the peer's the route is."""
    lines: list[list[object]] = []
    for name, rounds in found.items():
        if name == FLOOR:
            continue
        per_second, p50, p99 = medians([each.load for each in rounds])
        peer = found.get(f"FastAPI {plain(name)}")
        faster = ""
        if peer:
            pairs = zip(rounds, peer, strict=True)
            faster = f"{median(b.load.milliseconds_at(0.5) / a.load.milliseconds_at(0.5) for a, b in pairs):.1f}"
        lines.append([milliseconds, connections, name, f"{per_second:.0f}", f"{p50:.1f}", f"{p99:.1f}", faster])
    return lines


def main() -> None:
    """Measure and publish."""
    lines: list[list[object]] = []
    routes = [route for route in hot_routes(PEOPLE, VIDEOS) if route.name in MEASURED]
    with database("latency") as url:
        add_people(url, 1, PEOPLE)
        add_videos(url, 1, VIDEOS, PEOPLE)
        for milliseconds in MILLISECONDS:
            with ExitStack() as stack:
                far_url = delayed(stack, url, milliseconds)
                contenders = start(stack, far_url, routes)
                for connections in CONNECTIONS[: len(sizes().connections)]:
                    lines += rows(milliseconds, connections, measure(contenders, connections))
    header = ["network ms", "connections", "what", "req/s", "p50 ms", "p99 ms", "p50: FastAPI / ours"]
    figures = {
        f"{what}: {milliseconds} ms to the database, one at a time": f"{p50} ms"
        for milliseconds, connections, what, _, p50, *_ in lines
        if connections == 1
    }
    publish("latency", table(header, lines), figures)


if __name__ == "__main__":
    main()
