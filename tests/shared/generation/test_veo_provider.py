"""The Veo provider against its twin over real HTTP: google-genai as it is, and every outcome it can bring."""

import shutil
import uuid
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from local.veo_twin import OUTCOMES, create_app
from shared.generation.provider import Clip, GenerationError, Progress
from shared.generation.veo import VeoProvider, veo_client
from tests.local.flow_twin.twin_server import serving

PROMPT = "Clouds roll over a mountain pass"
MODEL = "veo-3.1-fast-generate-001"

AT_SUBMIT = {
    "submit_refused": "prompt_refused",
    "submit_invalid": "provider_rejected_request",
    "submit_unauthorized": "provider_unauthorized",
    "submit_forbidden": "provider_access_denied",
    "submit_not_found": "provider_access_denied",
    "submit_throttled": "provider_throttled",
    "submit_quota": "provider_quota",
    "submit_internal": "provider_unavailable",
    "submit_unavailable": "provider_unavailable",
    "submit_gateway_timeout": "submission_unconfirmed",
    "submit_empty": "submission_unconfirmed",
    "submit_not_json": "submission_unconfirmed",
    "submit_timeout": "submission_unconfirmed",
}
AT_POLL = {
    "poll_refused": "prompt_refused",
    "poll_invalid": "provider_rejected_request",
    "poll_unauthorized": "provider_unauthorized",
    "poll_forbidden": "provider_access_denied",
    "poll_not_found": "operation_lost",
    "poll_throttled": "provider_throttled",
    "poll_quota": "provider_quota",
    "poll_internal": "provider_unavailable",
    "poll_unavailable": "provider_unavailable",
    "poll_gateway_timeout": "provider_unavailable",
    "poll_not_json": "provider_unavailable",
    "poll_empty": "provider_unavailable",
    "poll_timeout": "provider_unavailable",
    "operation_refused": "prompt_refused",
    "operation_invalid": "provider_rejected_request",
    "operation_timed_out": "generation_timed_out",
    "operation_quota": "generation_quota",
    "operation_internal": "generation_failed",
    "operation_unavailable": "generation_failed",
    "filtered": "prompt_refused",
    "filtered_audio": "audio_refused",
    "done_without_videos": "generation_failed",
}


class Veo:
    """A running Veo twin whose bucket is a folder."""

    def __init__(self, url: str, bucket_folder: Path) -> None:
        self.url = url
        self.bucket_folder = bucket_folder

    def store(self, bucket: str, key: str, path: Path) -> None:
        target = self.bucket_folder / bucket / key
        target.parent.mkdir(parents=True)
        shutil.copyfile(path, target)

    def arm(self, outcome: str) -> None:
        httpx.post(f"{self.url}/control/outcome", json={"outcome": outcome}).raise_for_status()

    def jobs(self) -> list[dict[str, Any]]:
        found: list[dict[str, Any]] = httpx.get(f"{self.url}/control").json()["jobs"]
        return found

    def provider(self, timeout_seconds: float = 30.0) -> VeoProvider:
        client = veo_client("instaveo", "us-central1", self.url, timeout_seconds=timeout_seconds)
        return VeoProvider(client, model=MODEL, bucket="clips")

    def provider_for(self, outcome: str) -> VeoProvider:
        """The twin hangs for a while before it breaks a connection; less than that is waited for."""
        return self.provider(1.0 if outcome in ("submit_timeout", "poll_timeout") else 30.0)


@pytest.fixture(scope="module")
def veo(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Veo]:
    with serving() as server:
        twin = Veo(f"http://127.0.0.1:{server.port}", tmp_path_factory.mktemp("buckets"))
        server.app = create_app(tmp_path_factory.mktemp("veo"), twin.store, clip_seconds=0.5)
        yield twin


def ended(provider: VeoProvider, name: str, scene_id: str) -> Clip:
    for _ in range(2000):
        found = provider.poll(name, scene_id, "RUNNING")
        if isinstance(found, Clip):
            return found
    raise AssertionError("never ready")


def test_every_outcome_of_the_twin_has_its_row() -> None:
    assert sorted([*AT_SUBMIT, *AT_POLL, "success", "running"]) == sorted(OUTCOMES)


@pytest.mark.parametrize("aspect_ratio", ["9:16", "16:9"])
def test_a_clip_goes_from_prompt_to_bucket_across_two_processes(veo: Veo, aspect_ratio: str) -> None:
    scene_id = str(uuid.uuid4())
    name = veo.provider().submit(PROMPT, scene_id, aspect_ratio, 7)
    second_process = veo.provider()
    assert second_process.is_operation_name(name)
    clip = ended(second_process, name, scene_id)
    assert clip.source_url.startswith(f"gs://clips/veo/{scene_id}/")
    assert clip.thumbnail_url is None
    assert (veo.bucket_folder / clip.source_url.removeprefix("gs://")).read_bytes()[4:8] == b"ftyp"


def test_a_running_operation_is_progress(veo: Veo) -> None:
    veo.arm("running")
    name = veo.provider().submit(PROMPT, "11111111-1111-4111-8111-111111111111", "9:16", 1)
    assert veo.provider().poll(name, "11111111-1111-4111-8111-111111111111", None) == Progress("RUNNING")


@pytest.mark.parametrize(("outcome", "code"), AT_SUBMIT.items())
def test_a_fault_at_submit(veo: Veo, outcome: str, code: str) -> None:
    veo.arm(outcome)
    bought = len(veo.jobs())
    with pytest.raises(GenerationError) as caught:
        veo.provider_for(outcome).submit(PROMPT, str(uuid.uuid4()), "9:16", 1)
    assert caught.value.code == code
    # The promise of Provider.submit: whatever is transient has bought nothing.
    assert not (caught.value.transient and len(veo.jobs()) > bought)


@pytest.mark.parametrize(("outcome", "code"), AT_POLL.items())
def test_a_fault_at_poll(veo: Veo, outcome: str, code: str) -> None:
    veo.arm(outcome)
    scene_id = str(uuid.uuid4())
    name = veo.provider().submit(PROMPT, scene_id, "9:16", 1)
    with pytest.raises(GenerationError) as caught:
        veo.provider_for(outcome).poll(name, scene_id, None)
    assert caught.value.code == code


def test_a_submission_that_never_left_may_be_repeated() -> None:
    with serving() as server:
        closed = f"http://127.0.0.1:{server.port}"
    provider = VeoProvider(veo_client("instaveo", "us-central1", closed), model=MODEL, bucket="clips")
    with pytest.raises(GenerationError) as caught:
        provider.submit(PROMPT, str(uuid.uuid4()), "9:16", 1)
    assert (caught.value.code, caught.value.transient) == ("provider_unavailable", True)


def test_operation_names_have_one_shape(veo: Veo) -> None:
    good = f"projects/p-1/locations/us-central1/publishers/google/models/{MODEL}/operations/{uuid.uuid4()}"
    provider = veo.provider()
    assert provider.is_operation_name(good)
    for bad in ("", "a" * 32, good + "\n", good + "?x=1", good.replace("p-1", ".."), good.replace("p-1", "a/b")):
        assert not provider.is_operation_name(bad)
