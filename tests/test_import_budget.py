"""What a route's process imports until its first answer: a cold start pays for every module."""

import json
import re
import subprocess
import sys
from pathlib import Path

import pytest

import main
from tests.api import Person, signature
from tests.contract import operations

PROJECT = Path(__file__).parent.parent
# functions_framework itself brings these few, and their empty parents.
OF_THE_FRAMEWORK = re.compile(r"google(\.cloud(\.functions(_v1)?(\.context)?)?)?")
TOO_HEAVY = {"google", "grpc", "av", "httpx", "requests", "PIL", "alembic", "sqlalchemy.orm", "pydantic", "yaml"}
LIGHT = [
    name for name, each in operations().items() if each["x-family"] in ("read", "write") and name in main.ENTRY_POINTS
]
# A process of its own for each route, without starting Python anew: the framework is there already, as in a container.
CHILD = """
import json, os, sys
import functions_framework

for name, request in json.load(sys.stdin).items():
    sys.stdout.flush()
    if os.fork() == 0:
        answer = functions_framework.create_app(name, "main.py").test_client().open(**request)
        print(json.dumps([name, answer.status_code, sorted(sys.modules)]))
        sys.stdout.flush()
        os._exit(0)
    os.wait()
"""


def _request(name: str) -> dict[str, object]:
    operation = operations()[name]
    path = operation["path"].replace("{id}", "3f8a1c52-7d0e-4b57-9a43-5f0f8f0c2f11")
    headers = {"Authorization": f"Bearer {Person().token()}"} if operation["x-access"] != "none" else {}
    headers |= signature(operation["method"], path, b"") if operation["x-signed"] else {}
    return {"path": path, "method": operation["method"], "headers": headers}


@pytest.mark.usefixtures("environment")
def test_read_and_reaction_routes_import_nothing_heavy_until_their_first_answer() -> None:
    requests = json.dumps({name: _request(name) for name in LIGHT})
    child = subprocess.run(
        [sys.executable, "-c", CHILD], input=requests, capture_output=True, text=True, check=True, cwd=PROJECT
    )
    answers = [json.loads(line) for line in child.stdout.splitlines() if line.startswith('["')]
    assert [name for name, _, _ in answers] == LIGHT, child.stderr
    for name, status, modules in answers:
        assert status in (200, 404), name
        heavy = [module for module in modules if _is_heavy(module)]
        assert not heavy, f"{name} imports {heavy[:5]}"


def _is_heavy(module: str) -> bool:
    if OF_THE_FRAMEWORK.fullmatch(module):
        return False
    return any(module == package or module.startswith(f"{package}.") for package in TOO_HEAVY)
