"""The twin keeps Flow's contract, remembers everything over a restart, and plays its faults as told."""

import json
import time
import uuid
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest
from werkzeug.middleware.dispatcher import DispatcherMiddleware

from local.flow_twin.app import create_app
from tests.local.flow_twin.twin_server import ACCESS_TOKEN, SESSION_TOKEN, Twin, running_twin, serving

SUBMIT = "/v1/video:batchAsyncGenerateVideoText"
POLL = "/v1/video:batchCheckAsyncVideoGenerationStatus"
SESSION = "/fx/api/auth/session"
CONTEXT = {"projectId": str(uuid.uuid4()), "tool": "PINHOLE", "userPaygateTier": "PAYGATE_TIER_ONE"}
BEARER = {"Authorization": f"Bearer {ACCESS_TOKEN}"}


@pytest.fixture(scope="module")
def running(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Twin]:
    with running_twin(tmp_path_factory.mktemp("twin")) as twin:
        yield twin


@pytest.fixture
def twin(running: Twin) -> Twin:
    running.calm()
    return running


def one(**changes: Any) -> dict[str, Any]:
    """Return one request of a submission."""
    request = {
        "aspectRatio": "VIDEO_ASPECT_RATIO_PORTRAIT",
        "seed": 9307,
        "textInput": {"prompt": "A kite over the dunes"},
        "videoModelKey": "veo_3_1_t2v_fast_portrait",
        "metadata": {"sceneId": str(uuid.uuid4())},
    }
    return request | changes


def submission(*requests: dict[str, Any], **changes: Any) -> dict[str, Any]:
    return {"clientContext": CONTEXT, "requests": list(requests)} | changes


def submit(twin: Twin, body: Any, **headers: str) -> httpx.Response:
    return httpx.post(twin.url + SUBMIT, content=json.dumps(body), headers=BEARER | headers)


def started(twin: Twin, **changes: Any) -> dict[str, Any]:
    entry: dict[str, Any] = submit(twin, submission(one(**changes))).raise_for_status().json()["operations"][0]
    return entry


def poll(twin: Twin, entry: dict[str, Any]) -> httpx.Response:
    asked = {"operation": {"name": entry["operation"]["name"]}, "sceneId": entry["sceneId"], "status": entry["status"]}
    return httpx.post(twin.url + POLL, json={"operations": [asked]}, headers=BEARER)


def ready(twin: Twin, entry: dict[str, Any]) -> dict[str, Any]:
    """Poll until the clip is there and return the `video` of its entry."""
    for _ in range(2000):
        found = poll(twin, entry).raise_for_status().json()["operations"][0]
        if found["status"] == "MEDIA_GENERATION_STATUS_SUCCESSFUL":
            video: dict[str, Any] = found["operation"]["metadata"]["video"]
            return video
        time.sleep(0.01)
    raise AssertionError(found)


def test_a_submission_is_answered_as_flow_does(twin: Twin) -> None:
    request = one()
    answer = submit(twin, submission(request)).json()
    entry = answer["operations"][0]
    assert entry["status"] == "MEDIA_GENERATION_STATUS_PENDING"
    assert entry["sceneId"] == request["metadata"]["sceneId"]
    assert len(entry["operation"]["name"]) == 32
    assert int(entry["operation"]["name"], 16) >= 0
    assert isinstance(answer["remainingCredits"], int)


def test_a_finished_clip_is_described_as_flow_does(twin: Twin) -> None:
    entry = started(twin)
    video = ready(twin, entry)
    answer = poll(twin, entry).json()
    found = answer["operations"][0]
    assert found["mediaGenerationId"] == video["mediaGenerationId"] == found["operation"]["metadata"]["name"]
    assert found["operation"]["metadata"]["@type"].endswith("aisandbox.v1.Media")
    assert (video["seed"], video["prompt"]) == (9307, "A kite over the dunes")
    assert (video["model"], video["aspectRatio"]) == ("veo_3_1_t2v_fast_portrait", "VIDEO_ASPECT_RATIO_PORTRAIT")
    assert ".mp4" not in video["fifeUrl"]
    assert "remainingCredits" in answer


