"""The Terraform configuration, as far as it can be judged without Google's provider.

What needs evaluating is asserted by Terraform itself, in infra/terraform/tests.
"""

import re
import shutil
import subprocess
from dataclasses import fields
from pathlib import Path

import pytest

from main import ENTRY_POINTS
from scripts.package import PROJECT
from scripts.terraform_tables import FOLDER, README, blocks, readme_with, tables
from shared.config import Settings
from tests.contract import operations
from tests.deploy.terraform import files, local, parse, resource_kinds, resources

SOURCES = files("*.tf")
SETTINGS = {each.metadata["variable"] for each in fields(Settings)}
SECRET_SETTINGS = {name for name in SETTINGS if re.search(r"SECRET|TOKEN|SALT|DATABASE_URL", name)}
# Read by functions-framework's own server.
FRAMEWORK_VARIABLES = {"THREADS"}
# What code of ours runs with.
RUNTIME_ROLES = {
    "roles/aiplatform.user",
    "roles/cloudsql.client",
    "roles/cloudsql.instanceUser",
    "roles/cloudtasks.enqueuer",
    "roles/iam.serviceAccountTokenCreator",
    "roles/iam.serviceAccountUser",
    "roles/iam.workloadIdentityUser",
    "roles/run.invoker",
    "roles/secretmanager.secretAccessor",
    "roles/storage.legacyObjectReader",
    "roles/storage.objectUser",
    "roles/storage.objectViewer",
}
BUILD_ROLES = {"roles/artifactregistry.writer", "roles/logging.logWriter", "roles/storage.objectViewer"}
DEPLOYER_ROLES = {
    "roles/apigateway.admin",
    "roles/cloudfunctions.admin",
    "roles/cloudscheduler.admin",
    "roles/cloudsql.admin",
    "roles/cloudtasks.admin",
    "roles/compute.loadBalancerAdmin",
    "roles/iam.serviceAccountAdmin",
    "roles/iam.workloadIdentityPoolAdmin",
    "roles/logging.configWriter",
    "roles/monitoring.admin",
    "roles/resourcemanager.projectIamAdmin",
    "roles/run.admin",
    "roles/secretmanager.admin",
    "roles/serviceusage.serviceUsageAdmin",
    "roles/storage.admin",
}


@pytest.mark.parametrize(
    "path",
    [*SOURCES, *files("*.tftest.hcl"), *files("*.tfvars")],
    ids=lambda path: path.relative_to(FOLDER).as_posix(),
)
def test_every_file_can_be_read(path: Path) -> None:
    assert parse(path)


def test_every_file_is_formatted() -> None:
    terraform = shutil.which("terraform")
    if terraform is None:
        pytest.skip("terraform is not installed")
    result = subprocess.run(
        [terraform, "fmt", "-check", "-recursive", "-diff", FOLDER], capture_output=True, text=True, check=False
    )
    assert result.returncode == 0, result.stdout


def test_every_entry_point_is_deployed() -> None:
    assert 'yamldecode(file("${path.module}/../../openapi.yaml"))' in local("contract")
    assert set(operations()) == set(ENTRY_POINTS)
    assert set(local("not_deployed")) == {"media_serve"}
    functions = list(resources("google_cloudfunctions2_function"))
    assert len(functions) == 1
    calls = [call for block in parse(FOLDER / "functions.tf")["module"] for call in block.values()]
    conditions = [call["for_each"].removesuffix("}}").partition(" if ")[2] for call in calls]
    assert sorted(conditions) == ["entry_point != local.queue_target", "entry_point == local.queue_target"]


def test_every_family_of_the_contract_has_an_account() -> None:
    assert {each["x-family"] for each in operations().values()} == set(local("families"))


def test_a_method_the_contract_uses_is_one_that_terraform_looks_for() -> None:
    assert {each["method"].lower() for each in operations().values()} <= set(local("methods"))


def test_task_targets_are_not_public() -> None:
    functions = local("functions")
    assert 'ingress = route.is_task ? "ALLOW_INTERNAL_ONLY" :' in functions
    assert 'invoker = route.is_task ? google_service_account.helper["caller"].member :' in functions
    invokers = list(resources("google_cloud_run_service_iam_member"))
    assert [(name, invoker["member"]) for name, invoker in invokers] == [("invoker", "${var.function.invoker}")]
    assert "google_cloudfunctions2_function_iam_member" not in resource_kinds()


