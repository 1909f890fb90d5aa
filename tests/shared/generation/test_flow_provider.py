"""The Flow provider against the twin over real HTTP: the way of a clip, the access token, what is bought."""

import threading
from typing import Any

import httpx
import pytest

from shared.generation.flow import FlowProvider, model_key_for
from shared.generation.provider import Clip, GenerationError, Progress
from shared.generation.transport import http_client
from tests.local.flow_twin.twin_server import ACCESS_TOKEN, Twin, serving
from tests.shared.generation.conftest import MakeFlow, clip_of

PROMPT = "A paper boat sails down a rainy street"


def test_a_clip_goes_from_prompt_to_file_across_two_processes(make_flow: MakeFlow, scene_id: str) -> None:
    name = make_flow().submit(PROMPT, scene_id, "9:16", 7)
    second_process = make_flow()
    assert second_process.is_operation_name(name)
    clip = clip_of(second_process, name, scene_id)
    assert clip.status == "MEDIA_GENERATION_STATUS_SUCCESSFUL"
    assert httpx.get(clip.source_url).headers["Content-Type"] == "video/mp4"
    assert clip.thumbnail_url is not None
    assert httpx.get(clip.thumbnail_url).headers["Content-Type"] == "image/jpeg"


@pytest.mark.parametrize(
    ("aspect_ratio", "model"), [("9:16", "veo_3_1_t2v_fast_portrait"), ("16:9", "veo_3_1_t2v_fast")]
)
def test_what_is_asked_for_is_what_arrives(
    flow: FlowProvider, twin: Twin, scene_id: str, aspect_ratio: str, model: str
) -> None:
    name = flow.submit(PROMPT, scene_id, aspect_ratio, 42)
    received = twin.operations()[0]
    assert received["name"] == name
    expected = {"prompt": PROMPT, "sceneId": scene_id, "aspectRatio": aspect_ratio, "model": model, "seed": 42}
    assert expected.items() <= received.items()


def test_progress_carries_the_providers_own_word(flow: FlowProvider, twin: Twin, scene_id: str) -> None:
    twin.control("/settings", {"secondsPerClip": 3600})
    name = flow.submit(PROMPT, scene_id, "9:16", 1)
    assert flow.poll(name, scene_id, None) == Progress("MEDIA_GENERATION_STATUS_PENDING")
    twin.arm("frozen")
    twin.control("/settings", {"secondsPerClip": 0})
    frozen = flow.submit(PROMPT, scene_id, "9:16", 1)
    for _ in range(3):
        assert flow.poll(frozen, scene_id, "MEDIA_GENERATION_STATUS_ACTIVE").status == "MEDIA_GENERATION_STATUS_ACTIVE"


def test_an_unlisted_status_means_running_and_is_logged_once(
    flow: FlowProvider, twin: Twin, scene_id: str, capsys: pytest.CaptureFixture[str]
) -> None:
    twin.control("/settings", {"secondsPerClip": 3600})
    twin.arm("unknown_status")
    name = flow.submit(PROMPT, scene_id, "9:16", 1)
    for _ in range(3):
        assert flow.poll(name, scene_id, None) == Progress("MEDIA_GENERATION_STATUS_DREAMING")
    assert capsys.readouterr().out.count("flow_status_unlisted") == 1


@pytest.mark.parametrize(
    ("key", "aspect_ratio", "expected"),
    [
        ("veo_3_1_t2v_fast", "9:16", "veo_3_1_t2v_fast_portrait"),
        ("veo_3_1_t2v_fast", "16:9", "veo_3_1_t2v_fast"),
        ("veo_3_1_t2v_fast_ultra", "9:16", "veo_3_1_t2v_fast_portrait_ultra"),
        ("veo_3_1_t2v_fast_portrait", "9:16", "veo_3_1_t2v_fast_portrait"),
        ("veo_3_1_t2v", "9:16", "veo_3_1_t2v_portrait"),
    ],
)
def test_model_keys_follow_the_orientation(key: str, aspect_ratio: str, expected: str) -> None:
    assert model_key_for(key, aspect_ratio) == expected


def test_operation_names_have_one_shape(flow: FlowProvider) -> None:
    assert flow.is_operation_name("0123456789abcdef" * 2)
    for text in ("", "0123", "0123456789ABCDEF" * 2, "0123456789abcdef" * 2 + "\n", "g" * 32, "../" + "a" * 29):
        assert not flow.is_operation_name(text)


# The access token.


def test_a_given_token_is_used_and_replaced_when_it_is_refused(make_flow: MakeFlow, scene_id: str) -> None:
    assert make_flow(access_token=ACCESS_TOKEN, session_token=None).submit(PROMPT, scene_id, "9:16", 1)
    assert make_flow(access_token="ya29.long-dead").submit(PROMPT, scene_id, "9:16", 1)


def test_a_revoked_token_is_renewed_once_without_anybody_noticing(
    flow: FlowProvider, twin: Twin, scene_id: str
) -> None:
    name = flow.submit(PROMPT, scene_id, "9:16", 1)
    twin.control("/tokens/revoke")
    assert isinstance(flow.poll(name, scene_id, None), Progress | Clip)


