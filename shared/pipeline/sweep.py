"""The sweep: whatever was lost on the way is found here within a minute, in a bounded piece of work.

Jobs come first, then rows that have outlived their use, then files; a part that fails is logged and does not keep the
others from their turn.
"""

import json
import time
from collections.abc import Callable
from typing import Any

from shared.config import Settings
from shared.db.query import fetch_row, fetch_rows
from shared.errors import ApiError
from shared.generation.provider import FAILURES
from shared.log import log, log_crash
from shared.pipeline.litter import remove_litter
from shared.queue.task_queue import TaskQueue

# How long a job that could run may wait before its task counts as lost: with nothing running, and with another job.
IDLE_SECONDS, BUSY_SECONDS = 60.0, 600.0
JOBS_MAX, ROWS_MAX = 100, 5_000
IDEMPOTENCY_KEY_SECONDS = 24 * 3600.0
EVENT_SECONDS = 30 * 24 * 3600.0

# After its deadline a job whose clip is bought is left so long for somebody to ask the provider once more: longer than
# another video keeps the lane.
GRACE_SECONDS = 900.0

TAKE_BACK = "SELECT logic.take_back_expired()"
FAIL_OVERDUE = """
SELECT * FROM logic.fail_overdue(CAST(:failures AS jsonb), CAST(:grace_seconds AS double precision),
    CAST(:limit AS integer))
"""
TO_ENQUEUE = """
SELECT * FROM logic.jobs_to_enqueue(CAST(:idle_seconds AS double precision), CAST(:busy_seconds AS double precision),
    CAST(:limit AS integer))
"""
REMOVE_ALLOWANCES = "SELECT logic.remove_whole_allowances(CAST(:limit AS integer))"
REMOVE_KEYS = "SELECT logic.remove_old_keys(CAST(:age_seconds AS double precision), CAST(:limit AS integer))"
SPOT_CHECK = """
SELECT rule, id, found FROM json_to_recordset(logic.spot_check()) AS broken (rule text, id text, found text)
"""
REMOVE_EVENTS = "SELECT logic.remove_old_events(CAST(:age_seconds AS double precision), CAST(:limit AS integer))"


def sweep(settings: Settings, queue: TaskQueue) -> dict[str, Any]:
    """Repair what there is to repair and return how many of each, None for a part that failed.

    Raises ApiError `database_unavailable`, without which there is nothing to repair.
    """
    started = time.monotonic()
    parts = (
        ("leasesExpired", _take_back_expired),
        ("timedOut", _fail_overdue),
        ("enqueued", lambda: _enqueue_lost(queue)),
        ("rateLimitsRemoved", lambda: _removed(REMOVE_ALLOWANCES)),
        ("idempotencyKeysRemoved", lambda: _removed(REMOVE_KEYS, age_seconds=IDEMPOTENCY_KEY_SECONDS)),
        ("jobEventsRemoved", lambda: _removed(REMOVE_EVENTS, age_seconds=EVENT_SECONDS)),
        ("filesRemoved", lambda: remove_litter(settings, minute=int(time.time() // 60))),
        ("rulesBroken", _check_rules),
    )
    report: dict[str, Any] = {name: _repaired(name, repair) for name, repair in parts}
    report["milliseconds"] = round((time.monotonic() - started) * 1000)
    log("swept", **report)
    return report


def _repaired(name: str, repair: Callable[[], int]) -> int | None:
    try:
        return repair()
    except Exception as error:  # a queue or a storage that is down must not keep jobs from being ended
        if isinstance(error, ApiError) and error.code == "database_unavailable":
            raise
        log_crash("sweep_part_failed", error, part=name)
        return None


def _take_back_expired() -> int:
    rows = fetch_rows(TAKE_BACK)
    for (job_id,) in rows:
        log("job_lease_expired", "WARNING", jobId=job_id)
    return len(rows)


def _fail_overdue() -> int:
    failures = {
        code: {"message": each.message, "retryable": each.retryable, "blamesPrompt": each.prompt_refused}
        for code, each in FAILURES.items()
    }
    rows = fetch_rows(FAIL_OVERDUE, failures=json.dumps(failures), grace_seconds=GRACE_SECONDS, limit=JOBS_MAX)
    for job_id, code in rows:
        log("job_timed_out", "WARNING", jobId=job_id, code=code)
    return len(rows)


def _enqueue_lost(queue: TaskQueue) -> int:
    # Marked before they are enqueued: should that fail, the next sweeps leave them a while and then try again.
    rows = fetch_rows(TO_ENQUEUE, idle_seconds=IDLE_SECONDS, busy_seconds=BUSY_SECONDS, limit=JOBS_MAX)
    for job_id, attempt in rows:
        queue.enqueue_job(job_id, attempt)
        log("job_enqueued_again", "WARNING", jobId=job_id, attempt=attempt)
    return len(rows)


def _check_rules() -> int:
    """Look whether the rows of this minute's slice are as they must be (docs/data.md); nothing here repairs them."""
    broken = fetch_rows(SPOT_CHECK, read_only=True)
    for rule, row_id, found in broken:
        log("rule_broken", "ERROR", rule=rule, id=row_id, found=found)
    return len(broken)


def _removed(sql: str, **values: Any) -> int:
    row = fetch_row(sql, limit=ROWS_MAX, **values)
    return int(row[0]) if row else 0