def test_everybody_may_only_read_media_and_call_through_a_balancer() -> None:
    uses = [
        (path.name, line.strip())
        for path in SOURCES
        for line in path.read_text().splitlines()
        if re.search(r"all(Authenticated)?Users", line) and not line.strip().startswith("#")
    ]
    assert [name for name, _ in uses] == ["functions.tf", "storage.tf"]
    assert uses[0][1].endswith(': local.has_gateway ? google_service_account.gateway[0].member : "allUsers"')
    assert uses[1][1] == 'member = "allUsers"'
    public = dict(resources("google_storage_bucket_iam_member"))["media_is_public"]
    # Unlike objectViewer it cannot list.
    assert public["role"] == "roles/storage.legacyObjectReader"


def test_no_secret_is_a_plain_variable() -> None:
    assert set(local("secret_variables").values()) == SECRET_SETTINGS - {"SUPABASE_DB_URL"}
    for name in ("common_environment", "family_environment", "functions"):
        assert not SECRET_SETTINGS & _environment_variables(str(local(name)).partition("secrets = {")[0])
    for name, variable in blocks(FOLDER / "variables.tf", "variable"):
        if re.search("secret_value|password|token|key", name):
            assert variable["ephemeral"] is True, name
            assert variable["sensitive"] is True, name


def test_no_secret_is_written_into_the_state() -> None:
    (version,) = [content for _, content in resources("google_secret_manager_secret_version")]
    assert "secret_data" not in version
    assert "var.secret_values" in version["secret_data_wo"]
    others = [path for path in SOURCES if path.name != "secrets.tf" and "secret_values" in path.read_text()]
    assert [path.name for path in others] == ["variables.tf"]


def test_every_variable_of_the_functions_is_a_setting() -> None:
    given = set().union(*(_environment_variables(str(local(name))) for name in ("family_environment", "functions")))
    given |= _environment_variables(str(local("common_environment")))
    assert given <= SETTINGS | FRAMEWORK_VARIABLES
    assert {"CLOUD_SQL_USER", "GCS_BUCKET", "CLOUD_TASKS_QUEUE", "TASK_SERVICE_ACCOUNT", "BEHIND_API_GATEWAY"} <= given


def _environment_variables(expression: str) -> set[str]:
    return set(re.findall(r"[{,\s]'?([A-Z][A-Z0-9_]{3,})'?\s?(?:=|:)\s", expression))


def test_the_queue_dispatches_one_task_at_a_time() -> None:
    (queue,) = [content for _, content in resources("google_cloud_tasks_queue")]
    assert queue["rate_limits"][0]["max_concurrent_dispatches"] == 1
    # As long as a job may live, since retrying stops only when both are used up.
    assert queue["retry_config"][0]["max_attempts"] == 100
    seconds = float(queue["retry_config"][0]["max_retry_duration"].removesuffix("s"))
    assert seconds == Settings().video_job_deadline_seconds


def test_the_schedules_are_there() -> None:
    schedules = local("schedules")
    assert schedules["jobs_sweep"]["schedule"] == "* * * * *"
    assert schedules["leaderboard_recompute"]["schedule"] == "${var.leaderboard_schedule}"
    tasks = {name for name, each in operations().items() if each["x-access"] == "task"}
    assert tasks - set(schedules) == {"generate_worker"}


def test_tokens_are_for_an_address_without_a_path() -> None:
    (job,) = [content for _, content in resources("google_cloud_scheduler_job")]
    token = job["http_target"][0]["oidc_token"][0]
    assert token["audience"] == "${module.function[each.key].uri}"
    assert token["service_account_email"] == '${google_service_account.helper["caller"].email}'


def test_roles_are_on_the_list() -> None:
    used = {path.name: set(re.findall(r'"(roles/[\w.]+)"', path.read_text())) for path in SOURCES}
    assert used.pop("github.tf") == DEPLOYER_ROLES | {"roles/iam.serviceAccountUser", "roles/iam.workloadIdentityUser"}
    assert set(local("build_roles")) == BUILD_ROLES
    assert set().union(*used.values()) <= RUNTIME_ROLES | BUILD_ROLES


