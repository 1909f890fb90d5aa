#!/usr/bin/env bash
# Check infra/terraform: format, checkov and, where its provider has been or may be fetched, Terraform's own judgement.
#
#   scripts/check_terraform.sh          format and checkov
#   scripts/check_terraform.sh --full   also validate and test; the first time it downloads Google's provider (100 MB)
set -euo pipefail
cd "$(dirname "$0")/.."

requirements=infra/requirements-checkov.txt
python=${PYTHON:-.venv/bin/python}
# An environment of its own: checkov brings a hundred packages that want other versions than ours.
checkov=.make/checkov-$(sha256sum "$requirements" | cut -c1-16)

if command -v terraform >/dev/null; then
    terraform fmt -check -recursive infra/terraform
else
    echo "terraform is not installed: the format is not checked"
fi

if [ ! -e "$checkov/complete" ]; then
    echo "Installing checkov (once) ..."
    rm -rf .make/checkov-*
    "$python" -m venv "$checkov"
    "$checkov/bin/python" -m pip install --quiet --disable-pip-version-check --require-hashes -r "$requirements"
    touch "$checkov/complete"
fi
"$checkov/bin/checkov" -d infra/terraform --framework terraform --compact --quiet --skip-download

if [ "${1:-}" = "--full" ]; then
    # Not where the deployments keep theirs, which name a state.
    export TF_DATA_DIR="$PWD/.make/terraform"
    terraform -chdir=infra/terraform init -backend=false -input=false >/dev/null
    terraform -chdir=infra/terraform validate
    terraform -chdir=infra/terraform test
fi
