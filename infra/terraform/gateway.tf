# The one base URL: API Gateway, routing by method and path as the contract does.

locals {
  has_gateway = var.front_door == "api_gateway"

  path_parameter_objects = {
    for path, names in local.path_parameters : path => [for name in flatten(names) : { name = name, in = "path", required = true, type = "string" }]
  }
  backends = {
    for entry_point, route in local.public_routes : entry_point => {
      address = module.function[entry_point].uri
      # As the audience of the gateway's own token: Cloud Run compares it with its address.
      jwt_audience = module.function[entry_point].uri
      # The function sees the path that its file announces. The default would turn parameters into a query string.
      path_translation = "APPEND_PATH_TO_ADDRESS"
      # 15 seconds unless said otherwise.
      deadline = route.timeout_seconds
    }
  }

  # OpenAPI 2.0: the dialect of which most is known. The extension is spelled differently in 3.
  gateway_document = {
    swagger  = "2.0"
    info     = { title = local.prefix, version = "1" }
    schemes  = ["https"]
    produces = ["application/json"]
    paths = {
      for path, entry_points in local.methods_by_path : path => merge(
        {
          for method, entry_point in entry_points : method => {
            operationId        = entry_point
            parameters         = local.path_parameter_objects[path]
            responses          = { default = { description = "See openapi.yaml." } }
            "x-google-backend" = local.backends[entry_point]
          }
        },
        {
          # A browser asks before it sends, and without credentials. One function of the path answers for all of them.
          options = {
            operationId        = "${local.preflight_answer[path]}_preflight"
            parameters         = local.path_parameter_objects[path]
            responses          = { default = { description = "CORS preflight." } }
            "x-google-backend" = local.backends[local.preflight_answer[path]]
          }
        },
      )
    }
  }
}

resource "google_service_account" "gateway" {
  count = local.has_gateway ? 1 : 0

  account_id   = "${local.prefix}-gateway"
  display_name = "InstaVeo ${var.environment}: the only caller of the public functions"
}

resource "google_api_gateway_api" "main" {
  provider = google-beta
  count    = local.has_gateway ? 1 : 0

  api_id = local.prefix

  depends_on = [google_project_service.enabled]
}

resource "google_api_gateway_api_config" "main" {
  provider = google-beta
  count    = local.has_gateway ? 1 : 0

  api = google_api_gateway_api.main[0].api_id
  # A configuration cannot be changed: a new one is made and the gateway moves over.
  api_config_id_prefix = "${local.prefix}-"

  openapi_documents {
    document {
      path     = "openapi.json"
      contents = base64encode(jsonencode(local.gateway_document))
    }
  }

  gateway_config {
    backend_config {
      google_service_account = google_service_account.gateway[0].email
    }
  }

  lifecycle {
    create_before_destroy = true
  }
}

resource "google_api_gateway_gateway" "main" {
  provider = google-beta
  count    = local.has_gateway ? 1 : 0

  gateway_id = local.prefix
  region     = var.gateway_region == "" ? var.region : var.gateway_region
  api_config = google_api_gateway_api_config.main[0].id
}
