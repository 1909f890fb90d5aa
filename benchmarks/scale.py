"""Whether it stays fast as it grows: the feed's first and far pages and a like at several sizes, and the leaderboard.

The databases stand side by side and take turns, so that what else the machine does falls on all alike. What is timed is
a route's own statement over a connection of `shared/db`, planning and answer included.
"""

import random
import threading
import time
from contextlib import ExitStack
from itertools import count
from typing import Any, NamedTuple

from benchmarks.tools.database import add_people, add_videos, database, execute, run
from benchmarks.tools.people import person_id, video_id
from benchmarks.tools.report import median, publish, table, verdict
from benchmarks.tools.routes import FEED_SQL
from benchmarks.tools.sizes import sizes
from functions.leaderboard import recompute
from shared import reactions
from shared.config import Settings
from shared.db.pipelined import PipelinedConnection
from shared.db.pool import connect

PAGES, PAGE_VIDEOS = (1, 50, 500), 20
TIMES_PER_ROUND = 20
BUDGET = 1.2
LAST_OF_PAGE = """
SELECT ranking_score, id FROM videos WHERE status = 'completed'
ORDER BY ranking_score DESC, id DESC OFFSET CAST(:skipped AS integer) - 1 LIMIT 1
"""
TABLE_SIZES = """
SELECT relname, pg_size_pretty(pg_table_size(oid)), pg_size_pretty(pg_indexes_size(oid)),
    round(pg_total_relation_size(oid)::numeric / greatest(1, (SELECT count(*) FROM videos)))
FROM pg_class
WHERE relkind = 'r' AND relnamespace = current_schema()::regnamespace AND pg_total_relation_size(oid) > 1000000
ORDER BY pg_total_relation_size(oid) DESC
"""
INDEX_SIZES = """
SELECT relname, pg_size_pretty(pg_relation_size(pg_class.oid))
FROM pg_class JOIN pg_index ON indexrelid = pg_class.oid
WHERE relnamespace = current_schema()::regnamespace AND pg_relation_size(pg_class.oid) > 1000000
ORDER BY pg_relation_size(pg_class.oid) DESC
"""


class Stage(NamedTuple):
    """One database of a certain size and where its pages begin."""

    videos: int
    people: int
    url: str
    connection: PipelinedConnection
    starts: dict[int, tuple[Any, Any]]


