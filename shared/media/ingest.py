"""The one way a clip gets from a provider into the storage: received, looked at, put in order, published.

Why it goes through an `incoming/` object and not through a local file: docs/adr/0003-media-ingest.md.
"""

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from typing import BinaryIO

from shared.errors import ApiError
from shared.media.mp4 import NotPlayable, in_web_order
from shared.media.probe import MediaFacts, good_frame_jpeg, probe
from shared.storage.reader import open_object
from shared.storage.store import CHUNK_BYTES, Storage, StoredObject

INCOMING_PREFIX = "incoming/"


@dataclass(frozen=True)
class Ingested:
    """A published clip: the stored video and thumbnail, and what the video is."""

    video: StoredObject
    thumbnail: StoredObject
    facts: MediaFacts


def ingest(
    chunks: Iterable[bytes],
    video_key: str,
    thumbnail_key: str,
    storage: Storage,
    beat: Callable[[], None] = lambda: None,
) -> Ingested:
    """Store a provider's clip under `video_key` and a picture of it under `thumbnail_key`, readable when this returns.

    `beat` is called after every chunk on its way into the storage, and between the steps.
    Repeat it after any interruption, with fresh `chunks`: what is finished is kept and no chunk is taken for it.
    Raises NotPlayable (nothing is published, the next call asks for the bytes again), ApiError `storage_unavailable`,
    and whatever `chunks` and `beat` raise.
    """
    try:
        return _ingest(chunks, video_key, thumbnail_key, storage, beat)
    except ApiError as error:
        # Somebody else may have published the same clip and removed its incoming copy while we were reading it. If not,
        # `chunks` is half taken, and another try with what is left of it would store a stump.
        if error.code != "media_not_found" or storage.find(video_key) is None:
            raise
        return _ingest(chunks, video_key, thumbnail_key, storage, beat)


def _ingest(
    chunks: Iterable[bytes], video_key: str, thumbnail_key: str, storage: Storage, beat: Callable[[], None]
) -> Ingested:
    incoming_key = INCOMING_PREFIX + video_key.rpartition("/")[2]
    source = storage.find(video_key) or storage.put(incoming_key, _with_beats(chunks, beat))
    try:
        with open_object(storage, source.key, source.size_bytes) as file:
            clip = in_web_order(file)
            beat()
            facts = probe(clip)
            beat()
            thumbnail = storage.find(thumbnail_key) or storage.put(thumbnail_key, [good_frame_jpeg(clip)])
            beat()
            video = storage.put(video_key, _with_beats(_chunks(clip), beat))
    except NotPlayable:
        storage.delete(incoming_key)
        raise
    storage.delete(incoming_key)
    _check_readable(storage, video)
    _check_readable(storage, thumbnail)
    return Ingested(video, thumbnail, facts)


def _with_beats(chunks: Iterable[bytes], beat: Callable[[], None]) -> Iterator[bytes]:
    for chunk in chunks:
        yield chunk
        beat()


def _chunks(file: BinaryIO) -> Iterator[bytes]:
    file.seek(0)
    while chunk := file.read(CHUNK_BYTES):
        yield chunk


def _check_readable(storage: Storage, stored: StoredObject) -> None:
    """Read the first two bytes, as a player does: a clip counts as published only when it answers."""
    if len(b"".join(storage.read(stored.key, 0, 2))) != min(2, stored.size_bytes):
        raise ApiError("storage_unavailable", cause=f"{stored.key} cannot be read back")
