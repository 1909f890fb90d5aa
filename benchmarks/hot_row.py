"""A thousand people like one video at the same moment, and look at it: the row that everybody wants.

A thousand open requests meet several instances, as the cloud starts them under such a load, each with its sixteen
threads and its one connection; pgbench sends the same statement over as many connections. Every round takes a video
nobody has touched, and its counter must come out exact.
"""

from collections.abc import Callable, Iterator
from contextlib import ExitStack
from typing import NamedTuple

from benchmarks.tools.database import add_people, add_videos, database, run
from benchmarks.tools.load import run_load
from benchmarks.tools.people import request, video_id
from benchmarks.tools.pgbench import pgbench_script, run_pgbench
from benchmarks.tools.report import median, publish, spread, table, verdict
from benchmarks.tools.routes import hot_routes
from benchmarks.tools.servers import Server, environment, function_command, pool_size, serving
from benchmarks.tools.sizes import sizes

INSTANCES = 4
BUDGET = 0.7
DEADLOCKS = "SELECT deadlocks FROM pg_stat_database WHERE datname = current_database()"


class Outcome(NamedTuple):
    """A second's work of each contender, round by round."""

    functions: list[float]
    pgbench: list[float]

    @property
    def ratios(self) -> list[float]:
        """What share of pgbench's rate the functions reach."""
        return [ours / limit for ours, limit in zip(self.functions, self.pgbench, strict=True)]


def requests(route: str, video: int, people: int) -> Iterator[bytes]:
    """Return one request of each person for the same video."""
    for person in range(1, people + 1):
        yield request("POST", f"/videos/{video_id(video)}/{route}", by=person)


def measure(url: str, servers: list[Server], route: str, counter: str, videos: Callable[[], int]) -> Outcome:
    """Let functions and pgbench take turns; each round is one new video. Raises AssertionError for a wrong counter."""
    people = sizes().likers
    ports = [server.port for server in servers]
    hot = next(each for each in hot_routes(people, 1) if each.name == route)
    outcome = Outcome([], [])
    for _ in range(sizes().rounds):
        video = videos()
        load = run_load(ports, requests(route, video, people), people, 120)
        outcome.functions.append(len(load.latencies) / load.seconds)
        check_counter(url, counter, video, people)
        video = videos()
        # A person for every transaction: each client counts on from a number of its own.
        each = people // INSTANCES
        prelude = f"\\set mine :person_so_far + 1\n\\set person_so_far :mine\n\\set person :client_id * {each} + :mine"
        script = pgbench_script(hot.sql, prelude, **{**hot.parameters, "video_id": f"'{video_id(video)}'"})
        limit = run_pgbench(url, script, INSTANCES, 120, count_each=each, variables={"person_so_far": "0"})
        outcome.pgbench.append(limit.per_second)
        check_counter(url, counter, video, each * INSTANCES)
    return outcome


def check_counter(url: str, counter: str, video: int, expected: int) -> None:
    """Raise AssertionError unless the counter is exact, and so are the rows behind it."""
    found = run(url, f"SELECT {counter} FROM videos WHERE id = CAST(:id AS uuid)", id=video_id(video))[0][0]
    assert found == expected, f"{counter} is {found} and not {expected}"


def main() -> None:
    """Measure and publish."""
    people = sizes().likers
    count = 4 * sizes().rounds
    with database("hot_row") as url, ExitStack() as stack:
        add_people(url, 1, people)
        # No reactions of their own: only every third video has some.
        add_videos(url, 1, 3 * count, people)
        unused = iter(number for number in range(1, 3 * count) if number % 3)
        deadlocks_before = run(url, DEADLOCKS)[0][0]
        outcomes = {}
        for route, counter in (("like", "likes_count"), ("view", "views_count")):
            deployed = environment(url, DATABASE_POOL_SIZE=str(pool_size(f"videos_{route}")))
            servers = [
                stack.enter_context(serving(function_command(f"videos_{route}"), deployed)) for _ in range(INSTANCES)
            ]
            for server in servers:
                run_load(server.port, requests(route, 1, 1), 1, 60)
            outcomes[route] = measure(url, servers, route, counter, lambda: next(unused))
        run(url, "SELECT pg_stat_force_next_flush()")
        deadlocks = run(url, DEADLOCKS)[0][0] - deadlocks_before
    report(outcomes, deadlocks)


def report(outcomes: dict[str, Outcome], deadlocks: int) -> None:
    """Publish what was measured."""
    people = sizes().likers
    lines = [
        [
            f"{route} of one video by {people} people",
            f"{median(found.functions):.0f}",
            f"{median(found.pgbench):.0f}",
            f"{median(found.ratios):.2f} ({spread(found.ratios)})",
        ]
        for route, found in outcomes.items()
    ]
    header = ["what", f"functions/s ({INSTANCES} instances)", f"pgbench/s ({INSTANCES} clients)", "share (rounds)"]
    facts = f"Every counter came out exact; deadlocks: {deadlocks}."
    verdicts = [
        verdict(f"{route}, share of pgbench", median(found.ratios), BUDGET, at_least=True)
        for route, found in outcomes.items()
    ]
    figures = {
        f"{route} of one video by {people} people at once": (
            f"{median(found.functions):.0f}/s through {INSTANCES} instances, {median(found.pgbench):.0f}/s by pgbench"
        )
        for route, found in outcomes.items()
    }
    publish("hot_row", "\n\n".join([table(header, lines), facts, "\n".join(verdicts)]), figures)


if __name__ == "__main__":
    main()
