"""The same pipeline with the other provider and storage: Veo writes into the bucket, we publish from there."""

from collections.abc import Callable, Iterator
from pathlib import Path
from urllib.parse import urlsplit

import httpx
import pytest

from local.veo_twin import create_app
from shared.config import settings
from shared.generation.provider import Clip, GenerationError
from shared.pipeline.job import Job, claim
from shared.pipeline.store import store
from shared.storage.factory import storage
from tests.api import Api
from tests.local.flow_twin.twin_server import Twin, serving
from tests.shared.pipeline.line import Line
from tests.shared.storage.backends import bucket_server, new_bucket


@pytest.fixture
def bucket_url(tmp_path: Path) -> Iterator[str]:
    with bucket_server(tmp_path / "bucket") as url:
        yield url


@pytest.fixture
def veo_line(
    api: Api, twin: Twin, bucket_url: str, configure: Callable[..., None], tmp_path: Path
) -> Iterator[tuple[Line, str]]:
    bucket = new_bucket(bucket_url)

    def write(into: str, key: str, path: Path) -> None:
        query = {"uploadType": "media", "name": key}
        httpx.post(f"{bucket_url}/upload/storage/v1/b/{into}/o", params=query, content=path.read_bytes())

    with serving() as server:
        server.app = create_app(tmp_path / "veo", write, clip_seconds=0.2)
        configure(
            GENERATION_PROVIDER="veo",
            VEO_API_URL=f"http://127.0.0.1:{server.port}",
            MEDIA_STORAGE_BACKEND="gcp",
            GCS_BUCKET=bucket,
            STORAGE_EMULATOR_HOST=bucket_url,
            VIDEO_STATUS_POLL_SECONDS="0.02",
        )
        yield Line(api, twin), f"http://127.0.0.1:{server.port}"


def test_a_clip_that_veo_wrote_into_the_bucket_is_published(veo_line: tuple[Line, str]) -> None:
    line, veo_url = veo_line
    order = line.order()
    assert line.deliver(order) == 200
    video = line.video(order)
    assert video["status"] == "completed"
    assert {asset["storageBackend"] for asset in video["assets"]} == {"gcp"}
    assert httpx.get(video["videoUrl"], headers={"Range": "bytes=0-1"}).status_code == 206
    (job,) = httpx.get(f"{veo_url}/control").json()["jobs"]
    assert urlsplit(job["gcsUri"]).path.startswith(f"/veo/{line.job(order)['scene_id']}/")
    # Veo's own copy stays until the sweep finds it a day old.
    keys = [key for prefix in ("incoming/", "veo/", "videos/") for key in storage(settings()).list_older(prefix, -60)]
    assert keys == [urlsplit(job["gcsUri"]).path[1:], f"videos/{order.video_id}.mp4"]


def test_a_prompt_that_veo_filters_is_refused(veo_line: tuple[Line, str]) -> None:
    line, veo_url = veo_line
    httpx.post(f"{veo_url}/control/outcome", json={"outcome": "filtered"}).raise_for_status()
    order = line.order()
    assert line.deliver(order) == 200
    assert line.video(order)["failure"]["code"] == "prompt_refused"


def test_a_bucket_that_is_not_ours_is_not_read(veo_line: tuple[Line, str]) -> None:
    job = claim(veo_line[0].order().job_id, 60)
    assert isinstance(job, Job)
    clip = Clip("gs://another-bucket/veo/scene/sample_0.mp4", None, "DONE")
    with pytest.raises(GenerationError, match="source_not_allowed"):
        store(job, clip, settings(), storage(settings()), lambda: None)