def test_four_clips_in_one_submission_are_answered_in_order(twin: Twin) -> None:
    requests = [one() for _ in range(4)]
    entries = submit(twin, submission(*requests)).json()["operations"]
    assert [each["sceneId"] for each in entries] == [each["metadata"]["sceneId"] for each in requests]
    asked = [{**each, "operation": {"name": each["operation"]["name"]}} for each in entries]
    answer = httpx.post(twin.url + POLL, json={"operations": asked}, headers=BEARER).json()["operations"]
    assert [each["operation"]["name"] for each in answer] == [each["operation"]["name"] for each in entries]


def test_the_content_type_does_not_matter(twin: Twin) -> None:
    for content_type in ("text/plain;charset=UTF-8", "application/json", "application/octet-stream"):
        assert submit(twin, submission(one()), **{"Content-Type": content_type}).status_code == 200


@pytest.mark.parametrize(
    ("body", "said"),
    [
        ([], "Invalid value"),
        ("text", "Invalid value"),
        ({}, "missing"),
        (submission(), "requests"),
        (submission(*[one() for _ in range(5)]), "requests"),
        (submission(one(), extra=1), "Cannot find field"),
        (submission(one(negativePrompt="rain")), "Cannot find field"),
        (submission(one(textInput={"prompt": "x", "more": 1})), "Cannot find field"),
        (submission(one(), clientContext=CONTEXT | {"tool": "OTHER"}), "context"),
        (submission(one(), clientContext=CONTEXT | {"userPaygateTier": "GOLD"}), "context"),
        (submission(one(videoModelKey="veo_9")), "model"),
        (submission(one(videoModelKey="veo_3_1_t2v_fast")), "aspect_ratio"),
        (submission(one(aspectRatio="VIDEO_ASPECT_RATIO_SQUARE")), "aspect_ratio"),
        (submission(one(seed="1")), "seed"),
        (submission(one(seed=True)), "seed"),
        (submission(one(seed=1.5)), "seed"),
        (submission(one(seed=-1)), "seed"),
        (submission(one(textInput={"prompt": " "})), "prompt"),
        (submission(one(metadata={})), "sceneId"),
    ],
)  # fmt: skip
def test_a_wrong_submission_is_a_400_that_says_what_and_buys_nothing(twin: Twin, body: Any, said: str) -> None:
    bought = twin.bought()
    response = submit(twin, body)
    error = response.json()["error"]
    assert (response.status_code, error["code"], error["status"]) == (400, 400, "INVALID_ARGUMENT")
    assert said in error["message"]
    assert twin.bought() == bought


def test_what_is_not_json_is_a_400(twin: Twin) -> None:
    for path in (SUBMIT, POLL):
        assert httpx.post(twin.url + path, content=b"{", headers=BEARER).status_code == 400


@pytest.mark.parametrize("headers", [{}, {"Authorization": "Bearer"}, {"Authorization": "Bearer ya29.unknown"}])
def test_without_a_good_bearer_there_is_nothing(twin: Twin, headers: dict[str, str]) -> None:
    for path, body in ((SUBMIT, submission(one())), (POLL, {"operations": []})):
        response = httpx.post(twin.url + path, json=body, headers=headers)
        assert (response.status_code, response.json()["error"]["status"]) == (401, "UNAUTHENTICATED")


def test_the_session_hands_out_tokens_that_work_and_expire(twin: Twin) -> None:
    cookie = {"Cookie": f"__Secure-next-auth.session-token={SESSION_TOKEN}"}
    session = httpx.get(twin.url + SESSION, headers=cookie).json()
    bearer = {"Authorization": f"Bearer {session['access_token']}"}
    assert session["expires"].endswith("Z")
    assert httpx.post(twin.url + SUBMIT, json=submission(one()), headers=bearer).status_code == 200
    twin.control("/settings", {"tokenSeconds": 0})
    expired = {"Authorization": f"Bearer {httpx.get(twin.url + SESSION, headers=cookie).json()['access_token']}"}
    assert httpx.post(twin.url + SUBMIT, json=submission(one()), headers=expired).status_code == 401
    assert httpx.get(twin.url + SESSION).json() == {}
    twin.control("/settings", {"session": "dead"})
    assert httpx.get(twin.url + SESSION, headers=cookie).json() == {}


