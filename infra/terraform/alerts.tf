# What wakes somebody up. Every alert has a section of the same name in docs/operations.md, which says what to do.

locals {
  queue_resource = "resource.type=\"cloud_tasks_queue\" AND resource.label.queue_id=\"${google_cloud_tasks_queue.jobs.name}\""

  # Of each condition: what is measured, how points are made of it, and when it is too much (or, with is_absent, gone).
  alerts = merge(
    {
      server_errors = {
        title    = "more than 5 % of requests fail"
        severity = "CRITICAL"
        conditions = [{
          filter = local.metric_filters["server_errors"], total_filter = local.metric_filters["requests"], aligner = "ALIGN_DELTA"
          period = 300, reducer = "REDUCE_SUM", comparison = "COMPARISON_GT", threshold = 0.05, for = 300
        }]
      }
      job_failures = {
        title    = "three videos failed within an hour"
        severity = "ERROR"
        conditions = [{
          filter = local.metric_filters["jobs_failed"], total_filter = "", aligner = "ALIGN_DELTA"
          period = 3600, reducer = "REDUCE_SUM", comparison = "COMPARISON_GT", threshold = 2, for = 0
        }]
      }
      error_lines = {
        title    = "more than ten errors in the log within ten minutes"
        severity = "WARNING"
        conditions = [{
          filter = local.metric_filters["error_lines"], total_filter = "", aligner = "ALIGN_DELTA"
          period = 600, reducer = "REDUCE_SUM", comparison = "COMPARISON_GT", threshold = 10, for = 0
        }]
      }
      # Ten videos of two minutes each may wait; more is refused at the door.
      queue_age = {
        title    = "videos wait longer than half an hour, or the queue does not move"
        severity = "ERROR"
        conditions = [
          {
            filter = "metric.type=\"cloudtasks.googleapis.com/queue/task_attempt_delays\" AND ${local.queue_resource}", total_filter = "", aligner = "ALIGN_PERCENTILE_95"
            period = 300, reducer = "REDUCE_MAX", comparison = "COMPARISON_GT", threshold = 1800000, for = 300
          },
          {
            filter = "metric.type=\"cloudtasks.googleapis.com/queue/depth\" AND ${local.queue_resource}", total_filter = "", aligner = "ALIGN_MIN"
            period = 300, reducer = "REDUCE_MAX", comparison = "COMPARISON_GT", threshold = 10, for = 1800
          },
        ]
      }
      # Two conditions, since a counter that stands still may be written as zero or not at all.
      no_sweep = {
        title    = "the sweeper has not run for five minutes"
        severity = "CRITICAL"
        conditions = [
          {
            filter = local.metric_filters["sweeps"], total_filter = "", aligner = "ALIGN_DELTA"
            period = 300, reducer = "REDUCE_SUM", comparison = "COMPARISON_LT", threshold = 1, for = 60
          },
          {
            filter = local.metric_filters["sweeps"], total_filter = "", aligner = "ALIGN_DELTA"
            period = 60, reducer = "REDUCE_SUM", comparison = "absent", threshold = 0, for = 300
          },
        ]
      }
      health = {
        title    = "GET /health does not answer 200"
        severity = "CRITICAL"
        conditions = [{
          filter = "metric.type=\"monitoring.googleapis.com/uptime_check/check_passed\" AND resource.type=\"uptime_url\" AND metric.label.check_id=\"${google_monitoring_uptime_check_config.health.uptime_check_id}\"", total_filter = "", aligner = "ALIGN_NEXT_OLDER"
          period = 1200, reducer = "REDUCE_COUNT_FALSE", comparison = "COMPARISON_GT", threshold = 1, for = 300
        }]
      }
    },
    local.has_cloud_sql ? {
      database_connections = {
        title    = "four fifths of the database's connections are taken"
        severity = "WARNING"
        conditions = [{
          filter = "metric.type=\"cloudsql.googleapis.com/database/postgresql/num_backends\" AND resource.type=\"cloudsql_database\" AND resource.label.database_id=\"${var.project_id}:${google_sql_database_instance.main[0].name}\"", total_filter = "", aligner = "ALIGN_MAX"
          period = 60, reducer = "REDUCE_SUM", comparison = "COMPARISON_GT", threshold = floor(0.8 * var.database_max_connections), for = 300
        }]
      }
    } : {},
  )
}

resource "google_monitoring_notification_channel" "email" {
  count = var.alert_email == "" ? 0 : 1

  display_name = "InstaVeo ${var.environment}"
  type         = "email"
  labels       = { email_address = var.alert_email }

  depends_on = [google_project_service.enabled]
}

resource "google_monitoring_alert_policy" "alert" {
  for_each = local.alerts

  display_name          = "${local.prefix}: ${each.value.title}"
  combiner              = "OR"
  severity              = each.value.severity
  notification_channels = google_monitoring_notification_channel.email[*].id

  documentation {
    mime_type = "text/markdown"
    content   = "${each.value.title}. What to do: docs/operations.md, section `${each.key}`."
  }

  dynamic "conditions" {
    for_each = each.value.conditions
    iterator = condition

    content {
      display_name = each.value.title

      dynamic "condition_threshold" {
        for_each = condition.value.comparison == "absent" ? [] : [condition.value]
        iterator = it

        content {
          filter             = it.value.filter
          comparison         = it.value.comparison
          threshold_value    = it.value.threshold
          duration           = "${it.value.for}s"
          denominator_filter = it.value.total_filter == "" ? null : it.value.total_filter

          aggregations {
            alignment_period     = "${it.value.period}s"
            per_series_aligner   = it.value.aligner
            cross_series_reducer = it.value.reducer
          }

          # A share needs both of its parts made in the same way.
          dynamic "denominator_aggregations" {
            for_each = it.value.total_filter == "" ? [] : [it.value]

            content {
              alignment_period     = "${denominator_aggregations.value.period}s"
              per_series_aligner   = denominator_aggregations.value.aligner
              cross_series_reducer = denominator_aggregations.value.reducer
            }
          }
        }
      }

      dynamic "condition_absent" {
        for_each = condition.value.comparison == "absent" ? [condition.value] : []
        iterator = it

        content {
          filter   = it.value.filter
          duration = "${it.value.for}s"

          aggregations {
            alignment_period     = "${it.value.period}s"
            per_series_aligner   = it.value.aligner
            cross_series_reducer = it.value.reducer
          }
        }
      }
    }
  }

  alert_strategy {
    auto_close = "1800s"
  }
}

resource "google_monitoring_uptime_check_config" "health" {
  display_name = "${local.prefix}: GET /health"
  timeout      = "30s"
  period       = "300s"

  http_check {
    path         = "/health"
    port         = 443
    use_ssl      = true
    validate_ssl = true
  }

  monitored_resource {
    type   = "uptime_url"
    labels = { project_id = var.project_id, host = local.gateway_host }
  }

  depends_on = [google_project_service.enabled]
}
