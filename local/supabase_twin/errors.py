"""How the auth service says no: one exception, and the two JSON forms its clients understand."""

from datetime import date

from flask import Response, jsonify, request

API_VERSION_HEADER = "X-Supabase-Api-Version"
API_VERSION_WITH_TEXT_CODES = "2024-01-01"


class AuthError(Exception):
    """A refusal with its HTTP status, the service's stable error code and a sentence.

    `weak_password_reasons` is set for the code `weak_password` only.
    """

    def __init__(self, status: int, code: str, message: str, weak_password_reasons: tuple[str, ...] = ()) -> None:
        super().__init__(message)
        self.status = status
        self.code = code
        self.message = message
        self.weak_password_reasons = weak_password_reasons


def invalid_credentials() -> AuthError:
    """Return the refusal of a sign-in; the same for an unknown person and a wrong password."""
    return AuthError(400, "invalid_credentials", "Invalid login credentials")


def validation_failed(message: str) -> AuthError:
    """Return the refusal of a request that breaks a rule."""
    return AuthError(400, "validation_failed", message)


def error_response(error: AuthError) -> Response:
    """Return the answer for `error`, in the form the caller's API version asks for."""
    body: dict[str, object]
    if _wants_text_codes():
        body = {"code": error.code, "message": error.message}
    else:
        body = {"code": error.status, "error_code": error.code, "msg": error.message}
    if error.code == "weak_password":
        body["weak_password"] = {"reasons": list(error.weak_password_reasons)}
    response = jsonify(body)
    response.status_code = error.status
    response.headers["X-Sb-Error-Code"] = error.code
    if _wants_text_codes():
        response.headers[API_VERSION_HEADER] = API_VERSION_WITH_TEXT_CODES
    return response


def _wants_text_codes() -> bool:
    # An absent or broken header means the first version, as in the real service.
    try:
        wanted = date.fromisoformat(request.headers.get(API_VERSION_HEADER, ""))
    except ValueError:
        return False
    return wanted >= date.fromisoformat(API_VERSION_WITH_TEXT_CODES)
