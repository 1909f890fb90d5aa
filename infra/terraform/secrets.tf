# Values come in through an ephemeral variable and write-only arguments: neither plan nor state ever holds one.

locals {
  # Which variable of the functions each secret fills.
  secret_variables = {
    "address-salt"               = "ADDRESS_HASH_SALT"
    "database-url"               = "DATABASE_URL"
    "flow-access-token"          = "FLOW_ACCESS_TOKEN"
    "flow-session-token"         = "FLOW_SESSION_TOKEN"
    "request-signature"          = "REQUEST_SIGNATURE_SECRET"
    "request-signature-previous" = "REQUEST_SIGNATURE_PREVIOUS_SECRET"
    "supabase-hook"              = "SUPABASE_HOOK_SECRETS"
    "supabase-jwt"               = "SUPABASE_JWT_SECRET"
  }

  wanted_secrets = {
    for entry_point, route in local.routes : entry_point => concat(
      ["database-url"],
      contains(["optional", "user", "account"], route.access) ? ["supabase-jwt"] : [],
      route.access == "hook" ? ["supabase-hook"] : [],
      route.is_signed ? ["request-signature", "request-signature-previous"] : [],
      # The one kind of route that tells people apart by their address.
      route.is_signed && route.access == "optional" ? ["address-salt"] : [],
      local.families[route.family].generates ? ["flow-access-token", "flow-session-token"] : [],
    )
  }
  function_secrets = {
    for entry_point, wanted in local.wanted_secrets : entry_point => [for name in wanted : name if contains(keys(var.secrets), name)]
  }
  secret_readers = merge([
    for entry_point, names in local.function_secrets : {
      for name in names : "${local.routes[entry_point].family} ${name}" => { family = local.routes[entry_point].family, secret = name }
    }
  ]...)
}

resource "google_secret_manager_secret" "this" {
  for_each = var.secrets

  secret_id = "${local.prefix}-${each.key}"

  replication {
    auto {}
  }

  depends_on = [google_project_service.enabled]
}

resource "google_secret_manager_secret_version" "this" {
  for_each = var.secrets

  secret                 = google_secret_manager_secret.this[each.key].id
  secret_data_wo_version = each.value
  # Read only when the version is new. Secret Manager refuses an empty value, so a forgotten one stops the apply.
  secret_data_wo = lookup(var.secret_values, each.key, "")

  lifecycle {
    # The functions keep reading the old version until the new one is there.
    create_before_destroy = true
  }
}

resource "google_secret_manager_secret_iam_member" "reader" {
  for_each = local.secret_readers

  secret_id = google_secret_manager_secret.this[each.value.secret].id
  role      = "roles/secretmanager.secretAccessor"
  member    = google_service_account.family[each.value.family].member
}
