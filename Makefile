# Every task is one word; `make` alone lists them. Each installs what it needs into this folder first.

PYTHON := .venv/bin/python
SAM := PATH="$(CURDIR)/.venv-sam/bin:$$PATH" SAM_CLI_TELEMETRY=0 .venv-sam/bin/sam
# The functions import from shared/ as they do in their Lambda layer.
export PYTHONPATH := $(CURDIR)/shared:$(CURDIR)/layers/streaming/python:$(CURDIR)
MAKEFLAGS += --no-print-directory

.DEFAULT_GOAL := help
.PHONY: help run test clients rehearse check bench soak smoke accept cli \
	lint types contracts template drift audit format \
	openapi docs licences build sbom validate lock \
	environment sam-environment checkov-environment audit-environment rehearsal-environment peers-environment \
	clients-environment \
	clean

help: ## List the tasks
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  make %-16s %s\n", $$1, $$2 }' Makefile

run: export PORT ?= 8000
run: environment ## Start the whole API on http://127.0.0.1:8000 (PORT=... for another port)
	@$(PYTHON) -m local.run

test: environment ## Run every test but those of `make clients` (ARGS="-k words" for some of them)
	@$(PYTHON) -m pytest -n auto --maxprocesses 4 --dist loadfile -m "not clients" $(ARGS)

clients: environment peers-environment clients-environment ## Run real SDKs and generated clients against the API
	@$(PYTHON) -m pytest -m clients $(ARGS)

rehearse: environment sam-environment rehearsal-environment ## Deploy to an emulator of AWS and test it end to end
	@$(PYTHON) -m local.rehearsal $(ARGS)

check: environment ## Run every check below: lint, types, contracts, template, drift, audit
	@$(MAKE) --keep-going lint types contracts template drift audit

bench: environment peers-environment ## Measure against baselines, in ratios
	@$(PYTHON) -m benchmarks $(ARGS)

soak: environment ## Send requests of fifty callers for five minutes, and check every response (ARGS="--seconds 30")
	@$(PYTHON) -m load $(ARGS)

smoke: environment ## Request an image or other file from each configured backend (ARGS="--stack NAME --region REGION" for AWS)
	@$(PYTHON) -m cli $(ARGS) smoke

accept: environment ## Check what only a deployment shows (ARGS="--stack NAME --region REGION" for AWS)
	@$(PYTHON) -m cli $(ARGS) accept

cli: environment ## Run the operator's command line (ARGS="consumer list")
	@$(PYTHON) -m cli $(ARGS)

lint: environment ## Check style and formatting
	$(PYTHON) -m ruff check
	$(PYTHON) -m ruff format --check

types: environment ## Check types
	$(PYTHON) -m mypy

contracts: environment ## Check who may import whom
	.venv/bin/lint-imports --no-logo

template: environment checkov-environment ## Check template.yaml with cfn-lint, the project's rules and checkov
	.venv/bin/cfn-lint --include-checks I3011 --append-rules tooling/template_rules -- template.yaml
	@# What checkov cannot read, it does not count as failed.
	@output=$$(.venv-checkov/bin/checkov -f template.yaml 2>&1); failed=$$?; echo "$$output"; \
		! echo "$$output" | grep -q "Parsing errors" && exit $$failed

drift: environment ## Check that documents and openapi.yaml say what the code does
	$(PYTHON) -m pytest -q tests/contract

