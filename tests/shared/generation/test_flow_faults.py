"""Every fault the twin can play, and what the pipeline gets to know of it. No row may be missing."""

import pytest

from local.flow_twin.outcomes import OUTCOMES
from shared.generation.flow import FlowProvider
from shared.generation.provider import FAILURES, Clip, GenerationError
from shared.generation.transport import http_client
from tests.local.flow_twin.twin_server import ACCESS_TOKEN, Twin
from tests.shared.generation.conftest import MakeFlow, clip_of

PROMPT = "A lighthouse in a storm"

AT_SUBMIT = {
    "submit_unsafe": "prompt_refused",
    "submit_prominent_people": "prompt_refused",
    "submit_unknown_field": "provider_rejected_request",
    "submit_unauthorized": "provider_unauthorized",
    "submit_captcha": "provider_captcha",
    "submit_access_denied": "provider_access_denied",
    "submit_not_found": "provider_rejected_request",
    "submit_quota": "provider_quota",
    "submit_throttled": "provider_throttled",
    "submit_internal": "provider_unavailable",
    "submit_unavailable": "provider_unavailable",
    "submit_gateway_timeout": "submission_unconfirmed",
    "submit_empty": "submission_unconfirmed",
    "submit_not_json": "submission_unconfirmed",
    "submit_timeout": "submission_unconfirmed",
}
AT_POLL = {
    "poll_unsafe": "prompt_refused",
    "poll_prominent_people": "prompt_refused",
    "poll_unknown_field": "provider_rejected_request",
    "poll_unauthorized": "provider_unauthorized",
    "poll_captcha": "provider_captcha",
    "poll_access_denied": "provider_access_denied",
    "poll_not_found": "operation_lost",
    "poll_quota": "provider_quota",
    "poll_throttled": "provider_throttled",
    "poll_internal": "provider_unavailable",
    "poll_unavailable": "provider_unavailable",
    "poll_gateway_timeout": "provider_unavailable",
    "poll_empty": "provider_unavailable",
    "poll_not_json": "provider_unavailable",
    "poll_timeout": "provider_unavailable",
    "vanished": "operation_lost",
    "refused": "prompt_refused",
    "refused_on_entry": "prompt_refused",
    "audio_filtered": "audio_refused",
    "generation_timed_out": "generation_timed_out",
    "generation_failed": "generation_failed",
    "failed_without_error": "generation_failed",
}
RUNNING = {"frozen": "MEDIA_GENERATION_STATUS_ACTIVE"}
READY = {
    "success", "fast", "slow", "unknown_status", "expired_url", "truncated_file", "cut_connection", "wrong_bytes",
    "moov_last",
}  # fmt: skip


def test_every_outcome_of_the_twin_has_its_row() -> None:
    rows = [*AT_SUBMIT, *AT_POLL, *RUNNING, *READY]
    assert sorted(rows) == sorted(OUTCOMES)


def patience_seconds(outcome: str) -> float:
    """The twin hangs for a while before it breaks a connection; less than that is waited for."""
    return 1.0 if outcome in ("submit_timeout", "poll_timeout") else 30.0


@pytest.mark.parametrize(("outcome", "code"), AT_SUBMIT.items())
def test_a_fault_at_submit(make_flow: MakeFlow, twin: Twin, scene_id: str, outcome: str, code: str) -> None:
    twin.arm(outcome, submissions=None)
    bought = twin.bought()
    with http_client(patience_seconds(outcome)) as client:
        provider = make_flow(client=client, access_token=ACCESS_TOKEN)
        with pytest.raises(GenerationError) as caught:
            provider.submit(PROMPT, scene_id, "9:16", 1)
    assert caught.value.code == code
    assert not caught.value.resubmit
    # The promise of Provider.submit: whatever is transient has bought nothing.
    assert not (caught.value.transient and twin.bought() > bought)


@pytest.mark.parametrize(("outcome", "code"), AT_POLL.items())
def test_a_fault_at_poll(make_flow: MakeFlow, twin: Twin, scene_id: str, outcome: str, code: str) -> None:
    twin.arm(outcome)
    with http_client(patience_seconds(outcome)) as client:
        name = make_flow().submit(PROMPT, scene_id, "9:16", 1)
        provider = make_flow(client=client, access_token=ACCESS_TOKEN)
        with pytest.raises(GenerationError) as caught:
            provider.poll(name, scene_id, None)
    assert caught.value.code == code


@pytest.mark.parametrize(
    "outcome", [name for name, code in AT_POLL.items() if name.startswith("poll_") and FAILURES[code].transient]
)
def test_a_passing_fault_at_poll_does_not_cost_the_clip(
    make_flow: MakeFlow, twin: Twin, scene_id: str, outcome: str
) -> None:
    twin.arm(outcome, times=2)
    with http_client(patience_seconds(outcome)) as client:
        name = make_flow().submit(PROMPT, scene_id, "9:16", 1)
        provider = make_flow(client=client, access_token=ACCESS_TOKEN)
        # A 401 is tried again with a new token within one poll: two of them make one failure.
        for _ in range(1 if outcome == "poll_unauthorized" else 2):
            with pytest.raises(GenerationError) as caught:
                provider.poll(name, scene_id, None)
            assert (caught.value.transient, caught.value.resubmit) == (True, False)
        assert isinstance(clip_of(make_flow(), name, scene_id), Clip)


@pytest.mark.parametrize(("outcome", "status"), RUNNING.items())
def test_what_never_ends_is_reported_as_running(
    flow: FlowProvider, twin: Twin, scene_id: str, outcome: str, status: str
) -> None:
    twin.arm(outcome)
    name = flow.submit(PROMPT, scene_id, "9:16", 1)
    found = flow.poll(name, scene_id, None)
    assert not isinstance(found, Clip)
    assert found.status == status


@pytest.mark.parametrize("outcome", sorted(READY))
def test_a_clip_is_announced_whatever_its_file_holds(
    flow: FlowProvider, twin: Twin, scene_id: str, outcome: str
) -> None:
    twin.arm(outcome)
    name = flow.submit(PROMPT, scene_id, "9:16", 1)
    assert clip_of(flow, name, scene_id).source_url.startswith(f"{twin.url}/files/video/")
