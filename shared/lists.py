"""Lists that are bare JSON arrays: where they go on stands in a `Link` header (RFC 8288)."""

from urllib.parse import urlencode

from shared.answers import NO_STORE, PRIVATE, Answer, cached
from shared.db.query import Row


def bare_list(row: Row, path: str, limit: int) -> Answer:
    """Return the answer for a row of: the array as JSON text, the next page's cursor or None, and `is_settled`.

    `is_settled` tells that nothing in the list is still being made; otherwise the answer must not be kept. `path` is
    the list's own.
    """
    body, cursor, is_settled = row
    headers = {}
    if cursor is not None:
        headers["Link"] = f'<{path}?{urlencode({"cursor": cursor, "limit": limit})}>; rel="next"'
    return cached(body, PRIVATE if is_settled else NO_STORE, headers)
