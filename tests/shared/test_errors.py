"""The catalogue of errors: what every one of its rows must bring."""

from http import HTTPStatus

import pytest

from shared.errors import PROBLEMS, ApiError


@pytest.mark.parametrize("code", PROBLEMS)
def test_an_error_tells_the_caller_what_to_do_next(code: str) -> None:
    error = ApiError(code)
    HTTPStatus(error.status)
    assert error.message.endswith(".")
    assert ("WWW-Authenticate" in error.headers) == (error.status == 401)
    assert ("Retry-After" in error.headers) == (error.status in (429, 503))
