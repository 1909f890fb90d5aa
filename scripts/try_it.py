"""The main job from a terminal, while `make dev` runs: `python -m scripts.try_it "a prompt"`.

Signs in as somebody new, creates a video, waits for it with a progress bar, and checks that it plays.
"""

import io
import os
import sys
import time
from typing import Any
from uuid import uuid4

import av
import httpx
from tqdm import tqdm

from local.environment import local_environment
from local.supabase_twin import anon_key
from shared.signature import SIGNATURE_HEADER, TIMESTAMP_HEADER, sign

_PATIENCE_SECONDS = 900


def main() -> None:
    """Create one video and exit with 0 when it plays."""
    if len(sys.argv) != 2:
        sys.exit('Usage: python -m scripts.try_it "a prompt"')
    environment = local_environment(os.environ)
    with httpx.Client(base_url=environment["BASE_URL"], timeout=30) as client:
        try:
            client.get("/health")
        except httpx.ConnectError:
            sys.exit(f"Nothing answers at {environment['BASE_URL']}. Start it in another terminal: make dev")
        _sign_in(client, environment)
        video = _create(client, environment, sys.argv[1])
        video = _wait(client, video)
        _check_playable(client, video)


def _sign_in(client: httpx.Client, environment: dict[str, str]) -> None:
    """Sign up as a new person and send their token from now on."""
    email = f"you-{uuid4().hex[:8]}@example.com"
    key = environment.get("SUPABASE_ANON_KEY") or anon_key(environment.get("SUPABASE_JWT_SECRET"))
    signed_up = httpx.post(
        f"{environment['SUPABASE_URL']}/auth/v1/signup",
        json={"email": email, "password": uuid4().hex},
        headers={"apikey": key},
        timeout=30,
    )
    token = _answer(signed_up).get("access_token")
    if not token:
        sys.exit("The address must be confirmed first: try_it needs a project that asks for no confirmation.")
    client.headers["Authorization"] = f"Bearer {token}"
    print(f"signed in   {email}")


def _create(client: httpx.Client, environment: dict[str, str], prompt: str) -> dict[str, Any]:
    request = client.build_request("POST", "/videos/create", json={"prompt": prompt})
    timestamp = str(int(time.time()))
    secret = environment["REQUEST_SIGNATURE_SECRET"]
    request.headers[TIMESTAMP_HEADER] = timestamp
    request.headers[SIGNATURE_HEADER] = sign(secret, timestamp, "POST", "/videos/create", request.read())
    video = _answer(client.send(request))
    print(f"created     {video['id']} (number {video.get('queuePosition', 1)} in the queue)")
    return video


def _wait(client: httpx.Client, video: dict[str, Any]) -> dict[str, Any]:
    give_up_at = time.monotonic() + _PATIENCE_SECONDS
    with tqdm(total=100, desc="rendering  ", bar_format="{desc} {bar:40} {n_fmt:>3} % {elapsed}") as bar:
        while video["status"] in ("pending", "processing") and time.monotonic() < give_up_at:
            bar.update(max(0, video.get("progress", 0) - bar.n))
            time.sleep(0.5)
            video = _answer(client.get(f"/videos/{video['id']}"))
        if video["status"] == "completed":
            bar.update(100 - bar.n)
    if video["status"] != "completed":
        sys.exit(f"{video['status']}      {video.get('failureReason', 'it takes too long')}")
    return video


def _check_playable(client: httpx.Client, video: dict[str, Any]) -> None:
    """Ask for two bytes as a player does, then decode the whole film."""
    # Without the session: a bucket is somebody else's host, and refuses a token that it does not know.
    address = client.base_url.join(video["videoUrl"])
    start = httpx.get(address, headers={"Range": "bytes=0-1"}, timeout=client.timeout)
    if start.status_code != 206:
        sys.exit(f"The video's address answered {start.status_code} to a range, not 206.")
    content = httpx.get(address, timeout=client.timeout).raise_for_status().content
    with av.open(io.BytesIO(content), "r") as film:
        stream = film.streams.video[0]
        frames = len(list(film.decode(stream)))
        size = f"{stream.width} x {stream.height}"
    print(f"it plays    {frames} pictures of {size}, {video.get('durationSeconds', 0):.1f} s")
    print(f"watch it    {address}")


def _answer(response: httpx.Response) -> dict[str, Any]:
    if response.is_error:
        error = response.json() if "json" in response.headers.get("content-type", "") else {}
        sys.exit(f"{response.request.url.path} answered {response.status_code}: {error.get('message') or error}")
    answer: dict[str, Any] = response.json()
    return answer


if __name__ == "__main__":
    main()
