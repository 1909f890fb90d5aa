"""Request bodies: read within a limit, parsed strictly."""

import json
from typing import Any

import flask

from shared.errors import ApiError, invalid_field

MAX_BODY_BYTES = 64 * 1024


def read_body(request: flask.Request) -> bytes:
    """Return the raw body, at most 64 KiB. Raises ApiError `body_too_large` (413)."""
    length = request.content_length
    if length == 0:
        return b""
    if (length or 0) > MAX_BODY_BYTES:
        raise ApiError("body_too_large")
    # A chunked body has no length: read one byte past the limit and see.
    body: bytes = request.stream.read(MAX_BODY_BYTES + 1) if length is None else request.get_data()
    if len(body) > MAX_BODY_BYTES:
        raise ApiError("body_too_large")
    return body


def parse_json_object(body: bytes, media_type: str) -> dict[str, Any]:
    """Return the JSON object in `body`, {} for an empty one.

    Stricter than `json.loads`: no duplicate keys, no NaN or Infinity, and every text must be storable in Postgres.
    Raises ApiError `unsupported_media_type` (415), `invalid_json` (400) or `validation_failed` (422).
    """
    if not body:
        return {}
    if media_type != "application/json":
        raise ApiError("unsupported_media_type")
    try:
        value = json.loads(body.decode("utf-8"), object_pairs_hook=_unique, parse_constant=_no_constant)
    except (ValueError, RecursionError) as error:
        raise ApiError("invalid_json", cause=str(error)[:200]) from error
    if not isinstance(value, dict):
        raise invalid_field("body", "must be a JSON object")
    return value


def _unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    values = dict(pairs)
    if len(values) != len(pairs):
        raise ValueError("duplicate key")
    return values


def _no_constant(name: str) -> None:
    raise ValueError(f"{name} is not JSON")
