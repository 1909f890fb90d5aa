"""Runs inside the unpacked archive: sends every entry point a request of its own and prints the answers."""

import json
import sys
from pathlib import Path

import functions_framework

sys.path.insert(0, str(Path.cwd()))
from main import ENTRY_POINTS
from shared.config import settings


def ask(entry_point: str) -> dict[str, object]:
    """Return what an entry point's application answers to a request of its own method and path."""
    application = functions_framework.create_app(entry_point, "main.py")  # type: ignore[no-untyped-call]
    view = getattr(sys.modules["main"], entry_point)
    path = view.route.path.replace("{id}", "7d9f1c4e-3f0e-4c52-9a9c-0a4d6f8f1a11")
    path = path.replace("{provider}", "google").replace("{key*}", "videos/none.mp4").replace("{key}", "videos/none.mp4")
    answer = application.test_client().open(path, method=view.route.method, json=None)
    is_json = answer.mimetype == "application/json" and isinstance(answer.get_json(), dict)
    is_document = entry_point.startswith("docs_") and answer.status_code == 200
    return {"status": answer.status_code, "type": answer.mimetype, "is_ours": is_json or is_document}


if __name__ == "__main__":
    settings()
    print(json.dumps({entry_point: ask(entry_point) for entry_point in ENTRY_POINTS}))  # noqa: T201 - for the test
