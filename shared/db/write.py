"""Answers of the writing functions of the database (`logic.answer`), turned into the HTTP of limits and errors."""

from typing import Any
from uuid import UUID

from shared.answers import NO_STORE, Answer
from shared.db.query import Row, fetch_row
from shared.errors import ApiError

# The columns of logic.answer in their order; a route says `SELECT * FROM logic.something(…)`, since
# `SELECT (logic.something(…)).*` would call it once a column.
_ERROR, _BODY, _RETRY_AFTER, _ALLOWANCE, _PERIOD, _REMAINING, _RESET, _REPLAYED, _JOB_ID, _BUCKET = range(10)


def write(sql: str, *, status: int = 200, **values: Any) -> tuple[Answer, UUID | None]:
    """Run a statement that returns one `logic.answer`; return the answer and the id of a job to enqueue, if any.

    Raises ApiError with the code of the rule that stopped the write.
    """
    row = fetch_row(sql, **values)
    if row is None:
        raise TypeError("a writing statement must return one logic.answer")
    headers = {"Cache-Control": NO_STORE, **_limit_headers(row)}
    if row[_ERROR] is not None:
        raise ApiError(row[_ERROR], headers=headers)
    if row[_REPLAYED]:
        headers["Idempotent-Replayed"] = "true"
    return Answer(row[_BODY] or "", status, headers), row[_JOB_ID]


def _limit_headers(row: Row) -> dict[str, str]:
    """Return Retry-After and the RateLimit fields (draft-ietf-httpapi-ratelimit-headers) of a `logic.answer`."""
    headers = {}
    if row[_RETRY_AFTER] is not None:
        headers["Retry-After"] = str(row[_RETRY_AFTER])
    if row[_ALLOWANCE] is not None:
        headers["RateLimit-Policy"] = f'"{row[_BUCKET]}";q={row[_ALLOWANCE]};w={row[_PERIOD]}'
        headers["RateLimit"] = f'"{row[_BUCKET]}";r={row[_REMAINING]};t={row[_RESET]}'
    return headers
