# The map that everything here loops over: one entry for each operation of the contract, keyed by its entry point.

locals {
  contract = yamldecode(file("${path.module}/../../openapi.yaml"))
  methods  = ["delete", "get", "patch", "post", "put"]

  # It serves the files of a laptop; in the cloud the bucket serves them itself.
  not_deployed = ["media_serve"]

  routes = merge([
    for path, operations in local.contract.paths : {
      for method, operation in operations : operation.operationId => {
        path            = path
        method          = method
        access          = operation["x-access"]
        is_signed       = operation["x-signed"]
        family          = operation["x-family"]
        is_task         = operation["x-access"] == "task"
        timeout_seconds = try(operation["x-timeout-seconds"], 30)
        memory          = try(operation["x-memory"], "512Mi")
        concurrency     = try(operation["x-concurrency"], 16)
        max_instances   = try(operation["x-max-instances"], var.max_instances)
        # Of one instance; no more than it answers requests at once.
        database_connections = min(try(operation["x-concurrency"], 16), var.database_pool_size * try(operation["x-database-pool-factor"], 1))
      } if contains(local.methods, method) && !contains(local.not_deployed, try(operation.operationId, ""))
    }
  ]...)

  public_routes = { for entry_point, route in local.routes : entry_point => route if !route.is_task }

  # The task target that Cloud Scheduler does not call is the queue's.
  queue_target     = one([for entry_point, route in local.routes : entry_point if route.is_task && !contains(keys(local.schedules), entry_point)])
  public_paths     = toset([for route in local.public_routes : route.path])
  path_parameters  = { for path in local.public_paths : path => flatten(regexall("\\{(\\w+)\\}", path)) }
  methods_by_path  = { for path in local.public_paths : path => { for entry_point, route in local.public_routes : route.method => entry_point if route.path == path } }
  preflight_answer = { for path, methods in local.methods_by_path : path => try(methods["get"], values(methods)[0]) }
}
