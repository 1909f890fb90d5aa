locals {
  services = toset(concat(
    [
      "artifactregistry.googleapis.com",
      "cloudbuild.googleapis.com",
      "cloudfunctions.googleapis.com",
      "cloudresourcemanager.googleapis.com",
      "cloudscheduler.googleapis.com",
      "cloudtasks.googleapis.com",
      "iam.googleapis.com",
      # Signs download links, and lends the migrator's identity.
      "iamcredentials.googleapis.com",
      "logging.googleapis.com",
      "monitoring.googleapis.com",
      "run.googleapis.com",
      "secretmanager.googleapis.com",
      "storage.googleapis.com",
    ],
    # The connector asks it for certificates at every cold start.
    local.has_cloud_sql ? ["sqladmin.googleapis.com"] : [],
    local.has_gateway ? [
      "apigateway.googleapis.com",
      "servicecontrol.googleapis.com",
      "servicemanagement.googleapis.com",
    ] : ["compute.googleapis.com"],
    local.uses_veo ? ["aiplatform.googleapis.com"] : [],
    var.github_repository == "" ? [] : ["sts.googleapis.com"],
  ))
}

resource "google_project_service" "enabled" {
  for_each = local.services

  service = each.key
  # Other things in the project may use it.
  disable_on_destroy = false
}
