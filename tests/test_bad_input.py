"""What a hostile or broken client sends: each a 4xx with its own code, and nothing stored."""

import base64
import io
import json
import tracemalloc
from typing import Any
from urllib.parse import unquote
from uuid import uuid4

import pytest

from tests.api import Api, Person, Response, signature
from tests.contract import operations
from tests.rows import make_profile, make_video, run

ADA, GRACE = Person("ada"), Person("grace")
SIGNED = [name for name, each in operations().items() if each["x-signed"]]
WITH_ID = [name for name, each in operations().items() if "{id}" in each["path"]]
LISTS = ("/videos/feed", f"/users/{GRACE.id}/videos", f"/users/{GRACE.id}/liked")
EVERYTHING = """
SELECT ARRAY[(SELECT count(*) FROM videos), (SELECT count(*) FROM video_jobs), (SELECT count(*) FROM video_reactions),
    (SELECT count(*) FROM video_views), (SELECT count(*) FROM idempotency_keys),
    (SELECT count(*) FROM profiles WHERE username NOT IN ('ada', 'grace') OR avatar_url IS NOT NULL)]
"""


@pytest.fixture
def video_id(api: Api) -> str:
    make_profile(ADA)
    return str(make_video(GRACE))


def _refused(answer: Response, status: int, code: str) -> None:
    assert (answer.status_code, answer.json["error"]) == (status, code), answer.text


BODIES = {
    "not JSON": (b"prompt=a kite", 400, "invalid_json"),
    "a line break": (b"\n", 400, "invalid_json"),
    "cut off": (b'{"prompt": "a ki', 400, "invalid_json"),
    "two values": (b'{"prompt": "a"} {"prompt": "b"}', 400, "invalid_json"),
    "a key twice": (b'{"prompt": "a", "prompt": "b"}', 400, "invalid_json"),
    "a key twice, once escaped": (rb'{"prompt": "a", "\u0070rompt": "b"}', 400, "invalid_json"),
    "NaN": (b'{"prompt": NaN}', 400, "invalid_json"),
    "Infinity": (b'{"prompt": -Infinity}', 400, "invalid_json"),
    "a number nobody can read": (b'{"prompt": 1' + b"0" * 5_000 + b"}", 400, "invalid_json"),
    "broken UTF-8": (b'{"prompt": "\xff\xfe"}', 400, "invalid_json"),
    "UTF-8 cut in a character": (b'{"prompt": "\xf0\x9f\x9a', 400, "invalid_json"),
    "overlong UTF-8": (b'{"prompt": "\xc0\xaf"}', 400, "invalid_json"),
    "a surrogate in UTF-8": (b'{"prompt": "\xed\xa0\x80"}', 400, "invalid_json"),
    "UTF-16": ('{"prompt": "a"}'.encode("utf-16"), 400, "invalid_json"),
    "a byte order mark": (b'\xef\xbb\xbf{"prompt": "a"}', 400, "invalid_json"),
    "a NUL byte": (b'{"prompt": "a\x00b"}', 400, "invalid_json"),
    "deep nesting": (b"[" * 30_000 + b"]" * 30_000, 400, "invalid_json"),
    "deep objects": (b'{"a":' * 10_000 + b"1" + b"}" * 10_000, 400, "invalid_json"),
    "an array": (b'["a"]', 422, "validation_failed"),
    "a text": (b'"a"', 422, "validation_failed"),
    "null": (b"null", 422, "validation_failed"),
    "nothing": (b"", 422, "validation_failed"),
    "an escaped NUL": (rb'{"prompt": "a\u0000b"}', 422, "validation_failed"),
    "half a surrogate pair": (rb'{"prompt": "\ud800"}', 422, "validation_failed"),
    "the halves swapped": (rb'{"prompt": "\udc00\ud800"}', 422, "validation_failed"),
    "an unknown field": (rb'{"prompt": "a", "\ud800": 1}', 422, "validation_failed"),
    "no prompt": (b"{}", 422, "validation_failed"),
    "a null prompt": (b'{"prompt": null}', 422, "validation_failed"),
    "a number for a prompt": (b'{"prompt": 1}', 422, "validation_failed"),
    "a list for a prompt": (b'{"prompt": ["a"]}', 422, "validation_failed"),
    "a blank prompt": (json.dumps({"prompt": " \t\n\u00a0\u2003"}).encode(), 422, "validation_failed"),
    "a long prompt": (json.dumps({"prompt": "a" * 2_001}).encode(), 422, "validation_failed"),
    "64 KiB and one byte": (b" " * (64 * 1024 + 1), 413, "body_too_large"),
    "ten megabytes": (b'{"prompt": "' + b"a" * 10_000_000 + b'"}', 413, "body_too_large"),
}


