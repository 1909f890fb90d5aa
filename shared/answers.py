"""Answers: what a route gives back to the edge, and the one shape of every error."""

import json
from collections.abc import Iterable
from dataclasses import dataclass, field
from hashlib import sha256
from typing import Any

from werkzeug.exceptions import HTTPException

from shared.errors import ApiError

PUBLIC_BRIEFLY = "public, max-age=5, stale-while-revalidate=30"
PRIVATE = "private, no-cache"
NO_STORE = "no-store"


@dataclass(frozen=True)
class Answer:
    """A status, a body (text, bytes or an iterator of chunks), headers; JSON unless `content_type` says otherwise."""

    body: str | bytes | Iterable[bytes] = b""
    status: int = 200
    headers: dict[str, str] = field(default_factory=dict)
    content_type: str | None = "application/json"


def cached(body: str, cache_control: str, headers: dict[str, str] | None = None) -> Answer:
    """Return a 200 with JSON text and its Cache-Control."""
    return Answer(body, headers={"Cache-Control": cache_control, **(headers or {})})


def not_modified(answer: Answer, if_none_match: str | None) -> Answer:
    """Return the answer with an ETag over its body, or a 304 when the caller has just that (RFC 9110, 13.1.2).

    Answers that are not a 200, are not to be stored, or bring an ETag of their own are returned as they are.
    """
    is_storable = answer.status == 200 and isinstance(answer.body, str) and answer.body
    if not is_storable or answer.headers.get("Cache-Control") == NO_STORE or "ETag" in answer.headers:
        return answer
    body = str(answer.body).encode()
    # Of the hashes at hand the one that processors have an instruction for.
    tag = f'"{sha256(body).hexdigest()[:24]}"'
    # Weak: a proxy that compresses the answer may keep it.
    headers = {**answer.headers, "ETag": f"W/{tag}"}
    if if_none_match:
        seen = {each.strip().removeprefix("W/") for each in if_none_match.split(",")}
        if tag in seen or "*" in seen:
            return Answer(status=304, headers=headers, content_type=None)
    return Answer(body, headers=headers, content_type=answer.content_type)


def error_answer(error: ApiError, request_id: str) -> Answer:
    """Return the JSON that every error has; `detail` repeats `message` for clients that read that name."""
    body: dict[str, Any] = {
        "message": error.message,
        "statusCode": error.status,
        "error": error.code,
        "detail": error.message,
    }
    if error.fields:
        body["errors"] = [{"field": name, "message": text} for name, text in error.fields]
    body["requestId"] = request_id
    return Answer(json.dumps(body), error.status, {"Cache-Control": NO_STORE, **error.headers})


def framework_error(error: HTTPException) -> ApiError:
    """Return our own error for one of the framework's, whose page would be HTML."""
    codes = {404: "not_found", 405: "method_not_allowed", 413: "body_too_large", 500: "internal_error"}
    return ApiError(codes.get(error.code or 500, "invalid_request"), cause=error.description)
