"""How many requests a second one instance answers, beside an empty function, a FastAPI service and pgbench.

Every contender is a process of its own, as it is deployed: functions-framework with gunicorn, sixteen threads, one
connection to the database or, for the busiest routes, two; those also with four. The peer is one uvicorn process with a
pool of four. They take turns within each round, so that what else the machine does falls on all alike, and a ratio is
the median of the rounds' own ratios. At last they are measured once more as an instance with one vCPU runs them: each
alone on the first processor, with the database and the load generator on the others.
"""

import os
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from itertools import islice, repeat
from typing import NamedTuple

import psutil

from benchmarks.tools.database import add_people, add_videos, database
from benchmarks.tools.load import Measured, medians, run_load
from benchmarks.tools.peer import peer_command, peer_database_url
from benchmarks.tools.people import request
from benchmarks.tools.pgbench import pgbench_script, run_pgbench
from benchmarks.tools.report import median, publish, spread, table, verdict
from benchmarks.tools.routes import HotRoute, hot_routes, numbers
from benchmarks.tools.servers import EMPTY, Server, environment, function_command, keep_to, pool_size, serving
from benchmarks.tools.sizes import sizes

# Co-prime, so that the n-th person likes the n-th video and no pair comes twice.
PEOPLE, VIDEOS = 1_001, 20_000
FLOOR = "empty function"
PEER_ROUTES = ("feed, signed in", "like")
# The same route with more connections to the database than Terraform gives an instance of its own accord.
POOLED_ROUTES, LARGER_POOL = ("feed, signed in", "get", "like", "view"), 4
BUDGET, BUDGETED = 0.6, ("feed, signed in", "feed, anonymous", "get", "like", "view")
# Everybody has called once: an instance knows the tokens of those it serves.
WARM_UP_REQUESTS = PEOPLE + 100
# Where the budget is compared. Alone, a request that asks a database takes longer than one that does not,
# whatever either costs; with 32 the machine is measured and not the function.
FIGURES_AT = 8


class Contender(NamedTuple):
    """A running server and what it is asked."""

    server: Server
    requests: Iterator[bytes]


class Round(NamedTuple):
    """What one contender did in one round."""

    load: Measured
    cpu_milliseconds: float


def start(stack: ExitStack, url: str, routes: list[HotRoute]) -> dict[str, Contender]:
    """Start every contender over one database; the stack ends them."""
    variables = environment(url, PEER_DATABASE_URL=peer_database_url(url))
    floor = stack.enter_context(serving(function_command("empty", EMPTY), variables))
    contenders = {FLOOR: Contender(floor, repeat(request("GET", "/")))}
    for route in routes:
        deployed = {**variables, "DATABASE_POOL_SIZE": str(pool_size(route.entry_point))}
        server = stack.enter_context(serving(function_command(route.entry_point), deployed))
        contenders[route.name] = Contender(server, route.requests())
    contenders |= pooled(stack, variables, routes)
    peer = stack.enter_context(serving(peer_command(), {**variables, "PEER_POOL_SIZE": str(LARGER_POOL)}))
    # The same requests: what the peer likes, nobody has liked before either, since they go on where ours are.
    contenders |= {f"FastAPI {name}": Contender(peer, contenders[name].requests) for name in PEER_ROUTES}
    for contender in contenders.values():
        run_load(contender.server.port, islice(contender.requests, WARM_UP_REQUESTS), 1, 60)
    return contenders


def pooled(stack: ExitStack, variables: dict[str, str], routes: list[HotRoute]) -> dict[str, Contender]:
    """Start some routes once more with a larger pool."""
    more = {**variables, "DATABASE_POOL_SIZE": str(LARGER_POOL)}
    return {
        f"{route.name}, pool of {LARGER_POOL}": Contender(
            stack.enter_context(serving(function_command(route.entry_point), more)), route.requests()
        )
        for route in routes
        if route.name in POOLED_ROUTES
    }


def measure(contenders: dict[str, Contender], connections: int) -> dict[str, list[Round]]:
    """Let the contenders take turns and return each one's rounds."""
    found: dict[str, list[Round]] = {name: [] for name in contenders}
    for _ in range(sizes().rounds):
        for name, contender in contenders.items():
            before = contender.server.cpu_seconds()
            load = run_load(contender.server.port, contender.requests, connections, sizes().measure_seconds)
            used = contender.server.cpu_seconds() - before
            found[name].append(Round(load, used / len(load.latencies) * 1000))
    return found


@contextmanager
def own_processor(contenders: dict[str, Contender]) -> Iterator[None]:
    """Give the first processor to the contenders and the others to the database and to this process."""
    every = os.sched_getaffinity(0)
    postgres = [each for each in psutil.process_iter(["name"]) if each.info["name"] == "postgres"]
    others = [*postgres, psutil.Process()]
    try:
        keep_to(every - {min(every)}, others)
        for contender in contenders.values():
            contender.server.keep_to({min(every)})
        yield
    finally:
        keep_to(every, others)
        for contender in contenders.values():
            contender.server.keep_to(every)


