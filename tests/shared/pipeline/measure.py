"""A worker whose memory is measured: `python -m tests.shared.pipeline.measure FIRST_JOB_ID SECOND_JOB_ID`."""

import resource
import sys
from uuid import UUID

from shared.config import settings
from shared.pipeline.factory import pipeline


def _peak_bytes() -> int:
    unit = 1 if sys.platform == "darwin" else 1024
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * unit


def main() -> None:
    worker = pipeline(settings())
    # The first round loads code and fills pools that belong to the process, not to the file.
    worker.run(UUID(sys.argv[1]), 600)
    before = _peak_bytes()
    worker.run(UUID(sys.argv[2]), 600)
    sys.stdout.write(f"{_peak_bytes() - before}\n")


if __name__ == "__main__":
    main()
