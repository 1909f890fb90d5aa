"""The playground's server: the page, the signing proxy, the look behind the API."""

import json
from collections.abc import Callable
from uuid import UUID

import pytest
from werkzeug.test import Client

from local.gateway import Gateway, read_operations
from local.playground import SigningProxy, create_app
from local.server import application
from tests.api import SIGNATURE_SECRET, Api, Person
from tests.rows import make_video, run

ADA = Person("ada")


@pytest.fixture
def page(environment: None) -> Client:
    return Client(create_app(["flow"]))


@pytest.fixture
def proxy(environment: None) -> Client:
    return Client(SigningProxy(Gateway(read_operations()), SIGNATURE_SECRET))


def test_the_page_runs_its_own_files_only(page: Client) -> None:
    with page.get("/") as answer:
        assert answer.status_code == 200
        assert b"<script>" not in answer.data
        policy = dict(part.split(" ", 1) for part in answer.headers["Content-Security-Policy"].split("; "))
    assert (policy["default-src"], policy["script-src"], policy["style-src"]) == ("'none'", "'self'", "'self'")
    with page.get("/static/js/main.js") as script:
        assert (script.status_code, script.mimetype) == (200, "text/javascript")
    assert page.get("/static/../app.py").status_code == 404


def test_the_page_may_show_media_from_where_they_are(page: Client, configure: Callable[..., None]) -> None:
    configure(MEDIA_PUBLIC_URL="https://cdn.example/clips")
    with page.get("/") as answer:
        assert "media-src 'self' https://cdn.example" in answer.headers["Content-Security-Policy"]


def test_the_page_learns_no_secret(page: Client) -> None:
    assert SIGNATURE_SECRET not in page.get("/config.json").text


def test_a_request_through_the_proxy_is_signed(proxy: Client) -> None:
    headers = {"Authorization": f"Bearer {ADA.token()}", "Origin": "http://localhost"}
    answer = proxy.post("/videos/create", json={"prompt": "a red kite"}, headers=headers)
    assert (answer.status_code, json.loads(answer.text)["status"]) == (201, "pending")
    without_body = proxy.post(f"/videos/{make_video(ADA)}/like", headers=headers)
    assert without_body.status_code == 200


def test_the_proxy_still_asks_who_calls(proxy: Client) -> None:
    answer = proxy.post("/videos/create", json={"prompt": "a red kite"})
    assert (answer.status_code, json.loads(answer.text)["error"]) == (401, "missing_token")


@pytest.mark.parametrize(
    "headers",
    [{"Origin": "https://elsewhere.example"}, {"Sec-Fetch-Site": "cross-site"}, {"Sec-Fetch-Site": "same-site"}],
)
def test_another_pages_request_gets_no_signature(proxy: Client, headers: dict[str, str]) -> None:
    video_id = make_video(ADA)
    answer = proxy.post(f"/videos/{video_id}/view", headers=headers)
    assert (answer.status_code, json.loads(answer.text)["error"]) == (401, "missing_signature")
    assert run("SELECT views_count FROM videos WHERE id = CAST(:id AS uuid)", id=video_id) == [0]


def test_a_jobs_trail_and_the_queue_can_be_looked_at(api: Api, page: Client) -> None:
    video = api.post("/videos/create", {"prompt": "a red kite"}, by=ADA).json
    known = page.get("/queue.json").json
    assert known is not None
    assert (known["waiting"], known["rendering"]) == (1, 0)
    [job], [task] = known["jobs"], known["tasks"]
    assert (job["videoId"], job["prompt"], job["status"]) == (video["id"], "a red kite", "queued")
    assert UUID(task["jobId"]) == UUID(job["id"])
    assert (task["dispatches"], task["finishedAt"]) == (0, None)
    for found_by in (job["id"], video["id"]):
        trail = page.get(f"/jobs/{found_by}.json").json
        assert trail is not None
        assert [event["event"] for event in trail["events"]] == ["queued"]
    assert page.get(f"/jobs/{ADA.id}.json").status_code == 404


def test_the_queue_can_be_looked_at_with_another_queue_than_the_local_one(
    page: Client, configure: Callable[..., None]
) -> None:
    configure(TASK_QUEUE_BACKEND="cloud_tasks", CLOUD_TASKS_QUEUE="projects/p/locations/l/queues/q")
    known = page.get("/queue.json").json
    assert known is not None
    assert known["tasks"] == []


def test_the_playground_stands_in_no_routes_way(environment: None, monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in {"STATE_FOLDER": "unused", "BASE_URL": "http://localhost", "STAND_INS": ""}.items():
        monkeypatch.setenv(name, value)
    server = Client(application())
    with server.get("/") as front:
        assert front.mimetype == "text/html"
    assert server.get("/videos/feed").status_code == 200
    assert server.get("/playground/config.json").status_code == 200
    assert server.post("/playground/api/videos/create", json={"prompt": "a kite"}).status_code == 401
    unknown = server.get("/nothing/here")
    assert (unknown.status_code, json.loads(unknown.text)["error"]) == (404, "not_found")
    assert not [each for each in read_operations() if each.path.fullmatch("/") or each.path.fullmatch("/playground/x")]
