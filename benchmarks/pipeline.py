"""The way of a finished clip: memory while a large one is stored, delay until it is published, videos an hour.

The provider needs no time of its own and serves a real eight-second clip over HTTP, so that what is measured
is ours: claim, poll, download, look inside, thumbnail, store, publish.
"""

import random
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from uuid import UUID

from benchmarks.tools.database import add_people, database, run
from benchmarks.tools.people import person_id
from benchmarks.tools.report import median, publish, table, verdict
from benchmarks.tools.servers import PROJECT
from benchmarks.tools.sizes import sizes
from shared.config import Settings, read_settings
from shared.generation.provider import Clip, Progress
from shared.pipeline.run import Pipeline
from shared.storage.factory import storage
from tests.shared.media.clips import make_clip

MEMORY_BUDGET_MIB = 32
POLL_SECONDS = 1.0
DELAY_ROUNDS = 6
RUN_SECONDS = 600.0
CREATE = """
SELECT job_id FROM logic.create_video(CAST(:id AS uuid), '', '', 'a paper boat', NULL, NULL, NULL, 0, 100000, 7200)
"""
COMPLETED_AT = """
SELECT extract(epoch FROM finished_at)::double precision FROM video_jobs
WHERE id = CAST(:id AS uuid) AND status = 'succeeded'
"""


class ReadyProvider:
    """A provider whose clips are ready at once, or `render_seconds` after they were asked for."""

    name = "benchmark"

    def __init__(self, url: str, render_seconds: float = 0.0) -> None:
        self._url = url
        self.render_seconds = render_seconds
        self.ready_at: dict[str, float] = {}

    def submit(self, prompt: str, scene_id: str, aspect_ratio: str, seed: int) -> str:  # noqa: ARG002 - as providers do
        """Start a clip."""
        self.ready_at[scene_id] = time.time() + self.render_seconds
        return f"operations/{scene_id}"

    def poll(self, operation_name: str, scene_id: str, last_status: str | None) -> Progress | Clip:  # noqa: ARG002
        """Tell whether it is ready."""
        if time.time() < self.ready_at[scene_id]:
            return Progress("rendering")
        return Clip(self._url, None, "done")

    def is_operation_name(self, text: str) -> bool:
        """Tell whether a name is one of ours."""
        return text.startswith("operations/")


@contextmanager
def serving_clip(clip: bytes) -> Iterator[str]:
    """Yield the address at which the clip is served."""

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(200)
            self.send_header("Content-Type", "video/mp4")
            self.send_header("Content-Length", str(len(clip)))
            self.end_headers()
            self.wfile.write(clip)

        def log_message(self, format: str, *arguments: object) -> None:  # noqa: A002 - the base class names it so
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield f"http://localhost:{server.server_port}/clip.mp4"
    server.shutdown()
    server.server_close()


def memory_row(clip: Path, kind: str) -> tuple[str, float]:
    """Return what was stored and by how many MiB a process of its own grew meanwhile."""
    with tempfile.TemporaryDirectory() as folder:
        size_bytes = sizes().stored_megabytes * 2**20
        command = [sys.executable, "-m", "tests.shared.storage.child", kind, folder, str(size_bytes), str(clip)]
        done = subprocess.run(
            command if kind == "ingest" else command[:-1], cwd=PROJECT, check=True, capture_output=True, text=True
        )
    return f"{kind} of {sizes().stored_megabytes} MiB", int(done.stdout) / 2**20


def create_job(url: str, person: int) -> UUID:
    """Create a video as the route does and return its job's id."""
    return UUID(str(run(url, CREATE, id=person_id(person))[0][0]))


def hourly(url: str, pipeline: Pipeline) -> tuple[float, list[float]]:
    """Bring jobs through the lane, one after the other; return videos an hour and the seconds of each."""
    jobs = [create_job(url, number) for number in range(1, sizes().jobs + 1)]
    seconds = []
    for job in jobs:
        began = time.perf_counter()
        assert pipeline.run(job, RUN_SECONDS) == "done"
        seconds.append(time.perf_counter() - began)
    return 3600 * len(seconds) / sum(seconds), seconds


def delays(url: str, pipeline: Pipeline, provider: ReadyProvider) -> list[float]:
    """Return the seconds from the moment the provider had the clip to its publication."""
    found = []
    for number in range(DELAY_ROUNDS):
        # At any moment between two polls.
        provider.render_seconds = 0.5 + random.random() * POLL_SECONDS
        job = create_job(url, sizes().jobs + 1 + number)
        provider.ready_at.clear()
        pipeline.run(job, RUN_SECONDS)
        [ready_at] = provider.ready_at.values()
        found.append(run(url, COMPLETED_AT, id=job)[0][0] - ready_at)
    return found


def configured(url: str, clip_url: str, folder: str) -> Settings:
    """Return the settings of a worker over this database, made those of this process too."""
    import os  # noqa: PLC0415 - the settings are read from the environment, once

    os.environ |= {
        "DATABASE_URL": url,
        "DATABASE_POOL_SIZE": "2",
        "MEDIA_ROOT": folder,
        "MEDIA_SOURCE_HOSTS": clip_url.split("/")[2],
        "REQUEST_SIGNATURE_SECRET": "a-benchmark-secret-for-signatures-of-32-characters",
        "VIDEO_STATUS_POLL_SECONDS": str(POLL_SECONDS),
        "LOG_LEVEL": "ERROR",
    }
    return read_settings(os.environ)


def main() -> None:
    """Measure and publish."""
    clip = make_clip(8.0, width=720, height=1280)
    with tempfile.TemporaryDirectory() as folder, database("pipeline") as url, serving_clip(clip) as clip_url:
        file = Path(folder) / "clip.mp4"
        file.write_bytes(clip)
        memory = [memory_row(file, kind) for kind in ("put", "ingest")]
        # One for each video: a person may create thirty an hour.
        add_people(url, 1, sizes().jobs + DELAY_ROUNDS)
        settings = configured(url, clip_url, folder)
        provider = ReadyProvider(clip_url)
        pipeline = Pipeline(settings, provider, storage(settings))
        per_hour, seconds = hourly(url, pipeline)
        waited = delays(url, pipeline, provider)
    lines = [[what, f"+{growth:.1f} MiB"] for what, growth in memory]
    lines += [
        [f"one clip of {len(clip) / 2**20:.1f} MiB, from claim to published", f"{median(seconds) * 1000:.0f} ms"],
        ["videos an hour through the one lane, the provider's time being zero", f"{per_hour:,.0f}"],
        [
            f"ready to published, polled every {POLL_SECONDS:g} s",
            f"{median(waited):.2f} s, {max(waited):.2f} s at most",
        ],
    ]
    verdicts = [
        verdict(f"memory for {what}, MiB", growth, MEMORY_BUDGET_MIB, at_least=False) for what, growth in memory
    ]
    limit = POLL_SECONDS + max(seconds)
    verdicts.append(
        verdict("slowest from ready to published, s (one poll and one transfer)", max(waited), limit, at_least=False)
    )
    figures = {"videos an hour through the one lane, the provider's time being zero": f"{per_hour:,.0f}"}
    publish("pipeline", f"{table(['what', 'measured'], lines)}\n\n" + "\n".join(verdicts), figures)


if __name__ == "__main__":
    main()