def people_of(videos: int) -> int:
    """Return how many creators that many videos have: ten videos each."""
    return min(sizes().creators, videos // 10)


def build(stack: ExitStack, videos: int) -> Stage:
    """Make a database with that many videos."""
    url = stack.enter_context(database(f"scale_{videos}"))
    began = time.perf_counter()
    add_people(url, 1, people_of(videos))
    add_videos(url, 1, videos, people_of(videos))
    print(f"{videos:,} videos are there after {time.perf_counter() - began:.0f} s", flush=True)
    connection = connect(Settings(database_url=url, database_timeout_seconds=600))
    stack.callback(connection.close)
    starts: dict[int, tuple[Any, Any]] = {1: (None, None)}
    for page in PAGES[1:]:
        rows = execute(connection, LAST_OF_PAGE, skipped=(page - 1) * PAGE_VIDEOS)
        if rows:
            starts[page] = (rows[0][0], rows[0][1])
    return Stage(videos, people_of(videos), url, connection, starts)


def page_milliseconds(stage: Stage, page: int) -> float:
    """Return the time of one feed page of a signed-in viewer."""
    place, row_id = stage.starts[page]
    began = time.perf_counter()
    execute(stage.connection, FEED_SQL, viewer=person_id(7), place=place, id=row_id, limit=PAGE_VIDEOS, list="feed")
    return (time.perf_counter() - began) * 1000


def like_milliseconds(stage: Stage, number: int) -> float:
    """Return the time of one like that nobody has given before, spread over people and videos."""
    person = 1 + number % stage.people
    video = 1 + number * 7919 % stage.videos
    began = time.perf_counter()
    like(stage.connection, person, video)
    return (time.perf_counter() - began) * 1000


def like(connection: PipelinedConnection, person: int, video: int) -> None:
    """Send the like route's statement."""
    values = {"user_id": person_id(person), "email": "", "username": "", "video_id": video_id(video)}
    answer = execute(connection, reactions.SQL, reaction="like", **values)[0]
    assert answer[0] is None, answer


def flatness(stages: list[Stage]) -> tuple[str, list[float], list[float]]:
    """Return the table of pages and likes, the medians of the pages and those of the likes."""
    times: dict[tuple[int, object], list[float]] = {}
    fresh = count(1)
    for stage in stages:
        for page in stage.starts:
            page_milliseconds(stage, page)
    # In another order each time: what comes after another database's turn finds the processor's caches cold.
    turns = [(stage, page) for stage in stages for page in stage.starts]
    order = random.Random(1)
    for _ in range(sizes().rounds * TIMES_PER_ROUND):
        for stage, page in order.sample(turns, len(turns)):
            times.setdefault((stage.videos, page), []).append(page_milliseconds(stage, page))
    # Afterwards, since a video that has just been liked is on the first page, and its row not yet settled.
    for _ in range(sizes().rounds * TIMES_PER_ROUND):
        for stage in order.sample(stages, len(stages)):
            times.setdefault((stage.videos, "like"), []).append(like_milliseconds(stage, next(fresh)))
    lines = [
        [
            f"{stage.videos:,}",
            *(f"{median(times[stage.videos, page]):.2f}" if page in stage.starts else "" for page in PAGES),
            f"{median(times[stage.videos, 'like']):.2f}",
        ]
        for stage in stages
    ]
    header = ["videos", *(f"page {page} ms" for page in PAGES), "like ms"]
    pages = [median(each) for (_, what), each in times.items() if what != "like"]
    likes = [median(each) for (_, what), each in times.items() if what == "like"]
    return table(header, lines), pages, likes


def leaderboard(stage: Stage) -> str:
    """Recompute the leaderboard while likes go on; return what both did."""
    stopped = threading.Event()
    milliseconds: list[float] = []
    quiet = [like_milliseconds(stage, number) for number in range(500_000, 500_200)]

    def keep_liking() -> None:
        connection = connect(Settings(database_url=stage.url, database_timeout_seconds=600))
        other = stage._replace(connection=connection)
        number = 600_000
        while not stopped.is_set():
            milliseconds.append(like_milliseconds(other, number))
            number += 1
        connection.close()

    liker = threading.Thread(target=keep_liking)
    liker.start()
    first, second = (run(stage.url, recompute.SQL)[0][0] for _ in range(2))
    stopped.set()
    liker.join()
    slowest = max(milliseconds)
    return (
        f"Leaderboard of {stage.people:,} creators and {stage.videos:,} videos, one statement: the first recompute "
        f"answered `{first}`, the second `{second}`. Meanwhile {len(milliseconds)} likes took "
        f"{median(milliseconds):.2f} ms (median; {median(quiet):.2f} ms before), {slowest:.0f} ms at most."
    )


def main() -> None:
    """Measure and publish."""
    with ExitStack() as stack:
        stages = [build(stack, videos) for videos in sizes().video_counts]
        pages_table, pages, likes = flatness(stages)
        board = leaderboard(stages[-1])
        on_disk = run(stages[-1].url, TABLE_SIZES)
        tables = table(["table", "rows", "indexes", "bytes for each video"], on_disk)
        indexes = table(["index", "size"], run(stages[-1].url, INDEX_SIZES))
    verdicts = [
        verdict("slowest page to fastest, over all sizes", max(pages) / min(pages), BUDGET, at_least=False),
        verdict("slowest like to fastest, over all sizes", max(likes) / min(likes), BUDGET, at_least=False),
    ]
    largest = f"{stages[-1].videos:,} videos"
    figures = {
        f"a page of the feed, the fastest and the slowest up to {largest}": f"{min(pages):.2f} and {max(pages):.2f} ms",
        f"a like at {largest}": f"{likes[-1]:.2f} ms",
        f"disk for one of {largest}, with likes, assets and indexes": f"{sum(int(row[3]) for row in on_disk):,} bytes",
    }
    publish("scale", "\n\n".join([pages_table, "\n".join(verdicts), board, tables, indexes]), figures)


if __name__ == "__main__":
    main()
