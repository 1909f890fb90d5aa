"""What a month costs at ten thousand, a million and a hundred million requests a day, from CPU measured here.

A model and not a bill: one region, list prices (`prices.json`), traffic three times the average at the peak, instances
and database kept at sixty per cent. Clips watched are a line of their own, since they dwarf the rest.
"""

import json
import math
from contextlib import ExitStack, suppress
from itertools import islice
from pathlib import Path
from typing import Any, NamedTuple

import psutil

from benchmarks.tools.database import add_people, add_videos, database, run
from benchmarks.tools.load import run_load
from benchmarks.tools.report import publish, table
from benchmarks.tools.routes import hot_routes
from benchmarks.tools.servers import environment, function_command, pool_size, serving
from benchmarks.tools.sizes import sizes

PRICES: dict[str, Any] = json.loads((Path(__file__).parent / "prices.json").read_text())
REQUESTS_A_DAY = (10_000, 1_000_000, 100_000_000)
# Of a hundred requests of a person who scrolls: a page of the feed, its clips looked at, one in eight liked.
MIX = {"feed, signed in": 12, "feed, anonymous": 8, "get": 15, "view": 50, "like": 7, "users_get": 5, "users_top": 3}
DAYS, DAY_SECONDS, HOURS = 30, 86_400, 730
PEAK, UTILISATION = 3, 0.6
MEMORY_GIB, CLIP_MIB = 0.5, 4
# Cloud Run bills an instance by tenths of a second while it has anything to do; requests that overlap share it.
BILLED_SECONDS = 0.1
LOG_LINE_BYTES = 400
REQUESTS = 400
ADVICE = """What to change on the way:

- 10,000 a day: nothing. Everything scales to zero but the database, which is the bill.
- 1,000,000 a day: a database with high availability; `database_pool_size` 2 to 4, so that fewer instances carry more.
- 100,000,000 a day: the load balancer in place of API Gateway, whose price a call would be the largest line, with its
  CDN before the anonymous feed. A pooler before the database, replicas for the reads, views partitioned by month
  (docs/scaling.md); committed use for CPU and database; the platform's own request log excluded and ours sampled.
- At every size: clips watched cost more than all the rest. They come from the bucket with a year of caching; a smaller
  encoding of each clip is worth more than anything above."""


class Cost(NamedTuple):
    """What one request of the mix takes: seconds of CPU here and in the database, bytes of its answer."""

    function_seconds: float
    database_seconds: float
    answer_bytes: float


def database_cpu_seconds(url: str) -> float:
    """Return the CPU time of all the server's processes so far."""
    backend = psutil.Process(run(url, "SELECT pg_backend_pid()")[0][0])
    postmaster = backend.parent()
    assert postmaster is not None
    seconds = 0.0
    for process in [postmaster, *postmaster.children()]:
        # One that has just ended is in the postmaster's account of its children.
        with suppress(psutil.NoSuchProcess):
            seconds += sum(process.cpu_times()[:4])
    return seconds


def measured(url: str, people: int, videos: int) -> tuple[dict[str, Cost], float]:
    """Return each route's cost and the largest resident memory of an instance, in MiB."""
    costs, memory = {}, 0.0
    with ExitStack() as stack:
        for route in hot_routes(people, videos):
            deployed = environment(url, DATABASE_POOL_SIZE=str(pool_size(route.entry_point)))
            server = stack.enter_context(serving(function_command(route.entry_point), deployed))
            requests = route.requests()
            run_load(server.port, islice(requests, REQUESTS), 8, 60)
            count = REQUESTS * sizes().rounds
            function, base = server.cpu_seconds(), database_cpu_seconds(url)
            load = run_load(server.port, islice(requests, count), 8, 120)
            costs[route.name] = Cost(
                (server.cpu_seconds() - function) / count,
                (database_cpu_seconds(url) - base) / count,
                load.body_bytes,
            )
            memory = max(memory, server.resident_mebibytes())
    return costs, memory


def mixed(costs: dict[str, Cost]) -> Cost:
    """Return the average request of the mix."""
    total = sum(MIX.values())
    return Cost(*(sum(costs[name][field] * share for name, share in MIX.items()) / total for field in range(3)))


