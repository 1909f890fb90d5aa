"""Runs in a process of its own: `python -m tests.shared.storage.child stop|put|ingest ADDRESS [BYTES] [CLIP]`."""

import resource
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import psutil

from shared.media.ingest import ingest
from shared.storage.store import Storage
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
    status = Path("/proc/self/status")
    if status.exists():
        # On Linux ru_maxrss starts with the peak of the process that started this one; this figure does not.
        line = next(each for each in status.read_text().splitlines() if each.startswith("VmHWM:"))
        return int(line.split()[1]) * 1024
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss


def _growth(storage: Storage, clip: bytes | None, size_bytes: int) -> int:
    # Opens the connection and loads the code: both belong to the process, not to the file.
    storage.put("thumbnails/first.jpg", [b"first"])
    before = psutil.Process().memory_info().rss
    if clip is None:
        storage.put("videos/long.mp4", _generated(size_bytes))
    else:
        ingest(_long_clip(clip, size_bytes), "videos/long.mp4", "thumbnails/long.jpg", storage)
    return _peak_bytes() - before


def main() -> None:
    kind, address, *rest = sys.argv[1:]
    storage = open_storage(address)
    if kind == "stop":
        storage.put("videos/half.mp4", _until_killed())
    clip = Path(rest[1]).read_bytes() if kind == "ingest" else None
    sys.stdout.write(f"{_growth(storage, clip, int(rest[0]))}\n")


if __name__ == "__main__":
    sys.path.insert(0, str(Path(__file__).parents[3]))
    main()
