# Data outlives the rest: `make destroy` leaves it where it is, and adopt_data = true finds it again.

locals {
  adopted_database = var.adopt_data && local.has_cloud_sql ? toset(["it"]) : toset([])
  adopted_bucket   = var.adopt_data ? toset(["it"]) : toset([])
}

import {
  for_each = local.adopted_database
  to       = google_sql_database_instance.main[0]
  id       = "projects/${var.project_id}/instances/${local.prefix}-postgres"
}

import {
  for_each = local.adopted_database
  to       = google_sql_database.main[0]
  id       = "projects/${var.project_id}/instances/${local.prefix}-postgres/databases/${var.name}"
}

import {
  for_each = local.adopted_bucket
  to       = google_storage_bucket.media
  id       = "${var.project_id}/${var.project_id}-${local.prefix}-media"
}

import {
  for_each = { for key in keys(local.database_users) : key => "${local.prefix}-${key}@${var.project_id}.iam" if var.adopt_data }
  to       = google_sql_user.account[each.key]
  id       = "${var.project_id}/${local.prefix}-postgres/${each.value}"
}
