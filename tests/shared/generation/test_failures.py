"""The catalogue of failures: sentences a person can read, and flags that do not contradict each other."""

import pytest

from shared.generation.provider import FAILURES, Failure, GenerationError


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


def test_a_code_that_is_not_in_the_catalogue_cannot_be_raised() -> None:
    with pytest.raises(KeyError):
        GenerationError("no_such_code")
