import io
import threading
from collections import Counter
from collections.abc import Iterable, Iterator
from pathlib import Path

import av
import pytest

from shared.errors import ApiError
from shared.media.ingest import Ingested, ingest
from shared.media.mp4 import NotPlayable
from shared.storage.files import FileStorage
from shared.storage.store import StoredObject
from tests.shared.media.clips import decoded_pictures, in_pieces, kinds, make_clip

VIDEO, THUMBNAIL, INCOMING = "videos/one.mp4", "thumbnails/one.jpg", "incoming/one.mp4"


@pytest.fixture
def storage(tmp_path: Path) -> FileStorage:
    return FileStorage(str(tmp_path), "/media", b"")


def _stored(storage: FileStorage) -> list[str]:
    return list(storage.list_older("", -60))


def _never() -> Iterator[bytes]:
    pytest.fail("the clip was asked for again")
    yield b""


@pytest.mark.parametrize("faststart", [False, True])
def test_a_clip_is_published_in_web_order_with_its_picture_and_facts(storage: FileStorage, faststart: bool) -> None:
    clip = make_clip(2.0, faststart=faststart)
    result = ingest(in_pieces(clip), VIDEO, THUMBNAIL, storage)
    published = io.BytesIO(b"".join(storage.read(VIDEO)))
    assert kinds(published)[:2] == [b"ftyp", b"moov"]
    assert decoded_pictures(published) == decoded_pictures(io.BytesIO(clip))
    assert result.facts.is_faststart
    assert (result.facts.width, result.facts.height) == (64, 64)
    assert result.facts.duration_seconds == pytest.approx(2.0, abs=0.1)
    assert result.video == storage.find(VIDEO)
    assert result.thumbnail == storage.find(THUMBNAIL)
    with av.open(io.BytesIO(b"".join(storage.read(THUMBNAIL))), "r") as picture:
        assert picture.streams.video[0].width == 64
    assert _stored(storage) == [THUMBNAIL, VIDEO]


def test_it_shows_signs_of_life_until_the_last_byte_is_published(tmp_path: Path) -> None:
    beats = Counter[str]()

    class Watched(FileStorage):
        key = ""

        def put(self, key: str, chunks: Iterable[bytes]) -> StoredObject:
            self.key = key
            return super().put(key, chunks)

    storage = Watched(str(tmp_path), "/media", b"")
    pieces = list(in_pieces(make_clip()))
    ingest(pieces, VIDEO, THUMBNAIL, storage, lambda: beats.update([storage.key]))
    # A beat a chunk, and those after the reading, the probing and the picture.
    assert beats == {INCOMING: len(pieces) + 2, THUMBNAIL: 1, VIDEO: 1}


def test_a_second_ingest_asks_for_nothing_and_answers_the_same(storage: FileStorage) -> None:
    first = ingest([make_clip()], VIDEO, THUMBNAIL, storage)
    assert ingest(_never(), VIDEO, THUMBNAIL, storage) == first


def test_a_lost_picture_is_made_again_from_the_published_clip(storage: FileStorage) -> None:
    first = ingest([make_clip()], VIDEO, THUMBNAIL, storage)
    storage.delete(THUMBNAIL)
    assert ingest(_never(), VIDEO, THUMBNAIL, storage) == first


@pytest.mark.parametrize("data", [b"", b"<html></html>", make_clip()[:-500], make_clip(faststart=True)[:-500]])
def test_nothing_is_published_of_a_broken_clip_and_the_next_try_starts_anew(storage: FileStorage, data: bytes) -> None:
    with pytest.raises(NotPlayable):
        ingest([data], VIDEO, THUMBNAIL, storage)
    assert _stored(storage) == []
    ingest([make_clip()], VIDEO, THUMBNAIL, storage)
    assert _stored(storage) == [THUMBNAIL, VIDEO]


def test_a_broken_download_leaves_nothing(storage: FileStorage) -> None:
    def broken() -> Iterator[bytes]:
        yield make_clip()[:1000]
        raise ConnectionAbortedError

    with pytest.raises(ConnectionAbortedError):
        ingest(broken(), VIDEO, THUMBNAIL, storage)
    assert _stored(storage) == []


def test_a_source_that_is_gone_is_told_as_such(storage: FileStorage) -> None:
    def gone() -> Iterator[bytes]:
        yield make_clip()[:1000]
        raise ApiError("media_not_found")

    with pytest.raises(ApiError, match="media_not_found"):
        ingest(gone(), VIDEO, THUMBNAIL, storage)
    assert _stored(storage) == []


class Stopping(FileStorage):
    """Dies before, or right after, its n-th change, as a killed process does."""

    def __init__(self, root: str, changes: int, *, after: bool) -> None:
        super().__init__(root, "/media", b"")
        self._changes, self._after = changes, after

    def put(self, key: str, chunks: object) -> StoredObject:
        self._count(before=True)
        stored = super().put(key, chunks)  # type: ignore[arg-type]
        self._count(before=False)
        return stored

    def delete(self, key: str) -> None:
        self._count(before=True)
        super().delete(key)
        self._count(before=False)

    def _count(self, *, before: bool) -> None:
        if before:
            self._changes -= 1
        if self._changes == 0 and before != self._after:
            raise KeyboardInterrupt


@pytest.mark.parametrize("after", [False, True])
@pytest.mark.parametrize("changes", [1, 2, 3, 4])
def test_an_ingest_stopped_at_any_change_is_finished_by_repeating_it(tmp_path: Path, changes: int, after: bool) -> None:
    clip = make_clip()
    with pytest.raises(KeyboardInterrupt):
        ingest(in_pieces(clip), VIDEO, THUMBNAIL, Stopping(str(tmp_path), changes, after=after))
    storage = FileStorage(str(tmp_path), "/media", b"")
    result = ingest(in_pieces(clip), VIDEO, THUMBNAIL, storage)
    assert result.video == storage.find(VIDEO)
    assert _stored(storage) == [THUMBNAIL, VIDEO]


def test_two_ingests_of_one_clip_at_once_agree(storage: FileStorage) -> None:
    clip, results, start = make_clip(), list[Ingested](), threading.Barrier(4)

    def work() -> None:
        start.wait()
        results.append(ingest(in_pieces(clip), VIDEO, THUMBNAIL, storage))

    threads = [threading.Thread(target=work) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(results) == 4
    assert len(set(results)) == 1
    assert storage.find(VIDEO) == results[0].video