def test_an_operation_moves_from_pending_to_active_on_the_twins_clock(twin: Twin) -> None:
    twin.control("/settings", {"secondsPerClip": 3600})
    entry = started(twin)
    answer = poll(twin, entry).json()
    assert answer["operations"][0]["status"] == "MEDIA_GENERATION_STATUS_PENDING"
    assert "remainingCredits" not in answer
    twin.control("/settings", {"secondsPerClip": 0})
    assert ready(twin, entry)
    twin.arm("slow")
    slow = started(twin)
    twin.control("/settings", {"secondsPerClip": 0.000001})
    assert ready(twin, slow)


# Files.


def test_a_clip_is_served_with_ranges(twin: Twin) -> None:
    url = ready(twin, started(twin))["fifeUrl"]
    whole = httpx.get(url)
    assert (whole.status_code, whole.headers["Content-Type"]) == (200, "video/mp4")
    assert whole.content[4:8] == b"ftyp"
    part = httpx.get(url, headers={"Range": "bytes=100-199"})
    assert (part.status_code, part.content) == (206, whole.content[100:200])
    assert part.headers["Content-Range"] == f"bytes 100-199/{len(whole.content)}"
    assert httpx.get(url, headers={"Range": f"bytes={len(whole.content)}-"}).status_code == 416
    assert httpx.head(url).headers["Content-Length"] == str(len(whole.content))


def test_the_poster_is_a_jpeg(twin: Twin) -> None:
    poster = httpx.get(ready(twin, started(twin))["servingBaseUri"])
    assert (poster.headers["Content-Type"], poster.content[:2]) == ("image/jpeg", b"\xff\xd8")


def test_addresses_are_signed_for_one_file_and_one_time(twin: Twin) -> None:
    video = ready(twin, started(twin))
    url = httpx.URL(video["fifeUrl"])
    wrong = [
        url.copy_remove_param("Signature"),
        url.copy_remove_param("Expires"),
        url.copy_set_param("Signature", "0" * 64),
        url.copy_set_param("Signature", "\u00e9"),
        url.copy_set_param("Expires", "99999999999"),
        url.copy_set_param("Expires", "\u0661"),
        url.copy_with(path=httpx.URL(video["servingBaseUri"]).path),
    ]
    for each in wrong:
        response = httpx.get(each)
        assert (response.status_code, response.headers["Content-Type"].split(";")[0]) == (403, "application/xml")


def test_an_expired_address_is_refused_and_the_next_poll_brings_a_good_one(twin: Twin) -> None:
    twin.arm("expired_url", times=1)
    entry = started(twin)
    expired = httpx.get(ready(twin, entry)["fifeUrl"])
    assert (expired.status_code, "ExpiredToken" in expired.text) == (403, True)
    assert httpx.get(ready(twin, entry)["fifeUrl"]).status_code == 200


