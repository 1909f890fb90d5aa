"""Anything, in any order: after each step the figures are those of the rows, and the rows are those of a model."""

import os
from typing import Any
from uuid import UUID, uuid4

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    invariant,
    precondition,
    rule,
    run_state_machine_as_test,
)
from pg8000.exceptions import DatabaseError

from shared.db.query import sql_state
from tests.database.world import connected, create, end_job, query, react, violations
from tests.threads import at_once

MORE = 20 if os.environ.get("INSTAVEO_STRESS") == "1" else 1
PEOPLE = [UUID(int=number, version=4) for number in range(1, 7)]
REACTIONS = [None, "like", "dislike"]
person = st.sampled_from(PEOPLE)
reaction = st.sampled_from(REACTIONS)
# Which of the videos there are: taken modulo their number.
choice = st.integers(0, 11)

EMPTY = "TRUNCATE profiles, rate_limits CASCADE"
VIEW = """
SELECT error FROM logic.view_video(CAST($1 AS uuid), '', 'somebody', CAST($2 AS uuid), NULL, $3, NULL, 3600)
"""
REACT_TO_ALL = """
INSERT INTO video_reactions (video_id, user_id, reaction)
SELECT video.id, person.id, CAST($1 AS reaction_kind) FROM videos AS video, profiles AS person
WHERE video.status = 'completed'
ON CONFLICT (video_id, user_id) DO UPDATE SET reaction = excluded.reaction
"""


class Feed(RuleBasedStateMachine):
    """Six people and what they do, against a model that only remembers who did what."""

    def __init__(self) -> None:
        super().__init__()
        self._connected = connected()
        self.database = self._connected.__enter__()
        query(self.database, EMPTY)
        self.people: set[UUID] = set()
        self.owners: dict[UUID, UUID] = {}
        self.statuses: dict[UUID, str] = {}
        self.sources: dict[UUID, UUID | None] = {}
        self.reactions: dict[tuple[UUID, UUID], str] = {}
        self.views: set[tuple[UUID, str]] = set()

    def teardown(self) -> None:
        self._connected.__exit__(None, None, None)

    def pick(self, number: int) -> UUID:
        videos = list(self.statuses)
        return videos[number % len(videos)]

    def has_videos(self) -> bool:
        return bool(self.statuses)

    @initialize()
    def first_video(self) -> None:
        self.create(PEOPLE[0])
        self.end(0, succeeds=True)

    @rule(owner=person)
    def create(self, owner: UUID) -> None:
        self._created(owner, None)

    @precondition(has_videos)
    @rule(owner=person, number=choice)
    def recreate(self, owner: UUID, number: int) -> None:
        self._created(owner, self.pick(number))

    def _created(self, owner: UUID, source: UUID | None) -> None:
        self.people.add(owner)
        video = create(self.database, owner, source)
        # Of an unfinished video only its owner knows.
        is_seen = source is None or self.statuses[source] == "completed" or self.owners[source] == owner
        assert (video is not None) == is_seen
        if video:
            self.owners[video], self.statuses[video], self.sources[video] = owner, "pending", source

    @precondition(has_videos)
    @rule(number=choice, succeeds=st.booleans())
    def end(self, number: int, succeeds: bool) -> None:
        video = self.pick(number)
        ended = end_job(self.database, video, succeeds=succeeds)
        assert ended == (self.statuses[video] == "pending")
        if ended:
            self.statuses[video] = "completed" if succeeds else "failed"

    @precondition(has_videos)
    @rule(by=person, number=choice, reaction=reaction)
    def react(self, by: UUID, number: int, reaction: str | None) -> None:
        video = self.pick(number)
        error = react(self.database, by, video, reaction)
        self.people.add(by)
        assert (error is None) == (self.statuses[video] == "completed")
        if error is None:
            self.reactions.pop((video, by), None)
            if reaction:
                self.reactions[video, by] = reaction

    @rule(reaction=st.sampled_from(["like", "dislike"]))
    def everybody_reacts_to_everything(self, reaction: str) -> None:
        query(self.database, REACT_TO_ALL, reaction)
        finished = [video for video, status in self.statuses.items() if status == "completed"]
        self.reactions |= {(video, by): reaction for video in finished for by in self.people}

    @rule(by=person)
    def somebody_takes_all_reactions_back(self, by: UUID) -> None:
        query(self.database, "DELETE FROM video_reactions WHERE user_id = CAST($1 AS uuid)", by)
        self.reactions = {(video, who): kind for (video, who), kind in self.reactions.items() if who != by}

    @precondition(has_videos)
    @rule(by=person | st.none(), number=choice)
    def view(self, by: UUID | None, number: int) -> None:
        video, viewer = self.pick(number), str(by or "address")
        [error] = query(self.database, VIEW, by, video, viewer)
        if by:
            self.people.add(by)
        assert (error is None) == (self.statuses[video] == "completed")
        if error is None:
            self.views.add((video, viewer))

    @precondition(has_videos)
    @rule(number=choice)
    def delete_video(self, number: int) -> None:
        video = self.pick(number)
        query(self.database, "DELETE FROM videos WHERE id = CAST($1 AS uuid)", video)
        self._forget({video})

    @rule(who=person)
    def delete_profile(self, who: UUID) -> None:
        query(self.database, "DELETE FROM profiles WHERE id = CAST($1 AS uuid)", who)
        self._forget({video for video, owner in self.owners.items() if owner == who})
        self.reactions = {(video, by): kind for (video, by), kind in self.reactions.items() if by != who}
        self.people.discard(who)

    def _forget(self, videos: set[UUID]) -> None:
        for video in videos:
            del self.owners[video], self.statuses[video], self.sources[video]
        self.sources = {video: None if source in videos else source for video, source in self.sources.items()}
        self.reactions = {key: kind for key, kind in self.reactions.items() if key[0] not in videos}
        self.views = {key for key in self.views if key[0] not in videos}

    @rule()
    def recompute(self) -> None:
        query(self.database, "SELECT logic.recompute_leaderboard()")

    @invariant()
    def every_rule_holds(self) -> None:
        assert violations(self.database) == []

    @invariant()
    def the_rows_are_those_of_the_model(self) -> None:
        rows = query(
            self.database,
            "SELECT id, user_id, status::text, source_video_id, likes_count, dislikes_count, views_count FROM videos",
        )
        kinds = {video: [kind for (on, _), kind in self.reactions.items() if on == video] for video in self.statuses}
        assert sorted(rows, key=str) == sorted(
            (
                (
                    video,
                    self.owners[video],
                    status,
                    self.sources[video],
                    kinds[video].count("like"),
                    kinds[video].count("dislike"),
                    sum(on == video for on, _ in self.views),
                )
                for video, status in self.statuses.items()
            ),
            key=str,
        )
        assert set(query(self.database, "SELECT id FROM profiles")) == self.people


