# The whole configuration against mocks: nothing is made. Values that only Google knows are invented.

mock_provider "google" {
  mock_resource "google_service_account" {
    defaults = {
      email  = "account@instaveo-test.iam.gserviceaccount.com"
      member = "serviceAccount:account@instaveo-test.iam.gserviceaccount.com"
      name   = "projects/instaveo-test/serviceAccounts/account@instaveo-test.iam.gserviceaccount.com"
    }
  }
  mock_resource "google_secret_manager_secret_version" {
    defaults = { version = "1" }
  }
}

mock_provider "google-beta" {
  mock_resource "google_api_gateway_gateway" {
    defaults = { default_hostname = "instaveo-test-abc.uc.gateway.dev" }
  }
}

variables {
  environment          = "test"
  project_id           = "instaveo-test"
  supabase_url         = "https://test.supabase.co"
  cors_allowed_origins = ["https://instaveo.example"]
  alert_email          = "oncall@instaveo.example"
  # Any file will do: only its hash and its path are used.
  package_path  = "../../openapi.yaml"
  secrets       = { "address-salt" = 1, "request-signature" = 1, "supabase-hook" = 1, "supabase-jwt" = 1 }
  secret_values = { "address-salt" = "0123456789abcdef", "request-signature" = "0123456789abcdef0123456789abcdef" }
}

run "every_operation_is_a_function" {
  assert {
    condition     = toset(keys(output.function_urls)) == toset(keys(local.routes))
    error_message = "functions and operations differ"
  }
  assert {
    condition     = length(module.worker) == 1 && contains(keys(module.worker), "generate_worker")
    error_message = "the queue's target is not the worker"
  }
  assert {
    condition     = !contains(keys(local.routes), "media_serve")
    error_message = "the bucket serves the media"
  }
  assert {
    condition     = alltrue([for function in local.functions : length(function.name) < 50])
    error_message = "a Cloud Run service's name has 49 characters at most"
  }
}

run "task_targets_are_private" {
  assert {
    condition     = alltrue([for name in ["generate_worker", "jobs_sweep", "leaderboard_recompute"] : local.functions[name].ingress == "ALLOW_INTERNAL_ONLY"])
    error_message = "a task target is reachable from outside"
  }
  assert {
    condition     = alltrue([for function in local.functions : function.invoker != "allUsers"])
    error_message = "behind API Gateway no function is public"
  }
  assert {
    condition     = alltrue([for name in ["generate_worker", "jobs_sweep", "leaderboard_recompute"] : local.functions[name].environment.BEHIND_API_GATEWAY == "false"])
    error_message = "a task target must not read the gateway's header"
  }
  assert {
    condition     = local.functions["generate_worker"].concurrency == 1 && local.functions["generate_worker"].max_instances == 1 && local.functions["generate_worker"].timeout_seconds == 1800
    error_message = "one video at a time, for as long as Cloud Tasks listens"
  }
}

run "the_queue_runs_one_at_a_time" {
  assert {
    condition     = google_cloud_tasks_queue.jobs.rate_limits[0].max_concurrent_dispatches == 1
    error_message = "more than one dispatch at a time"
  }
}

run "the_scheduler_calls_both_jobs" {
  assert {
    condition     = google_cloud_scheduler_job.task["jobs_sweep"].schedule == "* * * * *"
    error_message = "the sweeper does not run each minute"
  }
  assert {
    condition     = google_cloud_scheduler_job.task["leaderboard_recompute"].schedule == "0 3 * * *"
    error_message = "the leaderboard is not recomputed each night"
  }
  assert {
    condition     = alltrue([for job in google_cloud_scheduler_job.task : startswith(job.http_target[0].uri, job.http_target[0].oidc_token[0].audience)])
    error_message = "the audience of a token is the function's address without a path"
  }
}

