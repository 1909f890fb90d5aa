locals {
  prefix = "${var.name}-${var.environment}"
}

variable "adopt_data" {
  description = "Take over the database and the media bucket that an earlier `make destroy` left behind, instead of making new ones."
  type        = bool
  default     = false
  nullable    = false
}

variable "alert_email" {
  description = "Where alerts go. Empty: they only show in the console."
  type        = string
  default     = ""
  nullable    = false

  validation {
    condition     = var.alert_email == "" || can(regex("^[^@ ]+@[^@ ]+$", var.alert_email))
    error_message = "alert_email is not an e-mail address."
  }
}

variable "cors_allowed_origins" {
  description = "Origins of the pages that may call the API from a browser, such as https://instaveo.example."
  type        = list(string)
  nullable    = false

  validation {
    condition     = length(var.cors_allowed_origins) > 0
    error_message = "Without an origin no page could call the API."
  }

  validation {
    condition     = alltrue([for origin in var.cors_allowed_origins : can(regex("^https?://[^/]+$", origin))])
    error_message = "An origin is scheme and host only: no path, no slash at the end, and never *."
  }
}

variable "database" {
  description = "cloud_sql: PostgreSQL made here, IAM login. external: the secret database-url leads to one elsewhere, such as Supabase."
  type        = string
  default     = "cloud_sql"
  nullable    = false

  validation {
    condition     = contains(["cloud_sql", "external"], var.database)
    error_message = "database is cloud_sql or external."
  }
}

variable "database_availability" {
  description = "ZONAL, or REGIONAL for a standby in another zone at twice the price."
  type        = string
  default     = "ZONAL"
  nullable    = false

  validation {
    condition     = contains(["REGIONAL", "ZONAL"], var.database_availability)
    error_message = "database_availability is ZONAL or REGIONAL."
  }
}

variable "database_max_connections" {
  description = "Connections the database grants. Set on Cloud SQL; of an external database, what its pooler or plan allows."
  type        = number
  default     = 100
  nullable    = false

  validation {
    condition     = var.database_max_connections >= 25 && floor(var.database_max_connections) == var.database_max_connections
    error_message = "database_max_connections is a whole number, 25 or more."
  }
}

variable "database_pool_size" {
  description = "Connections of one instance of a function, twice as many of the busiest ones. One serves many threads, since a request is one short statement."
  type        = number
  default     = 1
  nullable    = false

  validation {
    condition     = var.database_pool_size >= 1 && floor(var.database_pool_size) == var.database_pool_size
    error_message = "database_pool_size is a whole number, 1 or more."
  }
}

variable "database_tier" {
  description = "Machine of the Cloud SQL instance."
  type        = string
  default     = "db-g1-small"
  nullable    = false

  validation {
    condition     = can(regex("^db-(f1-micro|g1-small|custom-\\d+-\\d+)$", var.database_tier))
    error_message = "database_tier is db-f1-micro, db-g1-small or db-custom-CPUS-MEGABYTES."
  }
}

variable "database_version" {
  description = "PostgreSQL of the Cloud SQL instance. Raising it upgrades in place, with an interruption."
  type        = string
  default     = "POSTGRES_17"
  nullable    = false

  validation {
    condition     = can(regex("^POSTGRES_(1[5-9]|[2-9]\\d)$", var.database_version))
    error_message = "The project needs PostgreSQL 15 or newer."
  }
}

variable "deployers" {
  description = "IAM members (user:…, serviceAccount:…) who migrate the database, lent the migrator's identity for it."
  type        = list(string)
  default     = []
  nullable    = false

  validation {
    condition     = alltrue([for member in var.deployers : can(regex("^(user|group|serviceAccount):[^@ ]+@[^@ ]+$", member))])
    error_message = "A deployer is user:…, group:… or serviceAccount:…, never a whole domain or everybody."
  }
}

