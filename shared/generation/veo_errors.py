"""Veo's errors, told apart: HTTP answers, the `error` of an operation that is done, and clips that were filtered.

https://cloud.google.com/vertex-ai/generative-ai/docs/video/responsible-ai-and-usage-guidelines
"""

import re
from collections.abc import Mapping, Sequence
from typing import Any

from shared.generation.provider import GenerationError
from shared.generation.transport import Call

DETAIL_MAX_CHARACTERS = 500
_REFUSAL = re.compile(r"violat|responsible ai|usage guidelines|sensitive|safety|support codes?:", re.IGNORECASE)
_HTTP_CODES: dict[tuple[Call, int], str] = {
    ("poll", 404): "operation_lost",
    # Vertex says so of a model that this project or location does not have.
    ("submit", 404): "provider_access_denied",
    # Whoever answers so does not know whether the request got through.
    ("submit", 408): "submission_unconfirmed",
    ("submit", 499): "submission_unconfirmed",
    ("submit", 502): "submission_unconfirmed",
    ("submit", 504): "submission_unconfirmed",
}
# google.rpc.Code: https://github.com/googleapis/googleapis/blob/master/google/rpc/code.proto
_OPERATION_CODES = {
    3: "provider_rejected_request",
    4: "generation_timed_out",
    5: "operation_lost",
    7: "provider_access_denied",
    8: "generation_quota",
}


def http_failure(call: Call, status: int, message: str) -> GenerationError:
    """Return the error that an HTTP answer of `status` (not 200) stands for, made at `call`."""
    return GenerationError(
        _http_code(call, status, message), f"{call}: HTTP {status} {message}"[:DETAIL_MAX_CHARACTERS]
    )


def _http_code(call: Call, status: int, message: str) -> str:
    match status:
        case 400:
            return "prompt_refused" if _REFUSAL.search(message) else "provider_rejected_request"
        case 401:
            return "provider_unauthorized"
        case 403:
            return "provider_access_denied"
        case 429:
            return "provider_quota" if "per_day" in message or "per day" in message else "provider_throttled"
    if (call, status) in _HTTP_CODES:
        return _HTTP_CODES[call, status]
    # A poll that got any other status says nothing of the clip, which is paid for.
    return "provider_unavailable" if call == "poll" or status >= 500 else "provider_rejected_request"


def operation_failure(error: Mapping[str, Any]) -> GenerationError:
    """Return what the `error` of an operation stands for. The operation is over, whatever the reason."""
    code, message = error.get("code"), str(error.get("message", ""))
    refused = code == 3 and _REFUSAL.search(message)
    ours = "prompt_refused" if refused else _OPERATION_CODES.get(code if isinstance(code, int) else 0)
    return GenerationError(ours or "generation_failed", f"operation: {code} {message}"[:DETAIL_MAX_CHARACTERS])


def no_clip(reasons: Sequence[str]) -> GenerationError:
    """Return what an operation without a clip stands for: filtered for these `reasons`, or failed without any."""
    text = " ".join(reasons)
    if not text:
        return GenerationError("generation_failed", "operation: done without a clip and without a reason")
    code = "audio_refused" if "audio" in text.lower() else "prompt_refused"
    return GenerationError(code, f"operation: filtered: {text}"[:DETAIL_MAX_CHARACTERS])
