"""Every error a client can meet: its stable code, its status and its sentence, decided once."""

from typing import NamedTuple


class Problem(NamedTuple):
    """One row of the catalogue: the HTTP status, the sentence a person reads, a 401's challenge (RFC 9110, 15.5.2)."""

    status: int
    message: str
    challenge: str | None = None


# What a caller is told to wait who is told nothing more exact.
RETRY_AFTER_SECONDS = 5

# How a caller may show who they are: RFC 6750 (3), and a scheme of our own for request signatures.
_BEARER, _ANOTHER_BEARER, _SIGNATURE = "Bearer", 'Bearer error="invalid_token"', "InstaVeo-Signature"

PROBLEMS: dict[str, Problem] = {
    "invalid_request": Problem(400, "This request cannot be read."),
    "invalid_json": Problem(400, "The request body is not valid JSON."),
    "invalid_cursor": Problem(400, "This cursor does not belong to this list. Start again from the first page."),
    "missing_token": Problem(401, "Sign in to do this.", _BEARER),
    "invalid_token": Problem(401, "Your session is not valid. Sign in again.", _ANOTHER_BEARER),
    "expired_token": Problem(401, "Your session has expired. Sign in again.", _ANOTHER_BEARER),
    "missing_signature": Problem(401, "This request must be signed.", _SIGNATURE),
    "invalid_signature": Problem(401, "The request signature is not valid.", _SIGNATURE),
    "expired_signature": Problem(401, "The request signature has expired.", _SIGNATURE),
    "invalid_caller": Problem(401, "Only the platform itself may call this.", _ANOTHER_BEARER),
    "invalid_hook_signature": Problem(401, "The hook's secret or signature is not valid.", _ANOTHER_BEARER),
    "invalid_link": Problem(403, "This download link is not valid."),
    "expired_link": Problem(403, "This download link has expired. Ask for a new one."),
    "not_owner": Problem(403, "This belongs to somebody else."),
    "anonymous_user": Problem(403, "Create an account to do this."),
    "not_found": Problem(404, "There is nothing at this address."),
    "video_not_found": Problem(404, "This video does not exist."),
    "user_not_found": Problem(404, "This user does not exist."),
    "media_not_found": Problem(404, "This file does not exist."),
    "provider_not_supported": Problem(404, "Signing in with this provider is not supported."),
    "method_not_allowed": Problem(405, "This address does not answer this method."),
    "username_taken": Problem(409, "This username is taken. Choose another one."),
    "video_not_ready": Problem(409, "This video is not finished yet."),
    "operation_in_use": Problem(409, "This operation belongs to another video."),
    "body_too_large": Problem(413, "The request body is too large."),
    "unsupported_media_type": Problem(415, "Send the request body as application/json."),
    "range_not_satisfiable": Problem(416, "The file is shorter than the range asked for."),
    "validation_failed": Problem(422, "Some fields are not valid."),
    "idempotency_key_reused": Problem(422, "This Idempotency-Key was used for a different request."),
    "redirect_not_allowed": Problem(422, "This redirect address is not on the list of allowed ones."),
    "cooldown": Problem(429, "You just created a video. Wait a moment before the next one."),
    "rate_limited": Problem(429, "Too many requests. Slow down a little."),
    "internal_error": Problem(500, "Something went wrong on our side. Try again in a moment."),
    "queue_full": Problem(503, "Many videos are waiting to be rendered. Try again in a few minutes."),
    "lane_busy": Problem(503, "Another video is being rendered."),
    "try_again": Problem(503, "The work is not finished. Try again."),
    "not_configured": Problem(503, "This part of the service is not configured."),
    "auth_unavailable": Problem(503, "Sign-in cannot be checked right now. Try again in a moment."),
    "database_unavailable": Problem(503, "The database cannot be reached. Try again in a moment."),
    "storage_unavailable": Problem(503, "The video storage cannot be reached. Try again in a moment."),
}


class ApiError(Exception):
    """An answer other than success, raised anywhere below the edge and turned into JSON by it.

    `code` is a key of `PROBLEMS` (KeyError otherwise); `message` replaces the catalogue's sentence; `headers` are sent
    with the answer; `fields` are pairs of field name and sentence for validation failures; `cause` is written to the
    log and never to the answer. Who is to come back later (429, 503) is told when, by a `Retry-After` in any case; who
    is to show who they are (401) is told how, by a `WWW-Authenticate`.
    """

    def __init__(
        self,
        code: str,
        message: str | None = None,
        *,
        headers: dict[str, str] | None = None,
        fields: list[tuple[str, str]] | None = None,
        cause: str | None = None,
    ) -> None:
        problem = PROBLEMS[code]
        self.code = code
        self.status = problem.status
        self.message = message or problem.message
        wait = {"Retry-After": str(RETRY_AFTER_SECONDS)} if self.status in (429, 503) else {}
        challenge = {"WWW-Authenticate": problem.challenge} if problem.challenge else {}
        self.headers = wait | challenge | (headers or {})
        self.fields = fields or []
        self.cause = cause
        super().__init__(f"{self.status} {code}: {cause or self.message}")


def invalid_field(name: str, message: str) -> ApiError:
    """Return the 422 `validation_failed` error that names one field, e.g. `invalid_field("prompt", "is empty")`."""
    return ApiError("validation_failed", f"{name} {message}.", fields=[(name, message)])
