"""Request signatures, through the edge: what is signed as the frontend's proxy signs it, and nothing else."""

import hmac
import time
from collections.abc import Callable
from typing import Any

import pytest

from shared.signature import SIGNATURE_HEADER, TIMESTAMP_HEADER, sign
from tests.api import SIGNATURE_SECRET, Api, Person, signature
from tests.rows import make_video, run

ADA, BOB = Person("ada"), Person("bob")
PATH = "/videos/create"
BODY = b'{"prompt": "a red kite"}'
OTHER_SECRET = "another-secret-for-signatures-of-32-characters"


def send(api: Api, headers: dict[str, str], body: bytes = BODY, path: str = PATH, method: str = "POST") -> Any:
    answer = api.request(method, path, body, by=ADA, signed=False, headers=headers)
    return answer.json["error"] if answer.status_code >= 400 else answer.status_code


def made(timestamp: Any = None, **changes: Any) -> dict[str, str]:
    """Return the headers of a request that differs from the one sent by `changes`."""
    moment = str(int(time.time()) if timestamp is None else timestamp)
    request = {"secret": SIGNATURE_SECRET, "method": "POST", "path": PATH, "body": BODY, **changes}
    return {TIMESTAMP_HEADER: moment, SIGNATURE_HEADER: sign(timestamp=moment, **request)}


def with_signature(**change: Callable[[str], str]) -> dict[str, str]:
    headers = made()
    return {**headers, SIGNATURE_HEADER: change["change"](headers[SIGNATURE_HEADER])}


def test_the_text_signed_is_the_one_the_frontend_signs() -> None:
    expected = hmac.new(b"k" * 32, b"1700000000\nPOST\n/videos/create\n" + BODY, "sha256").hexdigest()
    assert sign("k" * 32, "1700000000", "POST", "/videos/create", BODY) == expected
    without_body = hmac.new(b"k" * 32, b"1700000000\nPOST\n/videos/x/like", "sha256").hexdigest()
    assert sign("k" * 32, "1700000000", "POST", "/videos/x/like", b"") == without_body


def test_a_signed_request_gets_in(api: Api) -> None:
    assert send(api, made()) == 201


def test_an_empty_body_is_signed_without_a_last_line(api: Api) -> None:
    path = f"/videos/{make_video(BOB)}/like"
    assert send(api, made(path=path, body=b""), b"", path) == 200
    moment = str(int(time.time()))
    with_line = hmac.new(SIGNATURE_SECRET.encode(), f"{moment}\nPOST\n{path}\n".encode(), "sha256").hexdigest()
    assert send(api, {TIMESTAMP_HEADER: moment, SIGNATURE_HEADER: with_line}, b"", path) == "invalid_signature"


def test_the_query_is_not_signed(api: Api) -> None:
    assert send(api, made(), path=f"{PATH}?utm_source=x") == 201


@pytest.mark.parametrize("seconds", [-119, -60, 0, 60, 119])
def test_a_clock_may_be_two_minutes_off(api: Api, seconds: int) -> None:
    assert send(api, made(int(time.time()) + seconds)) == 201


@pytest.mark.parametrize("seconds", [-(10**9), -86400, -123, 123, 86400, 10**11])
def test_a_stale_or_future_timestamp_is_refused(api: Api, seconds: int) -> None:
    assert send(api, made(max(0, int(time.time()) + seconds))) == "expired_signature"


@pytest.mark.parametrize("name", [TIMESTAMP_HEADER, SIGNATURE_HEADER])
def test_both_headers_are_needed(api: Api, name: str) -> None:
    assert send(api, {}) == "missing_signature"
    assert send(api, {each: value for each, value in made().items() if each != name}) == "missing_signature"
    assert send(api, {**made(), name: ""}) == "missing_signature"


@pytest.mark.parametrize(
    "timestamp",
    [
        "abc",
        "-1",
        "+1700000000",
        "1700000000.5",
        "1e9",
        " ",
        "1_700_000_000",
        "0x65",
        "9" * 13,
        "9" * 400,
        "\u0967\u096d" + "\u0966" * 8,
        "\uff11\uff17" + "\uff10" * 8,
        "1700000000\u0661",
        "1700000000, 1700000000",
        "null",
        "²",
    ],
)
def test_a_timestamp_that_is_no_whole_number_is_refused(api: Api, timestamp: str) -> None:
    # As a server gets them: the bytes of other scripts come as Latin-1.
    on_the_wire = timestamp.encode().decode("latin-1")
    assert send(api, {**made(), TIMESTAMP_HEADER: on_the_wire}) == "invalid_signature"


