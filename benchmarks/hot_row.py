"""A thousand people like one video at the same moment, and look at it: the row that everybody wants.

A thousand open requests meet several instances, as the cloud starts them under such a load, each with its sixteen
threads and its connections; pgbench sends the same statement over as many connections as there are instances, and so
does the routes' own path to the database without HTTP around it, which tells what the row costs from what HTTP costs.
Every round takes a video nobody has touched, and its counter must come out exact.
"""

import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from typing import Any, NamedTuple

from benchmarks.tools.database import add_people, add_videos, database, execute, run
from benchmarks.tools.load import run_load
from benchmarks.tools.people import person_id, request, video_id
from benchmarks.tools.pgbench import pgbench_script, run_pgbench
from benchmarks.tools.report import median, publish, spread, table, verdict
from benchmarks.tools.routes import hot_routes
from benchmarks.tools.servers import Server, environment, function_command, pool_size, serving
from benchmarks.tools.sizes import sizes
from functions.videos import view
from shared import reactions
from shared.config import Settings
from shared.db.pool import Pool, connect

INSTANCES = 4
BUDGET = 0.7
DEADLOCKS = "SELECT deadlocks FROM pg_stat_database WHERE datname = current_database()"


class Outcome(NamedTuple):
    """A second's work of each contender, round by round."""

    functions: list[float]
    own_path: list[float]
    pgbench: list[float]


def shares(rates: list[float], limits: list[float]) -> list[float]:
    """Return what share of pgbench's rate was reached, round by round."""
    return [rate / limit for rate, limit in zip(rates, limits, strict=True)]


def like_values(person: int, video: int) -> dict[str, Any]:
    """Return what the like route gives its statement."""
    values = {"user_id": person_id(person), "email": "", "username": "", "video_id": video_id(video)}
    return {**values, "reaction": "like"}


def view_values(person: int, video: int) -> dict[str, Any]:
    """Return what the view route gives its statement."""
    viewer = str(person_id(person))
    values = {"user_id": viewer, "email": "", "username": "", "video_id": video_id(video), "session_id": None}
    return {**values, "viewer": viewer, "address": None, "window_seconds": 3600}


STATEMENTS = {"like": (reactions.SQL, like_values), "view": (view.SQL, view_values)}


def without_http(pool: Pool, route: str, video: int, people: int) -> float:
    """Send the route's statement for each person as the route does; return how many a second."""
    sql, values = STATEMENTS[route]

    def act(person: int) -> None:
        with pool.connection() as connection:
            answer = execute(connection, sql, **values(person, video))[0]
        assert answer[0] is None, answer

    with ThreadPoolExecutor(INSTANCES) as threads:
        began = time.perf_counter()
        list(threads.map(act, range(1, people + 1)))
        return people / (time.perf_counter() - began)


def requests(route: str, video: int, people: int) -> Iterator[bytes]:
    """Return one request of each person for the same video."""
    for person in range(1, people + 1):
        yield request("POST", f"/videos/{video_id(video)}/{route}", by=person)


def measure(url: str, servers: list[Server], route: str, counter: str, videos: Callable[[], int]) -> Outcome:
    """Let functions and pgbench take turns; each round is one new video. Raises AssertionError for a wrong counter."""
    people = sizes().likers
    ports = [server.port for server in servers]
    hot = next(each for each in hot_routes(people, 1) if each.name == route)
    outcome = Outcome([], [], [])
    pool = Pool(lambda: connect(Settings(database_url=url)), INSTANCES)
    for _ in range(sizes().rounds):
        video = videos()
        load = run_load(ports, requests(route, video, people), people, 120)
        outcome.functions.append(len(load.latencies) / load.seconds)
        check_counter(url, counter, video, people)
        video = videos()
        outcome.own_path.append(without_http(pool, route, video, people))
        check_counter(url, counter, video, people)
        video = videos()
        # A person for every transaction: each client counts on from a number of its own.
        each = people // INSTANCES
        prelude = f"\\set mine :person_so_far + 1\n\\set person_so_far :mine\n\\set person :client_id * {each} + :mine"
        script = pgbench_script(hot.sql, prelude, **{**hot.parameters, "video_id": f"'{video_id(video)}'"})
        limit = run_pgbench(
            url, script, INSTANCES, 120, protocol="prepared", count_each=each, variables={"person_so_far": "0"}
        )
        outcome.pgbench.append(limit.per_second)
        check_counter(url, counter, video, each * INSTANCES)
    pool.close()
    return outcome


def check_counter(url: str, counter: str, video: int, expected: int) -> None:
    """Raise AssertionError unless the counter is exact, and so are the rows behind it."""
    found = run(url, f"SELECT {counter} FROM videos WHERE id = CAST(:id AS uuid)", id=video_id(video))[0][0]
    assert found == expected, f"{counter} is {found} and not {expected}"


def main() -> None:
    """Measure and publish."""
    people = sizes().likers
    count = 6 * sizes().rounds
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
    lines = []
    verdicts = []
    for route, found in outcomes.items():
        contenders = {f"{INSTANCES} instances": found.functions, "without HTTP": found.own_path}
        for contender, rates in contenders.items():
            reached = shares(rates, found.pgbench)
            lines.append([route, contender, f"{median(rates):.0f}", f"{median(reached):.2f} ({spread(reached)})"])
            verdicts.append(verdict(f"{route}, {contender}, share of pgbench", median(reached), BUDGET, at_least=True))
        lines.append([route, f"pgbench, {INSTANCES} clients", f"{median(found.pgbench):.0f}", ""])
    header = [f"{people} people, one video", "through", "per second", "share of pgbench (rounds)"]
    facts = f"Every counter came out exact; deadlocks: {deadlocks}."
    figures = {
        f"{route} of one video by {people} people at once": (
            f"{median(found.functions):.0f}/s through {INSTANCES} instances, {median(found.pgbench):.0f}/s by pgbench"
        )
        for route, found in outcomes.items()
    }
    publish("hot_row", "\n\n".join([table(header, lines), facts, "\n".join(verdicts)]), figures)


if __name__ == "__main__":
    main()
