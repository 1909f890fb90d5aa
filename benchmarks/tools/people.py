"""Callers: numbered people with tokens, and their requests as the bytes that go over the wire."""

import time
from functools import cache
from hashlib import md5
from uuid import UUID

import jwt

from shared.signature import SIGNATURE_HEADER, TIMESTAMP_HEADER, sign

JWT_SECRET = "a-benchmark-secret-for-tokens-of-32-characters"
SIGNATURE_SECRET = "a-benchmark-secret-for-signatures-of-32-characters"

# Named by tokens and never called: they are checked with the secret.
SUPABASE_URL = "http://localhost:9"


def person_id(number: int) -> UUID:
    """Return the id that `database.PEOPLE` gives to this number."""
    return UUID(md5(f"person {number}".encode()).hexdigest())


def video_id(number: int) -> UUID:
    """Return the id that `database.VIDEOS` gives to this number."""
    return UUID(md5(f"video {number}".encode()).hexdigest())


@cache
def token(number: int) -> str:
    """Return a person's access token, as Supabase makes them."""
    claims = {
        "sub": str(person_id(number)),
        "email": f"person_{number}@example.com",
        "role": "authenticated",
        "aud": "authenticated",
        "iss": f"{SUPABASE_URL}/auth/v1",
        "exp": int(time.time()) + 7200,
        "is_anonymous": False,
        "user_metadata": {"username": f"person_{number}"},
    }
    return jwt.encode(claims, JWT_SECRET, algorithm="HS256")


def request(method: str, path: str, *, by: int | None = None, body: bytes = b"") -> bytes:
    """Return an HTTP request as a browser's proxy sends it; writing ones are signed at this moment."""
    lines = [f"{method} {path} HTTP/1.1", "Host: localhost", "Accept: application/json, text/plain, */*"]
    lines += ["User-Agent: Mozilla/5.0 (X11; Linux x86_64)", "X-Forwarded-For: 203.0.113.9, 10.0.0.1"]
    if by is not None:
        lines.append(f"Authorization: Bearer {token(by)}")
    if method != "GET":
        moment = str(int(time.time()))
        signature = sign(SIGNATURE_SECRET, moment, method, path.partition("?")[0], body)
        lines += [f"{TIMESTAMP_HEADER}: {moment}", f"{SIGNATURE_HEADER}: {signature}"]
        lines += ["Content-Type: application/json", f"Content-Length: {len(body)}"]
    return ("\r\n".join(lines) + "\r\n\r\n").encode() + body
