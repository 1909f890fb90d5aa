"""The rows of `video_assets` for a stored clip."""

import json
from urllib.parse import urlsplit
from uuid import UUID

from shared.media.ingest import Ingested
from shared.storage.store import Storage, StoredObject


def keys_of(video_id: UUID) -> tuple[str, str]:
    """Return the storage keys of a video and its thumbnail: they follow from its id, so that a retry finds them."""
    return f"videos/{video_id}.mp4", f"thumbnails/{video_id}.jpg"


def asset_rows(storage: Storage, ingested: Ingested, source_url: str | None, thumbnail_url: str | None) -> str:
    """Return the clip's video and thumbnail as a JSON array of rows, with the columns' names as keys.

    The two addresses are where the provider had them, None for a clip that no provider made.
    """
    video = _row("video", storage, ingested, ingested.video, source_url)
    video["duration_seconds"] = round(ingested.facts.duration_seconds)
    return json.dumps([video, _row("thumbnail", storage, ingested, ingested.thumbnail, thumbnail_url)])


def _row(
    kind: str, storage: Storage, ingested: Ingested, stored: StoredObject, source_url: str | None
) -> dict[str, str | int | None]:
    return {
        "asset_type": kind,
        "storage_backend": storage.name,
        "storage_key": stored.key,
        "file_path": storage.file_path(stored.key),
        "public_url": storage.public_url(stored.key),
        "source_url": _without_signature(source_url) if source_url else None,
        "content_type": stored.content_type,
        "size_bytes": stored.size_bytes,
        "sha256": stored.sha256,
        "width": ingested.facts.width,
        "height": ingested.facts.height,
    }


def _without_signature(url: str) -> str | None:
    """Return the address alone: a provider's signed link opens the file for whoever reads it. None for no address."""
    try:
        return urlsplit(url)._replace(query="", fragment="").geturl()
    except ValueError:
        return None
