# Deploying from GitHub Actions without a key. GitHub's token for a run on main, in the GitHub environment of the same
# name as this one (where people approve), stands for one account.

locals {
  # What a whole apply needs. It makes accounts and gives them roles, so it is as mighty as an owner: guard the branch.
  deployer_roles = [
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
  ]
  has_github     = var.github_repository != ""
  github_subject = "repo:${var.github_repository}:environment:${var.environment}"
}

resource "google_service_account" "deployer" {
  count = local.has_github ? 1 : 0

  account_id   = "${local.prefix}-deployer"
  display_name = "InstaVeo ${var.environment}: deploys from GitHub Actions"
}

resource "google_project_iam_member" "deployer" {
  for_each = local.has_github ? toset(local.deployer_roles) : toset([])

  project = var.project_id
  role    = each.key
  member  = google_service_account.deployer[0].member
}

# Whoever deploys a function must be allowed to act as the account it runs and is built as: these, not all of the project.
resource "google_service_account_iam_member" "deployer_acts_as" {
  for_each = local.has_github ? merge(
    google_service_account.family,
    google_service_account.helper,
    # A new document of the gateway names the account that it calls the functions as.
    local.has_gateway ? { gateway = google_service_account.gateway[0] } : {},
  ) : {}

  service_account_id = each.value.name
  role               = "roles/iam.serviceAccountUser"
  member             = google_service_account.deployer[0].member
}

resource "google_iam_workload_identity_pool" "github" {
  count = local.has_github ? 1 : 0

  # A deleted pool's name stays taken for 30 days.
  workload_identity_pool_id = "${local.prefix}-github"
  display_name              = "GitHub Actions"

  depends_on = [google_project_service.enabled]
}

resource "google_iam_workload_identity_pool_provider" "github" {
  #checkov:skip=CKV_GCP_125:the repository is a variable, which checkov reads as empty; the condition names one subject
  count = local.has_github ? 1 : 0

  workload_identity_pool_id          = google_iam_workload_identity_pool.github[0].workload_identity_pool_id
  workload_identity_pool_provider_id = "github"
  display_name                       = "GitHub Actions"

  attribute_mapping = {
    "google.subject" = "assertion.sub"
  }
  # Without it every repository on GitHub could ask.
  attribute_condition = "assertion.sub == '${local.github_subject}' && assertion.ref == 'refs/heads/main'"

  oidc {
    issuer_uri = "https://token.actions.githubusercontent.com"
  }
}

# The migrator too, directly: GitHub's identity is exchanged for one account at a time.
resource "google_service_account_iam_member" "github_stands_for" {
  for_each = local.has_github ? {
    deployer = google_service_account.deployer[0].name
    migrator = google_service_account.helper["migrator"].name
  } : {}

  service_account_id = each.value
  role               = "roles/iam.workloadIdentityUser"
  member             = "principal://iam.googleapis.com/${google_iam_workload_identity_pool.github[0].name}/subject/${local.github_subject}"
}
