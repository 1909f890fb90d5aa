"""A service with a past: `SEED_VIDEOS=100000 make seed`. Running it again adds nothing; SEED_NUMBER makes another one.

Set-based: each statement makes a few thousand videos with their likes and views, and the database's own triggers count
them. The videos play, since they share the files of the few that were really rendered.
"""

import os
import sys
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from pathlib import Path
from typing import Any, NoReturn

from tqdm import tqdm

from database.migrate import migrate
from local.demo_people import DEMO_PASSWORD, USERNAMES, add_demo_accounts, creator_id, email_of
from local.environment import STATE, local_environment, needs_postgres
from local.postgres import start_postgres
from scripts.seed_profiles import belongs_to_supabase, seed_profiles
from scripts.seed_videos import seed_videos
from shared.config import settings
from shared.db.query import fetch_row, fetch_rows

SIZE, NUMBER = "SEED_VIDEOS", "SEED_NUMBER"
DEFAULT_VIDEOS, BATCH_VIDEOS = 1000, 2500
# Written side by side, each by its own connection. A creator and all their videos belong to one lane, so that no two
# lanes count on the same row (the demo creators' to the last one). Another number would make other videos.
LANES = 4
FEWEST_PEOPLE, MOST_PEOPLE, VIDEOS_PER_PERSON = 60, 5000, 20


def _chance(number: str, purpose: int) -> str:
    """Return SQL for a number in [0, 1) that depends on nothing but the seed, `number` and the purpose."""
    hashed = f"hashint8extended(CAST({number} AS bigint), CAST(:seed AS bigint) * 100 + {purpose})"
    return f"(({hashed} & 9007199254740991)::double precision / 9007199254740992)"


def _below(limit: str, number: str, purpose: int, power: float = 1) -> str:
    """Return SQL for a whole number from 0 to below `limit`; the higher the power, the more often a small one."""
    return f"floor(({limit}) * power({_chance(number, purpose)}, {power}))::bigint"


def _pick(words: str, number: str, purpose: int) -> str:
    """Return SQL for one of the words, separated by |."""
    return f"(string_to_array('{words}', '|'))[1 + floor({words.count('|') + 1} * {_chance(number, purpose)})::integer]"


def _id(kind: str, number: str) -> str:
    return f"md5(concat_ws(' ', 'instaveo {kind}', CAST(:seed AS bigint), {number}))::uuid"


_ADJECTIVES = "amber|brisk|calm|dusty|eager|faint|golden|hazy|inky|jolly|keen|lunar|misty|neon|opal|quiet"
_NOUNS = "badger|comet|dune|ember|fox|gull|harbor|iris|jay|kite|lynx|moth|otter|pine|raven|wren"
_SUBJECTS = (
    "A paper boat|An old robot|A glass whale|A pair of lanterns|A red balloon|A tiny astronaut|A violin|A clockwork cat"
    "|A flock of origami cranes|A wooden train|A lighthouse|A garden of neon flowers|An octopus|A hot-air balloon"
)
_ACTIONS = (
    "drifts|wakes up|slowly unfolds|dances|glides|learns to fly|melts into colour|sings|floats in slow motion|"
    "is painted by the wind|turns into smoke|grows"
)
_PLACES = (
    "over a flooded library|at the bottom of the sea|on a rainy street|above a sleeping city|in a desert of glass|"
    "inside a snow globe|at the edge of a storm|under a sky of fish|in an empty theatre|along a frozen canal"
)
_STYLES = (
    "|, macro lens|, 35 mm film|, at golden hour|, seen from a drone|, in one take|, soft morning light|, claymation"
)

_LANE_PEOPLE = f"people / {LANES}"

PEOPLE = f"""
INSERT INTO profiles (id, username, email, created_at)
SELECT {_id("person", "number")}, name, name || '@example.com',
    now() - interval '130 days' - interval '300 days' * {_chance("number", 1)}
FROM generate_series(1, CAST(:people AS integer)) AS number,
    LATERAL (SELECT concat({_pick(_ADJECTIVES, "number", 3)}, '_', {_pick(_NOUNS, "number", 4)}, number,
        CASE WHEN CAST(:seed AS bigint) <> 1 THEN '.' || CAST(:seed AS bigint) END) AS name) AS named
ON CONFLICT DO NOTHING
"""  # noqa: S608 - the parts are the constants above

