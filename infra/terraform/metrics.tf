# Numbers made of the functions' own log lines. shared/log.py and shared/endpoint.py write them.

locals {
  our_lines     = "resource.type=\"cloud_run_revision\" AND resource.labels.service_name=~\"^${local.prefix}-\""
  request_lines = "${local.our_lines} AND jsonPayload.message=\"request\""
  task_routes   = join(" OR ", [for entry_point, route in local.routes : "\"${entry_point}\"" if route.is_task])

  log_metrics = {
    requests = {
      description = "Requests answered, by route and status"
      filter      = local.request_lines
      labels      = { route = "jsonPayload.route", status = "httpRequest.status" }
    }
    # A task target says 503 to be called again, health says it of its parts, and a full queue is a limit, not a fault.
    server_errors = {
      description = "Requests that failed by our fault, by route and code"
      filter      = "${local.request_lines} AND httpRequest.status>=500 AND NOT jsonPayload.code=\"queue_full\" AND (httpRequest.status=500 OR NOT jsonPayload.route=(${local.task_routes} OR \"health_check\"))"
      labels      = { route = "jsonPayload.route", code = "jsonPayload.code" }
    }
    jobs_completed = {
      description = "Videos finished"
      filter      = "${local.our_lines} AND jsonPayload.message=\"job_completed\""
      labels      = {}
    }
    # A refused prompt is its author's affair.
    jobs_failed = {
      description = "Videos that failed for good and not because of their prompt, by code"
      filter      = "${local.our_lines} AND jsonPayload.message=(\"job_failed\" OR \"job_timed_out\") AND NOT jsonPayload.blames_prompt=true"
      labels      = { code = "jsonPayload.code" }
    }
    # Also what no request fails of: an enqueue that the sweeper makes up for, a part of a sweep.
    error_lines = {
      description = "Lines of severity ERROR, by event"
      filter      = "${local.our_lines} AND severity>=ERROR"
      labels      = { event = "jsonPayload.message" }
    }
    sweeps = {
      description = "Runs of the sweeper that ended well"
      filter      = "${local.request_lines} AND jsonPayload.route=\"jobs_sweep\" AND httpRequest.status=200"
      labels      = {}
    }
  }

  metric_filters = {
    for name, metric in google_logging_metric.line : name => "metric.type=\"logging.googleapis.com/user/${metric.name}\" AND resource.type=\"cloud_run_revision\""
  }
}

resource "google_logging_metric" "line" {
  for_each = local.log_metrics

  name             = "${local.prefix}/${each.key}"
  description      = each.value.description
  filter           = each.value.filter
  label_extractors = { for label, field in each.value.labels : label => "EXTRACT(${field})" }

  metric_descriptor {
    metric_kind = "DELTA"
    value_type  = "INT64"

    dynamic "labels" {
      for_each = each.value.labels

      content {
        key        = labels.key
        value_type = "STRING"
      }
    }
  }

  depends_on = [google_project_service.enabled]
}
