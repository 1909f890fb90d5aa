# The other front door, for those with a domain: no deadline of its own, Cloud Armor and a CDN within reach, about 18
# dollars a month.

locals {
  balanced_routes = local.has_gateway ? {} : local.public_routes

  # Fixed paths before templates, since the first match wins: /videos/feed is not the video "feed". Of one path, its
  # methods first; whatever is left (OPTIONS, HEAD) goes to the function that answers preflights.
  balanced_paths = concat(
    sort([for path in local.public_paths : path if length(local.path_parameters[path]) == 0]),
    sort([for path in local.public_paths : path if length(local.path_parameters[path]) > 0]),
  )
  balanced_rules = flatten([
    for path in local.balanced_paths : concat(
      [for method, entry_point in local.methods_by_path[path] : { path = path, method = upper(method), entry_point = entry_point }],
      [{ path = path, method = "", entry_point = local.preflight_answer[path] }],
    )
  ])
}

resource "google_compute_region_network_endpoint_group" "function" {
  for_each = local.balanced_routes

  name                  = module.function[each.key].name
  region                = var.region
  network_endpoint_type = "SERVERLESS"

  # A function of the second generation is a Cloud Run service.
  cloud_run {
    service = module.function[each.key].name
  }
}

resource "google_compute_backend_service" "function" {
  for_each = local.balanced_routes

  name                  = module.function[each.key].name
  load_balancing_scheme = "EXTERNAL_MANAGED"

  backend {
    group = google_compute_region_network_endpoint_group.function[each.key].id
  }
}

resource "google_compute_url_map" "main" {
  count = local.has_gateway ? 0 : 1

  name = local.prefix
  # Any function answers 404 to a path that is not its own.
  default_service = google_compute_backend_service.function[local.preflight_answer["/health"]].id

  host_rule {
    hosts        = [var.domain]
    path_matcher = "api"
  }

  path_matcher {
    name            = "api"
    default_service = google_compute_backend_service.function[local.preflight_answer["/health"]].id

    dynamic "route_rules" {
      for_each = local.balanced_rules
      iterator = rule

      content {
        priority = rule.key + 1
        service  = google_compute_backend_service.function[rule.value.entry_point].id

        match_rules {
          path_template_match = replace(rule.value.path, "/\\{\\w+\\}/", "*")

          dynamic "header_matches" {
            for_each = rule.value.method == "" ? [] : [rule.value.method]

            content {
              header_name = ":method"
              exact_match = header_matches.value
            }
          }
        }
      }
    }
  }
}

resource "google_compute_managed_ssl_certificate" "main" {
  count = local.has_gateway ? 0 : 1

  # Another domain replaces it, so its name must change too.
  name = "${local.prefix}-${substr(sha256(var.domain), 0, 8)}"

  managed {
    domains = [var.domain]
  }

  lifecycle {
    create_before_destroy = true
  }
}

resource "google_compute_ssl_policy" "main" {
  count = local.has_gateway ? 0 : 1

  name            = local.prefix
  profile         = "MODERN"
  min_tls_version = "TLS_1_2"

  depends_on = [google_project_service.enabled]
}

resource "google_compute_target_https_proxy" "main" {
  count = local.has_gateway ? 0 : 1

  name             = local.prefix
  url_map          = google_compute_url_map.main[0].id
  ssl_certificates = [google_compute_managed_ssl_certificate.main[0].id]
  ssl_policy       = google_compute_ssl_policy.main[0].id
}

resource "google_compute_global_address" "main" {
  count = local.has_gateway ? 0 : 1

  name = local.prefix

  depends_on = [google_project_service.enabled]
}

resource "google_compute_global_forwarding_rule" "main" {
  count = local.has_gateway ? 0 : 1

  name                  = local.prefix
  load_balancing_scheme = "EXTERNAL_MANAGED"
  ip_address            = google_compute_global_address.main[0].id
  port_range            = "443"
  target                = google_compute_target_https_proxy.main[0].id
}