def functions_bill(costs: dict[str, Cost], a_day: int) -> float:
    """Return what the instances cost. Every route has instances of its own, so each is alone with its share."""
    price = PRICES["cloud_run"]
    seconds = 0.0
    for name, share in MIX.items():
        per_second = a_day / DAY_SECONDS * share / sum(MIX.values())
        # The share of all time in which somebody is there, or the work spread over well-filled instances.
        busy = max(1 - math.exp(-per_second * BILLED_SECONDS), per_second * costs[name].function_seconds / UTILISATION)
        seconds += busy * DAYS * DAY_SECONDS
    return float(
        max(0, seconds - price["free_vcpu_seconds"]) * price["vcpu_second"]
        + max(0, seconds * MEMORY_GIB - price["free_gib_seconds"]) * price["gib_second"]
        + max(0, a_day * DAYS - price["free_requests"]) / 1e6 * price["million_requests"]
    )


def database_choice(cost: Cost, per_second: float) -> tuple[str, float]:
    """Return the smallest machine, or several, that the peak fits on, and its price."""
    needed = per_second * PEAK * cost.database_seconds / UTILISATION
    tiers = PRICES["cloud_sql"]
    tier = next((each for each in tiers if each["vcpus"] >= needed), tiers[-1])
    machines = max(1, -(-needed // tier["vcpus"]))
    available = 1 if tier is tiers[0] else PRICES["high_availability_factor"]
    name = f"{tier['name']}{f' x {machines:.0f}' if machines > 1 else ''} ({needed:.1f} vCPU)"
    return name, machines * tier["month"] * available


def door_bill(cost: Cost, per_month: float) -> tuple[float, float]:
    """Return what API Gateway, and what a load balancer costs in its place."""
    gateway = max(0, per_month - PRICES["api_gateway"]["free_calls"]) / 1e6 * PRICES["api_gateway"]["million_calls"]
    gib = per_month * cost.answer_bytes / 2**30
    return gateway, PRICES["load_balancer"]["hour"] * HOURS + gib * PRICES["load_balancer"]["gib"]


def bill(costs: dict[str, Cost], a_day: int) -> list[object]:
    """Return the table's row of one size."""
    cost, per_month = mixed(costs), a_day * DAYS
    functions = functions_bill(costs, a_day)
    tier, machine = database_choice(cost, a_day / DAY_SECONDS)
    gateway, balancer = door_bill(cost, per_month)
    egress = per_month * cost.answer_bytes / 2**30 * PRICES["egress_gib"]
    log_gib = per_month * LOG_LINE_BYTES / 2**30
    logs = max(0, log_gib - PRICES["logging"]["free_gib"]) * PRICES["logging"]["gib"]
    total = functions + machine + min(gateway, balancer) + egress + logs
    clips = per_month * MIX["view"] / sum(MIX.values()) * CLIP_MIB / 1024 * PRICES["cdn"]["gib"]
    money = [f"{each:,.0f}" for each in (functions, machine, gateway, balancer, egress, logs, total, clips)]
    return [f"{a_day:,}", tier, *money]


def main() -> None:
    """Measure and publish."""
    people, videos = 1_000, 10_000
    with database("cost") as url:
        add_people(url, 1, people)
        add_videos(url, 1, videos, people)
        costs, memory = measured(url, people, videos)
    lines = [
        [
            name,
            f"{MIX.get(name, 100)}%",
            f"{each.function_seconds * 1e3:.2f}",
            f"{each.database_seconds * 1e3:.2f}",
            f"{each.answer_bytes / 1024:.1f}",
        ]
        for name, each in [*costs.items(), ("the mix", mixed(costs))]
    ]
    routes = table(["request", "share", "CPU ms", "database CPU ms", "answer KiB"], lines)
    header = [
        "requests a day",
        "database",
        "functions",
        "database $",
        "API Gateway",
        "or load balancer",
        "egress",
        "logs",
    ]
    bills = table([*header, "sum", "clips watched"], [bill(costs, a_day) for a_day in REQUESTS_A_DAY])
    notes = (
        f"US dollars a month, prices of {PRICES['listed_on']} ({PRICES['region']}); the sum takes the cheaper door. "
        f"An instance held {memory:.0f} MiB of its 512. Clips: {CLIP_MIB} MiB a view through the CDN."
    )
    average = mixed(costs)
    figures = {
        "an average request": f"{average.function_seconds * 1e3:.2f} ms of CPU in the function, "
        f"{average.database_seconds * 1e3:.2f} ms in the database",
        "memory of an instance": f"{memory:.0f} MiB",
    }
    publish("cost", f"{routes}\n\n{notes}\n\n{bills}\n\n{ADVICE}", figures)


if __name__ == "__main__":
    main()
