# Cheap, and may be thrown away. Replace what belongs to you: the project, the addresses.
environment = "dev"
project_id  = "instaveo-dev"
region      = "us-central1"
# Who may migrate the database.
deployers = ["user:you@instaveo.example"]

supabase_url              = "https://YOUR-PROJECT.supabase.co"
cors_allowed_origins      = ["http://localhost:3000"]
oauth_redirect_allow_list = ["http://localhost:3000"]

generation_provider = "veo"

database_tier            = "db-g1-small"
database_max_connections = 100
max_instances            = 2

# Names and versions only. The values are passed once, as TF_VAR_secret_values: docs/deploy.md.
secrets = {
  "address-salt"      = 1
  "request-signature" = 1
}
