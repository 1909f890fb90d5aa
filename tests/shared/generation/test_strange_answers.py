"""Whatever a provider answers, the pipeline gets a result or a GenerationError, and no second submission."""

import json
from collections.abc import Iterator
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from shared.generation.flow import FlowProvider
from shared.generation.provider import Clip, GenerationError, Progress, Provider
from shared.generation.transport import http_client
from shared.generation.veo import VeoProvider, veo_client
from tests.local.flow_twin.twin_server import serving

VEO_NAME = "projects/p/locations/l/publishers/google/models/m/operations/1"
FLOW_NAME = "0" * 32
WITHOUT_HURRY = settings(
    deadline=None,  # a loopback call takes what it takes on a busy machine
    max_examples=150,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)

scalars = st.none() | st.booleans() | st.integers(-5, 20) | st.text(max_size=20)
anything = st.recursive(
    scalars, lambda inner: st.lists(inner, max_size=2) | st.dictionaries(st.text(max_size=6), inner)
)


def near(**likely: st.SearchStrategy[Any]) -> st.SearchStrategy[Any]:
    """Return objects that have some of these fields, mostly with likely values."""
    return st.fixed_dictionaries({}, optional={key: value | anything for key, value in likely.items()})


errors = near(
    code=st.integers(0, 16), message=st.sampled_from(["PUBLIC_ERROR_AUDIO_FILTERED", "TIMED_OUT", "violates"])
)
rpc_errors = near(error=errors, details=st.lists(near(reason=st.just("PUBLIC_ERROR_MINOR")), max_size=2))
flow_media = near(video=near(fifeUrl=st.just("https://x/y"), servingBaseUri=st.just("https://x/z")))
flow_entries = near(
    operation=near(name=st.just(FLOW_NAME), metadata=flow_media, error=errors),
    status=st.sampled_from([f"MEDIA_GENERATION_STATUS_{name}" for name in ("ACTIVE", "SUCCESSFUL", "FAILED", "NEW")]),
    error=errors,
)
flow_answers = near(operations=st.lists(flow_entries | anything, max_size=2)) | rpc_errors | anything
veo_videos = near(gcsUri=st.just("gs://b/k"), mimeType=st.just("video/mp4"), bytesBase64Encoded=st.just("AAAA"))
veo_answers = (
    near(
        name=st.just(VEO_NAME),
        done=st.booleans(),
        error=errors,
        response=near(
            videos=st.lists(veo_videos | anything, max_size=2),
            raiMediaFilteredCount=st.integers(0, 2),
            raiMediaFilteredReasons=st.lists(st.just("audio"), max_size=2),
        ),
    )
    | rpc_errors
    | anything
)
bodies = st.binary(max_size=20) | st.sampled_from([b"", b"\xff\xfe", b"NaN", b"[" * 50])


def as_body(answer: Any) -> bytes:
    return answer if isinstance(answer, bytes) else json.dumps(answer).encode()


class Answering:
    """A WSGI application that gives one fixed answer."""

    status = 200
    body = b""

    def __call__(self, _: dict[str, Any], start_response: Any) -> list[bytes]:
        start_response(f"{self.status} Whatever", [("Content-Type", "application/json")])
        return [self.body]


answering = Answering()


@pytest.fixture(scope="module")
def address() -> Iterator[str]:
    with serving(answering) as server:
        yield f"http://127.0.0.1:{server.port}"


@pytest.fixture(scope="module")
def flow(address: str) -> Iterator[FlowProvider]:
    with http_client() as client:
        yield FlowProvider(
            generate_url=address,
            status_url=address,
            access_token="ya29.x",
            session_url=address,
            session_token=None,
            project_id="p",
            model_key="veo_3_1_t2v_fast",
            paygate_tier="PAYGATE_TIER_ONE",
            client=client,
        )


@pytest.fixture(scope="module")
def veo(address: str) -> VeoProvider:
    return VeoProvider(veo_client("p", "l", address), model="m", bucket="b")


def check(provider: Provider, name: str, status: int, body: bytes) -> None:
    answering.status, answering.body = status, body
    try:
        assert provider.submit("A prompt", "scene", "9:16", 1)
    except GenerationError as error:
        # 200 means taken; only an operation that says itself that it failed may be replaced by another.
        assert status != 200 or not error.transient or error.resubmit  # noqa: PT017 the point is what it says
    try:
        found = provider.poll(name, "scene", None)
        assert isinstance(found, Progress) or (isinstance(found, Clip) and found.source_url)
    except GenerationError as error:
        assert error.message  # noqa: PT017


statuses = st.sampled_from([200, 200, 200, 201, 204, 301, 400, 401, 403, 404, 409, 429, 500, 502, 503, 504])


@WITHOUT_HURRY
@given(status=statuses, answer=flow_answers | bodies)
def test_flow_survives_any_answer(flow: FlowProvider, status: int, answer: Any) -> None:
    check(flow, FLOW_NAME, status, as_body(answer))


@WITHOUT_HURRY
@given(status=statuses, answer=veo_answers | bodies)
def test_veo_survives_any_answer(veo: VeoProvider, status: int, answer: Any) -> None:
    check(veo, VEO_NAME, status, as_body(answer))
