locals {
  run_resource = "resource.type=\"cloud_run_revision\" AND resource.label.service_name=monitoring.regex.full_match(\"${local.prefix}-.*\")"
  sql_resource = local.has_cloud_sql ? "resource.type=\"cloudsql_database\" AND resource.label.database_id=\"${var.project_id}:${google_sql_database_instance.main[0].name}\"" : ""

  charts = concat(
    [
      { title = "Requests a second, by route", filter = local.metric_filters["requests"], aligner = "ALIGN_RATE", reducer = "REDUCE_SUM", by = ["metric.label.route"] },
      { title = "Faults a second, by code", filter = local.metric_filters["server_errors"], aligner = "ALIGN_RATE", reducer = "REDUCE_SUM", by = ["metric.label.code"] },
      { title = "Time to answer, 95th percentile, by function", filter = "metric.type=\"run.googleapis.com/request_latencies\" AND ${local.run_resource}", aligner = "ALIGN_PERCENTILE_95", reducer = "REDUCE_MAX", by = ["resource.label.service_name"] },
      { title = "Instances, by function", filter = "metric.type=\"run.googleapis.com/container/instance_count\" AND ${local.run_resource}", aligner = "ALIGN_MAX", reducer = "REDUCE_SUM", by = ["resource.label.service_name"] },
      { title = "Videos finished", filter = local.metric_filters["jobs_completed"], aligner = "ALIGN_DELTA", reducer = "REDUCE_SUM", by = [] },
      { title = "Videos failed, by code", filter = local.metric_filters["jobs_failed"], aligner = "ALIGN_DELTA", reducer = "REDUCE_SUM", by = ["metric.label.code"] },
      { title = "Tasks in the queue", filter = "metric.type=\"cloudtasks.googleapis.com/queue/depth\" AND ${local.queue_resource}", aligner = "ALIGN_MEAN", reducer = "REDUCE_SUM", by = [] },
      { title = "Milliseconds a task waits, 95th percentile", filter = "metric.type=\"cloudtasks.googleapis.com/queue/task_attempt_delays\" AND ${local.queue_resource}", aligner = "ALIGN_PERCENTILE_95", reducer = "REDUCE_MAX", by = [] },
      { title = "Errors in the log, by event", filter = local.metric_filters["error_lines"], aligner = "ALIGN_DELTA", reducer = "REDUCE_SUM", by = ["metric.label.event"] },
      { title = "Runs of the sweeper", filter = local.metric_filters["sweeps"], aligner = "ALIGN_DELTA", reducer = "REDUCE_SUM", by = [] },
    ],
    local.has_cloud_sql ? [
      { title = "Database connections", filter = "metric.type=\"cloudsql.googleapis.com/database/postgresql/num_backends\" AND ${local.sql_resource}", aligner = "ALIGN_MAX", reducer = "REDUCE_SUM", by = [] },
      { title = "Database CPU", filter = "metric.type=\"cloudsql.googleapis.com/database/cpu/utilization\" AND ${local.sql_resource}", aligner = "ALIGN_MEAN", reducer = "REDUCE_MAX", by = [] },
      { title = "Database disk", filter = "metric.type=\"cloudsql.googleapis.com/database/disk/utilization\" AND ${local.sql_resource}", aligner = "ALIGN_MEAN", reducer = "REDUCE_MAX", by = [] },
    ] : [],
  )

  dashboard_columns = 3
  tile_width        = 16
  tile_height       = 14
}

resource "google_monitoring_dashboard" "main" {
  dashboard_json = jsonencode({
    displayName = local.prefix
    mosaicLayout = {
      columns = local.dashboard_columns * local.tile_width
      tiles = [
        for index, chart in local.charts : {
          xPos   = index % local.dashboard_columns * local.tile_width
          yPos   = floor(index / local.dashboard_columns) * local.tile_height
          width  = local.tile_width
          height = local.tile_height
          widget = {
            title = chart.title
            xyChart = {
              dataSets = [{
                plotType = "LINE"
                timeSeriesQuery = {
                  timeSeriesFilter = {
                    filter = chart.filter
                    aggregation = {
                      alignmentPeriod    = "60s"
                      perSeriesAligner   = chart.aligner
                      crossSeriesReducer = chart.reducer
                      groupByFields      = chart.by
                    }
                  }
                }
              }]
            }
          }
        }
      ]
    }
  })

  depends_on = [google_project_service.enabled]
}