def test_a_bad_body_is_refused_by_its_own_code_and_stores_nothing(api: Api, video_id: str) -> None:
    before = run(EVERYTHING)
    for body, status, code in BODIES.values():
        _refused(api.post("/videos/create", body, by=ADA), status, code)
    assert run(EVERYTHING) == before


def test_a_body_without_a_length_has_the_same_limit(api: Api, video_id: str) -> None:
    before = run(EVERYTHING)
    answer = api.post(
        "/videos/create",
        by=ADA,
        input_stream=io.BytesIO(b" " * 100_000),
        headers={"Transfer-Encoding": "chunked"},
        environ_overrides={"wsgi.input_terminated": True},
    )
    _refused(answer, 413, "body_too_large")
    assert run(EVERYTHING) == before


@pytest.mark.parametrize("name", SIGNED)
def test_every_route_reads_its_body_strictly(api: Api, video_id: str, name: str) -> None:
    before = run(EVERYTHING)
    for media_type in (
        "text/plain",
        "application/x-www-form-urlencoded",
        "multipart/form-data; boundary=x",
        "a/b/c",
        "",
    ):
        answer = _ask(api, name, video_id, b'{"prompt": "a"}', headers={"Content-Type": media_type})
        _refused(answer, 415, "unsupported_media_type")
    for body in (b"{", b'{"a": 1, "a": 2}', b'{"a": "\xff"}', b"[" * 60_000):
        _refused(_ask(api, name, video_id, body), 400, "invalid_json")
    assert run(EVERYTHING) == before


def _ask(api: Api, name: str, row_id: str, body: bytes | None = None, **options: Any) -> Response:
    operation = operations()[name]
    path = operation["path"].replace("{id}", str(ADA.id) if name == "users_update" and len(row_id) == 36 else row_id)
    return api.request(operation["method"], path, body, by=ADA, **options)


BAD_IDS = [
    "1",
    "feeds",
    "null",
    "%00",
    "%ff%fe",
    "..%2f..%2fetc",
    "3f8a1c52-7d0e-4b57-9a43-5f0f8f0c2f1",
    "3f8a1c527d0e4b579a435f0f8f0c2f11",
    "{3f8a1c52-7d0e-4b57-9a43-5f0f8f0c2f11}",
    "3f8a1c52-7d0e-4b57-9a43-5f0f8f0c2f11%0a",
    "%EF%BC%93f8a1c52-7d0e-4b57-9a43-5f0f8f0c2f11",
    "'%20OR%201=1--",
    "a" * 3_000,
]


@pytest.mark.parametrize("name", WITH_ID)
def test_what_is_no_id_names_nothing(api: Api, video_id: str, name: str) -> None:
    before = run(EVERYTHING)
    for bad_id in BAD_IDS:
        # Signed as the function sees it.
        path = operations()[name]["path"].replace("{id}", unquote(bad_id, errors="replace"))
        answer = _ask(api, name, bad_id, signed=False, headers=signature(operations()[name]["method"], path, b""))
        assert answer.status_code in (404, 405), (bad_id, answer.text)
    assert run(EVERYTHING) == before


LIMITS = ["0", "-1", "1.5", "1e3", "ten", "%20", "%00", "\u0663", "0x10", "+5", "1_000", "9" * 10, "9" * 5_000]


