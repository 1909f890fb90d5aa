"""A few finished videos for an empty feed, really rendered: `python -m scripts.seed_videos`.

They take the way of every video: the same ingest, the same statement that finishes a job.
"""

import tempfile
from collections.abc import Iterator
from pathlib import Path
from uuid import UUID, uuid4

from tqdm import tqdm

from local.demo_people import USERNAMES, creator_id
from local.flow_twin.rendering import render_clip
from shared.config import settings
from shared.db.query import fetch_row
from shared.media.ingest import ingest
from shared.pipeline.assets import asset_rows, keys_of
from shared.storage.factory import storage
from shared.storage.store import CHUNK_BYTES

PROMPTS = (
    "A lighthouse keeper teaches a small robot to read the tide",
    "Neon koi swimming through a rain-soaked night market",
    "A paper crane unfolds into a city at sunrise",
    "Slow motion: a violin made of water, played by the wind",
)

# The ages make a feed with an order: the newest first until somebody is liked.
SQL = """
WITH video AS (
    INSERT INTO videos (id, user_id, prompt, status, video_url, thumbnail_url, duration_seconds, created_at,
        published_at)
    SELECT CAST(:id AS uuid), CAST(:user_id AS uuid), CAST(:prompt AS text), 'completed', CAST(:video_url AS text),
        CAST(:thumbnail_url AS text), CAST(:duration_seconds AS double precision), moment, moment
    FROM (SELECT now() - make_interval(hours => CAST(:age_hours AS integer)) AS moment) AS age
    RETURNING id
)
INSERT INTO video_assets (video_id, asset_type, storage_backend, storage_key, file_path, public_url, duration_seconds,
    content_type, size_bytes, sha256, width, height)
SELECT CAST(:id AS uuid), asset.asset_type, asset.storage_backend, asset.storage_key, asset.file_path, asset.public_url,
    asset.duration_seconds, asset.content_type, asset.size_bytes, asset.sha256, asset.width, asset.height
FROM video, jsonb_populate_recordset(NULL::video_assets, CAST(:assets AS jsonb)) AS asset
"""


def seed_videos() -> int:
    """Render and publish the demo videos unless the database has videos; return how many were added.

    None without the demo creators, as in a Supabase project.
    """
    row = fetch_row(
        "SELECT EXISTS (SELECT FROM videos) OR NOT EXISTS (SELECT FROM profiles WHERE id = CAST(:id AS uuid))",
        id=creator_id(USERNAMES[0]),
    )
    if row is None or row[0]:
        return 0
    for number, prompt in enumerate(tqdm(PROMPTS, desc="            rendering", unit="video")):
        with tempfile.TemporaryDirectory() as folder:
            path = Path(folder) / "clip.mp4"
            render_clip(prompt, settings().generation_aspect_ratio, number, path)
            _publish(prompt, path, creator_id(USERNAMES[number % len(USERNAMES)]), age_hours=6 * number)
    return len(PROMPTS)


def _publish(prompt: str, path: Path, user_id: UUID, age_hours: int) -> None:
    video_id = uuid4()
    store = storage(settings())
    ingested = ingest(_chunks(path), *keys_of(video_id), store)
    fetch_row(
        SQL,
        id=video_id,
        user_id=user_id,
        prompt=prompt,
        video_url=store.public_url(ingested.video.key),
        thumbnail_url=store.public_url(ingested.thumbnail.key),
        duration_seconds=ingested.facts.duration_seconds,
        age_hours=age_hours,
        assets=asset_rows(store, ingested, None, None),
    )


def _chunks(path: Path) -> Iterator[bytes]:
    with path.open("rb") as file:
        while chunk := file.read(CHUNK_BYTES):
            yield chunk


if __name__ == "__main__":
    added = seed_videos()
    print(f"            {added} finished videos added" if added else "            no demo videos needed")
