"""The storage protocol: finished clips and pictures under immutable keys. Two backends: files.py and gcs.py."""

import re
import time
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Protocol

CHUNK_BYTES = 1024 * 1024

# The suffix alone decides the type: a key cannot disagree with what is stored under it.
CONTENT_TYPES = {"mp4": "video/mp4", "jpg": "image/jpeg"}
KEY_MAX_CHARACTERS = 200
# Folders have no dot, so that no object's name can be another one's folder.
_KEY = re.compile(r"(?:[A-Za-z0-9][A-Za-z0-9_-]*/)*[A-Za-z0-9][A-Za-z0-9._-]*\.(mp4|jpg)")
_FILENAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,99}")


@dataclass(frozen=True)
class StoredObject:
    """The facts of one finished object: its key, size in bytes, sha256 in lower-case hex and media type."""

    key: str
    size_bytes: int
    sha256: str
    content_type: str


class Storage(Protocol):
    """Where finished media live. Objects appear whole or not at all, are never overwritten, and may be deleted.

    Keys look like `videos/<uuid>.mp4`; one that does not raises ValueError, or ApiError `media_not_found` when reading.
    Every method raises ApiError `storage_unavailable` when the disk or the network fails: try again later.
    """

    @property
    def name(self) -> str:
        """Return what `video_assets.storage_backend` says: `local` or `gcp`."""

    def put(self, key: str, chunks: Iterable[bytes]) -> StoredObject:
        """Store the chunks one after the other and return the object's facts.

        A finished object under this key is kept: then no chunk is taken and its own facts are returned. An exception
        raised by `chunks` passes through and leaves nothing behind; so does a killed process. May simply be repeated.
        """

    def find(self, key: str) -> StoredObject | None:
        """Return the facts of the finished object, or None. May read the whole object: not for every request."""

    def read(self, key: str, start: int = 0, end: int | None = None) -> Iterator[bytes]:
        """Yield bytes `start` up to, not including, `end` (None: the end of the object) in chunks of a few MB at most.

        A range beyond the object yields what there is. Raises ApiError `media_not_found` at the first chunk.
        """

    def delete(self, key: str) -> None:
        """Remove the object; one that is not there is no error."""

    def list_older(self, prefix: str, age_seconds: float) -> Iterator[str]:
        """Yield, in order of name, the keys that begin with `prefix` and were finished at least `age_seconds` ago.

        Lazy: take what you need. A prefix such as `videos/3f` visits a slice of a large store.
        """

    def public_url(self, key: str) -> str:
        """Return the address a browser plays the object from."""

    def signed_url(self, key: str, seconds: float, filename: str) -> tuple[str, datetime]:
        """Return an address that saves the object as `filename`, and the moment until which it works.

        That is `seconds` from now at most, and half of them at least: the address may have been made a while ago.

        Raises ValueError for a file name of other characters than ASCII letters, digits, dot, dash and underscore,
        and ApiError `not_configured` when there is nothing to sign with.
        """

    def file_path(self, key: str) -> str:
        """Return the text for `assets[].filePath`: where an operator finds the object."""


def content_type_of(key: str) -> str:
    """Return the media type that the key's suffix stands for. Raises ValueError when this is no valid key."""
    match = _KEY.fullmatch(key)
    if match is None or len(key) > KEY_MAX_CHARACTERS:
        raise ValueError(f"not a storage key: {key[:KEY_MAX_CHARACTERS]!r}")
    return CONTENT_TYPES[match[1]]


def expiry(seconds: float) -> datetime:
    """Return the moment `seconds` from now, to the second before: what is signed afterwards lives so long at least."""
    return datetime.fromtimestamp(int(time.time() + seconds), UTC)


def attachment(filename: str) -> str:
    """Return the Content-Disposition value that saves a file as `filename`. Raises ValueError for unsafe names."""
    if not _FILENAME.fullmatch(filename):
        raise ValueError(f"not a plain file name: {filename[:100]!r}")
    return f'attachment; filename="{filename}"'