def test_a_token_about_to_expire_is_renewed_before_it_is_used(flow: FlowProvider, twin: Twin, scene_id: str) -> None:
    twin.control("/settings", {"tokenSeconds": 30})
    name = flow.submit(PROMPT, scene_id, "9:16", 1)
    # Only a renewal can succeed from here on: what was handed out is worthless, and 401 is answered to nobody else.
    twin.control("/tokens/revoke")
    twin.control(f"/operations/{name}/outcome", {"outcome": "poll_unauthorized", "times": 1})
    assert isinstance(flow.poll(name, scene_id, None), Progress | Clip)


@pytest.mark.parametrize("session", ["dead", "refresh_needed"])
def test_a_session_that_has_ended_is_told_apart(flow: FlowProvider, twin: Twin, scene_id: str, session: str) -> None:
    twin.control("/settings", {"session": session})
    bought = twin.bought()
    with pytest.raises(GenerationError) as caught:
        flow.submit(PROMPT, scene_id, "9:16", 1)
    assert caught.value.code == "provider_unauthorized"
    assert "sign in" in caught.value.detail
    assert twin.bought() == bought


def test_a_dead_token_without_a_session_is_unauthorized(make_flow: MakeFlow, scene_id: str) -> None:
    for access_token in ("ya29.long-dead", None):
        with pytest.raises(GenerationError) as caught:
            make_flow(access_token=access_token, session_token=None).submit(PROMPT, scene_id, "9:16", 1)
        assert caught.value.code == "provider_unauthorized"


@pytest.mark.parametrize("token", ["ya29.two\nlines", "ya29.with space", "ya29.\u00e9t\u00e9", ""])
def test_a_token_that_no_header_can_carry_is_unauthorized_and_not_quoted(
    make_flow: MakeFlow, scene_id: str, token: str
) -> None:
    for arguments in ({"access_token": token}, {"session_token": token}):
        with pytest.raises(GenerationError) as caught:
            make_flow(**arguments).submit(PROMPT, scene_id, "9:16", 1)
        assert caught.value.code == "provider_unauthorized"
        assert "ya29" not in str(caught.value)


def test_threads_that_meet_a_dead_token_together_renew_it_once(twin: Twin, make_flow: MakeFlow, scene_id: str) -> None:
    sessions: list[str] = []

    def counting(environ: dict[str, Any], start_response: Any) -> Any:
        sessions.append(environ["PATH_INFO"])
        start_response("200 OK", [("Content-Type", "application/json")])
        return [b'{"access_token": "%s"}' % ACCESS_TOKEN.encode()]

    with serving(counting) as server:
        provider = make_flow(access_token="ya29.dead", session_url=f"http://127.0.0.1:{server.port}/session")
        threads = [threading.Thread(target=provider.submit, args=(PROMPT, scene_id, "9:16", 1)) for _ in range(6)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    assert sessions == ["/session"]


@pytest.mark.parametrize(("status", "code"), [(500, "provider_unavailable"), (403, "provider_unauthorized")])
def test_a_broken_session_endpoint_leaves_nothing_bought(
    twin: Twin, make_flow: MakeFlow, scene_id: str, status: int, code: str
) -> None:
    def broken(environ: dict[str, Any], start_response: Any) -> Any:
        start_response(f"{status} Broken", [])
        return [b"<html>"]

    bought = twin.bought()
    with serving(broken) as server, pytest.raises(GenerationError) as caught:
        make_flow(session_url=f"http://127.0.0.1:{server.port}").submit(PROMPT, scene_id, "9:16", 1)
    assert caught.value.code == code
    assert caught.value.transient
    assert twin.bought() == bought


# Bought once.


def test_a_submission_whose_answer_is_lost_is_never_called_repeatable(
    make_flow: MakeFlow, twin: Twin, scene_id: str
) -> None:
    with http_client(1.0) as impatient:
        provider = make_flow(client=impatient, access_token=ACCESS_TOKEN)
        for outcome in ("submit_timeout", "submit_empty", "submit_not_json"):
            bought = twin.bought()
            twin.arm(outcome)
            with pytest.raises(GenerationError) as caught:
                provider.submit(PROMPT, scene_id, "9:16", 1)
            assert (caught.value.code, caught.value.transient) == ("submission_unconfirmed", False)
            assert twin.bought() == bought + 1


def test_a_submission_that_never_left_may_be_repeated(make_flow: MakeFlow, scene_id: str) -> None:
    with serving() as server:
        closed = f"http://127.0.0.1:{server.port}"
    with pytest.raises(GenerationError) as caught:
        make_flow(generate_url=closed, access_token=ACCESS_TOKEN).submit(PROMPT, scene_id, "9:16", 1)
    assert (caught.value.code, caught.value.transient) == ("provider_unavailable", True)


def test_an_error_never_quotes_a_token(make_flow: MakeFlow, twin: Twin, scene_id: str) -> None:
    twin.arm("submit_unauthorized")
    with pytest.raises(GenerationError) as caught:
        make_flow(access_token="ya29.secret-of-mine").submit(PROMPT, scene_id, "9:16", 1)
    twin.control("/settings", {"session": "dead"})
    with pytest.raises(GenerationError) as ended:
        make_flow().submit(PROMPT, scene_id, "9:16", 1)
    assert "ya29" not in str(caught.value) + str(ended.value)
    assert "flow-twin-session" not in str(ended.value)