LAYER_LOCKS := $(wildcard layers/*/requirements.txt)

audit: audit-environment ## Look up known vulnerabilities of the locked packages
	@failed=0; for lock in $(LAYER_LOCKS) requirements/*.lock; do echo "$$lock"; \
		.venv-audit/bin/pip-audit --disable-pip --require-hashes --progress-spinner=off --requirement "$$lock" \
			|| failed=1; done; exit $$failed

format: environment ## Format the code and fix what can be fixed automatically
	$(PYTHON) -m ruff check --fix
	$(PYTHON) -m ruff format

openapi: environment ## Write openapi.yaml from the routes
	$(PYTHON) -m local.openapi

docs: environment ## Build the reference page into .local/site (ARGS="--base-url https://api.example.com")
	@$(PYTHON) -m local.reference $(ARGS)

licences: environment audit-environment ## List the licences of the packages that are deployed
	.venv-audit/bin/pip-licenses --python $(PYTHON) --format markdown \
		--packages $$(sed -n 's/^\([A-Za-z0-9._-]*\)==.*/\1/p' $(LAYER_LOCKS))

sbom: audit-environment ## Write a software bill of materials (CycloneDX) of each layer into .local
	@mkdir -p .local
	$(foreach lock,$(LAYER_LOCKS),.venv-audit/bin/cyclonedx-py requirements $(lock) \
		-o .local/sbom-$(notdir $(patsubst %/,%,$(dir $(lock)))).cdx.json &&) true

build: sam-environment ## Build everything that is deployed (ARGS=... for sam build)
	$(SAM) build $(ARGS)

validate: sam-environment ## Validate template.yaml as SAM does
	AWS_DEFAULT_REGION=us-east-1 $(SAM) validate --lint

# The layer first: its lock constrains the lock of development. uv reads its index from its own settings
# (UV_DEFAULT_INDEX), not from pip's, and writes it nowhere.
LOCK := UV_PYTHON_DOWNLOADS=never .venv/bin/uv pip compile --quiet --generate-hashes --no-header \
	--no-emit-index-url --no-emit-find-links --python-version 3.13
lock: environment ## Lock the dependencies again (ARGS=--upgrade for newer versions)
	$(LOCK) $(ARGS) --python-platform linux requirements/runtime.in -o layers/dependencies/requirements.txt
	$(LOCK) $(ARGS) --python-platform linux layers/streaming/requirements.in -o layers/streaming/requirements.txt
	$(LOCK) $(ARGS) --universal requirements/development.in -o requirements/development.lock
	$(LOCK) $(ARGS) --universal requirements/sam.in -o requirements/sam.lock
	$(LOCK) $(ARGS) --universal requirements/audit.in -o requirements/audit.lock
	$(LOCK) $(ARGS) --universal requirements/checkov.in -o requirements/checkov.lock
	$(LOCK) $(ARGS) --universal requirements/rehearsal.in -o requirements/rehearsal.lock
	$(LOCK) $(ARGS) --universal requirements/peers.in -o requirements/peers.lock
	$(LOCK) $(ARGS) --universal requirements/clients.in -o requirements/clients.lock
	$(LOCK) $(ARGS) --universal requirements/runware-0.4.in -o requirements/runware-0.4.lock
	$(LOCK) $(ARGS) --universal requirements/runware-0.5.in -o requirements/runware-0.5.lock

environment: ## Install what the other tasks need into .venv
	@python3 tooling/make_environment.py .venv requirements/development.lock

checkov-environment: ## Install checkov into .venv-checkov
	@python3 tooling/make_environment.py .venv-checkov requirements/checkov.lock

sam-environment: ## Install the SAM CLI into .venv-sam
	@python3 tooling/make_environment.py .venv-sam requirements/sam.lock

rehearsal-environment: ## Install the emulator of AWS into .venv-rehearsal
	@python3 tooling/make_environment.py .venv-rehearsal requirements/rehearsal.lock

peers-environment: ## Install what bench compares with into .venv-peers
	@python3 tooling/make_environment.py .venv-peers requirements/peers.lock

clients-environment: ## Install clients and generators of clients into .venv-clients and .venv-runware-*
	@python3 tooling/make_environment.py .venv-clients requirements/clients.lock
	@python3 tooling/make_environment.py .venv-runware-0.4 requirements/runware-0.4.lock
	@python3 tooling/make_environment.py .venv-runware-0.5 requirements/runware-0.5.lock

audit-environment: ## Install the tools of audit, licences and sbom into .venv-audit
	@python3 tooling/make_environment.py .venv-audit requirements/audit.lock

clean: ## Remove everything that the other tasks made
	rm -rf .venv .venv-* .local .aws-sam .pytest_cache .mypy_cache .ruff_cache .import_linter_cache .hypothesis \
		.schemathesis
	find . -name __pycache__ -type d -prune -exec rm -rf {} +
