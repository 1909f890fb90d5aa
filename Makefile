# `make help` lists what can be done. Everything Python happens in .venv, which is made and kept up to date here.
SHELL := /bin/bash
.DEFAULT_GOAL := help
PYTHON ?= $(shell for name in python3 python3.14 python3.13 python3.12 python3.11; do \
	command -v $$name >/dev/null && $$name -c 'import sys; sys.exit(sys.version_info < (3, 11))' && echo $$name && break; done)
BIN := .venv/bin

.PHONY: help
help: ## Show this list
	@grep -hE '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | sed -E 's/:[^#]*## /\t/' | sort | while IFS=$$'\t' read -r name text; do \
		printf '  make %-18s %s\n' "$$name" "$$text"; done

.make/installed: requirements-dev.txt
	@test -n "$(PYTHON)" || { echo "Python 3.11 or newer is needed; none was found on the PATH."; exit 1; }
	@echo "Installing into .venv (once; about a minute) ..."
	@test -x $(BIN)/python || $(PYTHON) -m venv .venv
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes -r requirements-dev.txt
	@mkdir -p .make && touch $@

.PHONY: dev
dev: .make/installed ## Run everything on http://localhost:8000 (PORT=8001 make dev for another port)
	@exec $(BIN)/python -m local.dev

.PHONY: test
test: .make/installed ## Run all tests (brings its own Postgres)
	@$(BIN)/python -m pytest -n 2 --dist loadfile

.PHONY: lint
lint: .make/installed ## Check style and types
	@$(BIN)/ruff format --check .
	@$(BIN)/ruff check .
	@$(BIN)/mypy .

.PHONY: check
check: lint terraform-check test ## Everything that CI checks

.PHONY: format
format: .make/installed ## Format the code
	@$(BIN)/ruff check --fix .
	@$(BIN)/ruff format .

.PHONY: migrate
migrate: .make/installed ## Bring the database of DATABASE_URL up to date
	@$(BIN)/python -m database.migrate

.PHONY: seed
seed: .make/installed ## Add people, videos, likes and views (SEED_VIDEOS=100000 SEED_NUMBER=2 make seed)
	@$(BIN)/python -m scripts.seed_many

.PHONY: bench
bench: .make/installed ## Run all benchmarks and write benchmarks/RESULTS.md (a quarter of an hour; make bench-NAME for one)
	@$(BIN)/python -m benchmarks

bench-%: .make/installed
	@$(BIN)/python -m benchmarks.$*

.PHONY: invariants
invariants: .make/installed ## Check every rule of the data in the database of DATABASE_URL
	@$(BIN)/python -m database.invariants

.PHONY: repair
repair: .make/installed ## Put counters right in the database of DATABASE_URL, and say what was changed
	@$(BIN)/python -m database.repair

# Deployment

ENVIRONMENT ?= dev

.PHONY: package
package: .make/installed ## Make build/package.zip, the archive that every function is built from
	@$(BIN)/python -m scripts.package

.PHONY: plan
plan: .make/installed ## Show what a deployment would change (ENVIRONMENT=dev)
	@$(BIN)/python -m scripts.cloud plan $(ENVIRONMENT)

.PHONY: deploy
deploy: .make/installed ## Package, plan, confirm, apply, migrate and smoke-test (ENVIRONMENT=dev)
	@$(BIN)/python -m scripts.cloud deploy $(ENVIRONMENT) $(YES)

.PHONY: destroy
destroy: .make/installed ## Remove a deployment but keep its database and media (ENVIRONMENT=dev)
	@$(BIN)/python -m scripts.cloud destroy $(ENVIRONMENT) $(YES)

.PHONY: smoke
smoke: .make/installed ## Check that a service answers: make smoke URL=https://...
	@test -n "$(URL)" || { echo "Usage: make smoke URL=https://... [ORIGIN=https://...]"; exit 1; }
	@$(BIN)/python -m scripts.smoke $(URL) $(if $(ORIGIN),--origin $(ORIGIN))

.PHONY: logs
logs: .make/installed ## Show the last hour of a deployment's log (ENVIRONMENT=dev)
	@$(BIN)/python -m scripts.cloud logs $(ENVIRONMENT)

.PHONY: terraform-check
terraform-check: .make/installed ## Check Terraform's format and run checkov over it
	@scripts/check_terraform.sh

.PHONY: client
client: ## Generate the TypeScript types anew from openapi.yaml (needs Node)
	@cd clients/typescript && npm ci --silent && npm run --silent generate

.PHONY: lock
lock: .make/installed ## Compile requirements*.in into pinned, hashed requirements*.txt
	@for name in requirements requirements-dev infra/requirements-checkov; do \
		$(BIN)/uv pip compile --quiet --universal --python-version 3.11 --generate-hashes --no-header \
			--no-emit-index-url --no-emit-find-links $$name.in -o $$name.txt; done

.PHONY: clean
clean: ## Remove what was built and installed; the data in .state and media stays
	@rm -rf .venv .make build .mypy_cache .ruff_cache .pytest_cache
