"""Does a service answer as it should? `python -m scripts.smoke https://… [--origin https://…]`. Changes nothing on it.

With INSTAVEO_SMOKE_TOKEN, a person's access token, it also reads as that person. Exits with 1 when a check fails.
"""

import argparse
import os
import sys
import time
from collections.abc import Iterator
from contextlib import suppress
from typing import Any
from uuid import uuid4

import httpx
import yaml

_TIMEOUT_SECONDS = 30
_WORDS = {"ok": "right", "FAIL": "wrong", "-": "left out"}
_LAPTOPS = ("localhost", "127.0.0.1")


class SmokeError(Exception):
    """An answer that is not what it should be; the text says what it was."""


class LeftOutError(Exception):
    """A check that cannot be made here; the text says why."""


class Smoke:
    """The checks over one base URL. Each returns a few words on what it saw, or raises SmokeError or LeftOutError."""

    def __init__(self, client: httpx.Client, origin: str, token: str | None) -> None:
        self._client = client
        self._origin = origin
        self._token = token

    def run(self) -> Iterator[tuple[str, str, str]]:
        """Yield for every check its verdict (`ok`, `FAIL` or `-`), what it is about and what it saw."""
        checks = [
            (self.health, "the parts that it stands on answer"),
            (self.feed, "anybody may read the feed"),
            (self.missing_video, "a parameter in a path arrives whole"),
            (self.unknown_path, "what does not exist is a 404"),
            (self.contract, "the contract and its page are served"),
            (self.anonymous_create, "nobody creates without a token"),
            (self.forged_token, "a forged token is refused"),
            (self.closed_tasks, "the platform's own targets are closed"),
            (self.preflight, "a browser may ask before it sends"),
            (self.signed_in, "a person reads the leaderboard"),
        ]
        for check, what in checks:
            try:
                yield "ok", what, check()
            except LeftOutError as reason:
                yield "-", what, f"left out: {reason}"
            except (SmokeError, httpx.HTTPError) as error:
                yield "FAIL", what, str(error) or type(error).__name__

    def health(self) -> str:
        """GET /health."""
        body = self._json(self._client.get("/health"), 200)
        return ", ".join(f"{name} {part['status']}" for name, part in sorted(body["parts"].items()))

    def feed(self) -> str:
        """GET /videos/feed."""
        body = self._json(self._client.get("/videos/feed", params={"limit": 2}), 200)
        _expect(isinstance(body.get("videos"), list) and isinstance(body.get("hasMore"), bool), f"not a feed: {body}")
        return f"{len(body['videos'])} videos on a page of two"

    def missing_video(self) -> str:
        """GET /videos/{id} of an id that nobody has."""
        return str(self._json(self._client.get(f"/videos/{uuid4()}"), 404, "video_not_found")["error"])

    def unknown_path(self) -> str:
        """GET of an address that is nobody's; the front door may answer it by itself."""
        status = self._client.get("/smoke/nothing").status_code
        _expect(status == 404, f"answered {status}")
        return "404"

    def contract(self) -> str:
        """GET /openapi.yaml and /docs."""
        document, page = self._client.get("/openapi.yaml"), self._client.get("/docs")
        _expect(document.status_code == 200, f"/openapi.yaml answered {document.status_code}")
        is_page = page.status_code == 200 and page.headers.get("Content-Type", "").startswith("text/html")
        _expect(is_page, f"/docs answered {page.status_code}")
        return f"{len(yaml.safe_load(document.text)['paths'])} paths"

    def anonymous_create(self) -> str:
        """POST /videos/create without token and signature."""
        answer = self._client.post("/videos/create", json={"prompt": "smoke"})
        return str(self._json(answer, 401, "missing_token")["error"])

    def forged_token(self) -> str:
        """GET /videos/feed with a token that nobody signed: refused although none is needed."""
        answer = self._client.get("/videos/feed", headers={"Authorization": "Bearer eyJhbGciOiJub25lIn0.e30."})
        return str(self._json(answer, 401, "invalid_token")["error"])

    def closed_tasks(self) -> str:
        """POST /tasks/sweep. On a laptop it is open, and would do something."""
        if self._client.base_url.host in _LAPTOPS:
            raise LeftOutError("on a laptop they are open")
        status = self._client.post("/tasks/sweep", json={}).status_code
        _expect(status in (401, 403, 404), f"anybody may call /tasks/sweep: it answered {status}")
        return str(status)

    def preflight(self) -> str:
        """OPTIONS /videos/create, as a browser sends it: without credentials."""
        headers = {"Origin": self._origin, "Access-Control-Request-Method": "POST"}
        answer = self._client.options("/videos/create", headers=headers)
        allowed = answer.headers.get("Access-Control-Allow-Origin")
        _expect(answer.status_code == 204, f"answered {answer.status_code}")
        _expect(allowed == self._origin, f"{self._origin} may not call: see CORS_ALLOWED_ORIGINS")
        return f"{allowed} may call"

    def signed_in(self) -> str:
        """GET /users/top with the token of the environment."""
        if self._token is None:
            raise LeftOutError("INSTAVEO_SMOKE_TOKEN is not set")
        answer = self._client.get("/users/top", headers={"Authorization": f"Bearer {self._token}"})
        _expect(answer.status_code == 200, f"answered {answer.status_code}: {answer.text[:200]}")
        return f"{len(answer.json())} creators"

    def _json(self, answer: httpx.Response, status: int, code: str | None = None) -> dict[str, Any]:
        """Return the JSON object of an answer with this status and, for an error, this code."""
        kind = answer.headers.get("Content-Type", "")
        _expect(answer.status_code == status, f"answered {answer.status_code}: {answer.text[:200]}")
        _expect(kind.startswith("application/json"), f"answered {kind or 'nothing'} and not JSON")
        body: dict[str, Any] = answer.json()
        _expect(code is None or body.get("error") == code, f"error {body.get('error')} and not {code}")
        return body


def _expect(holds: bool, otherwise: str) -> None:
    if not holds:
        raise SmokeError(otherwise)


def _wait(client: httpx.Client, patience_seconds: int) -> None:
    give_up_at = time.monotonic() + patience_seconds
    while time.monotonic() < give_up_at:
        with suppress(httpx.HTTPError):
            if client.get("/health").status_code == 200:
                return
        time.sleep(min(5, patience_seconds))


def main() -> None:
    """Run the checks, say a line for each, and exit with 1 when one failed."""
    parser = argparse.ArgumentParser(description="Check that a deployed service answers; changes nothing on it.")
    parser.add_argument("url", help="the base URL, as NEXT_PUBLIC_API_URL has it")
    parser.add_argument("--origin", default="http://localhost:3000", help="an origin that CORS_ALLOWED_ORIGINS names")
    parser.add_argument(
        "--patience", type=int, default=0, metavar="SECONDS", help="how long to wait for a first answer"
    )
    arguments = parser.parse_args()
    print(f"smoke test of {arguments.url}")
    with httpx.Client(base_url=arguments.url.rstrip("/"), timeout=_TIMEOUT_SECONDS) as client:
        smoke = Smoke(client, arguments.origin.rstrip("/"), os.environ.get("INSTAVEO_SMOKE_TOKEN"))
        _wait(client, arguments.patience)
        verdicts = []
        for verdict, what, saw in smoke.run():
            print(f"  {verdict:<4}  {what:<40}  {saw}", flush=True)
            verdicts.append(verdict)
    print(", ".join(f"{verdicts.count(verdict)} {word}" for verdict, word in _WORDS.items()))
    sys.exit(1 if "FAIL" in verdicts else 0)


if __name__ == "__main__":
    main()
