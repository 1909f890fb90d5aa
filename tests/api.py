"""What the tests call the API with: people with tokens, and requests signed as the frontend's proxy signs them."""

import json
import time
from dataclasses import dataclass, field
from typing import Any, cast
from uuid import UUID, uuid4

import jwt
from werkzeug.test import Client, TestResponse

from shared.signature import SIGNATURE_HEADER, TIMESTAMP_HEADER, sign
from tests.contract import check_answer

JWT_SECRET = "a-test-secret-for-tokens-of-32-characters"
SIGNATURE_SECRET = "a-test-secret-for-signatures-of-32-characters"


@dataclass(frozen=True)
class Person:
    """A signed-in person, with or without an account."""

    name: str = "ada"
    id: UUID = field(default_factory=uuid4)
    is_anonymous: bool = False

    @property
    def email(self) -> str:
        return f"{self.name}@example.com"

    def token(self, **claims: Any) -> str:
        """Return an access token as Supabase makes it, with some claims changed."""
        standard = {
            "sub": str(self.id),
            "email": self.email,
            "role": "authenticated",
            "aud": "authenticated",
            "exp": int(time.time()) + 3600,
            "is_anonymous": self.is_anonymous,
            "user_metadata": {"username": self.name},
        }
        return jwt.encode({**standard, **claims}, JWT_SECRET, algorithm="HS256")


class Response(TestResponse):
    """An answer whose JSON a test may take for granted."""

    @property
    def json(self) -> Any:
        """The parsed body."""
        return self.get_json()


class Api:
    """The whole API behind its gateway, in this process. Every answer must be one that openapi.yaml promises."""

    def __init__(self, application: Any) -> None:
        self._client = Client(application, Response)

    def request(
        self,
        method: str,
        path: str,
        body: Any = None,
        *,
        by: Person | None = None,
        signed: bool | None = None,
        headers: dict[str, str] | None = None,
        **options: Any,
    ) -> Response:
        """Send one request. `body` is JSON unless it is bytes; by default everything but GET and HEAD is signed."""
        raw = body if isinstance(body, bytes) else b"" if body is None else json.dumps(body).encode()
        sent = {"Content-Type": "application/json"} if method not in ("GET", "HEAD", "OPTIONS") else {}
        if by is not None:
            sent["Authorization"] = f"Bearer {by.token()}"
        if signed if signed is not None else method not in ("GET", "HEAD", "OPTIONS"):
            sent |= signature(method, path.partition("?")[0], raw)
        answer = self._client.open(
            path, method=method, data=raw or None, headers={**sent, **(headers or {})}, **options
        )
        # So every test is a test of the contract too.
        check_answer(method, answer.request.path, answer)
        return cast("Response", answer)

    def get(self, path: str, **options: Any) -> Response:
        return self.request("GET", path, **options)

    def post(self, path: str, body: Any = None, **options: Any) -> Response:
        return self.request("POST", path, body, **options)

    def patch(self, path: str, body: Any = None, **options: Any) -> Response:
        return self.request("PATCH", path, body, **options)

    def delete(self, path: str, **options: Any) -> Response:
        return self.request("DELETE", path, **options)


def signature(method: str, path: str, body: bytes, *, timestamp: int | None = None) -> dict[str, str]:
    """Return the two headers of a signed request."""
    moment = str(int(time.time()) if timestamp is None else timestamp)
    return {TIMESTAMP_HEADER: moment, SIGNATURE_HEADER: sign(SIGNATURE_SECRET, moment, method, path, body)}
