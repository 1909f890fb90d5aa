"""The `local` backend: one file per object below MEDIA_ROOT, served at /media/<key>."""

import hashlib
import os
import time
import uuid
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path
from typing import BinaryIO

from shared.errors import ApiError
from shared.storage.links import check_link, sign_link
from shared.storage.store import CHUNK_BYTES, StoredObject, content_type_of, expiry

# A dot cannot begin a part of a key, so nothing in here can be asked for.
PARTS_FOLDER = ".parts"
ABANDONED_PART_SECONDS = 86_400.0


class FileStorage:
    """Keep objects as plain files. `public_base` is the address of the root, `signing_secret` signs download links."""

    name = "local"

    def __init__(self, root: str, public_base: str, signing_secret: bytes) -> None:
        self._root = Path(root)
        self._public_base = public_base
        self._signing_secret = signing_secret

    def put(self, key: str, chunks: Iterable[bytes]) -> StoredObject:
        """Write to a part, sync it, then give it its name: a hard link never replaces a file."""
        content_type = content_type_of(key)
        finished = self.find(key)
        if finished:
            return finished
        target = self.path(key)
        with self._part() as part:
            size_bytes, sha256 = _write(part, chunks)
            if not _publish(part, target):
                finished = self.find(key)
        return finished or StoredObject(key, size_bytes, sha256, content_type)

    def find(self, key: str) -> StoredObject | None:
        """Hash the file: the facts then need no second file that could disagree with the first."""
        content_type = content_type_of(key)
        with _disk_errors():
            try:
                with self.path(key).open("rb") as file:
                    sha256 = hashlib.file_digest(file, "sha256").hexdigest()
                    return StoredObject(key, os.fstat(file.fileno()).st_size, sha256, content_type)
            except FileNotFoundError:
                return None

    def read(self, key: str, start: int = 0, end: int | None = None) -> Iterator[bytes]:
        """Yield the bytes from disk."""
        with _disk_errors(), self._opened(key) as file:
            file.seek(start)
            while piece := file.read(CHUNK_BYTES if end is None else max(0, min(CHUNK_BYTES, end - file.tell()))):
                yield piece

    def delete(self, key: str) -> None:
        """Unlink the file; somebody reading it keeps what they have open."""
        with _disk_errors():
            self.path(key).unlink(missing_ok=True)

    def list_older(self, prefix: str, age_seconds: float) -> Iterator[str]:
        """Walk the whole root in order: a laptop's disk is small."""
        finished_before = time.time() - age_seconds
        for path in sorted(self._root.rglob("*")):
            key = path.relative_to(self._root).as_posix()
            if key.startswith(prefix) and _is_key(key) and _finished_before(path, finished_before):
                yield key

    def public_url(self, key: str) -> str:
        """Return the address below /media, or below MEDIA_PUBLIC_URL."""
        content_type_of(key)
        return f"{self._public_base}/{key}"

    def signed_url(self, key: str, seconds: float, filename: str) -> tuple[str, datetime]:
        """Sign a link that the media route checks."""
        if not self._signing_secret:
            raise ApiError("not_configured", cause="no REQUEST_SIGNATURE_SECRET to sign download links with")
        expires_at = expiry(seconds)
        query = sign_link(self._signing_secret, key, int(expires_at.timestamp()), filename)
        return f"{self.public_url(key)}?{query}", expires_at

    def file_path(self, key: str) -> str:
        """Return the path of the file as MEDIA_ROOT spells it."""
        content_type_of(key)
        return (self._root / key).as_posix()

    def path(self, key: str) -> Path:
        """Return where the object's file is or would be. Raises ApiError `media_not_found` for an invalid key."""
        if not _is_key(key):
            raise ApiError("media_not_found")
        return self._root / key

    def _opened(self, key: str) -> BinaryIO:
        try:
            return self.path(key).open("rb")
        except FileNotFoundError:
            raise ApiError("media_not_found") from None

    def version(self, key: str) -> tuple[int, str]:
        """Return the object's size in bytes and its strong ETag, without reading it.

        Raises ApiError `media_not_found`.
        """
        with _disk_errors():
            try:
                facts = self.path(key).stat()
            except FileNotFoundError:
                raise ApiError("media_not_found") from None
        return facts.st_size, f'"{facts.st_mtime_ns:x}-{facts.st_size:x}"'

    def check_link(self, key: str, query: Mapping[str, str]) -> str:
        """Return the file name of a link that `signed_url` made, from its query as it arrived.

        Raises ApiError `invalid_link` or `expired_link`.
        """
        return check_link(self._signing_secret, key, query, time.time())

    @contextmanager
    def _part(self) -> Iterator[Path]:
        folder = self._root / PARTS_FOLDER
        with _disk_errors():
            folder.mkdir(parents=True, exist_ok=True)
            for abandoned in folder.iterdir():
                if _finished_before(abandoned, time.time() - ABANDONED_PART_SECONDS):
                    abandoned.unlink(missing_ok=True)
        part = folder / uuid.uuid4().hex
        try:
            yield part
        finally:
            with _disk_errors():
                part.unlink(missing_ok=True)


def _write(part: Path, chunks: Iterable[bytes]) -> tuple[int, str]:
    digest = hashlib.sha256()
    with _disk_errors():
        file = part.open("xb")
    with file:
        # Only our own errors are the disk's: those of `chunks` belong to whoever sends them.
        for chunk in chunks:
            digest.update(chunk)
            with _disk_errors():
                file.write(chunk)
        with _disk_errors():
            file.flush()
            os.fsync(file.fileno())
        return file.tell(), digest.hexdigest()


def _publish(part: Path, target: Path) -> bool:
    """Give the finished part its name for good; False when the name is taken."""
    with _disk_errors():
        target.parent.mkdir(parents=True, exist_ok=True)
        try:
            target.hardlink_to(part)
        except FileExistsError:
            return False
        descriptor = os.open(target.parent, os.O_RDONLY)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)
        return True


def _is_key(text: str) -> bool:
    try:
        content_type_of(text)
    except ValueError:
        return False
    return True


def _finished_before(path: Path, unix_seconds: float) -> bool:
    try:
        return path.stat().st_mtime <= unix_seconds
    except FileNotFoundError:
        return False


@contextmanager
def _disk_errors() -> Iterator[None]:
    try:
        yield
    except OSError as error:
        raise ApiError("storage_unavailable", cause=str(error)) from error
