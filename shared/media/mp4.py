"""The boxes of an MP4 file (ISO/IEC 14496-12), and their order for the web: `moov`, the index, before `mdat`.

A player can start only when it has the index; when that comes last it has to fetch the end of the file first. Moving it
needs no re-encoding: the boxes change places and the index's absolute offsets (`stco`, `co64`) move with them.
"""

import io
import os
import struct
from bisect import bisect_right
from collections.abc import Iterator
from dataclasses import dataclass
from typing import BinaryIO, cast

INDEX_MAX_BYTES = 16 * 1024 * 1024
BUFFER_BYTES = 1024 * 1024
_TOP_LEVEL_BOXES_MAX = 100_000
# The boxes between the top and the offset tables.
_PARENTS = frozenset((b"moov", b"trak", b"mdia", b"minf", b"stbl"))


class NotPlayable(Exception):  # noqa: N818 - a fact about a file, not a fault of ours
    """The bytes are no whole, playable MP4; the message says why."""


@dataclass(frozen=True)
class Box:
    """One top-level box: its four-letter kind, where it starts and how long it is, in bytes."""

    kind: bytes
    start: int
    size: int


def boxes(source: BinaryIO) -> list[Box]:
    """Return the top-level boxes in their order. Raises NotPlayable when the file is cut off or is no MP4."""
    size_bytes = source.seek(0, os.SEEK_END)
    found: list[Box] = []
    position = 0
    while position < size_bytes and len(found) < _TOP_LEVEL_BOXES_MAX:
        source.seek(position)
        kind, size = _header(source.read(16), size_bytes - position)
        if size < 8 or position + size > size_bytes:
            raise NotPlayable(f"cut off or no MP4: box {kind!r} at {position} does not fit into {size_bytes} bytes")
        found.append(Box(kind, position, size))
        position += size
    kinds = [box.kind for box in found]
    if kinds[:1] != [b"ftyp"] or b"moov" not in kinds:
        raise NotPlayable("no MP4: the boxes ftyp or moov are missing")
    return found


def _header(head: bytes, remaining: int) -> tuple[bytes, int]:
    if len(head) < 8:
        return head, 0
    size, kind = struct.unpack_from(">I4s", head)
    if size == 0:
        return kind, remaining
    if size == 1:
        return kind, struct.unpack_from(">Q", head, 8)[0] if len(head) == 16 else 0
    return kind, size


def is_faststart(found: list[Box]) -> bool:
    """Return whether the index comes before the media."""
    kinds = [box.kind for box in found]
    return b"mdat" not in kinds or kinds.index(b"moov") < kinds.index(b"mdat")


def in_web_order(source: BinaryIO) -> BinaryIO:
    """Return the file as it should be published: the same bytes when the index is first, else a view with it moved.

    The view reads from `source` as it goes; only the index is in memory. Raises NotPlayable.
    """
    found = boxes(source)
    if is_faststart(found):
        source.seek(0)
        return source
    index = next(box for box in found if box.kind == b"moov")
    if index.size > INDEX_MAX_BYTES:
        raise NotPlayable(f"the index has {index.size} bytes")
    others = [box for box in found if box is not index]
    ordered = [others[0], index, *others[1:]]
    source.seek(index.start)
    moved = _shifted(source.read(index.size), ordered)
    view = _View([moved if box is index else box for box in ordered], source)
    return cast("BinaryIO", io.BufferedReader(view, BUFFER_BYTES))


def _shifted(index: bytes, ordered: list[Box]) -> bytes:
    """Return the index with every chunk offset moved as far as the box that it points into."""
    result = bytearray(index)
    moves = _moves(ordered)
    starts = [start for start, _, _ in moves]
    for start, size, width in _offset_tables(index, 0, len(index)):
        for entry in range(start, start + size, width):
            old = int.from_bytes(index[entry : entry + width], "big")
            _, end, distance = moves[bisect_right(starts, old) - 1]
            if old >= end or (old + distance) >> (8 * width):
                raise NotPlayable("a chunk offset points outside the file")
            result[entry : entry + width] = (old + distance).to_bytes(width, "big")
    return bytes(result)


def _moves(ordered: list[Box]) -> list[tuple[int, int, int]]:
    """Return the old start and end of each box and how far it moves, in bytes, by old start."""
    moves, position = [], 0
    for box in ordered:
        moves.append((box.start, box.start + box.size, position - box.start))
        position += box.size
    return sorted(moves)


def _offset_tables(index: bytes, start: int, end: int) -> Iterator[tuple[int, int, int]]:
    """Yield the start, length and entry width, in bytes, of every offset table between `start` and `end`."""
    while start + 8 <= end:
        kind, size = _header(index[start : start + 16], end - start)
        if size < 8 or start + size > end:
            raise NotPlayable("the index is damaged")
        body = start + (16 if index[start : start + 4] == b"\0\0\0\1" else 8)
        if kind in _PARENTS:
            yield from _offset_tables(index, body, start + size)
        elif kind in (b"stco", b"co64"):
            width = 4 if kind == b"stco" else 8
            count = int.from_bytes(index[body + 4 : body + 8], "big")
            if body + 8 + count * width > start + size:
                raise NotPlayable("the index is damaged")
            yield body + 8, count * width, width
        start += size


class _View(io.RawIOBase):
    """Pieces in a row: bytes in memory, or boxes of the source."""

    def __init__(self, pieces: list[bytes | Box], source: BinaryIO) -> None:
        super().__init__()
        self._source = source
        self._position = self._size_bytes = 0
        self._pieces: list[tuple[int, int, bytes | Box]] = []
        for piece in pieces:
            size = piece.size if isinstance(piece, Box) else len(piece)
            self._pieces.append((self._size_bytes, size, piece))
            self._size_bytes += size

    def readable(self) -> bool:
        return True

    def seekable(self) -> bool:
        return True

    def seek(self, offset: int, whence: int = io.SEEK_SET) -> int:
        origin = (0, self._position, self._size_bytes)[whence]
        self._position = max(0, origin + offset)
        return self._position

    def readinto(self, buffer: memoryview) -> int:  # type: ignore[override]  # typeshed's name for it is private
        for start, size, piece in self._pieces:
            if start <= self._position < start + size:
                data = self._piece_bytes(piece, self._position - start, min(len(buffer), start + size - self._position))
                buffer[: len(data)] = data
                self._position += len(data)
                return len(data)
        return 0

    def _piece_bytes(self, piece: bytes | Box, offset: int, count: int) -> bytes:
        if isinstance(piece, bytes):
            return piece[offset : offset + count]
        self._source.seek(piece.start + offset)
        return self._source.read(count)
