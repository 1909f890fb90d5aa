locals {
  schedules = {
    jobs_sweep            = { schedule = "* * * * *", attempt_deadline = "120s" }
    leaderboard_recompute = { schedule = var.leaderboard_schedule, attempt_deadline = "300s" }
  }
}

resource "google_cloud_scheduler_job" "task" {
  for_each = local.schedules

  name             = "${local.prefix}-${replace(each.key, "_", "-")}"
  region           = var.region
  schedule         = each.value.schedule
  time_zone        = "Etc/UTC"
  attempt_deadline = each.value.attempt_deadline

  # At least once, and both targets may run twice.
  retry_config {
    retry_count = 1
  }

  http_target {
    http_method = "POST"
    uri         = "${module.function[each.key].uri}${local.routes[each.key].path}"
    headers     = { "Content-Type" = "application/json" }
    body        = base64encode("{}")

    oidc_token {
      service_account_email = google_service_account.helper["caller"].email
      # Without a path: Cloud Run and the function compare it with the host they are called by.
      audience = module.function[each.key].uri
    }
  }

  depends_on = [google_project_service.enabled]
}
