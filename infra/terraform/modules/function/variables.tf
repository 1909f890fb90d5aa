variable "account" {
  description = "E-mail of the service account that the function runs as."
  type        = string
  nullable    = false
}

variable "deployment" {
  description = "What all functions share: where the archive is, who builds it, where it runs."
  type = object({
    bucket        = string
    build_account = string
    object        = string
    project_id    = string
    region        = string
  })
  nullable = false
}

variable "entry_point" {
  description = "The name that main.py answers to, e.g. videos_feed."
  type        = string
  nullable    = false

  validation {
    condition     = can(regex("^[a-z][a-z_]*$", var.entry_point))
    error_message = "An entry point is a lower-case Python name."
  }
}

variable "extra_environment" {
  description = "Environment variables that come from other functions."
  type        = map(string)
  default     = {}
  nullable    = false
}

variable "function" {
  description = "What sets this function apart from the others. `invoker` is the one IAM member that may call it."
  type = object({
    concurrency     = number
    environment     = map(string)
    family          = string
    ingress         = string
    invoker         = string
    max_instances   = number
    memory          = string
    method          = string
    name            = string
    path            = string
    secrets         = map(object({ secret = string, version = string }))
    timeout_seconds = number
  })
  nullable = false
}

variable "min_instances" {
  description = "Instances kept warm. Each is paid for around the clock."
  type        = number
  default     = 0
  nullable    = false
}
