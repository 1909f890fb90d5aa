"""The finished clips and posters behind addresses that look signed, are signed, and expire."""

import hashlib
import hmac
import time
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import urlencode

from flask import Request, Response, send_file

ACCOUNT = "flow-twin@localhost"
PAGE = b"<!doctype html><title>Not a video</title><p>Something went wrong."


def signed_url(base_url: str, path: str, key: str, expires_at: float) -> str:
    """Return the address of `path` below `base_url` that works until the unix time `expires_at`."""
    expires = int(expires_at)
    query = {"GoogleAccessId": ACCOUNT, "Expires": expires, "Signature": _signature(path, key, expires)}
    return f"{base_url}/{path}?{urlencode(query)}"


def _signature(path: str, key: str, expires: int) -> str:
    return hmac.new(key.encode(), f"GET\n{expires}\n{path}".encode(), hashlib.sha256).hexdigest()


def refusal(request: Request, path: str, key: str) -> Response | None:
    """Return the 403 that this request for `path` deserves, in the storage's own XML, or None when it may pass."""
    expires = request.args.get("Expires", "")
    if not expires.isascii() or not expires.isdigit():
        return _xml("AccessDenied", "Access denied.")
    given = request.args.get("Signature", "")
    if not hmac.compare_digest(given.encode(), _signature(path, key, int(expires)).encode()):
        return _xml("SignatureDoesNotMatch", "The request signature we calculated does not match.")
    if int(expires) <= time.time():
        return _xml("ExpiredToken", "The provided token has expired.")
    return None


def _xml(code: str, message: str) -> Response:
    body = f"<?xml version='1.0' encoding='UTF-8'?><Error><Code>{code}</Code><Message>{message}</Message></Error>"
    return Response(body, 403, mimetype="application/xml")


def whole_file(path: Path, mimetype: str) -> Response:
    """Return the file to the current request; a Range header gets 206 or 416."""
    answer = send_file(path, mimetype, conditional=True, max_age=3600)
    answer.headers["Accept-Ranges"] = "bytes"
    return answer


def damaged_file(path: Path, outcome: str) -> Response:
    """Return the clip as the faults truncated_file, cut_connection and wrong_bytes leave it."""
    if outcome == "wrong_bytes":
        return Response(PAGE, mimetype="video/mp4")
    content = path.read_bytes()
    half = content[: len(content) // 2]
    if outcome == "truncated_file":
        return Response(half, mimetype="video/mp4")
    return Response(_then_break(half), mimetype="video/mp4", headers={"Content-Length": str(len(content))})


def broken_connection() -> Response:
    """Return an answer of which not a byte arrives."""
    return Response(_then_break(b""))


def _then_break(content: bytes) -> Iterator[bytes]:
    if content:
        yield content
    raise ConnectionAbortedError("The twin was asked to break this connection.")
