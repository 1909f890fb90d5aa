"""The catalogue of failures: sentences a person can read, and flags that do not contradict each other."""

import pytest

from shared.generation import flow_errors, veo_errors
from shared.generation.provider import FAILURES, Failure, GenerationError
from shared.generation.transport import Call


@pytest.mark.parametrize(("code", "failure"), FAILURES.items())
def test_every_failure_is_consistent(code: str, failure: Failure) -> None:
    assert code.replace("_", "").islower()
    assert failure.message.endswith(".")
    assert failure.message[0].isupper()
    assert failure.transient or not failure.resubmit
    assert failure.transient or failure.retry_after_seconds is None
    assert not (failure.prompt_refused and failure.transient)
    # What the pipeline itself would try again is worth a person's try as well.
    assert failure.retryable or not failure.transient


def test_an_error_is_what_the_catalogue_says() -> None:
    error = GenerationError("provider_quota", "HTTP 429")
    assert (error.code, error.detail, str(error)) == ("provider_quota", "HTTP 429", "provider_quota: HTTP 429")
    assert Failure(*[getattr(error, name) for name in Failure._fields]) == FAILURES["provider_quota"]


def codes(call: Call, status: int) -> set[str]:
    """Return what both providers' answers of a status, with nothing more to go by, are taken for."""
    return {flow_errors.http_failure(call, status, b"").code, veo_errors.http_failure(call, status, "").code}


def test_a_clip_that_is_paid_for_is_given_up_only_for_an_answer_that_says_so() -> None:
    found = {status: codes("poll", status) for status in range(300, 600)}
    assert {status: each for status, each in found.items() if each != {"provider_unavailable"}} == {
        400: {"provider_rejected_request"},
        401: {"provider_unauthorized"},
        403: {"provider_access_denied"},
        404: {"operation_lost"},
        429: {"provider_throttled"},
    }


@pytest.mark.parametrize("status", [408, 499, 502, 504])
def test_a_submission_that_may_have_got_through_is_not_repeated(status: int) -> None:
    assert codes("submit", status) == {"submission_unconfirmed"}


def test_a_code_that_is_not_in_the_catalogue_cannot_be_raised() -> None:
    with pytest.raises(KeyError):
        GenerationError("no_such_code")
