"""Everything a generation at the twin can come to. One name each; the control API takes these names."""

from typing import NamedTuple


class HttpFault(NamedTuple):
    """An answer in google.rpc's error format; no `reason` means no details."""

    status: int
    rpc_status: str
    message: str
    reason: str | None = None


class OperationFault(NamedTuple):
    """The `error` of an operation that ended as FAILED; `on_entry` puts it one level up, as is seen at times."""

    code: int
    message: str
    on_entry: bool = False


HTTP_FAULTS = {
    "unsafe": HttpFault(
        400, "INVALID_ARGUMENT", "Request contains an invalid argument.", "PUBLIC_ERROR_UNSAFE_GENERATION"
    ),
    "prominent_people": HttpFault(
        400, "INVALID_ARGUMENT", "Request contains an invalid argument.", "PUBLIC_ERROR_PROMINENT_PEOPLE_FILTER_FAILED"
    ),
    "unknown_field": HttpFault(
        400, "INVALID_ARGUMENT", 'Invalid JSON payload received. Unknown name "tool": Cannot find field.'
    ),
    "unauthorized": HttpFault(401, "UNAUTHENTICATED", "Request had invalid authentication credentials."),
    "captcha": HttpFault(403, "PERMISSION_DENIED", "reCAPTCHA evaluation failed", "PUBLIC_ERROR_UNUSUAL_ACTIVITY"),
    "access_denied": HttpFault(
        403, "PERMISSION_DENIED", "The caller does not have permission", "PUBLIC_ERROR_MODEL_ACCESS_DENIED"
    ),
    "not_found": HttpFault(404, "NOT_FOUND", "Requested entity was not found."),
    "quota": HttpFault(
        429, "RESOURCE_EXHAUSTED", "Resource has been exhausted (e.g. check quota).", "PUBLIC_ERROR_USER_QUOTA_REACHED"
    ),
    "throttled": HttpFault(
        429, "RESOURCE_EXHAUSTED", "Resource has been exhausted.", "PUBLIC_ERROR_USER_REQUESTS_THROTTLED"
    ),
    "internal": HttpFault(500, "INTERNAL", "Internal error encountered."),
    "unavailable": HttpFault(503, "UNAVAILABLE", "The service is currently unavailable.", "PUBLIC_ERROR_HIGH_TRAFFIC"),
    "gateway_timeout": HttpFault(504, "DEADLINE_EXCEEDED", "Deadline expired before operation could complete."),
}
# Answers that are no answers. A submission that ends so has been accepted all the same.
SILENT_FAULTS = {
    "empty": "200 with an empty body",
    "not_json": "200 with a page of HTML",
    "timeout": "no answer for hangSeconds, then a closed connection",
}
OPERATION_FAULTS = {
    "refused": OperationFault(3, "PUBLIC_ERROR_UNSAFE_GENERATION"),
    "refused_on_entry": OperationFault(3, "PUBLIC_ERROR_MINOR_INPUT_IMAGE", on_entry=True),
    "audio_filtered": OperationFault(3, "PUBLIC_ERROR_AUDIO_FILTERED"),
    "generation_timed_out": OperationFault(3, "PUBLIC_ERROR_VIDEO_GENERATION_TIMED_OUT"),
    "generation_failed": OperationFault(13, "Internal error encountered."),
}
OTHER_OUTCOMES = {
    "success": "a clip after secondsPerClip",
    "fast": "a clip in a tenth of the time",
    "slow": "a clip in five times the time",
    "failed_without_error": "ends as FAILED and does not say why",
    "unknown_status": "reports a status that nobody has listed, until it is ready",
    "frozen": "stays ACTIVE for ever",
    "vanished": "is accepted, then every poll answers 404",
    "expired_url": "ready, with addresses that have expired (times: polls)",
    "truncated_file": "the file holds half of the clip (times: downloads)",
    "cut_connection": "the connection breaks in the middle of the file (times: downloads)",
    "wrong_bytes": "the file is a page of HTML (times: downloads)",
    "moov_last": "a sound clip whose index comes last in the file",
}
OUTCOMES: dict[str, str] = {
    **OTHER_OUTCOMES,
    **{name: f"ends as FAILED with {fault.message}" for name, fault in OPERATION_FAULTS.items()},
    **{f"submit_{name}": f"submitting answers {fault.status}" for name, fault in HTTP_FAULTS.items()},
    **{f"submit_{name}": f"submitting gives {what}; the work goes on" for name, what in SILENT_FAULTS.items()},
    **{f"poll_{name}": f"polling answers {fault.status} (times: polls)" for name, fault in HTTP_FAULTS.items()},
    **{f"poll_{name}": f"polling gives {what} (times: polls)" for name, what in SILENT_FAULTS.items()},
}
