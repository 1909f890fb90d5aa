import time
import uuid
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from typing import Any

import pytest

from shared.generation.flow import FlowProvider
from shared.generation.provider import Clip
from shared.generation.transport import http_client
from tests.local.flow_twin.twin_server import SESSION_TOKEN, Twin, running_twin


@pytest.fixture(scope="session")
def running(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Twin]:
    with running_twin(tmp_path_factory.mktemp("twin")) as twin:
        yield twin


@pytest.fixture
def twin(running: Twin) -> Twin:
    running.calm()
    return running


MakeFlow = Callable[..., FlowProvider]


@pytest.fixture
def make_flow(twin: Twin) -> Iterator[MakeFlow]:
    """Make FlowProviders that talk to the twin, as new processes would."""
    with ExitStack() as clients:

        def make(**changes: Any) -> FlowProvider:
            arguments: dict[str, Any] = {
                "generate_url": f"{twin.url}/v1/video:batchAsyncGenerateVideoText",
                "status_url": f"{twin.url}/v1/video:batchCheckAsyncVideoGenerationStatus",
                "access_token": None,
                "session_url": f"{twin.url}/fx/api/auth/session",
                "session_token": SESSION_TOKEN,
                "project_id": "5f7c1c1e-3b5e-4a1b-9d5c-0c2f4b0f6a11",
                "model_key": "veo_3_1_t2v_fast",
                "paygate_tier": "PAYGATE_TIER_ONE",
                "client": clients.enter_context(http_client()),
            }
            return FlowProvider(**arguments | changes)

        yield make


@pytest.fixture
def flow(make_flow: MakeFlow) -> FlowProvider:
    return make_flow()


@pytest.fixture
def scene_id() -> str:
    return str(uuid.uuid4())


def clip_of(provider: FlowProvider, operation_name: str, scene_id: str) -> Clip:
    """Poll until the clip is there, handing back the status each time."""
    status: str | None = None
    for _ in range(2000):
        found = provider.poll(operation_name, scene_id, status)
        if isinstance(found, Clip):
            return found
        status = found.status
        time.sleep(0.01)
    raise AssertionError(f"still {status}")
