"""GET /health: whether the parts that the API stands on answer, each named."""

import json
from typing import Any

from shared.answers import NO_STORE, Answer, cached
from shared.call import Call
from shared.config import settings
from shared.db.query import fetch_row
from shared.endpoint import endpoint
from shared.errors import RETRY_AFTER_SECONDS
from shared.log import log_crash
from shared.storage.factory import storage

# The queue as the jobs know it: how many wait, how many are rendered (one at most), how long the first one waits.
SQL = """
SELECT json_build_object(
    'waiting', count(*) FILTER (WHERE status = 'queued'),
    'rendering', count(*) FILTER (WHERE status = 'running'),
    'oldestWaitSeconds',
    floor(coalesce(extract(epoch FROM now() - min(created_at) FILTER (WHERE status = 'queued')), 0))
)::text
FROM video_jobs WHERE status IN ('queued', 'running')
"""


@endpoint("GET", "/health", access="none", signed=False)
def health_check(call: Call) -> Answer:  # noqa: ARG001 - a route takes its call, also one that needs nothing of it
    """Answer 200 when database, storage and queue work, 503 when one does not; the body names each."""
    queue = _queue()
    parts: dict[str, Any] = {
        "database": {"status": _word(queue is not None)},
        "queue": {"status": _word(queue is not None), **(queue or {})},
        "storage": {"status": _word(_storage_answers())},
    }
    is_well = all(part["status"] == "ok" for part in parts.values())
    body = json.dumps({"status": _word(is_well), "parts": parts})
    if is_well:
        return cached(body, NO_STORE)
    return Answer(body, 503, {"Cache-Control": NO_STORE, "Retry-After": str(RETRY_AFTER_SECONDS)})


def _word(works: bool) -> str:
    return "ok" if works else "unavailable"


def _queue() -> dict[str, int] | None:
    try:
        row = fetch_row(SQL, read_only=True)
    except Exception as error:  # noqa: BLE001 - a health check reports every failure as what it is: unavailable
        log_crash("queue_check_failed", error)
        return None
    return json.loads(row[0]) if row else None


def _storage_answers() -> bool:
    try:
        storage(settings()).find("health/nothing.jpg")
    except Exception as error:  # noqa: BLE001 - as above
        log_crash("storage_check_failed", error)
        return False
    return True