def test_any_story_told_by_one_writer_after_the_other(environment: None) -> None:
    run_state_machine_as_test(
        Feed,
        settings=settings(
            max_examples=15 * MORE, stateful_step_count=30, deadline=None, suppress_health_check=list(HealthCheck)
        ),
    )


# A story for each of several connections: what to do, who does it, to which video, and how.
ACTIONS = ["react", "react", "react", "react_to_all", "view", "create", "recreate", "end", "recompute", "repair"]
ACTIONS += ["delete_video", "delete_profile"]
steps = st.lists(st.tuples(st.sampled_from(ACTIONS), person, choice, reaction), min_size=3, max_size=12)
LIKE_ALL = """
WITH person AS MATERIALIZED (SELECT id FROM profiles WHERE id = CAST($1 AS uuid) FOR KEY SHARE),
finished AS MATERIALIZED (
    SELECT id FROM videos WHERE status = 'completed' AND EXISTS (SELECT FROM person) ORDER BY id FOR KEY SHARE
)
INSERT INTO video_reactions (video_id, user_id, reaction)
SELECT finished.id, person.id, 'like' FROM person, finished
ON CONFLICT DO NOTHING
"""
# Somebody's account was deleted while they did something, or their video while it was being recreated.
ALLOWED = {"23503"}


def act(database: Any, action: str, who: UUID, number: int, kind: str | None) -> None:
    videos = query(database, "SELECT id FROM videos ORDER BY created_at, id")
    video = videos[number % len(videos)] if videos else uuid4()
    actions: dict[str, Any] = {
        "react": lambda: react(database, who, video, kind),
        "react_to_all": lambda: query(
            database,
            LIKE_ALL,
            who,
        ),
        "view": lambda: query(database, VIEW, who, video, str(number)),
        "create": lambda: create(database, who),
        "recreate": lambda: create(database, who, video),
        "end": lambda: end_job(database, video, succeeds=number % 4 != 0),
        "recompute": lambda: query(database, "SELECT logic.recompute_leaderboard()"),
        "repair": lambda: query(database, "SELECT logic.repair_video(CAST($1 AS uuid))", video),
        "delete_video": lambda: query(database, "SELECT logic.delete_video(CAST($1 AS uuid))", video),
        "delete_profile": lambda: query(database, "DELETE FROM profiles WHERE id = CAST($1 AS uuid)", who),
    }
    try:
        actions[action]()
    except DatabaseError as error:
        if sql_state(error) not in ALLOWED:
            raise


@pytest.mark.usefixtures("environment")
class TestAtOnce:
    """The same stories told by several connections at the same time."""

    @given(stories=st.lists(steps, min_size=4, max_size=6))
    @settings(max_examples=25 * MORE, deadline=None, suppress_health_check=list(HealthCheck))
    def test_any_stories_told_at_once(self, stories: list[list[tuple[str, UUID, int, str | None]]]) -> None:
        with connected() as database:
            query(database, EMPTY)
            for owner in PEOPLE[:4]:
                video = create(database, owner)
                assert video
                assert end_job(database, video, succeeds=True)

            def tell(number: int) -> None:
                with connected() as connection:
                    for step in stories[number]:
                        act(connection, *step)

            at_once(len(stories), tell)
            assert violations(database) == []
