from collections.abc import Callable
from pathlib import Path

import pytest

from local.gateway import Gateway, read_operations
from shared.config import settings
from shared.storage.factory import file_storage
from tests.api import SIGNATURE_SECRET, Api

KEY = "videos/3f8a1c52-7d0e-4b57-9a43-5f0f8f0c2f11.mp4"
PATH = f"/media/{KEY}"
DATA = bytes(range(256)) * 8000
SIZE = len(DATA)


@pytest.fixture
def api(configure: Callable[..., None], tmp_path: Path) -> Api:
    configure(MEDIA_ROOT=str(tmp_path / "media"), REQUEST_SIGNATURE_SECRET=SIGNATURE_SECRET)
    file_storage(settings()).put(KEY, [DATA])
    return Api(Gateway(read_operations()))


def test_a_file_is_served_whole_and_may_be_kept_for_ever(api: Api) -> None:
    answer = api.get(PATH)
    assert (answer.status_code, answer.data == DATA) == (200, True)
    assert answer.headers["Content-Type"] == "video/mp4"
    assert answer.headers["Content-Length"] == str(SIZE)
    assert answer.headers["Cache-Control"] == "public, max-age=31536000, immutable"
    assert answer.headers["Accept-Ranges"] == "bytes"
    assert answer.headers["X-Content-Type-Options"] == "nosniff"
    assert answer.headers["ETag"].startswith('"')
    assert "Content-Disposition" not in answer.headers


@pytest.mark.parametrize(
    ("asked", "start", "end"),
    [
        ("bytes=0-1", 0, 2),
        ("bytes=0-", 0, SIZE),
        ("bytes=1500000-1600000", 1_500_000, 1_600_001),
        (f"bytes={SIZE - 1}-", SIZE - 1, SIZE),
        ("bytes=-5", SIZE - 5, SIZE),
        ("bytes=-99999999", 0, SIZE),
        ("bytes=5-99999999", 5, SIZE),
    ],
)
def test_a_range_is_served(api: Api, asked: str, start: int, end: int) -> None:
    answer = api.get(PATH, headers={"Range": asked})
    assert (answer.status_code, answer.data == DATA[start:end]) == (206, True)
    assert answer.headers["Content-Range"] == f"bytes {start}-{end - 1}/{SIZE}"
    assert answer.headers["Content-Length"] == str(end - start)
    assert answer.headers["ETag"] == api.get(PATH).headers["ETag"]


@pytest.mark.parametrize("asked", ["bytes=0-1,5-6", "bytes=9-5", "bytes=x", "lines=0-1"])
def test_other_ranges_get_the_whole_file(api: Api, asked: str) -> None:
    answer = api.get(PATH, headers={"Range": asked})
    assert (answer.status_code, len(answer.data)) == (200, SIZE)
    assert "Content-Range" not in answer.headers


def test_a_range_outside_the_file(api: Api) -> None:
    answer = api.get(PATH, headers={"Range": f"bytes={SIZE}-"})
    assert (answer.status_code, answer.json["error"]) == (416, "range_not_satisfiable")
    assert answer.headers["Content-Range"] == f"bytes */{SIZE}"


def test_head_tells_everything_and_sends_nothing(api: Api) -> None:
    answer = api.request("HEAD", PATH, headers={"Range": "bytes=0-1"})
    assert (answer.status_code, answer.data) == (200, b"")
    assert answer.headers["Content-Length"] == str(SIZE)
    assert answer.headers["Content-Type"] == "video/mp4"
    assert answer.headers["ETag"] == api.get(PATH).headers["ETag"]


def test_a_caller_who_has_it_gets_304(api: Api) -> None:
    etag = api.get(PATH).headers["ETag"]
    for sent in (etag, f'"other", W/{etag}', "*"):
        answer = api.get(PATH, headers={"If-None-Match": sent, "Range": "bytes=0-1"})
        assert (answer.status_code, answer.data) == (304, b"")
        assert answer.headers["ETag"] == etag
        assert answer.headers["Cache-Control"] == "public, max-age=31536000, immutable"
    assert api.get(PATH, headers={"If-None-Match": '"other"'}).status_code == 200


def test_a_range_continues_only_the_same_file(api: Api) -> None:
    etag = api.get(PATH).headers["ETag"]
    assert api.get(PATH, headers={"Range": "bytes=5-", "If-Range": etag}).status_code == 206
    for other in ('"other"', f"W/{etag}", "Sun, 22 Nov 2026 08:32:58 GMT"):
        assert api.get(PATH, headers={"Range": "bytes=5-", "If-Range": other}).status_code == 200


@pytest.mark.parametrize(
    "path",
    [
        "/media/videos/none.mp4",
        "/media/videos",
        "/media/videos/",
        "/media/.parts/a.mp4",
        "/media/../pyproject.toml",
        "/media/..%2f..%2fetc%2fpasswd",
        "/media/videos/%2e%2e/%2e%2e/secret.mp4",
        "/media//etc/passwd",
        "/media/videos%00.mp4",
        "/media/videos/a.mp4%00.jpg",
        "/media/videos/\u00e9.mp4",
    ],
)
def test_nothing_else_is_served(api: Api, path: str) -> None:
    assert api.get(path).status_code == 404


def test_a_download_link_saves_the_file_and_is_not_cached(api: Api) -> None:
    link, _ = file_storage(settings()).signed_url(KEY, 60, "instaveo-clip.mp4")
    answer = api.get(link)
    assert (answer.status_code, answer.data == DATA) == (200, True)
    assert answer.headers["Content-Disposition"] == 'attachment; filename="instaveo-clip.mp4"'
    assert answer.headers["Cache-Control"] == "no-store"
    assert api.get(link, headers={"Range": "bytes=10-19"}).data == DATA[10:20]


def test_a_download_link_that_is_not_ours_or_too_old_is_refused(api: Api) -> None:
    files = file_storage(settings())
    link, _ = files.signed_url(KEY, 60, "instaveo-clip.mp4")
    forged = api.get(link.replace("instaveo-clip", "invoice"))
    assert (forged.status_code, forged.json["error"]) == (403, "invalid_link")
    assert api.get(f"{PATH}?download=invoice.mp4").status_code == 403
    old = api.get(files.signed_url(KEY, -5, "instaveo-clip.mp4")[0])
    assert (old.status_code, old.json["error"]) == (403, "expired_link")
