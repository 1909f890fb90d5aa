"""Ranges and conditions of GET, as pure functions (RFC 9110, sections 13 and 14)."""

import re

from shared.errors import ApiError

# More digits than any file has bytes, and fewer than Python refuses to read as a number.
_ONE_RANGE = re.compile(r"bytes=[ \t]*([0-9]{0,4000})-([0-9]{0,4000})[ \t]*", re.IGNORECASE)
_TAG = re.compile(r'(?:W/)?("[\x21\x23-\x7e\x80-\xff]*")')


def requested_range(header: str | None, size_bytes: int) -> tuple[int, int] | None:
    """Return the first byte and the one after the last that a Range header asks for, or None for the whole.

    Several ranges, other units and malformed text count as no range, which the RFC allows or demands. Raises ApiError
    `range_not_satisfiable` with the Content-Range that tells the size.
    """
    match = _ONE_RANGE.fullmatch(header or "")
    if match is None or match[1] == match[2] == "":
        return None
    first, last = match[1], match[2]
    if first == "":
        # The last bytes of an empty file are the whole of it; "the last zero bytes" is never satisfiable.
        if size_bytes == 0 and int(last) > 0:
            return None
        start, end = max(0, size_bytes - int(last)), size_bytes
    else:
        start, end = int(first), min(int(last) + 1 if last else size_bytes, size_bytes)
        if last and int(last) < start:
            return None
    if start >= size_bytes:
        raise ApiError("range_not_satisfiable", headers={"Content-Range": f"bytes */{size_bytes}"})
    return start, end


def is_unchanged(if_none_match: str | None, etag: str) -> bool:
    """Return whether If-None-Match names this ETag, or `*`, so that the answer is 304 (weak comparison)."""
    if if_none_match is None:
        return False
    return if_none_match.strip() == "*" or etag.removeprefix("W/") in _TAG.findall(if_none_match)


def may_continue(if_range: str | None, etag: str) -> bool:
    """Return whether a range may be answered: If-Range is absent or names this very ETag (strong comparison).

    Dates never do: we send no Last-Modified.
    """
    return if_range is None or (if_range.strip() == etag and not etag.startswith("W/"))