variable "domain" {
  description = "Host name of the API behind the load balancer; its A record must point at the output load_balancer_address."
  type        = string
  default     = ""
  nullable    = false

  validation {
    condition     = (var.front_door == "load_balancer") == (var.domain != "")
    error_message = "front_door = \"load_balancer\" needs a domain, and nothing else uses one."
  }
}

variable "environment" {
  description = "Which of the project's environments this is; part of every name."
  type        = string
  nullable    = false

  validation {
    condition     = can(regex("^[a-z]{2,7}$", var.environment))
    error_message = "environment is 2 to 7 lower-case letters, such as dev or prod."
  }
}

variable "flow_project_id" {
  description = "Google Flow's own project id. Needed with generation_provider = \"flow\", and for two hours after it."
  type        = string
  default     = ""
  nullable    = false

  validation {
    condition     = var.generation_provider != "flow" || var.flow_project_id != ""
    error_message = "generation_provider = \"flow\" needs flow_project_id."
  }
}

variable "front_door" {
  description = "api_gateway: an https address at once, no monthly fee. load_balancer: a domain of your own."
  type        = string
  default     = "api_gateway"
  nullable    = false

  validation {
    condition     = contains(["api_gateway", "load_balancer"], var.front_door)
    error_message = "front_door is api_gateway or load_balancer."
  }
}

variable "gateway_region" {
  description = "Region of API Gateway, which exists in about a dozen. Empty: the same as everything else."
  type        = string
  default     = ""
  nullable    = false
}

variable "generation_provider" {
  description = "veo: Vertex AI, the supported way. flow: Google Flow with a session of its web application."
  type        = string
  default     = "veo"
  nullable    = false

  validation {
    condition     = contains(["flow", "veo"], var.generation_provider)
    error_message = "generation_provider is flow or veo."
  }
}

variable "github_repository" {
  description = "OWNER/NAME of the repository whose workflow may deploy, from the branch main and the GitHub environment of this one's name. Empty: none may."
  type        = string
  default     = ""
  nullable    = false

  validation {
    condition     = var.github_repository == "" || can(regex("^[\\w.-]+/[\\w.-]+$", var.github_repository))
    error_message = "github_repository is OWNER/NAME."
  }
}

variable "leaderboard_schedule" {
  description = "When creators' scores and places are computed, as cron text in UTC."
  type        = string
  default     = "0 3 * * *"
  nullable    = false

  validation {
    condition     = length(split(" ", var.leaderboard_schedule)) == 5
    error_message = "leaderboard_schedule has five fields: minute, hour, day, month, weekday."
  }
}

variable "max_instances" {
  description = "Instances of each public function at most. The connection budget grows with it."
  type        = number
  default     = 2
  nullable    = false

  validation {
    condition     = var.max_instances >= 1 && floor(var.max_instances) == var.max_instances
    error_message = "max_instances is a whole number, 1 or more."
  }
}

variable "media_public_url" {
  description = "Base address of the media when a CDN stands before the bucket. Empty: the bucket's own."
  type        = string
  default     = ""
  nullable    = false

  validation {
    condition     = var.media_public_url == "" || can(regex("^https://[^/]+(/.*[^/])?$", var.media_public_url))
    error_message = "media_public_url is an https address without a slash at the end."
  }
}

variable "min_instances" {
  description = "Instances kept warm, by entry point, such as { videos_feed = 1 }. Paid for around the clock."
  type        = map(number)
  default     = {}
  nullable    = false

  validation {
    condition     = alltrue([for entry_point, count in var.min_instances : contains(keys(local.routes), entry_point) && count >= 0])
    error_message = "min_instances is keyed by entry points of openapi.yaml."
  }
}

variable "name" {
  description = "Beginning of every name, and the database's name."
  type        = string
  default     = "instaveo"
  nullable    = false

  validation {
    condition     = can(regex("^[a-z][a-z0-9]{2,11}$", var.name))
    error_message = "name is 3 to 12 lower-case letters and digits, the first one a letter: names of accounts are short."
  }
}