def measured_alone(contenders: dict[str, Contender]) -> dict[str, list[Round]]:
    """Return the rounds on a processor of their own; none where a process cannot choose, or there is but one."""
    if not hasattr(os, "sched_getaffinity") or len(os.sched_getaffinity(0)) == 1:
        return {}
    with own_processor(contenders):
        return measure(contenders, FIGURES_AT)


def plain(name: str) -> str:
    """Return a contender's name without the pool it has."""
    return name.removesuffix(f", pool of {LARGER_POOL}")


def ratios(rounds: list[Round], others: list[Round]) -> list[float]:
    """Return how many times as many requests a second, round by round."""
    return [one.load.per_second / other.load.per_second for one, other in zip(rounds, others, strict=True)]


def rows(connections: int, found: dict[str, list[Round]]) -> list[list[object]]:
    """Return the table's rows of one number of connections."""
    lines = []
    for name, rounds in found.items():
        per_second, p50, p99 = medians([each.load for each in rounds])
        to_floor = ratios(rounds, found[FLOOR])
        cpu = median(each.cpu_milliseconds for each in rounds)
        peer = found.get(f"FastAPI {plain(name)}")
        to_peer = f"{median(ratios(rounds, peer)):.1f}" if peer else ""
        ratio = f"{median(to_floor):.2f} ({spread(to_floor)})"
        lines.append([connections, name, f"{per_second:.0f}", f"{p50:.1f}", f"{p99:.1f}", f"{cpu:.2f}", ratio, to_peer])
    return lines


def figures(found: dict[str, list[Round]]) -> dict[str, str]:
    """Return what docs/scaling.md rests on."""
    names = [name for name in found if plain(name) in (*BUDGETED, FLOOR) or name.startswith("FastAPI")]
    return {
        f"{name}: one instance, {FIGURES_AT} connections": (
            f"{median(each.load.per_second for each in found[name]):.0f}/s, "
            f"{median(each.cpu_milliseconds for each in found[name]):.2f} ms of its CPU each"
        )
        for name in names
    }


def limits(url: str, routes: list[HotRoute]) -> tuple[str, dict[str, str]]:
    """Return what pgbench reaches with the routes' statements, parsed each time and kept prepared, and the figures."""
    lines = []
    reached = {}
    for route in routes:
        script = pgbench_script(route.sql, numbers(PEOPLE, VIDEOS), **route.parameters)
        one = run_pgbench(url, script, 1, sizes().measure_seconds)
        eight = run_pgbench(url, script, 8, sizes().measure_seconds)
        kept = run_pgbench(url, script, 8, sizes().measure_seconds, protocol="prepared")
        reached[f"{route.name}: the database alone, 8 clients"] = f"{kept.per_second:.0f}/s"
        lines.append(
            [
                route.name,
                f"{one.milliseconds:.2f}",
                f"{one.per_second:.0f}",
                f"{eight.per_second:.0f}",
                f"{kept.per_second:.0f}",
            ]
        )
    header = ["statement of", "ms with 1 client", "1 client/s", "8 clients/s", "8 clients/s, prepared"]
    return table(header, lines), reached


def verdicts(connections: int, found: dict[str, list[Round]]) -> list[str]:
    """Return the lines that compare with the budget."""
    return [
        verdict(
            f"{name}, {connections} connections, share of the empty function",
            median(ratios(found[name], found[FLOOR])),
            BUDGET,
            at_least=True,
        )
        for name in found
        if plain(name) in BUDGETED
    ]


def main() -> None:
    """Measure and publish."""
    routes = hot_routes(PEOPLE, VIDEOS)
    with database("throughput") as url, ExitStack() as stack:
        add_people(url, 1, PEOPLE)
        add_videos(url, 1, VIDEOS, PEOPLE)
        contenders = start(stack, url, routes)
        measured = {connections: measure(contenders, connections) for connections in sizes().connections}
        alone = measured_alone(contenders)
        database_limits, reached = limits(url, routes)
    rounds = [each.load for found in measured.values() for each_rounds in found.values() for each in each_rounds]
    share = max(each.own_cpu_seconds / each.seconds for each in rounds)
    header = ["connections", "what", "req/s", "p50 ms", "p99 ms", "CPU ms/req", "to empty (rounds)", "to FastAPI"]
    parts = [
        table(header, [line for connections, found in measured.items() for line in rows(connections, found)]),
        f"The load generator took {share:.0%} of one core at most.",
        "\n".join(verdicts(FIGURES_AT, measured[FIGURES_AT])),
        "The same, each on a processor of its own beside the database and the load generator:",
        table(header, rows(FIGURES_AT, alone) if alone else []),
        database_limits,
    ]
    publish("throughput", "\n\n".join(parts), figures(alone or measured[FIGURES_AT]) | reached)


if __name__ == "__main__":
    main()
