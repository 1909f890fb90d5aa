"""Cursors: where a list goes on. Made by `logic.cursor` in the database, read here.

Base64url of `v1|list|sort value|id`. A cursor belongs to one list and sort; anything else is refused as a whole.
"""

import base64
import binascii
import math
from datetime import UTC, datetime
from typing import NamedTuple
from uuid import UUID

from shared.errors import ApiError

_MAX_CHARACTERS = 300


class Position(NamedTuple):
    """The last row that was shown: its sort value, as Postgres wrote it, and its id. Both None on the first page."""

    sort_value: str | float | None
    id: UUID | None


START = Position(None, None)


def read_cursor(text: str | None, list_name: str) -> Position:
    """Return the position a client's cursor stands for; no or an empty cursor is the start of the list.

    `list_name` names list and sort, as given to `logic.cursor`. Raises ApiError `invalid_cursor` (400).
    """
    if not text:
        return START
    try:
        if len(text) > _MAX_CHARACTERS:
            raise ValueError("too long")
        padded = text.encode("ascii") + b"=" * (-len(text) % 4)
        version, name, value, row_id = base64.b64decode(padded, b"-_", validate=True).decode().split("|")
        if (version, name) != ("v1", list_name):
            raise ValueError("of another list")
        return Position(value, UUID(row_id))
    except (ValueError, binascii.Error) as error:
        raise ApiError("invalid_cursor", cause=str(error)) from error


def read_number_cursor(text: str | None, list_name: str) -> Position:
    """Return the position like `read_cursor`, for a list that is sorted by a finite number."""
    position = read_cursor(text, list_name)
    if position.sort_value is None:
        return position
    try:
        number = float(position.sort_value)
    except ValueError as error:
        raise ApiError("invalid_cursor", cause=str(error)) from error
    if not math.isfinite(number):
        raise ApiError("invalid_cursor", cause="not a finite number")
    # The number and not its text: Python reads more spellings than Postgres does.
    return Position(number, position.id)


def read_time_cursor(text: str | None, list_name: str) -> Position:
    """Return the position like `read_cursor`, for a list that is sorted by a moment: exact to the microsecond."""
    position = read_cursor(text, list_name)
    if position.sort_value is None:
        return position
    try:
        moment = datetime.fromisoformat(str(position.sort_value))
        if moment.tzinfo is None:
            raise ValueError("no time zone")
        # In UTC: Python reads wider offsets than Postgres does.
        return Position(moment.astimezone(UTC).isoformat(), position.id)
    except (ValueError, OverflowError) as error:
        raise ApiError("invalid_cursor", cause=str(error)) from error


def read_count_cursor(text: str | None, list_name: str) -> Position:
    """Return the position like `read_cursor`, for a list that is sorted by a count, a Postgres integer."""
    position = read_cursor(text, list_name)
    if position.sort_value is None:
        return position
    digits = str(position.sort_value)
    if not (digits.isascii() and digits.isdigit() and len(digits) <= 10 and int(digits) < 2**31):
        raise ApiError("invalid_cursor", cause="not a count")
    return Position(digits, position.id)
