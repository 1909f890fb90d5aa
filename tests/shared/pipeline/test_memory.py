import subprocess
import sys
from collections.abc import Iterable
from pathlib import Path

from tests.shared.media.clips import make_clip
from tests.shared.pipeline.conftest import Interceptor
from tests.shared.pipeline.line import Line
from tests.shared.storage.child import _long_clip

MEGABYTE = 1024 * 1024
PROJECT = Path(__file__).parents[3]


def test_storing_512_megabytes_takes_32_more_at_most(line: Line, interceptor: Interceptor) -> None:
    """The whole worker in a process of its own, from the claim to the finished row."""
    small, large = line.order(), line.order()
    clip = make_clip(2.0, width=720, height=1280)
    sizes = [0, 512 * MEGABYTE]

    def long_clip(path: str) -> Iterable[bytes] | None:
        return _long_clip(clip, sizes.pop(0)) if path.startswith("/files/video/") else None

    interceptor.before = long_clip
    command = [sys.executable, "-m", "tests.shared.pipeline.measure", str(small.job_id), str(large.job_id)]
    child = subprocess.run(command, capture_output=True, text=True, check=True, cwd=PROJECT)
    assert int(child.stdout.splitlines()[-1]) <= 32 * MEGABYTE
    assert sizes == []
    assert line.job(large)["status"] == "succeeded"
    assert line.video(large)["durationSeconds"] == line.video(small)["durationSeconds"]
