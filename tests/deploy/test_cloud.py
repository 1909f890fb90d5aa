"""`make deploy` and its sisters, with a terraform that only writes down what it was told; all the rest is real."""

import json
import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from threading import Thread
from typing import Any

import pytest
from werkzeug.serving import make_server

from local.gateway import Gateway, read_operations
from scripts.cloud import DATA
from scripts.package import PROJECT

TERRAFORM = """#!/bin/sh
printf '%s\\n' "$*" >> "$RECORD"
case "$*" in
    *"output -json"*) cat "$OUTPUTS" ;;
    *"state list"*) cat "$STATE" ;;
esac
exit "${TERRAFORM_EXIT:-0}"
"""
STATE = """google_cloud_tasks_queue.jobs
google_sql_database.main[0]
google_sql_database_instance.main[0]
google_sql_user.account["read"]
google_storage_bucket.media
google_storage_bucket.source
module.function["videos_feed"].google_cloudfunctions2_function.this
"""


@pytest.fixture
def base_url(environment: None) -> Iterator[str]:
    """A running service."""
    server = make_server("127.0.0.1", 0, Gateway(read_operations()), threaded=True)
    thread = Thread(target=server.serve_forever)
    thread.start()
    yield f"http://127.0.0.1:{server.port}"
    server.shutdown()
    thread.join()


class Terminal:
    """Runs `python -m scripts.cloud` and tells what terraform was told."""

    def __init__(self, folder: Path, variables: dict[str, str]) -> None:
        self._record = folder / "record"
        self._variables = variables

    def run(self, *arguments: str, types: str = "", **variables: str) -> "subprocess.CompletedProcess[str]":
        environment = {**os.environ, **self._variables, **variables}
        command = [sys.executable, "-m", "scripts.cloud", *arguments]
        return subprocess.run(
            command, cwd=PROJECT, env=environment, input=types, capture_output=True, text=True, check=False, timeout=100
        )

    def told(self) -> list[str]:
        """Return the commands without the folder and the values."""
        lines = self._record.read_text().splitlines() if self._record.exists() else []
        return [line.partition(" ")[2] for line in lines]


@pytest.fixture
def terminal(tmp_path: Path) -> Callable[[dict[str, Any]], Terminal]:
    def make(outputs: dict[str, Any]) -> Terminal:
        (tmp_path / "terraform").write_text(TERRAFORM)
        (tmp_path / "terraform").chmod(0o755)
        (tmp_path / "state").write_text(STATE)
        (tmp_path / "outputs").write_text(json.dumps({name: {"value": value} for name, value in outputs.items()}))
        variables = {
            "PATH": f"{tmp_path}:{os.environ['PATH']}",
            "RECORD": str(tmp_path / "record"),
            "OUTPUTS": str(tmp_path / "outputs"),
            "STATE": str(tmp_path / "state"),
            "TERRAFORM_STATE_BUCKET": "a-bucket",
        }
        return Terminal(tmp_path, variables)

    return make


@pytest.fixture
def deployed(base_url: str, terminal: Callable[[dict[str, Any]], Terminal]) -> Terminal:
    """A terminal whose terraform has deployed the running service, with an outside database."""
    outputs = {
        "api_url": base_url,
        "allowed_origin": "http://localhost:3000",
        "frontend_environment": f"NEXT_PUBLIC_API_URL={base_url}",
        "migration": None,
    }
    return terminal(outputs)


def test_deploy_packages_plans_asks_applies_migrates_and_tests(deployed: Terminal) -> None:
    result = deployed.run("deploy", "dev", types="dev\n")
    assert result.returncode == 0, result.stdout + result.stderr
    init, plan, apply, output = deployed.told()
    assert init == "init -input=false -reconfigure -backend-config=bucket=a-bucket -backend-config=prefix=instaveo/dev"
    assert plan.startswith("plan -input=false -out=")
    assert "-var-file=environments/dev.tfvars" in plan
    assert apply == f"apply -input=false {plan.split('-out=')[1].split()[0]}"
    assert output == "output -json"
    assert "the database is up to date" in result.stdout
    assert "8 right, 0 wrong, 2 left out" in result.stdout
    assert "NEXT_PUBLIC_API_URL=http://127.0.0.1" in result.stdout


def test_without_a_yes_nothing_is_applied(deployed: Terminal) -> None:
    result = deployed.run("deploy", "dev", types="no\n")
    assert result.returncode == 1
    assert "Nothing was changed." in result.stderr
    assert not [line for line in deployed.told() if line.startswith("apply")]


def test_a_failed_plan_ends_it(deployed: Terminal) -> None:
    assert deployed.run("deploy", "dev", "--yes", TERRAFORM_EXIT="1").returncode == 1
    assert len(deployed.told()) == 1


def test_an_outside_database_must_be_named(deployed: Terminal) -> None:
    result = deployed.run("deploy", "dev", "--yes", DATABASE_URL="")
    assert result.returncode == 1
    assert "set DATABASE_URL" in result.stderr


def test_a_failed_smoke_test_is_a_failed_deployment(deployed: Terminal) -> None:
    outputs = Path(deployed._variables["OUTPUTS"])
    outputs.write_text(outputs.read_text().replace("http://localhost:3000", "https://other.example"))
    result = deployed.run("deploy", "dev", "--yes")
    assert result.returncode == 1
    assert "FAIL" in result.stdout


def test_destroy_lets_go_of_the_data_first(terminal: Callable[[dict[str, Any]], Terminal]) -> None:
    dev = terminal({})
    assert dev.run("destroy", "dev", types="dev\n").returncode == 0
    _, listed, removed, destroyed = dev.told()
    assert listed == "state list"
    kept = removed.removeprefix("state rm ").split()
    assert sorted(address.partition("[")[0] for address in kept) == sorted(DATA)
    assert destroyed.startswith("destroy ")


def test_destroy_asks(terminal: Callable[[dict[str, Any]], Terminal]) -> None:
    dev = terminal({})
    assert dev.run("destroy", "dev", types="\n").returncode == 1
    assert dev.told()[1:] == ["state list"]


def test_an_environment_without_values_is_refused(terminal: Callable[[dict[str, Any]], Terminal]) -> None:
    dev = terminal({})
    result = dev.run("plan", "nowhere")
    assert "environments/nowhere.tfvars" in result.stderr
    assert dev.told() == []


def test_the_states_bucket_must_be_named(terminal: Callable[[dict[str, Any]], Terminal]) -> None:
    result = terminal({}).run("plan", "dev", TERRAFORM_STATE_BUCKET="")
    assert "TERRAFORM_STATE_BUCKET" in result.stderr
