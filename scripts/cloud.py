"""One environment of the cloud from a terminal: `python -m scripts.cloud deploy|plan|destroy|logs ENVIRONMENT`.

Terraform's state is kept in the bucket that TERRAFORM_STATE_BUCKET names. docs/deploy.md tells how to begin.
"""

import argparse
import json
import os
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

from scripts.cloud_database import migrate_as
from scripts.package import ARCHIVE, PROJECT, write_package

FOLDER = PROJECT / "infra" / "terraform"
# What `destroy` leaves in the cloud; adopt.tf knows how to find it again.
DATA = (
    "google_sql_database_instance.main",
    "google_sql_database.main",
    "google_sql_user.account",
    "google_storage_bucket.media",
)
_LOG_LINE = "value(timestamp,severity,jsonPayload.message,jsonPayload.route,httpRequest.status,jsonPayload.code)"
_PATIENCE_SECONDS = "300"


class Environment:
    """Terraform for the environment whose values are in `environments/NAME.tfvars`."""

    def __init__(self, name: str, state_bucket: str) -> None:
        self.name = name
        self._values = [f"-var-file=environments/{name}.tfvars", f"-var=package_path={ARCHIVE}"]
        place = [f"-backend-config=bucket={state_bucket}", f"-backend-config=prefix=instaveo/{name}"]
        self.run("init", "-input=false", "-reconfigure", *place)

    def run(self, *arguments: str) -> None:
        """Run a command of terraform before the person's eyes. Exits when it fails."""
        _run(["terraform", f"-chdir={FOLDER}", *arguments])

    def plan(self) -> Path:
        """Package the code, show what would change and return the plan's file."""
        print(f"package {ARCHIVE.relative_to(PROJECT)} {write_package(ARCHIVE)[:16]}", flush=True)
        file = ARCHIVE.parent / f"{self.name}.tfplan"
        self.run("plan", "-input=false", f"-out={file}", *self._values)
        return file

    def destroy(self) -> None:
        """Remove whatever Terraform knows of, without asking."""
        write_package(ARCHIVE)
        self.run("destroy", "-input=false", "-auto-approve", *self._values)

    def read(self, *arguments: str) -> str:
        """Return what a command of terraform prints. Exits when it fails."""
        command = ["terraform", f"-chdir={FOLDER}", *arguments]
        result = subprocess.run(command, check=False, stdout=subprocess.PIPE, text=True)  # noqa: S603
        if result.returncode != 0:
            sys.exit(result.returncode)
        return result.stdout

    def outputs(self) -> dict[str, Any]:
        """Return the outputs of what is deployed."""
        return {name: output["value"] for name, output in json.loads(self.read("output", "-json")).items()}


def deploy(environment: Environment, *, asks: bool) -> None:
    """Package, plan, confirm, apply, migrate, and see whether it answers."""
    file = environment.plan()
    if asks:
        _confirm(f"apply this to {environment.name}", environment.name)
    # The values of new secrets are in no plan: terraform reads TF_VAR_secret_values a second time here.
    environment.run("apply", "-input=false", str(file))
    outputs = environment.outputs()
    _migrate(outputs["migration"])
    # A new gateway takes a minute or two before it answers.
    smoke = [
        "scripts.smoke",
        outputs["api_url"],
        "--origin",
        outputs["allowed_origin"],
        "--patience",
        _PATIENCE_SECONDS,
    ]
    _run([sys.executable, "-m", *smoke])
    print(f"\n{environment.name} is deployed. For the frontend:\n\n{outputs['frontend_environment']}")


def _migrate(migration: dict[str, Any] | None) -> None:
    if migration is not None:
        code = migrate_as(migration, os.environ)
        if code != 0:
            sys.exit(code)
    elif os.environ.get("DATABASE_URL"):
        _run([sys.executable, "-m", "database.migrate"])
    else:
        sys.exit("The database is an outside one: set DATABASE_URL to its address, so that it can be migrated.")


def destroy(environment: Environment, *, asks: bool) -> None:
    """Remove everything but the data: the database and the media stay in the cloud and leave Terraform's sight."""
    data = [line for line in environment.read("state", "list").splitlines() if line.partition("[")[0] in DATA]
    print("These stay:", *(data or ["nothing: there is no data"]), sep="\n  ")
    if asks:
        _confirm(f"remove the rest of {environment.name}", environment.name)
    # First, or what they are built on could not be removed without them.
    if data:
        environment.run("state", "rm", *data)
    environment.destroy()
    print("\nRemoved. To build on the same data again, and to remove it too: docs/deploy.md, the last two sections.")


def logs(environment: Environment) -> None:
    """Show the last hour's lines, newest first."""
    outputs = environment.outputs()
    options = [f"--project={outputs['project_id']}", "--freshness=1h", "--limit=200", f"--format={_LOG_LINE}"]
    _run(["gcloud", "logging", "read", outputs["log_filter"], *options])


def _confirm(what: str, answer: str) -> None:
    if input(f'\nType "{answer}" to {what}: ').strip() != answer:
        sys.exit("Nothing was changed.")


def _run(command: list[str]) -> None:
    result = subprocess.run(command, check=False)  # noqa: S603 - commands of this file, words from a person's terminal
    if result.returncode != 0:
        sys.exit(result.returncode)


def main() -> None:
    """Do what the command line says."""
    parser = argparse.ArgumentParser(description="Deploy, look at or remove one environment of the cloud.")
    parser.add_argument("action", choices=["deploy", "destroy", "logs", "plan"])
    parser.add_argument("environment", help="the name of a file in infra/terraform/environments, such as dev")
    parser.add_argument("--yes", action="store_true", help="do not ask; for a workflow that was approved before")
    arguments = parser.parse_args()
    environment = _environment(arguments.environment)
    if arguments.action == "deploy":
        deploy(environment, asks=not arguments.yes)
    elif arguments.action == "destroy":
        destroy(environment, asks=not arguments.yes)
    elif arguments.action == "plan":
        environment.plan()
    else:
        logs(environment)


def _environment(name: str) -> Environment:
    if not (FOLDER / "environments" / f"{name}.tfvars").exists():
        sys.exit(f"There is no infra/terraform/environments/{name}.tfvars")
    if shutil.which("terraform") is None:
        sys.exit("terraform is not installed: https://developer.hashicorp.com/terraform/install (1.11 or newer)")
    state_bucket = os.environ.get("TERRAFORM_STATE_BUCKET")
    if not state_bucket:
        sys.exit("TERRAFORM_STATE_BUCKET is not set: the bucket for Terraform's state, see docs/deploy.md")
    return Environment(name, state_bucket)


if __name__ == "__main__":
    main()
