"""Many connections, one lock order: nobody waits for somebody who waits for them, and no count is lost."""

import os
import queue
import random
from collections import Counter
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from typing import Any

from pg8000.exceptions import DatabaseError

from shared.db.pipelined import PipelinedConnection
from shared.db.query import sql_state
from tests.database.world import connected, create, end_job, make_people, make_videos, query, react, violations
from tests.threads import at_once

THREADS = 200
ACTIONS_EACH = 100 if os.environ.get("INSTAVEO_STRESS") == "1" else 40
# The server takes a hundred, and other test processes use it at the same time.
CONNECTIONS = 40
VIEW = "SELECT error FROM logic.view_video(CAST($1 AS uuid), '', 'somebody', CAST($2 AS uuid), NULL, $3, 'all', 0)"
# As docs/data.md tells writers of many rows: their videos locked first, in order.
LIKE_MANY = """
WITH chosen AS MATERIALIZED (
    SELECT id FROM videos WHERE status = 'completed' AND id IN (SELECT id FROM videos ORDER BY random() LIMIT 20)
    ORDER BY id FOR KEY SHARE
)
INSERT INTO video_reactions (video_id, user_id, reaction) SELECT id, CAST($1 AS uuid), 'like' FROM chosen
ON CONFLICT DO NOTHING
"""


class Pool:
    """Real connections lent to more threads than there are of them."""

    def __init__(self, stack: ExitStack) -> None:
        self._idle: queue.Queue[PipelinedConnection] = queue.Queue()
        for _ in range(CONNECTIONS):
            self._idle.put(stack.enter_context(connected()))

    @contextmanager
    def connection(self) -> Iterator[PipelinedConnection]:
        connection = self._idle.get()
        try:
            yield connection
        finally:
            self._idle.put(connection)


class Storm:
    """Two hundred people with a video each, and ten whose accounts are deleted meanwhile."""

    def __init__(self, pool: Pool) -> None:
        self.pool = pool
        with pool.connection() as database:
            self.people = make_people(database, THREADS)
            self.leaving = make_people(database, 10)
            self.videos = make_videos(database, self.people + self.leaving)
            for person in self.leaving:
                query(database, LIKE_MANY, person)
        self.states: Counter[str] = Counter()
        # By video and person.
        self.reactions: dict[tuple[Any, Any], str | None] = {}

    def run(self, number: int) -> None:
        rng = random.Random(number)
        for step in range(ACTIONS_EACH):
            with self.pool.connection() as database:
                try:
                    self._act(database, number, step, rng)
                except DatabaseError as error:
                    self.states[sql_state(error)] += 1

    def _act(self, database: PipelinedConnection, number: int, step: int, rng: random.Random) -> None:
        person = self.people[number]
        if number < 180:
            # A few videos are everybody's, the rest anybody's.
            video = self.videos[rng.choice([rng.randrange(3), rng.randrange(len(self.videos))])]
            kind = rng.choice([None, "like", "like", "dislike"])
            if react(database, person, video, kind) is None:
                self.reactions[video, person] = kind
        elif number < 186:
            query(database, LIKE_MANY, person)
        elif number < 192:
            query(database, VIEW, person, rng.choice(self.videos), str(step))
        elif number < 195:
            query(database, "SELECT logic.recompute_leaderboard()")
        elif number < 197:
            query(database, "SELECT logic.repair_video(CAST($1 AS uuid))", rng.choice(self.videos))
        elif number < 199:
            made = create(database, person, self.videos[0])
            if made and end_job(database, made, succeeds=True):
                query(database, "SELECT logic.delete_video(CAST($1 AS uuid))", made)
        elif step < len(self.leaving):
            query(database, "DELETE FROM profiles WHERE id = CAST($1 AS uuid)", self.leaving[step])


def test_two_hundred_threads_at_each_others_videos_never_deadlock_and_lose_no_count(environment: None) -> None:
    with ExitStack() as stack:
        storm = Storm(Pool(stack))
        at_once(THREADS, storm.run)
        with storm.pool.connection() as database:
            assert storm.states == {}
            assert violations(database) == []
            rows = query(
                database,
                "SELECT video_id, user_id, reaction::text FROM video_reactions WHERE user_id = ANY(CAST($1 AS uuid[]))",
                storm.people[:180],
            )
            there = set(query(database, "SELECT id FROM videos"))
            wanted = {(*key, kind) for key, kind in storm.reactions.items() if kind and key[0] in there}
            assert set(rows) == wanted
            assert len(storm.reactions) > 100
