locals {
  uses_veo = var.generation_provider == "veo"

  common_environment = merge(var.settings, {
    GOOGLE_CLOUD_PROJECT = var.project_id
    CORS_ALLOWED_ORIGINS = join(",", var.cors_allowed_origins)
    SUPABASE_URL         = var.supabase_url
  })

  family_environment = {
    for family, rights in local.families : family => merge(
      local.has_cloud_sql ? {
        CLOUD_SQL_INSTANCE = google_sql_database_instance.main[0].connection_name
        CLOUD_SQL_DATABASE = google_sql_database.main[0].name
        CLOUD_SQL_USER     = google_sql_user.account[family].name
      } : {},
      rights.bucket_role == "" ? {} : {
        MEDIA_STORAGE_BACKEND = "gcp"
        GCS_BUCKET            = google_storage_bucket.media.name
      },
      rights.bucket_role != "" && var.media_public_url != "" ? { MEDIA_PUBLIC_URL = var.media_public_url } : {},
      rights.enqueues ? {
        TASK_QUEUE_BACKEND = "cloud_tasks"
        CLOUD_TASKS_QUEUE  = google_cloud_tasks_queue.jobs.id
      } : {},
      rights.generates ? { GENERATION_PROVIDER = var.generation_provider } : {},
      rights.generates && var.flow_project_id != "" ? { FLOW_PROJECT_ID = var.flow_project_id } : {},
      family == "account" ? { OAUTH_REDIRECT_ALLOW_LIST = join(",", var.oauth_redirect_allow_list) } : {},
    )
  }

  functions = {
    for entry_point, route in local.routes : entry_point => merge(route, {
      name = "${local.prefix}-${replace(entry_point, "_", "-")}"
      # Internal means Cloud Tasks and Cloud Scheduler of this project, and not API Gateway.
      ingress = route.is_task ? "ALLOW_INTERNAL_ONLY" : local.has_gateway ? "ALLOW_ALL" : "ALLOW_INTERNAL_AND_GCLB"
      # A load balancer sends no identity, so behind it a function cannot ask for one.
      invoker = route.is_task ? google_service_account.helper["caller"].member : local.has_gateway ? google_service_account.gateway[0].member : "allUsers"
      environment = merge(local.common_environment, local.family_environment[route.family], {
        BEHIND_API_GATEWAY       = tostring(local.has_gateway && !route.is_task)
        DATABASE_POOL_SIZE       = tostring(max(1, route.database_connections))
        FUNCTION_TIMEOUT_SECONDS = tostring(route.timeout_seconds)
        # gunicorn's threads: as many as requests that Cloud Run sends at once.
        THREADS = tostring(route.concurrency)
        },
        # Who enqueues names this account in the task's token; who is a task's target accepts no other.
        route.is_task || local.families[route.family].enqueues ? { TASK_SERVICE_ACCOUNT = google_service_account.helper["caller"].email } : {},
        # True only because of the invoker above: the platform then checks the token, and takes its signature away.
        route.is_task ? { PLATFORM_CHECKS_CALLERS = "true" } : {},
      )
      secrets = {
        for name in local.function_secrets[entry_point] : local.secret_variables[name] => {
          secret = google_secret_manager_secret.this[name].secret_id
          # A number and not "latest": a new version reaches the functions at the apply that stores it.
          version = google_secret_manager_secret_version.this[name].version
        }
      }
    })
  }

  shared_arguments = {
    bucket        = google_storage_bucket.source.name
    object        = google_storage_bucket_object.source.name
    build_account = google_service_account.helper["build"].id
    project_id    = var.project_id
    region        = var.region
  }
}

# The worker comes first: those who enqueue need its address, and a resource cannot refer to itself. Both calls make
# the same module's one resource out of the same map.
module "worker" {
  source   = "./modules/function"
  for_each = { for entry_point, function in local.functions : entry_point => function if entry_point == local.queue_target }

  account     = google_service_account.family[each.value.family].email
  deployment  = local.shared_arguments
  entry_point = each.key
  function    = each.value

  depends_on = [google_project_iam_member.role, google_secret_manager_secret_iam_member.reader]
}

module "function" {
  source   = "./modules/function"
  for_each = { for entry_point, function in local.functions : entry_point => function if entry_point != local.queue_target }

  account           = google_service_account.family[each.value.family].email
  deployment        = local.shared_arguments
  entry_point       = each.key
  extra_environment = local.families[each.value.family].enqueues ? { WORKER_URL = module.worker[local.queue_target].uri } : {}
  function          = each.value
  min_instances     = lookup(var.min_instances, each.key, 0)

  depends_on = [google_project_iam_member.role, google_secret_manager_secret_iam_member.reader]
}
