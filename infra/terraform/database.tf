locals {
  has_cloud_sql = var.database == "cloud_sql"
  # Superusers' three, Cloud SQL's own, a migration and a person with psql.
  reserved_connections = 10
  needed_connections   = sum([for route in local.routes : route.max_instances * route.database_connections])
  usable_connections   = var.database_max_connections - local.reserved_connections
  database_users = {
    for name, user in merge(
      { for family, account in google_service_account.family : family => { email = account.email, roles = tolist([]) } },
      # Only a member of cloudsqlsuperuser may make tables, and the role that the functions' users are put into.
      { migrator = { email = google_service_account.helper["migrator"].email, roles = ["cloudsqlsuperuser"] } },
    ) : name => user if local.has_cloud_sql
  }
}

resource "google_sql_database_instance" "main" {
  #checkov:skip=CKV_GCP_6:require_ssl is the old name of ssl_mode, which is set
  #checkov:skip=CKV_GCP_60:no network is authorised, so nothing but the connector gets in; private addresses would need a VPC for every function
  #checkov:skip=CKV_GCP_79:the newest version the project was tested with is chosen by database_version
  #checkov:skip=CKV_GCP_108:clients are Google's front ends, whose names say nothing, and each look-up costs time
  #checkov:skip=CKV_GCP_109:PostgreSQL's own level, warning, shows more
  #checkov:skip=CKV_GCP_110:who did what is in the tables; schema changes are logged by log_statement
  #checkov:skip=CKV2_GCP_13:a line for each statement would cost more than the database; query insights measures them
  count = local.has_cloud_sql ? 1 : 0

  name             = "${local.prefix}-postgres"
  database_version = var.database_version
  region           = var.region

  # Terraform's own lock. The one in the settings holds against the console and gcloud too.
  deletion_protection = true

  settings {
    tier = var.database_tier
    # Said in full: from PostgreSQL 16 the default is ENTERPRISE_PLUS, which has no small tiers.
    edition                     = "ENTERPRISE"
    availability_type           = var.database_availability
    disk_autoresize             = true
    disk_type                   = "PD_SSD"
    deletion_protection_enabled = true
    connector_enforcement       = "REQUIRED"
    retain_backups_on_delete    = true

    backup_configuration {
      enabled                        = true
      point_in_time_recovery_enabled = true
      start_time                     = "03:00"
      transaction_log_retention_days = 7

      backup_retention_settings {
        retained_backups = 14
        retention_unit   = "COUNT"
      }
    }

    ip_configuration {
      ipv4_enabled = true
      ssl_mode     = "ENCRYPTED_ONLY"
    }

    insights_config {
      query_insights_enabled = true
    }

    maintenance_window {
      day  = 2
      hour = 4
    }

    database_flags {
      name  = "cloudsql.iam_authentication"
      value = "on"
    }

    database_flags {
      name  = "max_connections"
      value = tostring(var.database_max_connections)
    }

    database_flags {
      name  = "log_checkpoints"
      value = "on"
    }

    database_flags {
      name  = "log_connections"
      value = "on"
    }

    database_flags {
      name  = "log_disconnections"
      value = "on"
    }

    database_flags {
      name  = "log_lock_waits"
      value = "on"
    }

    database_flags {
      name  = "log_statement"
      value = "ddl"
    }
  }

  depends_on = [google_project_service.enabled]
}

resource "google_sql_database" "main" {
  count = local.has_cloud_sql ? 1 : 0

  name     = var.name
  instance = google_sql_database_instance.main[0].name
  # Its tables belong to roles that only the database knows, so it cannot be dropped from outside.
  deletion_policy = "ABANDON"
}

resource "google_sql_user" "account" {
  for_each = local.database_users

  instance = google_sql_database_instance.main[0].name
  # As Cloud SQL wants it, and as the connector logs in.
  name           = trimsuffix(each.value.email, ".gserviceaccount.com")
  type           = "CLOUD_IAM_SERVICE_ACCOUNT"
  database_roles = length(each.value.roles) == 0 ? null : each.value.roles
  # A user that was granted roles cannot be dropped through the API.
  deletion_policy = "ABANDON"
}

# While a new revision takes over, instances of the old one still hold theirs.
check "connections_during_a_rollout" {
  assert {
    condition     = 2 * local.needed_connections <= local.usable_connections
    error_message = "A rollout may need ${2 * local.needed_connections} connections for a minute; the database has ${local.usable_connections} to give. Some requests may wait or see a 503 while deploying."
  }
}