def _list_name(path: str) -> str:
    """Return the path without its random id: test processes that share the work must agree on the names."""
    return path.replace(str(GRACE.id), "id")


@pytest.mark.parametrize("path", [*LISTS, "/users/top"], ids=_list_name)
def test_a_limit_is_a_whole_number_from_one_and_lowered_when_large(api: Api, video_id: str, path: str) -> None:
    for limit in LIMITS:
        _refused(api.get(f"{path}?limit={limit}", by=ADA), 422, "validation_failed")
    assert api.get(f"{path}?limit=999999999", by=ADA).status_code == 200


def _cursor(*parts: object) -> str:
    return base64.urlsafe_b64encode("|".join(map(str, parts)).encode()).decode().rstrip("=")


BAD_CURSORS = {
    "a word": "nonsense",
    "not base64": "!!!",
    "not ASCII": "\u00e4",
    "a NUL": "%00",
    "too long": "a" * 5_000,
    "of no version": _cursor("v0", "feed", "1.0", uuid4()),
    "of no list": _cursor("v1", "nothing", "1.0", uuid4()),
    "three parts": _cursor("v1", "feed", "1.0"),
    "five parts": _cursor("v1", "feed", "1.0", uuid4(), "x"),
    "no id": _cursor("v1", "feed", "1.0", "nobody"),
    "not a number": _cursor("v1", "feed", "many", uuid4()),
    "not finite": _cursor("v1", "feed", "NaN", uuid4()),
    "too large": _cursor("v1", "feed", "1e999", uuid4()),
    "SQL": _cursor("v1", "feed", "1; DROP TABLE videos", uuid4()),
    "broken UTF-8": base64.urlsafe_b64encode(b"v1|feed|\xff\xff|x").decode(),
    "of a person's list": _cursor("v1", f"videos of {ADA.id}", "2026-01-01T00:00:00+00:00", uuid4()),
    "without a time zone": _cursor("v1", f"videos of {GRACE.id}", "2026-01-01T00:00:00", uuid4()),
    "before all time": _cursor("v1", f"liked by {GRACE.id}", "0001-01-01T00:00:00+14:00", uuid4()),
}


@pytest.mark.parametrize("path", LISTS, ids=_list_name)
def test_a_cursor_is_the_lists_own_or_refused(api: Api, video_id: str, path: str) -> None:
    for cursor in BAD_CURSORS.values():
        _refused(api.get(f"{path}?cursor={cursor}", by=ADA), 400, "invalid_cursor")


def test_a_cursor_of_one_list_does_not_open_another(api: Api, video_id: str) -> None:
    for _ in range(2):
        make_video(GRACE)
    cursor = api.get("/videos/feed?limit=1").json["nextCursor"]
    link = api.get(f"/users/{GRACE.id}/videos?limit=1", by=ADA).headers["Link"]
    others = link.partition("cursor=")[2].partition("&")[0]
    for path, foreign in ((LISTS[1], cursor), (LISTS[2], cursor), (LISTS[0], others), (LISTS[2], others)):
        _refused(api.get(f"{path}?cursor={foreign}", by=ADA), 400, "invalid_cursor")
    _refused(api.get(f"/users/{ADA.id}/videos?cursor={others}", by=ADA), 400, "invalid_cursor")
    _refused(api.get(f"{LISTS[0]}?sort=new&cursor={cursor}"), 400, "invalid_cursor")


PROFILES = {
    "a short name": {"username": "ab"},
    "a long name": {"username": "a" * 31},
    "blanks": {"username": "ada lovelace"},
    "other letters": {"username": "\u0430da"},
    "a letter with an ASCII lower case": {"username": "\u212aelvin"},
    "a line break": {"username": "ada\nada"},
    "null": {"username": None},
    "an unknown field": {"username": "countess", "isAdmin": True},
    "http": {"avatarUrl": "http://example.com/a.png"},
    "javascript": {"avatarUrl": "javascript:alert(1)"},
    "no host": {"avatarUrl": "https:///a.png"},
    "a broken host": {"avatarUrl": "https://["},
    "markup": {"avatarUrl": 'https://example.com/"><script>'},
    "a long address": {"avatarUrl": "https://example.com/" + "a" * 2_048},
    "a number": {"avatarUrl": 1},
}


