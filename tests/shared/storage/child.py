"""Runs in a process of its own: `python -m tests.shared.storage.child stop|measure|ingest ADDRESS`."""

import resource
import sys
import time
from collections.abc import Iterator
from pathlib import Path

from shared.media.ingest import ingest
from shared.storage.store import Storage
from tests.shared.media.clips import make_clip
from tests.shared.storage.backends import open_storage

CHUNK_BYTES = 256 * 1024


def _until_killed() -> Iterator[bytes]:
    for number in range(40):
        yield bytes([number]) * CHUNK_BYTES
    sys.stdout.write("half\n")
    sys.stdout.flush()
    time.sleep(600)


def _generated(size_bytes: int) -> Iterator[bytes]:
    for number in range(size_bytes // CHUNK_BYTES):
        yield number.to_bytes(8, "big") * (CHUNK_BYTES // 8)


def _long_clip(clip: bytes, padding_bytes: int) -> Iterator[bytes]:
    """Yield a clip whose index is last, with a box of padding before it."""
    index_start = clip.rindex(b"moov") - 4
    yield clip[:index_start]
    yield (padding_bytes + 8).to_bytes(4, "big") + b"free"
    yield from _generated(padding_bytes)
    yield clip[index_start:]


def _peak_bytes() -> int:
    unit = 1 if sys.platform == "darwin" else 1024
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * unit


def _growth(storage: Storage, kind: str, size_bytes: int) -> int:
    clip = make_clip(8.0, width=720, height=1280)
    # The first round loads code and fills pools that belong to the process, not to the file.
    if kind == "ingest":
        ingest([clip], "videos/first.mp4", "thumbnails/first.jpg", storage)
        before = _peak_bytes()
        ingest(_long_clip(clip, size_bytes), "videos/long.mp4", "thumbnails/long.jpg", storage)
    else:
        storage.put("videos/first.mp4", [clip])
        before = _peak_bytes()
        storage.put("videos/long.mp4", _generated(size_bytes))
    return _peak_bytes() - before


def main() -> None:
    kind, address, *rest = sys.argv[1:]
    if kind == "stop":
        open_storage(address).put("videos/half.mp4", _until_killed())
    else:
        sys.stdout.write(f"{_growth(open_storage(address), kind, int(rest[0]))}\n")


if __name__ == "__main__":
    sys.path.insert(0, str(Path(__file__).parents[3]))
    main()
