"""Flow's errors, told apart: google.rpc answers of its calls and the `error` of an operation that has FAILED.

Flow has no public documentation. What is here comes from captures of its web app (2025, early 2026).
"""

import json
import re
from collections.abc import Mapping
from typing import Any

from shared.generation.provider import GenerationError
from shared.generation.transport import Call

RPC_INVALID_ARGUMENT = 3
RPC_NOT_FOUND = 5
DETAIL_MAX_CHARACTERS = 500
_REASON = re.compile(r"PUBLIC_ERROR_\w+")
_REFUSAL = re.compile(r"UNSAFE|FILTER|MINOR|SEXUAL|VIOLENCE|DANGER")
_CODES: dict[tuple[Call, int], str] = {
    ("submit", 401): "provider_unauthorized",
    ("poll", 401): "provider_unauthorized",
    ("poll", 404): "operation_lost",
    # Whoever answers so does not know whether the request got through.
    ("submit", 408): "submission_unconfirmed",
    ("submit", 499): "submission_unconfirmed",
    ("submit", 502): "submission_unconfirmed",
    ("submit", 504): "submission_unconfirmed",
}
_CAPTCHA_REASONS = ("PUBLIC_ERROR_UNUSUAL_ACTIVITY", "PUBLIC_ERROR_SOMETHING_WENT_WRONG")


def http_failure(call: Call, status: int, content: bytes) -> GenerationError:
    """Return the error that an HTTP answer of `status` (not 2xx) with this body stands for, made at `call`."""
    error = _rpc_error(content)
    message, reason = str(error.get("message", "")), _reason(error)
    detail = f"{call}: HTTP {status} {error.get('status', '')} {reason} {message}"[:DETAIL_MAX_CHARACTERS]
    return GenerationError(_http_code(call, status, reason, message), detail)


def _http_code(call: Call, status: int, reason: str, message: str) -> str:
    match status:
        case 400:
            return _refusal_code(reason) or "provider_rejected_request"
        case 403:
            captcha = reason in _CAPTCHA_REASONS or "recaptcha" in message.lower()
            return "provider_captcha" if captcha else "provider_access_denied"
        case 429:
            return "provider_quota" if "QUOTA" in reason else "provider_throttled"
    if (call, status) in _CODES:
        return _CODES[call, status]
    # Nobody has seen any other status. A poll that got it says nothing of the clip, which is paid for.
    return "provider_unavailable" if call == "poll" or status >= 500 else "provider_rejected_request"


def operation_failure(error: Mapping[str, Any]) -> GenerationError:
    """Return what the `error` of an ended operation stands for; `error` may be empty, for some give no reason."""
    message = str(error.get("message", ""))
    detail = f"operation: {error.get('code', '')} {message}"[:DETAIL_MAX_CHARACTERS]
    return GenerationError(_operation_code(error.get("code"), _reason(error), message), detail)


def _operation_code(code: object, reason: str, message: str) -> str:
    if "TIMED_OUT" in message:
        return "generation_timed_out"
    if code == RPC_NOT_FOUND:
        return "operation_lost"
    if refusal := _refusal_code(reason):
        return refusal
    return "prompt_refused" if code == RPC_INVALID_ARGUMENT else "generation_failed"


def _refusal_code(reason: str) -> str | None:
    if "AUDIO" in reason:
        return "audio_refused"
    return "prompt_refused" if _REFUSAL.search(reason) else None


def _rpc_error(content: bytes) -> dict[str, Any]:
    try:
        error = json.loads(content)["error"]
    except (ValueError, KeyError, TypeError):
        return {}
    return error if isinstance(error, dict) else {}


def _reason(error: Mapping[str, Any]) -> str:
    """Return the PUBLIC_ERROR_… of an error, from its details or its message; empty when there is none."""
    details = error.get("details")
    for detail in details if isinstance(details, list) else []:
        if isinstance(detail, dict) and isinstance(detail.get("reason"), str):
            return str(detail["reason"])
    found = _REASON.search(str(error.get("message", "")))
    return found.group() if found else ""
