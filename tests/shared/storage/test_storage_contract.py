"""What both backends promise."""

import hashlib
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest
from google.cloud.storage import Blob

from shared.config import Settings
from shared.errors import ApiError
from shared.storage import gcs
from shared.storage.gcs import GcsStorage
from shared.storage.reader import open_object
from shared.storage.store import Storage, StoredObject
from tests.local.flow_twin.twin_server import serving
from tests.shared.media.clips import make_clip
from tests.shared.storage.backends import (
    CuttingProxy,
    StrictServer,
    age,
    bucket_server,
    new_bucket,
    open_storage,
)

ROOT = Path(__file__).parents[3]
KEY = "videos/0b6f1f52-9d0e-4a50-8a9c-0c1d2e3f4a5b.mp4"
MEGABYTE = 1024 * 1024


@pytest.fixture(scope="session")
def server_url(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    with bucket_server(tmp_path_factory.mktemp("buckets")) as url:
        yield url


@pytest.fixture
def strict_server(tmp_path: Path) -> Iterator[StrictServer]:
    with bucket_server(tmp_path / "buckets") as url, StrictServer(url) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        yield server
        server.shutdown()
        thread.join()
        server.backend.close()


@pytest.fixture(params=["local", "gcp"])
def address(request: pytest.FixtureRequest, tmp_path: Path, server_url: str) -> str:
    return str(tmp_path / "media") if request.param == "local" else f"{server_url}/{new_bucket(server_url)}"


@pytest.fixture
def storage(address: str) -> Storage:
    return open_storage(address)


def _all(storage: Storage) -> list[str]:
    return list(storage.list_older("", -60))


def _never() -> Iterator[bytes]:
    pytest.fail("the bytes of a finished object were asked for")
    yield b""


def test_an_object_is_stored_with_its_facts(storage: Storage) -> None:
    data = b"0123456789" * 1000
    stored = storage.put(KEY, [data[:3], b"", data[3:]])
    assert stored == StoredObject(KEY, len(data), hashlib.sha256(data).hexdigest(), "video/mp4")
    assert storage.find(KEY) == stored
    assert b"".join(storage.read(KEY)) == data
    assert storage.put("thumbnails/a.jpg", [b"picture"]).content_type == "image/jpeg"


def test_an_empty_object_is_an_object(storage: Storage) -> None:
    stored = storage.put(KEY, [])
    assert stored.size_bytes == 0
    assert storage.find(KEY) == stored
    assert list(storage.read(KEY)) == []


def test_a_finished_object_is_kept_and_no_byte_is_taken(storage: Storage) -> None:
    first = storage.put(KEY, [b"first"])
    assert storage.put(KEY, _never()) == first
    assert b"".join(storage.read(KEY)) == b"first"


def test_puts_of_one_key_at_once_agree_on_one_object_on_disk(tmp_path: Path) -> None:
    _put_at_once(open_storage(str(tmp_path)))


def test_puts_of_one_key_at_once_agree_on_one_object_in_a_bucket(strict_server: StrictServer) -> None:
    url = f"http://127.0.0.1:{strict_server.server_port}"
    _put_at_once(open_storage(f"{url}/{new_bucket(url)}"))
    assert strict_server.refused == 5


def _put_at_once(storage: Storage) -> None:
    start, results, errors = threading.Barrier(6), list[StoredObject](), list[Exception]()

    def chunks(number: int) -> Iterator[bytes]:
        yield bytes([number]) * 1000
        start.wait(30)
        yield bytes([number]) * 1000

    def work(number: int) -> None:
        try:
            results.append(storage.put(KEY, chunks(number)))
        except Exception as error:  # noqa: BLE001 - shown by the assertion below
            errors.append(error)

    threads = [threading.Thread(target=work, args=(number,)) for number in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert errors == []
    assert len(results) == 6
    assert set(results) == {storage.find(KEY)}
    data = b"".join(storage.read(KEY))
    assert len(data) == 2000
    assert len(set(data)) == 1
    assert hashlib.sha256(data).hexdigest() == results[0].sha256


def test_an_error_of_the_sender_passes_through_and_leaves_nothing(storage: Storage) -> None:
    def broken() -> Iterator[bytes]:
        yield b"a" * 100_000
        raise ConnectionAbortedError

    with pytest.raises(ConnectionAbortedError):
        storage.put(KEY, broken())
    assert storage.find(KEY) is None
    assert _all(storage) == []
    assert storage.put(KEY, [b"whole"]).size_bytes == 5


def test_a_process_killed_in_the_middle_leaves_nothing_visible(address: str, storage: Storage) -> None:
    command = [sys.executable, "-m", "tests.shared.storage.child", "stop", address]
    with subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, text=True) as child:
        assert child.stdout is not None
        assert child.stdout.readline() == "half\n"
        child.kill()
    assert storage.find("videos/half.mp4") is None
    assert _all(storage) == []
    assert storage.put("videos/half.mp4", [b"whole"]).size_bytes == 5
    assert _all(storage) == ["videos/half.mp4"]


def test_what_a_killed_process_left_on_disk_is_removed_a_day_later(tmp_path: Path) -> None:
    storage = open_storage(str(tmp_path))
    part = tmp_path / ".parts" / "abandoned"
    part.parent.mkdir()
    part.write_bytes(b"half")
    storage.put(KEY, [b"a"])
    assert part.exists()
    age(str(tmp_path), ".parts/abandoned", 90_000)
    storage.put("videos/b.mp4", [b"b"])
    assert not part.exists()


@pytest.mark.parametrize(
    ("start", "end", "expected"),
    [
        (0, None, b"0123456789"),
        (0, 2, b"01"),
        (3, 7, b"3456"),
        (8, None, b"89"),
        (8, 100, b"89"),
        (10, None, b""),
        (99, 120, b""),
        (4, 4, b""),
    ],
)
def test_ranges(storage: Storage, start: int, end: int | None, expected: bytes) -> None:
    storage.put(KEY, [b"0123456789"])
    assert b"".join(storage.read(KEY, start, end)) == expected


def test_a_long_object_is_read_in_chunks_and_from_any_place(storage: Storage) -> None:
    data = bytes(range(256)) * (5 * MEGABYTE // 256) + b"end"
    stored = storage.put(KEY, [data])
    chunks = list(storage.read(KEY, 100))
    assert b"".join(chunks) == data[100:]
    assert max(map(len, chunks)) <= 2 * MEGABYTE
    with open_object(storage, KEY, stored.size_bytes) as file:
        file.seek(-3, 2)
        assert file.read() == b"end"
        file.seek(3 * MEGABYTE)
        assert file.read(1000) == data[3 * MEGABYTE : 3 * MEGABYTE + 1000]
        assert file.read() == data[3 * MEGABYTE + 1000 :]


def test_what_is_not_there(storage: Storage) -> None:
    assert storage.find(KEY) is None
    with pytest.raises(ApiError, match="media_not_found"):
        next(storage.read(KEY))
    storage.delete(KEY)


def test_a_deleted_object_is_gone_and_may_come_again(storage: Storage) -> None:
    storage.put(KEY, [b"first"])
    storage.delete(KEY)
    assert storage.find(KEY) is None
    assert storage.put(KEY, [b"second"]).size_bytes == 6


def test_listing_by_prefix_and_age(storage: Storage) -> None:
    for name in ("videos/b1.mp4", "videos/a1.mp4", "videos/a2.mp4", "thumbnails/a1.jpg"):
        storage.put(name, [b"x"])
    assert list(storage.list_older("videos/", -60)) == ["videos/a1.mp4", "videos/a2.mp4", "videos/b1.mp4"]
    assert list(storage.list_older("videos/a", -60)) == ["videos/a1.mp4", "videos/a2.mp4"]
    assert list(storage.list_older("", 60)) == []
    assert list(storage.list_older("nothing/", -60)) == []


BAD_KEYS = [
    "",
    "/videos/a.mp4",
    "../a.mp4",
    "videos/../../a.mp4",
    "videos/..mp4",
    "videos//a.mp4",
    "./a.mp4",
    ".parts/a.mp4",
    "videos/a.mp4\n",
    "videos/a\0.mp4",
    "videos\\a.mp4",
    "videos/a%2F.mp4",
    "videos/é.mp4",
    "videos/\ud800.mp4",
    "videos/a.exe",
    "videos/a",
    "videos/a.mp4/b.mp4",
    f"videos/{'a' * 200}.mp4",
]


def test_a_bucket_that_is_away_is_given_up_within_a_jobs_lease(monkeypatch: pytest.MonkeyPatch) -> None:
    def away(_environment: object, start_response: Any) -> list[bytes]:
        start_response("503 Service Unavailable", [])
        return [b""]

    assert Settings().video_job_lease_seconds > gcs._TIMEOUT_SECONDS + gcs._RETRY_SECONDS
    monkeypatch.setattr(gcs, "_RETRY_SECONDS", 0.1)
    with serving(away) as server:
        storage = open_storage(f"http://127.0.0.1:{server.port}/clips")
        with pytest.raises(ApiError, match="storage_unavailable"):
            storage.put(KEY, [b"x"])
        with pytest.raises(ApiError, match="storage_unavailable"):
            storage.delete(KEY)


def test_an_upload_that_cannot_go_on_is_an_unavailable_storage(
    server_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    def out_of_step(*_: object, **__: object) -> None:
        raise ValueError("Bytes stream is in unexpected state.")

    storage = open_storage(f"{server_url}/{new_bucket(server_url)}")
    monkeypatch.setattr(Blob, "upload_from_file", out_of_step)
    with pytest.raises(ApiError, match="storage_unavailable"):
        storage.put(KEY, [b"x"])


@pytest.mark.parametrize("key", BAD_KEYS)
def test_keys_that_are_none(storage: Storage, key: str) -> None:
    for action in (lambda: storage.put(key, [b"x"]), lambda: storage.find(key), lambda: storage.public_url(key)):
        with pytest.raises(ValueError, match="not a storage key"):
            action()
    with pytest.raises(ValueError, match="not a storage key"):
        storage.signed_url(key, 60, "a.mp4")
    with pytest.raises(ApiError, match="media_not_found"):
        next(storage.read(key))


@pytest.mark.parametrize("filename", ["", 'a".mp4', "a\r\nX: y.mp4", "../a.mp4", "é.mp4", "a" * 101])
def test_file_names_that_are_none(storage: Storage, filename: str) -> None:
    with pytest.raises(ValueError, match="not a plain file name"):
        storage.signed_url(KEY, 60, filename)


@pytest.mark.parametrize("kind", ["put", "ingest"])
def test_memory_stays_flat_while_a_long_file_is_stored(address: str, tmp_path: Path, kind: str) -> None:
    clip = tmp_path / "clip.mp4"
    clip.write_bytes(make_clip(8.0, width=720, height=1280))
    # fake-gcs-server copies all it has at every chunk: half a gigabyte takes it a minute and a half.
    megabytes = 96 if address.startswith("http") else 512
    command = [sys.executable, "-m", "tests.shared.storage.child", kind, address, str(megabytes * MEGABYTE), str(clip)]
    done = subprocess.run(command, cwd=ROOT, check=True, stdout=subprocess.PIPE, text=True)
    assert int(done.stdout) <= 32 * MEGABYTE, f"{int(done.stdout) / MEGABYTE:.1f} MB"


@pytest.mark.parametrize("cut_after_megabytes", [1, 6, 11])
def test_an_upload_survives_a_cut_connection(server_url: str, cut_after_megabytes: int) -> None:
    data = bytes(range(256)) * (13 * MEGABYTE // 256)
    bucket = new_bucket(server_url)
    proxy = CuttingProxy(_port(server_url), cut_after_bytes=cut_after_megabytes * MEGABYTE, downstream=False)
    stored = open_storage(f"http://127.0.0.1:{proxy.port}/{bucket}").put(KEY, [data])
    proxy.close()
    assert proxy.was_cut.is_set()
    assert stored.sha256 == hashlib.sha256(data).hexdigest()
    assert b"".join(open_storage(f"{server_url}/{bucket}").read(KEY)) == data


def test_a_read_survives_a_cut_connection(server_url: str) -> None:
    data = bytes(range(256)) * (13 * MEGABYTE // 256)
    bucket = new_bucket(server_url)
    open_storage(f"{server_url}/{bucket}").put(KEY, [data])
    proxy = CuttingProxy(_port(server_url), cut_after_bytes=7 * MEGABYTE, downstream=True)
    assert b"".join(open_storage(f"http://127.0.0.1:{proxy.port}/{bucket}").read(KEY)) == data
    proxy.close()
    assert proxy.was_cut.is_set()


def _port(url: str) -> int:
    return urlsplit(url).port or 0


def test_an_object_written_by_others_gets_its_hash_when_asked(server_url: str) -> None:
    bucket = new_bucket(server_url)
    storage = open_storage(f"{server_url}/{bucket}")
    assert isinstance(storage, GcsStorage)
    storage._bucket.blob(KEY).upload_from_string(b"by the provider itself", content_type="video/mp4")
    expected = hashlib.sha256(b"by the provider itself").hexdigest()
    stored = storage.find(KEY)
    assert stored is not None
    assert stored.sha256 == expected
    assert storage._bucket.get_blob(KEY).metadata == {"sha256": expected}


def test_an_object_in_the_bucket_is_cached_for_a_year(server_url: str) -> None:
    bucket = new_bucket(server_url)
    storage = open_storage(f"{server_url}/{bucket}")
    storage.put(KEY, [b"x"])
    assert isinstance(storage, GcsStorage)
    blob = storage._bucket.get_blob(KEY)
    assert (blob.cache_control, blob.content_type) == ("public, max-age=31536000, immutable", "video/mp4")


def test_storage_that_cannot_be_reached_says_so(tmp_path: Path, server_url: str) -> None:
    (tmp_path / "file").write_bytes(b"")
    for storage in (open_storage(str(tmp_path / "file")), open_storage(f"{server_url}/no-such-bucket")):
        with pytest.raises(ApiError, match="storage_unavailable"):
            storage.put(KEY, [b"x"])