def test_rights_are_added_and_never_taken_over() -> None:
    assert not [kind for kind in resource_kinds() if kind.endswith(("_iam_binding", "_iam_policy"))]


def test_functions_run_on_the_newest_python_and_see_their_own_path() -> None:
    ((_, function),) = resources("google_cloudfunctions2_function")
    assert function["build_config"][0]["runtime"] == "python314"
    assert 'path_translation = "APPEND_PATH_TO_ADDRESS"' in local("backends")
    assert "deadline = route.timeout_seconds" in local("backends")


def test_the_archives_hash_is_in_its_name() -> None:
    ((_, archive),) = resources("google_storage_bucket_object")
    assert archive["name"] == "source-${filesha256(var.package_path)}.zip"


def test_the_database_is_backed_up_and_cannot_be_deleted() -> None:
    ((_, instance),) = resources("google_sql_database_instance")
    settings = instance["settings"][0]
    assert instance["deletion_protection"] is True
    assert settings["deletion_protection_enabled"] is True
    assert settings["backup_configuration"][0]["point_in_time_recovery_enabled"] is True
    assert settings["connector_enforcement"] == "REQUIRED"
    ((_, user),) = resources("google_sql_user")
    assert "password" not in user


@pytest.mark.parametrize("file", ["variables.tf", "outputs.tf", "modules/function/variables.tf"])
def test_variables_and_outputs_are_sorted_and_described(file: str) -> None:
    kind = "output" if file == "outputs.tf" else "variable"
    named = list(blocks(FOLDER / file, kind))
    names = [name for name, _ in named]
    assert names == sorted(names)
    for name, content in named:
        assert content["description"], name
        if kind == "variable":
            assert "type" in content, name
            assert content["nullable"] is False, name


@pytest.mark.parametrize("environment", ["dev", "prod"])
def test_an_environment_sets_what_must_be_set_and_nothing_unknown(environment: str) -> None:
    variables = dict(blocks(FOLDER / "variables.tf", "variable"))
    required = {name for name, variable in variables.items() if "default" not in variable}
    given = parse(FOLDER / "environments" / f"{environment}.tfvars")
    assert given["environment"] == environment
    # The archive is the command's affair.
    assert required - {"package_path"} <= set(given)
    assert set(given) <= set(variables) - {"secret_values", "package_path"}
    assert set(given["secrets"]) <= set(local("secret_variables"))


@pytest.mark.parametrize("environment", ["dev", "prod"])
def test_an_environments_functions_fit_its_database_during_a_rollout_too(environment: str) -> None:
    given = parse(FOLDER / "environments" / f"{environment}.tfvars")
    deployed = [each for name, each in operations().items() if name not in local("not_deployed")]
    needed = sum(
        each.get("x-max-instances", given["max_instances"]) * each.get("x-database-pool-factor", 1) for each in deployed
    )
    assert 2 * needed <= given["database_max_connections"] - local("reserved_connections")


def test_every_alert_has_a_runbook() -> None:
    alerts = set(re.findall(r"(\w+) = \{\s*title =", local("alerts")))
    alerts |= set(re.findall(r"(\w+) = \{title =", local("alerts")))
    assert {"server_errors", "job_failures", "queue_age", "no_sweep", "database_connections", "health"} <= alerts
    runbook = (PROJECT / "docs" / "operations.md").read_text()
    assert set(re.findall(r"^### `(\w+)`", runbook, re.MULTILINE)) == alerts


def test_log_lines_that_are_counted_are_written() -> None:
    code = "".join(path.read_text() for folder in ("functions", "shared") for path in (PROJECT / folder).rglob("*.py"))
    counted = set(re.findall(r'"(job_\w+|request)\\?"', (FOLDER / "metrics.tf").read_text()))
    assert counted == {"request", "job_completed", "job_failed", "job_timed_out"}
    for event in counted:
        assert f'"{event}"' in code, event


def test_a_skipped_check_says_why() -> None:
    for path in SOURCES:
        for skip, reason in re.findall(r"#checkov:(skip=CKV2?_GCP_\d+)(.*)", path.read_text()):
            assert len(reason.removeprefix(":").split()) >= 5, f"{path.name}: {skip}"


def test_the_tables_in_the_readme_are_fresh() -> None:
    assert README.read_text() == readme_with(tables()), "run: python -m scripts.terraform_tables"