run "each_function_gets_only_the_secrets_it_needs" {
  assert {
    condition     = alltrue([for name, function in local.functions : contains(keys(function.secrets), "REQUEST_SIGNATURE_SECRET") == function.is_signed])
    error_message = "exactly the signed routes get the signature secret"
  }
  assert {
    condition     = [for name, function in local.functions : name if contains(keys(function.secrets), "SUPABASE_HOOK_SECRETS")] == ["hooks_supabase_user"]
    error_message = "only the hook gets the hook's secret"
  }
  assert {
    condition     = alltrue([for name, function in local.functions : length(function.secrets) == 0 if function.is_task])
    error_message = "a task target of this configuration needs no secret"
  }
  assert {
    condition     = alltrue([for function in local.functions : length(setintersection(keys(function.environment), values(local.secret_variables))) == 0])
    error_message = "a secret is among the plain variables"
  }
  assert {
    condition     = toset([for reader in google_secret_manager_secret_iam_member.reader : reader.role]) == toset(["roles/secretmanager.secretAccessor"])
    error_message = "reading a secret takes one role"
  }
  assert {
    condition     = !contains(keys(google_secret_manager_secret_iam_member.reader), "read request-signature")
    error_message = "the readers' account can read the signature secret"
  }
}

run "a_token_without_its_signature_is_believed_only_where_the_platform_checked_it" {
  assert {
    condition     = alltrue([for name, function in local.functions : contains(keys(function.environment), "PLATFORM_CHECKS_CALLERS") == function.is_task])
    error_message = "exactly the task targets trust the platform's check"
  }
  assert {
    condition     = alltrue([for function in local.functions : function.invoker == google_service_account.helper["caller"].member if function.is_task])
    error_message = "a task target that trusts the platform's check can be called by others"
  }
}

run "only_who_enqueues_knows_the_queue" {
  assert {
    condition     = toset([for name, function in local.functions : function.family if contains(keys(function.environment), "CLOUD_TASKS_QUEUE")]) == toset(["create", "schedule"])
    error_message = "the queue is known to others than those who enqueue"
  }
  assert {
    condition     = toset(keys(google_cloud_tasks_queue_iam_member.enqueuer)) == toset(keys(google_service_account_iam_member.acts_as_caller))
    error_message = "who enqueues must also be allowed to act as the caller"
  }
}

run "the_gateway_routes_as_the_contract_does" {
  assert {
    condition     = toset(keys(local.gateway_document.paths)) == local.public_paths && length([for path in keys(local.gateway_document.paths) : path if startswith(path, "/tasks/")]) == 0
    error_message = "the gateway's paths are not the public ones"
  }
  assert {
    condition     = alltrue([for operations in local.gateway_document.paths : contains(keys(operations), "options")])
    error_message = "a path without an answer to the browser's preflight"
  }
  assert {
    condition     = alltrue(flatten([for operations in local.gateway_document.paths : [for operation in operations : operation["x-google-backend"].path_translation == "APPEND_PATH_TO_ADDRESS"]]))
    error_message = "a function would see its path as a query string"
  }
  assert {
    condition     = local.gateway_document.paths["/videos/{id}/sync-status"].post["x-google-backend"].deadline == 300
    error_message = "the gateway gives up before the function does"
  }
  assert {
    condition     = output.api_url == "https://instaveo-test-abc.uc.gateway.dev"
    error_message = "the base URL is not the gateway's"
  }
}

run "the_database_is_safe" {
  assert {
    condition     = google_sql_database_instance.main[0].deletion_protection && google_sql_database_instance.main[0].settings[0].deletion_protection_enabled
    error_message = "the database can be deleted"
  }
  assert {
    condition     = google_sql_database_instance.main[0].settings[0].backup_configuration[0].point_in_time_recovery_enabled
    error_message = "no point-in-time recovery"
  }
  assert {
    condition     = google_sql_database_instance.main[0].settings[0].edition == "ENTERPRISE"
    error_message = "small tiers need the edition spelt out"
  }
  assert {
    condition     = alltrue([for user in google_sql_user.account : user.type == "CLOUD_IAM_SERVICE_ACCOUNT" && !endswith(user.name, ".gserviceaccount.com")])
    error_message = "a login with a password, or with a name that Cloud SQL refuses"
  }
  assert {
    condition     = output.database_connections.needed <= output.database_connections.usable
    error_message = "too many connections"
  }
}

