"""A service with a past: plausible, counted right, and the same each time."""

import pytest

from database.invariants import read_rules, violations
from local.demo_people import USERNAMES, creator_id
from scripts.seed_many import seed_many
from scripts.seed_profiles import seed_profiles
from scripts.seed_videos import seed_videos
from shared.config import settings
from shared.db.pool import connect
from tests.api import Api, Person
from tests.rows import make_video, run

EMPTY = "TRUNCATE profiles, rate_limits CASCADE"
FACTS = """
SELECT video.id::text, prompt, user_id::text, likes_count, dislikes_count, views_count
FROM videos AS video WHERE video.id <> CAST(:rendered AS uuid) ORDER BY video.id
"""


@pytest.fixture
def rendered(environment: None) -> str:
    """The one video that was really rendered, by the first demo creator."""
    seed_profiles()
    return str(make_video(Person(USERNAMES[0], creator_id(USERNAMES[0]))))


def facts(rendered: str) -> list[object]:
    return run(FACTS, rendered=rendered)


def test_the_figures_are_those_of_the_rows(rendered: str) -> None:
    assert seed_many(300, seed=1) == 300
    connection = connect(settings())
    broken = {rule.name: found for rule in read_rules() if (found := violations(connection, rule))}
    connection.close()
    assert not broken
    [(likes, views, creators, remixes)] = run(
        "SELECT sum(likes_count), sum(views_count), count(DISTINCT user_id), count(source_video_id) FROM videos"
    )
    assert likes > 50
    assert views > likes
    assert creators > 20
    assert remixes > 5


def test_the_same_seed_makes_the_same_and_another_seed_another_one(rendered: str) -> None:
    seed_many(120, seed=7)
    first = facts(rendered)
    assert seed_many(120, seed=7) == 0
    assert facts(rendered) == first
    assert seed_many(120, seed=8) == 120
    run(EMPTY)
    seed_profiles()
    again = str(make_video(Person(USERNAMES[0], creator_id(USERNAMES[0]))))
    seed_many(120, seed=7)
    assert facts(again) == first


def test_the_seeded_videos_have_the_files_of_the_rendered_one(api: Api, rendered: str) -> None:
    seed_many(40, seed=1)
    feed = api.get("/videos/feed?limit=50").json["videos"]
    assert len(feed) == 41
    assert len({video["videoUrl"] for video in feed}) == 1
    assert {asset["storageKey"] for video in feed for asset in video["assets"]} == {f"videos/{rendered}.mp4"}


def test_nothing_is_seeded_into_a_supabase_project(environment: None) -> None:
    run("CREATE SCHEMA auth")
    try:
        run("CREATE TABLE auth.users (id uuid PRIMARY KEY)")
        assert seed_profiles() == 0
        assert seed_videos() == 0
    finally:
        run("DROP SCHEMA auth CASCADE")