def test_a_bad_profile_changes_nothing(api: Api, video_id: str) -> None:
    before = run(EVERYTHING)
    for body in PROFILES.values():
        _refused(api.patch(f"/users/{ADA.id}", body, by=ADA), 422, "validation_failed")
    assert run(EVERYTHING) == before


TOKENS = {
    "no scheme": "nonsense",
    "another scheme": "Basic YWRhOmFkYQ==",
    "no token": "Bearer",
    "two parts": "Bearer a.b",
    "no algorithm": "Bearer eyJhbGciOiJub25lIn0.e30.",
    "deep nesting": "Bearer " + base64.urlsafe_b64encode(b"[" * 5_000).decode() + ".e30.e30",
    "nine kilobytes": "Bearer " + "a" * 9_000,
    "not ASCII": "Bearer \u00e4\u00f6",
}


def test_a_bad_token_is_a_401_also_where_none_is_needed(api: Api, video_id: str) -> None:
    for token in TOKENS.values():
        for path in ("/videos/feed", f"/videos/{video_id}", f"/users/{GRACE.id}"):
            _refused(api.get(path, headers={"Authorization": token}), 401, "invalid_token")


def test_a_signature_is_good_for_one_request_only(api: Api, video_id: str) -> None:
    before = run(EVERYTHING)
    like, body = f"/videos/{video_id}/like", b'{"a": 1}'
    good = signature("POST", like, body)
    now = good["X-InstaVeo-Timestamp"]
    made_for_others = [
        signature("DELETE", like, body),
        signature("POST", f"/videos/{video_id}/dislike", body),
        signature("POST", like + "/", body),
        signature("POST", like, body + b" "),
        signature("POST", like, b""),
        {**good, "X-InstaVeo-Timestamp": str(int(now) - 1)},
        {**good, "X-InstaVeo-Timestamp": f"+{now}"},
        {**good, "X-InstaVeo-Timestamp": "\u0661" * 10},
        {**good, "X-InstaVeo-Signature": good["X-InstaVeo-Signature"].upper()},
        {**good, "X-InstaVeo-Signature": ""},
    ]
    for headers in made_for_others:
        answer = api.post(like, body, by=ADA, signed=False, headers=headers)
        assert (answer.status_code, answer.json["error"].partition("_")[2]) == (401, "signature"), headers
    for seconds in (-121, 121):
        headers = signature("POST", like, body, timestamp=int(now) + seconds)
        _refused(api.post(like, body, by=ADA, signed=False, headers=headers), 401, "expired_signature")
    assert run(EVERYTHING) == before
    assert api.post(like, body, by=ADA, signed=False, headers=good).status_code == 200


class Zeros(io.RawIOBase):
    """A body of a size that nobody should hold in memory."""

    def __init__(self, size_bytes: int) -> None:
        self.left_bytes = size_bytes

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int:
        count = min(len(buffer), self.left_bytes)
        self.left_bytes -= count
        return count


@pytest.mark.parametrize("method", ["POST", "GET"])
def test_a_large_body_of_a_refused_request_is_not_held_in_memory(api: Api, method: str) -> None:
    body = Zeros(32 * 2**20)
    sent = {"wsgi.input": body, "CONTENT_LENGTH": str(body.left_bytes), "HTTP_AUTHORIZATION": "Bearer nonsense"}
    path = "/videos/create" if method == "POST" else f"/users/{ADA.id}"
    tracemalloc.start()
    answer = api.request(method, path, signed=False, environ_overrides=sent)
    _, peak_bytes = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    _refused(answer, 401, "invalid_token")
    assert body.left_bytes == 0
    assert peak_bytes < 4 * 2**20
