locals {
  gateway_host = local.has_gateway ? google_api_gateway_gateway.main[0].default_hostname : var.domain
  api_url      = "https://${local.gateway_host}"
}

output "allowed_origin" {
  description = "An origin whose pages may call the API, for the smoke test."
  value       = var.cors_allowed_origins[0]
}

output "api_url" {
  description = "The one base URL: NEXT_PUBLIC_API_URL of the frontend."
  value       = local.api_url
}

output "database_connections" {
  description = "Connections that the functions may hold at once, and what the database has to give."
  value       = { needed = local.needed_connections, usable = local.usable_connections }

  precondition {
    condition     = local.needed_connections <= local.usable_connections
    error_message = "The functions may open ${local.needed_connections} connections (instances x pool), and the database has ${local.usable_connections} to give. Lower max_instances or database_pool_size, or raise database_max_connections and database_tier."
  }
}

output "frontend_environment" {
  description = "What the frontend's .env needs from here. The signature secret is read by the command in the last line."
  value       = <<-TEXT
    NEXT_PUBLIC_API_URL=${local.api_url}
    NEXT_PUBLIC_SUPABASE_URL=${var.supabase_url}
    # REQUEST_SIGNATURE_SECRET: gcloud secrets versions access latest --project=${var.project_id} --secret=${google_secret_manager_secret.this["request-signature"].secret_id}
  TEXT
}

output "function_urls" {
  description = "Address of each function on run.app, by entry point. Only the front door, the queue and the scheduler may call them."
  value       = { for entry_point, function in merge(module.worker, module.function) : entry_point => function.uri }
}

output "github" {
  description = "Variables of the GitHub repository for the deploy workflow; null without github_repository."
  value = var.github_repository == "" ? null : {
    DEPLOYER                   = google_service_account.deployer[0].email
    WORKLOAD_IDENTITY_PROVIDER = google_iam_workload_identity_pool_provider.github[0].name
  }
}

output "load_balancer_address" {
  description = "Where the domain's A record must point; null behind API Gateway."
  value       = local.has_gateway ? null : google_compute_global_address.main[0].address
}

output "log_filter" {
  description = "What `make logs` asks for: the lines of this environment's functions."
  value       = "resource.type=\"cloud_run_revision\" AND resource.labels.service_name=~\"^${local.prefix}-\""
}

output "media_bucket" {
  description = "The bucket with videos and thumbnails."
  value       = google_storage_bucket.media.name
}

output "migration" {
  description = "What `make migrate` needs for Cloud SQL: where, as whom, and which logins get the functions' rights; null with an external database."
  value = local.has_cloud_sql ? {
    account  = google_service_account.helper["migrator"].email
    database = google_sql_database.main[0].name
    instance = google_sql_database_instance.main[0].connection_name
    logins   = [for family in keys(local.families) : google_sql_user.account[family].name]
    user     = google_sql_user.account["migrator"].name
  } : null
}

output "project_id" {
  description = "The Google Cloud project."
  value       = var.project_id
}

output "queue" {
  description = "The Cloud Tasks queue."
  value       = google_cloud_tasks_queue.jobs.id
}