def test_damaged_files_heal_when_told_to(twin: Twin) -> None:
    good = httpx.get(ready(twin, started(twin))["fifeUrl"]).content
    twin.arm("truncated_file", times=1)
    url = ready(twin, started(twin))["fifeUrl"]
    assert httpx.get(url).content == good[: len(good) // 2]
    assert httpx.get(url).content == good
    twin.arm("wrong_bytes", times=1)
    url = ready(twin, started(twin))["fifeUrl"]
    assert httpx.get(url).content.startswith(b"<!doctype html>")
    assert httpx.get(url).content == good
    twin.arm("cut_connection", times=1)
    url = ready(twin, started(twin))["fifeUrl"]
    with pytest.raises(httpx.RemoteProtocolError):
        httpx.get(url)
    assert httpx.get(url).content == good


def test_the_index_comes_last_when_told_to(twin: Twin) -> None:
    good = httpx.get(ready(twin, started(twin))["fifeUrl"]).content
    twin.arm("moov_last")
    late = httpx.get(ready(twin, started(twin))["fifeUrl"]).content
    assert good.index(b"moov") < good.index(b"mdat")
    assert late.index(b"mdat") < late.rindex(b"moov")


# Control.


def test_counted_outcomes_go_before_those_for_all_and_are_used_up(twin: Twin) -> None:
    twin.arm("frozen", submissions=None)
    twin.arm("refused", submissions=2)
    twin.arm("vanished")
    names = [started(twin)["operation"]["name"] for _ in range(5)]
    outcomes = {each["name"]: each["outcome"] for each in twin.operations()}
    assert [outcomes[name] for name in names] == ["refused", "refused", "vanished", "frozen", "frozen"]
    twin.control("/outcome", method="DELETE")
    assert twin.control("", method="GET")["armed"] == []
    assert ready(twin, started(twin))


def test_the_fate_of_an_operation_can_be_changed(twin: Twin) -> None:
    twin.arm("frozen")
    entry = started(twin)
    assert poll(twin, entry).json()["operations"][0]["status"] == "MEDIA_GENERATION_STATUS_ACTIVE"
    shown = twin.control(f"/operations/{entry['operation']['name']}/outcome", {"outcome": "success"})
    assert (shown["outcome"], shown["polls"]) == ("success", 1)
    assert ready(twin, entry)


@pytest.mark.parametrize(
    ("path", "body"),
    [
        ("/outcome", {"outcome": "explode"}),
        ("/outcome", {}),
        ("/outcome", []),
        ("/outcome", {"outcome": "fast", "submissions": 0}),
        ("/outcome", {"outcome": "fast", "times": True}),
        ("/settings", {"secondsPerClip": -1}),
        ("/settings", {"secondsPerClip": "fast"}),
        ("/settings", {"session": "asleep"}),
        ("/settings", {"signing_key": "x"}),
    ],
)
def test_the_remote_control_refuses_nonsense(twin: Twin, path: str, body: Any) -> None:
    before = twin.control("", method="GET")
    response = httpx.post(f"{twin.url}/control{path}", json=body)
    assert response.status_code == 400
    assert response.json()["message"]
    assert twin.control("", method="GET") == before


def test_an_operation_nobody_knows_is_a_404(twin: Twin) -> None:
    nobody = {"operation": {"name": "0" * 32}, "sceneId": "x", "status": "MEDIA_GENERATION_STATUS_PENDING"}
    assert poll(twin, nobody).json()["error"]["status"] == "NOT_FOUND"
    assert httpx.get(f"{twin.url}/control/operations/{'0' * 32}").status_code == 404


# Life.


def test_a_restart_forgets_nothing(tmp_path: Path) -> None:
    with running_twin(tmp_path) as before:
        before.control("/settings", {"secondsPerClip": 3600})
        entry = started(before)
        before.arm("refused")
    with serving() as server:
        url = f"http://127.0.0.1:{server.port}"
        server.app = create_app(tmp_path, url, clip_seconds=0.5)
        with httpx.Client() as client:
            after = Twin(url, client)
            assert after.control("", method="GET")["secondsPerClip"] == 3600
            assert after.operations()[0]["name"] == entry["operation"]["name"]
            assert after.bought() == 1
            after.control("/settings", {"secondsPerClip": 0})
            assert httpx.get(ready(after, entry)["fifeUrl"]).status_code == 200
            refused = poll(after, started(after)).json()["operations"][0]
            assert refused["operation"]["error"]["code"] == 3


def test_it_runs_below_a_mount_point(tmp_path: Path) -> None:
    with serving() as server, httpx.Client() as client:
        url = f"http://127.0.0.1:{server.port}/twins/flow"
        app = create_app(tmp_path, url, clip_seconds=0.5)
        server.app = DispatcherMiddleware(lambda _, __: [], {"/twins/flow": app})
        twin = Twin(url, client)
        twin.calm()
        video = ready(twin, started(twin))
        assert video["fifeUrl"].startswith(url + "/files/video/")
        assert httpx.get(video["fifeUrl"]).status_code == 200