variable "oauth_redirect_allow_list" {
  description = "Addresses to which a sign-in with Google, GitHub or Apple may lead back."
  type        = list(string)
  default     = []
  nullable    = false

  validation {
    condition     = alltrue([for address in var.oauth_redirect_allow_list : can(regex("^https?://", address))])
    error_message = "A redirect address begins with https:// (or http:// on a laptop)."
  }
}

variable "package_path" {
  description = "The archive that `make package` made."
  type        = string
  nullable    = false

  validation {
    condition     = fileexists(var.package_path)
    error_message = "There is no archive at package_path: run `make package`."
  }
}

variable "project_id" {
  description = "The Google Cloud project."
  type        = string
  nullable    = false

  validation {
    condition     = can(regex("^[a-z][a-z0-9-]{4,28}[a-z0-9]$", var.project_id))
    error_message = "project_id is the project's id, not its name or number."
  }
}

variable "queue_generation" {
  description = "Part of the queue's name. Raise it when building again within days of a `make destroy`: the old name is blocked."
  type        = number
  default     = 1
  nullable    = false
}

variable "region" {
  description = "Where everything runs."
  type        = string
  default     = "us-central1"
  nullable    = false

  validation {
    condition     = can(regex("^[a-z]+-[a-z]+\\d+$", var.region))
    error_message = "region is a region such as us-central1, not a zone."
  }
}

variable "secret_values" {
  description = "Values of new secret versions, by name; they are in no plan and no state. Pass as TF_VAR_secret_values, never in a file."
  type        = map(string)
  default     = {}
  nullable    = false
  ephemeral   = true
  sensitive   = true

  validation {
    condition     = alltrue([for name in ["request-signature", "request-signature-previous"] : length(lookup(var.secret_values, name, "")) >= 32 || !contains(keys(var.secret_values), name)])
    error_message = "A request signature secret has 32 characters or more."
  }
}

variable "secrets" {
  description = "The secrets there are, each with its version: raise the number and pass the value to store a new one."
  type        = map(number)
  nullable    = false

  validation {
    condition     = length(setsubtract(keys(var.secrets), keys(local.secret_variables))) == 0
    error_message = "Known secrets: ${join(", ", keys(local.secret_variables))}."
  }

  validation {
    condition     = length(setsubtract(["address-salt", "request-signature"], keys(var.secrets))) == 0
    error_message = "address-salt and request-signature are always needed."
  }

  validation {
    condition     = contains(keys(var.secrets), "database-url") == (var.database == "external")
    error_message = "database = \"external\" needs the secret database-url, and cloud_sql must not have it: it would win."
  }

  validation {
    condition     = anytrue([for name in keys(var.secrets) : startswith(name, "flow-")]) == (var.generation_provider == "flow")
    error_message = "generation_provider = \"flow\" needs flow-session-token or flow-access-token, and veo neither."
  }
}

variable "settings" {
  description = "Further environment variables of all functions, such as { VIDEO_CREATION_COOLDOWN_SECONDS = \"60\" }; .env.example lists them."
  type        = map(string)
  default     = {}
  nullable    = false

  validation {
    condition     = length(setintersection(keys(var.settings), values(local.secret_variables))) == 0
    error_message = "A secret is not a setting: use secrets and secret_values."
  }

  validation {
    condition     = alltrue([for name in keys(var.settings) : can(regex("^[A-Z][A-Z0-9_]*$", name)) && !can(regex("^(GOOGLE_|K_|BEHIND_|THREADS$|PORT$)", name))])
    error_message = "A setting is named in upper case and is not one that this configuration decides."
  }
}

variable "supabase_url" {
  description = "Address of the Supabase project, whose users sign in: https://PROJECT.supabase.co."
  type        = string
  nullable    = false

  validation {
    condition     = can(regex("^https://[^/]+$", var.supabase_url))
    error_message = "supabase_url is an https address without a path or a slash at the end."
  }
}
