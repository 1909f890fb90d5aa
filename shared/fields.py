"""Reading what a client sent: one function a kind of field, each with its own clear refusal."""

import re
from collections.abc import Mapping
from typing import Any
from uuid import UUID

from shared.errors import ApiError, invalid_field

_WHOLE_NUMBER = re.compile(r"[0-9]{1,9}")
# `\Z` and not `$`: a trailing newline is not part of an id.
_UUID = re.compile(r"[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}\Z", re.IGNORECASE)


def path_id(parameters: Mapping[str, str], missing_code: str) -> UUID:
    """Return the `{id}` of the path. What is not a UUID names nothing: raises ApiError `missing_code` (a 404)."""
    if not _UUID.match(parameters["id"]):
        raise ApiError(missing_code)
    return UUID(parameters["id"])


def page_limit(query: Mapping[str, str], default: int, maximum: int) -> int:
    """Return `?limit=`, lowered to `maximum`. Raises ApiError `validation_failed` unless it is a number from 1 up."""
    text = query.get("limit", "")
    if not text:
        return default
    if not _WHOLE_NUMBER.fullmatch(text) or int(text) < 1:
        raise invalid_field("limit", "must be a whole number, 1 or more")
    return min(int(text), maximum)


def only_fields(body: dict[str, Any], *names: str) -> None:
    """Refuse fields nobody asked for, by ApiError `validation_failed` that names each."""
    unknown = sorted(set(body) - set(names))
    if unknown:
        raise ApiError("validation_failed", fields=[(name[:100], "is not a known field") for name in unknown])


def text_field(body: dict[str, Any], name: str, max_characters: int) -> str:
    """Return a required text, trimmed. Raises ApiError `validation_failed` when it is missing, empty or too long."""
    value = body.get(name)
    if not isinstance(value, str):
        raise invalid_field(name, "is required and must be a text")
    value = value.strip()
    if not value or len(value) > max_characters:
        raise invalid_field(name, f"must have 1 to {max_characters} characters")
    return storable(name, value)


def storable(name: str, text: str) -> str:
    """Return the text if Postgres can keep it: no NUL, no half of a surrogate pair. Raises `validation_failed`."""
    if "\x00" in text or any("\ud800" <= character <= "\udfff" for character in text):
        raise invalid_field(name, "contains a character that cannot be stored")
    return text
