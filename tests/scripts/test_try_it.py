"""`python -m scripts.try_it` plays what a bucket serves, and a bucket is somebody else's host."""

import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import httpx
import pytest

from scripts.try_it import _check_playable
from tests.shared.media.clips import make_clip

CLIP = make_clip(faststart=True)


class Bucket(BaseHTTPRequestHandler):
    """Serves one clip to anybody, and refuses a token as Cloud Storage does."""

    def do_GET(self) -> None:
        is_range = self.headers["Range"] == "bytes=0-1"
        refuses = self.headers["Authorization"] is not None
        body = b"" if refuses else CLIP[:2] if is_range else CLIP
        self.send_response(401 if refuses else 206 if is_range else 200)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - the name it has there
        """Say nothing."""


@pytest.fixture
def bucket_url() -> Iterator[str]:
    with ThreadingHTTPServer(("127.0.0.1", 0), Bucket) as server:
        threading.Thread(target=server.serve_forever).start()
        yield f"http://127.0.0.1:{server.server_port}/clip.mp4"
        server.shutdown()


def test_the_session_is_not_sent_to_the_bucket(bucket_url: str, capsys: pytest.CaptureFixture[str]) -> None:
    with httpx.Client(base_url="http://localhost:1", headers={"Authorization": "Bearer session"}) as client:
        _check_playable(client, {"videoUrl": bucket_url})
    assert "it plays    24 pictures of 64 x 64" in capsys.readouterr().out
