"""The workflows on GitHub, as far as they can be judged from here."""

from typing import Any

import pytest
import yaml

from scripts.package import PROJECT

FOLDER = PROJECT / ".github" / "workflows"


def _workflow(name: str) -> dict[Any, Any]:
    workflow: dict[Any, Any] = yaml.safe_load((FOLDER / name).read_text())
    return workflow


@pytest.mark.parametrize("name", ["ci.yml", "deploy.yml"])
def test_a_workflow_has_no_more_rights_than_it_says(name: str) -> None:
    permissions = _workflow(name)["permissions"]
    assert permissions.pop("contents") == "read"
    # Asking Google for an identity is the one right that a deployment has beyond reading.
    assert permissions == ({"id-token": "write"} if name == "deploy.yml" else {})


def test_no_key_is_stored() -> None:
    text = (FOLDER / "deploy.yml").read_text()
    assert "credentials_json" not in text
    assert "workload_identity_provider" in text


def test_only_the_environments_there_are_can_be_deployed_to() -> None:
    # YAML reads the word "on" as true.
    inputs = _workflow("deploy.yml")[True]["workflow_dispatch"]["inputs"]
    files = {path.stem for path in (PROJECT / "infra" / "terraform" / "environments").glob("*.tfvars")}
    assert set(inputs["environment"]["options"]) == files


def test_what_comes_from_outside_is_not_pasted_into_a_shell() -> None:
    for name in ("ci.yml", "deploy.yml"):
        for job in _workflow(name)["jobs"].values():
            assert not [step["run"] for step in job["steps"] if "${{" in step.get("run", "")]
