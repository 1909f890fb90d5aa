"""Runs the Flow twin alone: `python -m local.flow_twin --port 8090`."""

import argparse
from pathlib import Path

from werkzeug.serving import run_simple

from local.flow_twin.app import create_app


def main() -> None:
    """Serve the twin until interrupted."""
    parser = argparse.ArgumentParser(description="Serve a stand-in for Google Flow.")
    parser.add_argument("--port", type=int, default=8090)
    parser.add_argument("--state", type=Path, default=Path(".state/flow_twin"), help="folder of its memory and clips")
    chosen = parser.parse_args()
    app = create_app(chosen.state, f"http://localhost:{chosen.port}")
    run_simple("localhost", chosen.port, app, threaded=True)


if __name__ == "__main__":
    main()
