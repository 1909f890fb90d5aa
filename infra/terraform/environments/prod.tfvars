# Replace what belongs to you: the project, the addresses, who is woken up and who deploys.
environment = "prod"
project_id  = "instaveo-prod"
region      = "us-central1"
# Who may migrate the database.
deployers = ["user:you@instaveo.example"]

supabase_url              = "https://YOUR-PROJECT.supabase.co"
cors_allowed_origins      = ["https://instaveo.example"]
oauth_redirect_allow_list = ["https://instaveo.example"]
alert_email               = "oncall@instaveo.example"

generation_provider = "veo"

database_tier            = "db-custom-1-3840"
database_availability    = "REGIONAL"
database_max_connections = 200
max_instances            = 4
# The first page anybody sees does not wait for a cold start.
min_instances = { videos_feed = 1 }

# Names and versions only. The values are passed once, as TF_VAR_secret_values: docs/deploy.md.
secrets = {
  "address-salt"      = 1
  "request-signature" = 1
  "supabase-hook"     = 1
}
