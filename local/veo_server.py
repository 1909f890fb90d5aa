"""The Veo twin on a port of its own, with its clips in a fake bucket: `python -m local.veo_server` (docs/laptop.md)."""

import os
import sys
from pathlib import Path

from werkzeug.serving import run_simple

from local.environment import STATE
from local.veo_twin import create_app
from shared.storage.gcs import make_client

PORT = 8787
SECONDS_PER_CLIP = 10.0


def main() -> None:
    """Serve until stopped."""
    emulator = os.environ.get("STORAGE_EMULATOR_HOST")
    if not emulator:
        sys.exit("STORAGE_EMULATOR_HOST must be set: Veo writes its clips into a bucket, and the twin into a fake one.")
    client = make_client(None, emulator)

    def store(bucket: str, key: str, path: Path) -> None:
        client.bucket(bucket).blob(key).upload_from_filename(str(path), content_type="video/mp4")

    run_simple(
        "127.0.0.1", PORT, create_app(STATE / "veo_twin", store, seconds_per_clip=SECONDS_PER_CLIP), threaded=True
    )


if __name__ == "__main__":
    main()