run "too_many_instances_are_refused" {
  command = plan

  variables {
    max_instances = 5
  }

  expect_failures = [output.database_connections, check.connections_during_a_rollout]
}

run "an_outside_database_needs_no_cloud_sql" {
  variables {
    database      = "external"
    secrets       = { "address-salt" = 1, "request-signature" = 1, "database-url" = 1 }
    secret_values = { "address-salt" = "a", "request-signature" = "0123456789abcdef0123456789abcdef", "database-url" = "postgresql://x" }
  }

  assert {
    condition     = length(google_sql_database_instance.main) == 0 && length(google_sql_user.account) == 0 && output.migration == null
    error_message = "Cloud SQL is there all the same"
  }
  assert {
    condition     = alltrue([for function in local.functions : contains(keys(function.secrets), "DATABASE_URL") && !contains(keys(function.environment), "CLOUD_SQL_INSTANCE")])
    error_message = "a function does not know the database"
  }
}

run "a_load_balancer_is_one_variable_away" {
  variables {
    front_door = "load_balancer"
    domain     = "api.instaveo.example"
  }

  assert {
    condition     = length(google_api_gateway_gateway.main) == 0 && output.api_url == "https://api.instaveo.example"
    error_message = "the gateway is there too"
  }
  assert {
    condition     = alltrue([for function in local.functions : function.is_task ? function.invoker != "allUsers" && function.ingress == "ALLOW_INTERNAL_ONLY" : function.ingress == "ALLOW_INTERNAL_AND_GCLB"])
    error_message = "a function can be reached past the balancer"
  }
  assert {
    condition     = alltrue([for function in local.functions : function.environment.BEHIND_API_GATEWAY == "false"])
    error_message = "anybody could choose the gateway's header"
  }
  assert {
    condition = (
      index([for rule in local.balanced_rules : "${rule.method} ${rule.path}"], "GET /videos/feed")
      < index([for rule in local.balanced_rules : "${rule.method} ${rule.path}"], "GET /videos/{id}")
    )
    error_message = "a template comes before a fixed path"
  }
  assert {
    condition     = contains([for rule in google_compute_url_map.main[0].path_matcher[0].route_rules : rule.match_rules[0].path_template_match], "/videos/*/like")
    error_message = "templates are not translated"
  }
}

run "flow_takes_its_own_secret" {
  variables {
    generation_provider = "flow"
    flow_project_id     = "flow-project"
    secrets             = { "address-salt" = 1, "request-signature" = 1, "flow-session-token" = 1 }
    secret_values       = { "address-salt" = "a", "request-signature" = "0123456789abcdef0123456789abcdef", "flow-session-token" = "x" }
  }

  assert {
    condition     = toset([for name, function in local.functions : function.family if contains(keys(function.secrets), "FLOW_SESSION_TOKEN")]) == toset(["worker"])
    error_message = "the Flow session is known to others than the worker's family"
  }
}

run "an_email_is_told" {
  assert {
    condition     = alltrue([for policy in google_monitoring_alert_policy.alert : length(policy.notification_channels) == 1])
    error_message = "an alert tells nobody"
  }
  assert {
    condition     = length(setsubtract(["server_errors", "job_failures", "queue_age", "no_sweep", "database_connections", "health"], keys(google_monitoring_alert_policy.alert))) == 0
    error_message = "an alert is missing"
  }
}

run "github_may_deploy_from_main_only" {
  variables {
    github_repository = "instaveo/backend"
  }

  assert {
    condition     = google_iam_workload_identity_pool_provider.github[0].attribute_condition == "assertion.sub == 'repo:instaveo/backend:environment:test' && assertion.ref == 'refs/heads/main'"
    error_message = "other repositories, branches or environments could deploy"
  }
}
