# What a plan refuses, with a sentence, before anything is touched.

mock_provider "google" {}
mock_provider "google-beta" {}

variables {
  environment          = "test"
  project_id           = "instaveo-test"
  supabase_url         = "https://test.supabase.co"
  cors_allowed_origins = ["https://instaveo.example"]
  package_path         = "../../openapi.yaml"
  secrets              = { "address-salt" = 1, "request-signature" = 1 }
}

run "a_star_as_origin" {
  command = plan
  variables {
    cors_allowed_origins = ["*"]
  }
  expect_failures = [var.cors_allowed_origins]
}

run "an_unknown_secret" {
  command = plan
  variables {
    secrets = { "address-salt" = 1, "request-signature" = 1, "password" = 1 }
  }
  expect_failures = [var.secrets]
}

run "no_signature_secret" {
  command = plan
  variables {
    secrets = { "address-salt" = 1 }
  }
  expect_failures = [var.secrets]
}

run "a_short_signature_secret" {
  command = plan
  variables {
    secret_values = { "request-signature" = "short" }
  }
  expect_failures = [var.secret_values]
}

run "a_secret_among_the_settings" {
  command = plan
  variables {
    settings = { REQUEST_SIGNATURE_SECRET = "0123456789abcdef0123456789abcdef" }
  }
  expect_failures = [var.settings]
}

run "flow_without_its_token" {
  command = plan
  variables {
    generation_provider = "flow"
    flow_project_id     = "flow-project"
  }
  expect_failures = [var.secrets]
}

run "a_load_balancer_without_a_domain" {
  command = plan
  variables {
    front_door = "load_balancer"
  }
  expect_failures = [var.domain]
}

run "an_external_database_without_its_address" {
  command = plan
  variables {
    database = "external"
  }
  expect_failures = [var.secrets]
}

run "no_archive" {
  command = plan
  variables {
    package_path = "nothing.zip"
  }
  expect_failures = [var.package_path]
}

run "everybody_as_deployer" {
  command = plan
  variables {
    deployers = ["allUsers"]
  }
  expect_failures = [var.deployers]
}

run "a_warm_function_that_does_not_exist" {
  command = plan
  variables {
    min_instances = { videos_fed = 1 }
  }
  expect_failures = [var.min_instances]
}
