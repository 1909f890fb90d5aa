"""Structured logs: one JSON object a line, in the fields Cloud Logging understands.

https://cloud.google.com/logging/docs/structured-logging
"""

import json
import sys
import traceback
from contextlib import suppress
from contextvars import ContextVar
from datetime import UTC, datetime
from typing import Any

from shared.config import settings

_SEVERITIES = ("DEBUG", "INFO", "WARNING", "ERROR")
# Of a record that must be found later: written at every LOG_LEVEL, and no alert.
RECORD = "NOTICE"
_CRASH_TYPE = "type.googleapis.com/google.devtools.clouderrorreporting.v1beta1.ReportedErrorEvent"

# Made once: `json.dumps` with a default of its own makes one for every line.
_encode = json.JSONEncoder(default=str).encode

# What every line of one request carries: its id and, in the cloud, its trace.
request_fields: ContextVar[dict[str, str] | None] = ContextVar("request_fields", default=None)


def log(event: str, severity: str = "INFO", **fields: Any) -> None:
    """Write one line: a constant event name, and fields that are ids, numbers and short texts, never secrets."""
    if severity != RECORD and _SEVERITIES.index(severity) < _SEVERITIES.index(settings().log_level):
        return
    now = datetime.now(UTC).isoformat()
    line = {"severity": severity, "message": event, "time": now, **(request_fields.get() or {}), **fields}
    text = _encode(line) + "\n"
    # An output that is gone (ValueError: closed) must not undo, nor repeat, what the line was to tell of.
    with suppress(OSError, ValueError):
        # One write for the whole line, so that lines of concurrent threads do not mix.
        sys.stdout.write(text)
        sys.stdout.flush()


def log_crash(event: str, error: BaseException, **fields: Any) -> None:
    """Write one line that Error Reporting groups by its traceback; the traceback goes nowhere else."""
    stack = "".join(traceback.format_exception(error))
    log(event, "ERROR", **{"@type": _CRASH_TYPE, "stack_trace": stack}, **fields)


def trace_fields(trace_context: str | None, project: str | None) -> dict[str, str]:
    """Return the log fields that tie a line to the request's trace, from an `X-Cloud-Trace-Context` header's text."""
    if not trace_context or not project:
        return {}
    trace_id = trace_context.partition("/")[0]
    return {"logging.googleapis.com/trace": f"projects/{project}/traces/{trace_id}"}
