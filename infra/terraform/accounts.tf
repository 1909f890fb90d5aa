# Who the functions run as: one account for each family of the contract, with the rights that its routes need.

locals {
  families = {
    account  = { bucket_role = "", enqueues = false, generates = false, signs_links = false }
    create   = { bucket_role = "", enqueues = true, generates = false, signs_links = false }
    hook     = { bucket_role = "", enqueues = false, generates = false, signs_links = false }
    media    = { bucket_role = "roles/storage.objectViewer", enqueues = false, generates = false, signs_links = true }
    read     = { bucket_role = "", enqueues = false, generates = false, signs_links = false }
    schedule = { bucket_role = "roles/storage.objectUser", enqueues = true, generates = false, signs_links = false }
    worker   = { bucket_role = "roles/storage.objectUser", enqueues = false, generates = true, signs_links = false }
    write    = { bucket_role = "", enqueues = false, generates = false, signs_links = false }
  }

  # Accounts that run none of our code.
  helpers = {
    build    = "Builds the functions' images"
    caller   = "Named in the tokens of Cloud Tasks and Cloud Scheduler"
    migrator = "Owns the tables; lent to who deploys, for migrations"
  }

  database_roles = local.has_cloud_sql ? ["roles/cloudsql.client", "roles/cloudsql.instanceUser"] : []
  build_roles    = ["roles/artifactregistry.writer", "roles/logging.logWriter", "roles/storage.objectViewer"]

  project_roles = merge(
    { for pair in setproduct(keys(local.families), local.database_roles) : join(" ", pair) => { account = google_service_account.family[pair[0]], role = pair[1] } },
    { for role in local.database_roles : "migrator ${role}" => { account = google_service_account.helper["migrator"], role = role } },
    { for role in local.build_roles : "build ${role}" => { account = google_service_account.helper["build"], role = role } },
    { for family, rights in local.families : "${family} roles/aiplatform.user" => { account = google_service_account.family[family], role = "roles/aiplatform.user" } if rights.generates && local.uses_veo },
  )
}

resource "google_service_account" "family" {
  for_each = local.families

  account_id   = "${local.prefix}-${each.key}"
  display_name = "InstaVeo ${var.environment}: ${each.key} functions"
}

resource "google_service_account" "helper" {
  for_each = local.helpers

  account_id   = "${local.prefix}-${each.key}"
  display_name = "InstaVeo ${var.environment}: ${each.value}"
}

resource "google_project_iam_member" "role" {
  for_each = local.project_roles

  project = var.project_id
  role    = each.value.role
  member  = each.value.account.member
}

# To enqueue a task that carries a token, the right to the queue is not enough: one must also be allowed to act as the
# account that the token names. Without it CreateTask answers 403.
resource "google_service_account_iam_member" "acts_as_caller" {
  for_each = { for family, rights in local.families : family => rights if rights.enqueues }

  service_account_id = google_service_account.helper["caller"].name
  role               = "roles/iam.serviceAccountUser"
  member             = google_service_account.family[each.key].member
}

# Links are signed without a key, by the IAM service, in the account's own name. On itself only, never on the project.
resource "google_service_account_iam_member" "signs_links" {
  for_each = { for family, rights in local.families : family => rights if rights.signs_links }

  service_account_id = google_service_account.family[each.key].name
  role               = "roles/iam.serviceAccountTokenCreator"
  member             = google_service_account.family[each.key].member
}

resource "google_service_account_iam_member" "lends_migrator" {
  for_each = toset(var.deployers)

  service_account_id = google_service_account.helper["migrator"].name
  role               = "roles/iam.serviceAccountTokenCreator"
  member             = each.key
}