def test_milliseconds_are_no_seconds(api: Api) -> None:
    assert send(api, made(int(time.time() * 1000))) == "invalid_signature"


@pytest.mark.parametrize(
    "change",
    [
        str.upper,
        lambda text: text[:-1],
        lambda text: text + "0",
        lambda text: "0" * 64,
        lambda text: text[:-1] + ("0" if text[-1] != "0" else "1"),
        lambda text: "0x" + text[2:],
        lambda text: "sha256=" + text,
        lambda text: text + ", " + text,
        lambda text: text[::-1],
        lambda _: "g" * 64,
        lambda _: "é" * 64,
        lambda _: "٣" * 64,
        lambda _: "a" * 100_000,
    ],
)
def test_a_signature_that_is_not_exactly_the_right_one_is_refused(api: Api, change: Callable[[str], str]) -> None:
    headers = with_signature(change=lambda text: change(text).encode().decode("latin-1"))
    assert send(api, headers) == "invalid_signature"
    assert run("SELECT count(*) FROM videos") == [0]


@pytest.mark.parametrize(
    "changes",
    [
        {"body": BODY + b" "},
        {"body": b'{"prompt": "a blue kite"}'},
        {"body": b""},
        {"path": "/videos/recreate"},
        {"path": "/videos/create/"},
        {"path": "/api/videos/create"},
        {"path": "http://localhost/videos/create"},
        {"path": "/videos/create?x=1"},
        {"method": "PUT"},
        {"method": "post"},
        {"method": ""},
        {"secret": OTHER_SECRET},
        {"secret": SIGNATURE_SECRET + " "},
    ],
)
def test_what_was_signed_must_be_what_was_sent(api: Api, changes: dict[str, Any]) -> None:
    assert send(api, made(**changes)) == "invalid_signature"


def test_the_signed_timestamp_must_be_the_one_that_was_sent(api: Api) -> None:
    assert send(api, {**made(int(time.time()) - 5), TIMESTAMP_HEADER: str(int(time.time()))}) == "invalid_signature"


def test_a_signature_does_not_serve_for_another_path_or_body(api: Api) -> None:
    video, other = make_video(BOB), make_video(BOB)
    headers = signature("POST", f"/videos/{video}/like", b"")
    assert send(api, headers, b"", f"/videos/{other}/like") == "invalid_signature"
    assert send(api, headers, b"", f"/videos/{video}/dislike") == "invalid_signature"
    assert send(api, headers, b"{}", f"/videos/{video}/like") == "invalid_signature"


def test_the_signature_is_checked_over_the_raw_bytes_before_they_are_parsed(api: Api) -> None:
    assert send(api, made(), b"{ not json") == "invalid_signature"
    assert send(api, made(body=b"{ not json"), b"{ not json") == "invalid_json"
    assert send(api, made(body=b"\xff\xfe"), b"\xff\xfe") == "invalid_json"


def test_the_previous_secret_is_accepted_while_rotating(api: Api, configure: Callable[..., None]) -> None:
    configure(REQUEST_SIGNATURE_SECRET=OTHER_SECRET, REQUEST_SIGNATURE_PREVIOUS_SECRET=SIGNATURE_SECRET)
    assert send(api, made()) == 201
    assert send(api, made(secret=OTHER_SECRET)) == 201
    assert send(api, made(secret="a third secret that nobody configured")) == "invalid_signature"
    configure(REQUEST_SIGNATURE_PREVIOUS_SECRET="")
    assert send(api, made()) == "invalid_signature"


def test_the_tolerance_is_configured(api: Api, configure: Callable[..., None]) -> None:
    configure(REQUEST_SIGNATURE_TTL_SECONDS="10")
    assert send(api, made(int(time.time()) - 8)) == 201
    assert send(api, made(int(time.time()) - 13)) == "expired_signature"


def test_every_failure_is_a_401_that_says_nothing_more(api: Api) -> None:
    for headers in ({}, made(timestamp=1), made(body=b"x"), {**made(), TIMESTAMP_HEADER: "x"}):
        answer = api.request("POST", PATH, BODY, by=ADA, signed=False, headers=headers)
        assert answer.status_code == 401
        assert set(answer.json) == {"message", "statusCode", "error", "detail", "requestId"}


def test_a_token_is_asked_for_before_a_signature(api: Api) -> None:
    answer = api.post(PATH, {"prompt": "a red kite"}, signed=False)
    assert (answer.status_code, answer.json["error"]) == (401, "missing_token")
