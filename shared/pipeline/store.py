"""From the provider's file to our own: fetched, checked and published under the names that follow from the video."""

import time
from collections.abc import Callable, Iterator
from urllib.parse import urlsplit

from shared.config import Settings
from shared.errors import ApiError
from shared.generation.provider import Clip, GenerationError
from shared.media.fetch import FetchError, download
from shared.media.ingest import Ingested, ingest
from shared.media.mp4 import NotPlayable
from shared.pipeline.assets import keys_of
from shared.pipeline.job import Job
from shared.storage.factory import storage_named
from shared.storage.store import Storage

# What the steps of storing can raise, in the words of the catalogue of failures.
_FETCH_CODES = {"source_expired": "download_failed"}
_STORAGE_CODES = {"storage_unavailable": "storage_failed", "media_not_found": "download_failed"}


def store(job: Job, clip: Clip, settings: Settings, storage: Storage, alive: Callable[[], None]) -> Ingested:
    """Bring the clip into the storage; repeat it after any interruption. Raises GenerationError.

    `alive` is called now and then until the last byte is published, and may raise to stop.
    """
    beat = _now_and_then(alive, job.lease_seconds / 4)
    try:
        return ingest(_chunks(clip, settings), *keys_of(job.video_id), storage, beat)
    except FetchError as error:
        # An expired link is no failure of the clip: the next poll brings a new one.
        raise GenerationError(_FETCH_CODES.get(error.code, error.code), error.detail) from error
    except NotPlayable as error:
        raise GenerationError("not_playable", str(error)) from error
    except ApiError as error:
        if error.code not in _STORAGE_CODES:
            raise
        raise GenerationError(_STORAGE_CODES[error.code], error.cause or error.code) from error


def _chunks(clip: Clip, settings: Settings) -> Iterator[bytes]:
    """Yield the clip's bytes. A generator, so that nothing is asked for when the clip is stored already."""
    try:
        source = urlsplit(clip.source_url)
    except ValueError as error:
        raise GenerationError("source_not_allowed", "not an address") from error
    if source.scheme == "gs":
        # The provider wrote into our own bucket, beside the names that the API gives out.
        if source.netloc != settings.gcs_bucket:
            raise GenerationError("source_not_allowed", f"bucket {source.netloc}")
        yield from storage_named("gcp", settings).read(source.path.lstrip("/"))
        return
    with download(clip.source_url, settings.media_source_hosts, settings.media_max_bytes) as chunks:
        yield from chunks


def _now_and_then(alive: Callable[[], None], interval_seconds: float) -> Callable[[], None]:
    """Return a function that may be called for every chunk and calls `alive` when the last time is long ago."""
    last = time.monotonic()

    def beat() -> None:
        nonlocal last
        if time.monotonic() - last > interval_seconds:
            alive()
            last = time.monotonic()

    return beat
