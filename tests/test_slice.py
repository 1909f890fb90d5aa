"""The main job over real HTTP between real processes: sign up, create, render, watch, like a person with a browser."""

import io
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from uuid import uuid4

import av
import httpx
import pytest

from local.environment import PROJECT
from shared.signature import SIGNATURE_HEADER, TIMESTAMP_HEADER, sign
from tests.laptop import Laptop, free_port

PATIENCE_SECONDS = 90


@pytest.fixture
def laptop(environment: None, database_url: str, tmp_path: Path) -> Iterator[Laptop]:
    started = Laptop(tmp_path, database_url)
    started.start()
    yield started
    started.kill()


@pytest.fixture
def client(laptop: Laptop) -> Iterator[httpx.Client]:
    with httpx.Client(base_url=laptop.environment["BASE_URL"], timeout=30) as session:
        person = {"email": f"{uuid4().hex}@example.com", "password": "a-long-password"}
        token = session.post("/auth/v1/signup", json=person).raise_for_status().json()["access_token"]
        session.headers["Authorization"] = f"Bearer {token}"
        yield session


def create(laptop: Laptop, client: httpx.Client, prompt: str) -> dict[str, Any]:
    request = client.build_request("POST", "/videos/create", json={"prompt": prompt})
    timestamp = str(int(time.time()))
    secret = laptop.environment["REQUEST_SIGNATURE_SECRET"]
    request.headers[TIMESTAMP_HEADER] = timestamp
    request.headers[SIGNATURE_HEADER] = sign(secret, timestamp, "POST", "/videos/create", request.read())
    response = client.send(request)
    assert response.status_code == 201, response.text
    video: dict[str, Any] = response.json()
    return video


def finished(client: httpx.Client, video: dict[str, Any]) -> dict[str, Any]:
    """Poll as the create page does, seeing to it that progress never goes back nor reaches 100 too early."""
    seen = [0]
    for _ in range(PATIENCE_SECONDS * 5):
        video = client.get(f"/videos/{video['id']}").raise_for_status().json()
        if video["status"] not in ("pending", "processing"):
            return video
        seen.append(video["progress"])
        assert seen == sorted(seen)
        assert seen[-1] < 100
        time.sleep(0.2)
    pytest.fail(f"still {video}")


def test_a_prompt_becomes_a_playing_video_in_the_feed(laptop: Laptop, client: httpx.Client) -> None:
    video = create(laptop, client, "a paper boat on a rainy street")
    assert (video["status"], video["videoUrl"], video["queuePosition"]) == ("pending", "", 1)

    video = finished(client, video)
    assert video["status"] == "completed"
    assert {asset["assetType"] for asset in video["assets"]} == {"video", "thumbnail"}

    start = client.get(video["videoUrl"], headers={"Range": "bytes=0-1"})
    assert (start.status_code, len(start.content)) == (206, 2)
    whole = client.get(video["videoUrl"])
    assert whole.headers["Content-Type"] == "video/mp4"
    with av.open(io.BytesIO(whole.content), "r") as film:
        stream = film.streams.video[0]
        assert (stream.width, stream.height, stream.codec_context.name) == (720, 1280, "h264")
        assert len(list(film.decode(stream))) == 8 * 24
    picture = client.get(video["thumbnailUrl"])
    assert (picture.status_code, picture.headers["Content-Type"]) == (200, "image/jpeg")

    feed = httpx.get(f"{client.base_url}/videos/feed").json()
    assert [each["id"] for each in feed["videos"]] == [video["id"]]


def test_after_a_power_cut_in_the_middle_the_video_still_arrives_once(laptop: Laptop, client: httpx.Client) -> None:
    video = create(laptop, client, "a lighthouse in a storm")
    for _ in range(PATIENCE_SECONDS * 10):
        # Bought and written down: from here on nothing may be bought again.
        if client.get(f"/videos/{video['id']}").json()["progress"] > 0:
            break
        time.sleep(0.1)
    laptop.kill()
    laptop.start()
    video = finished(client, video)
    assert video["status"] == "completed"
    assert client.get("/twins/flow/control").json()["submissions"] == 1
    assert [each["id"] for each in client.get("/videos/feed").json()["videos"]] == [video["id"]]


def test_every_entry_point_starts_alone_with_the_framework(environment: None) -> None:
    """`functions-framework --target NAME` with nothing but environment variables; one stands for all here."""
    port = free_port()
    command = [str(Path(sys.executable).parent / "functions-framework"), "--target", "videos_feed", "--port", str(port)]
    with subprocess.Popen(command, cwd=PROJECT, stdout=subprocess.DEVNULL) as process:
        try:
            for _ in range(100):
                try:
                    response = httpx.get(f"http://127.0.0.1:{port}/videos/feed")
                    break
                except httpx.ConnectError:
                    time.sleep(0.1)
            assert (response.status_code, response.json()["videos"]) == (200, [])
        finally:
            process.terminate()
