resource "google_cloudfunctions2_function" "this" {
  #checkov:skip=CKV_GCP_124:API Gateway is not internal traffic; who may call is decided by the invoker below, and task targets are internal only
  name        = var.function.name
  location    = var.deployment.region
  description = "${upper(var.function.method)} ${var.function.path}"
  labels      = { family = var.function.family }

  build_config {
    runtime         = "python314"
    entry_point     = var.entry_point
    service_account = var.deployment.build_account

    source {
      storage_source {
        bucket = var.deployment.bucket
        object = var.deployment.object
      }
    }
  }

  service_config {
    service_account_email = var.account
    ingress_settings      = var.function.ingress
    timeout_seconds       = var.function.timeout_seconds
    # More than one request at once needs a whole CPU.
    available_cpu                    = "1"
    available_memory                 = var.function.memory
    max_instance_request_concurrency = var.function.concurrency
    max_instance_count               = var.function.max_instances
    min_instance_count               = var.min_instances
    environment_variables            = merge(var.function.environment, var.extra_environment)

    dynamic "secret_environment_variables" {
      for_each = var.function.secrets

      content {
        key        = secret_environment_variables.key
        project_id = var.deployment.project_id
        secret     = secret_environment_variables.value.secret
        version    = secret_environment_variables.value.version
      }
    }
  }
}

# On Cloud Run: the role of the same purpose on the function itself lets nobody in over HTTP.
resource "google_cloud_run_service_iam_member" "invoker" {
  location = google_cloudfunctions2_function.this.location
  service  = google_cloudfunctions2_function.this.name
  role     = "roles/run.invoker"
  member   = var.function.invoker
}