# They all count as active now while their past is written, which spares the triggers an update for each like.
ACTIVITY = f"""
UPDATE profiles SET last_active_at = coalesce(logic.newest_activity(id), created_at)
WHERE id IN (SELECT {_id("person", "number")} FROM generate_series(1, CAST(:people AS integer)) AS number)
"""  # noqa: S608 - the parts are the constants above

# Only a video that was really rendered has a file of its own.
CLIPS = """
SELECT video.id::text FROM videos AS video JOIN video_assets AS asset ON asset.video_id = video.id
WHERE video.user_id = ANY (CAST(:creators AS uuid[])) AND asset.asset_type = 'video'
    AND asset.storage_key LIKE '%' || video.id || '%'
ORDER BY video.created_at, video.id LIMIT 12
"""

# Video 1 is the oldest; the nearer to now, the denser they come. Few creators make most of the videos, few videos get
# most of the likes, and likes come soon after publication or hardly at all.
VIDEOS = f"""
WITH clip AS (
    SELECT ordinality - 1 AS number, video.*
    FROM unnest(CAST(:clips AS text[])) WITH ORDINALITY AS rendered (id, ordinality)
    JOIN videos AS video ON video.id = CAST(rendered.id AS uuid)
), planned AS (
    SELECT number, {_id("video", "number")} AS id,
        -- A hundredth is by the demo creators, whom one can be.
        CASE WHEN number % 100 = 0 THEN (CAST(:creators AS uuid[]))[1 + number / 100 % {len(USERNAMES)}]
            ELSE {_id("person", f"1 + number % {LANES} + {LANES} * {_below(_LANE_PEOPLE, 'number', 5, power=1.6)}")}
            END AS user_id,
        concat_ws(' ', {_pick(_SUBJECTS, "number", 6)}, {_pick(_ACTIONS, "number", 7)}, {_pick(_PLACES, "number", 8)})
            || {_pick(_STYLES, "number", 9)} AS prompt,
        now() - interval '10 minutes' - interval '120 days'
            * power(1 - number / CAST(:videos AS double precision), 1.5) AS moment,
        CASE WHEN number > {LANES} AND {_chance("number", 10)} < 0.1
            THEN {_id("video", f"number - {LANES} * (1 + {_below(f'(number - 1) / {LANES}', 'number', 11)})")}
            END AS source_video_id,
        {_below("cardinality(CAST(:clips AS text[]))", "number", 17)} AS clip_number
    FROM generate_series(CAST(:first AS bigint), CAST(:last AS bigint), {LANES}) AS number,
        CAST(:people AS bigint) AS people
), written AS (
    INSERT INTO videos (id, user_id, prompt, status, video_url, thumbnail_url, duration_seconds, created_at, updated_at,
        published_at, source_video_id)
    SELECT planned.id, planned.user_id, planned.prompt, 'completed', clip.video_url, clip.thumbnail_url,
        clip.duration_seconds, moment, moment, moment + interval '100 seconds', planned.source_video_id
    FROM planned JOIN clip ON clip.number = planned.clip_number
    ON CONFLICT DO NOTHING RETURNING id, published_at
), fresh AS MATERIALIZED (
    SELECT planned.number, planned.clip_number, written.id, written.published_at,
        -- A heavy tail: most videos get one or none, one in ten thousand gets hundreds.
        least(CAST(:people AS integer) - 1, floor(power(1 - {_chance("planned.number", 12)}, -0.6) - 0.6))::integer
            AS reactions
    FROM written JOIN planned ON planned.id = written.id
), stored AS (
    INSERT INTO video_assets (video_id, asset_type, storage_backend, storage_key, file_path, public_url,
        duration_seconds, content_type, size_bytes, sha256, width, height)
    SELECT fresh.id, asset_type, storage_backend, storage_key, file_path, public_url,
        asset.duration_seconds, content_type, size_bytes, sha256, width, height
    FROM fresh JOIN clip ON clip.number = fresh.clip_number JOIN video_assets AS asset ON asset.video_id = clip.id
), reacted AS (
    INSERT INTO video_reactions (video_id, user_id, reaction, created_at)
    SELECT fresh.id, {_id("person", "1 + (fresh.number * 7919 + each) % CAST(:people AS integer)")},
        CASE WHEN {_chance("fresh.number * 10000 + each", 13)} < 0.08 THEN 'dislike' ELSE 'like' END::reaction_kind,
        published_at + (now() - published_at) * power({_chance("fresh.number * 10000 + each", 14)}, 3)
    FROM fresh, generate_series(1, reactions) AS each
), viewed AS (
    INSERT INTO video_views (video_id, session_id, viewer, window_start, created_at)
    SELECT fresh.id, session, 'session:' || session, date_trunc('hour', moment), moment
    FROM fresh, generate_series(1, reactions + floor(3 * {_chance("fresh.number", 15)})::integer) AS each,
        LATERAL (SELECT concat_ws('-', 'seed', CAST(:seed AS bigint), fresh.number, each) AS session,
            published_at + (now() - published_at) * power({_chance("fresh.number * 10000 + each", 16)}, 3) AS moment
        ) AS look
)
SELECT count(*) FROM fresh
"""  # noqa: S608 - the parts are the constants above


