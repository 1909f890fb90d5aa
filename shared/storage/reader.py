"""A stored object as a seekable file that is never in memory as a whole: each read fetches a range."""

import io
from typing import BinaryIO, cast

from shared.storage.store import CHUNK_BYTES, Storage


class _Ranges(io.RawIOBase):
    def __init__(self, storage: Storage, key: str, size_bytes: int) -> None:
        super().__init__()
        self._storage, self._key, self._size_bytes = storage, key, size_bytes
        self._position = 0

    def readable(self) -> bool:
        return True

    def seekable(self) -> bool:
        return True

    def seek(self, offset: int, whence: int = io.SEEK_SET) -> int:
        origin = (0, self._position, self._size_bytes)[whence]
        self._position = max(0, origin + offset)
        return self._position

    def readinto(self, buffer: memoryview) -> int:  # type: ignore[override]  # typeshed's name for it is private
        wanted = min(len(buffer), self._size_bytes - self._position)
        filled = 0
        if wanted > 0:
            for chunk in self._storage.read(self._key, self._position, self._position + wanted):
                buffer[filled : filled + len(chunk)] = chunk
                filled += len(chunk)
        self._position += filled
        return filled


def open_object(storage: Storage, key: str, size_bytes: int) -> BinaryIO:
    """Return the object as a buffered, seekable file of `size_bytes`, read one MB at a time.

    Reading raises ApiError `media_not_found` once the object is gone, or `storage_unavailable`.
    """
    return cast("BinaryIO", io.BufferedReader(_Ranges(storage, key, size_bytes), CHUNK_BYTES))
