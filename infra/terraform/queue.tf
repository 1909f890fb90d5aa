resource "google_cloud_tasks_queue" "jobs" {
  # A deleted queue's name is blocked for days: after a `make destroy` raise queue_generation.
  name     = "${local.prefix}-jobs-${var.queue_generation}"
  location = var.region

  rate_limits {
    # One video is rendered at a time. That a dispatch outlived its deadline is the lease's business, not the queue's.
    max_concurrent_dispatches = 1
    max_dispatches_per_second = 1
  }

  # Retrying stops when both limits are used up. How often a job may fail is counted in its row; a dispatch that only
  # found the lane busy is no failure. So: patient, until the job's own deadline has passed and the sweeper ended it.
  retry_config {
    max_attempts       = 100
    min_backoff        = "5s"
    max_backoff        = "60s"
    max_doublings      = 3
    max_retry_duration = "7200s"
  }

  stackdriver_logging_config {
    sampling_ratio = 1
  }

  depends_on = [google_project_service.enabled]
}

resource "google_cloud_tasks_queue_iam_member" "enqueuer" {
  for_each = { for family, rights in local.families : family => rights if rights.enqueues }

  name     = google_cloud_tasks_queue.jobs.name
  location = var.region
  role     = "roles/cloudtasks.enqueuer"
  member   = google_service_account.family[each.key].member
}