def seed_many(videos: int, seed: int) -> int:
    """Add so many videos with people, likes and views, as `seed` has them; return how many were not there before.

    Needs one rendered video to take the files from.
    """
    people = min(MOST_PEOPLE, max(FEWEST_PEOPLE, videos // VIDEOS_PER_PERSON // LANES * LANES))
    fetch_rows(PEOPLE, seed=seed, people=people)
    creators = [str(creator_id(name)) for name in USERNAMES]
    clips = [row[0] for row in fetch_rows(CLIPS, creators=creators)]
    values = {"seed": seed, "people": people, "videos": videos, "clips": clips, "creators": creators}
    with (
        tqdm(total=videos, desc="            videos", unit="", unit_scale=True, mininterval=0.2) as bar,
        ThreadPoolExecutor(LANES) as lanes,
    ):
        added = sum(lanes.map(lambda lane: _fill_lane(lane, values, bar), range(1, LANES + 1)))
    if added:
        fetch_rows("ANALYZE profiles, creator_stats, videos, video_assets, video_reactions, video_views")
        fetch_rows(ACTIVITY, seed=seed, people=people)
        fetch_rows("SELECT logic.recompute_leaderboard()")
    return added


def _fill_lane(lane: int, values: dict[str, Any], bar: "tqdm[NoReturn]") -> int:
    """Write every LANES-th video from number `lane` on, the oldest first; return how many were new."""
    added = 0
    for first in range(lane, values["videos"] + 1, LANES * BATCH_VIDEOS):
        last = min(values["videos"], first + LANES * BATCH_VIDEOS - 1)
        row = fetch_row(VIDEOS, **values, first=first, last=last)
        added += row[0] if row else 0
        bar.update(len(range(first, last + 1, LANES)))
    return added


def main() -> None:
    """Seed the database of the environment, else the one of `make dev`, which may be running or not."""
    videos, seed = _whole_number(SIZE, DEFAULT_VIDEOS), _whole_number(NUMBER, 1)
    with ExitStack() as running:
        _use_the_laptops_parts(os.environ.copy(), running)
        if belongs_to_supabase():
            sys.exit("In a Supabase project every profile is an account: sign up, or seed a plain Postgres.")
        seed_profiles()
        if "supabase" in os.environ["STAND_INS"]:
            add_demo_accounts(Path(os.environ["STATE_FOLDER"]))
            print(
                f"            sign in as {email_of(USERNAMES[0])} (or another demo creator), password {DEMO_PASSWORD}"
            )
        seed_videos()
        added = seed_many(videos, seed)
    print(
        f"            {added:,} videos added, {videos - added:,} were there (SEED_VIDEOS={videos} SEED_NUMBER={seed})"
    )


def _use_the_laptops_parts(given: Mapping[str, str], running: ExitStack) -> None:
    environment = local_environment(given)
    if needs_postgres(given):
        server = start_postgres(STATE / "postgres")
        running.callback(server.stop)
        environment["DATABASE_URL"] = server.url("postgres")
    os.environ.update(environment)
    if needs_postgres(given):
        migrate(settings(), lambda line: print(f"            {line}"))


def _whole_number(name: str, default: int) -> int:
    text = os.environ.get(name) or str(default)
    if not text.isascii() or not text.isdigit() or int(text) < 1:
        sys.exit(f"{name} must be a whole number from 1.")
    return int(text)


if __name__ == "__main__":
    main()
