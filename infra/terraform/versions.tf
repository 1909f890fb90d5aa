terraform {
  # 1.11: write-only arguments, which keep secret values out of the state.
  required_version = ">= 1.11.0"

  # A block takes no variables: `terraform init -backend-config=bucket=… -backend-config=prefix=…`.
  backend "gcs" {}

  required_providers {
    # 7.46: roles of database users (google_sql_user.database_roles).
    google = {
      source  = "hashicorp/google"
      version = ">= 7.46.0, < 9.0.0"
    }
    # API Gateway is in the beta provider only.
    google-beta = {
      source  = "hashicorp/google-beta"
      version = ">= 7.46.0, < 9.0.0"
    }
  }
}

provider "google" {
  project = var.project_id
  region  = var.region
}

provider "google-beta" {
  project = var.project_id
  region  = var.region
}
