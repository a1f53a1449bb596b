# Every task is one word; `make` alone lists them. Each installs what it needs into this folder first.

PYTHON := .venv/bin/python
SAM := PATH="$(CURDIR)/.venv-sam/bin:$$PATH" SAM_CLI_TELEMETRY=0 .venv-sam/bin/sam
# The functions import from shared/ as they do in their Lambda layer.
export PYTHONPATH := $(CURDIR)/shared:$(CURDIR)/layers/streaming/python:$(CURDIR)
MAKEFLAGS += --no-print-directory

.DEFAULT_GOAL := help
.PHONY: help run test rehearse check bench smoke cli \
	lint types contracts template drift format \
	openapi build validate lock environment sam-environment rehearsal-environment clean

help: ## List the tasks
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  make %-16s %s\n", $$1, $$2 }' Makefile

run: export PORT ?= 8000
run: environment ## Start the whole API on http://127.0.0.1:8000 (PORT=... for another port)
	@$(PYTHON) -m local.run

test: environment ## Run every test (ARGS="-k words" for some of them)
	@$(PYTHON) -m pytest -n auto --maxprocesses 4 --dist loadfile $(ARGS)

rehearse: environment sam-environment rehearsal-environment ## Deploy to an emulator of AWS and test it end to end
	@$(PYTHON) -m local.rehearsal $(ARGS)

check: environment ## Run every check below: lint, types, contracts, template, drift
	@$(MAKE) --keep-going lint types contracts template drift

bench: environment ## Measure against baselines, in ratios
	@$(PYTHON) -m benchmarks $(ARGS)

smoke: environment ## Ask each configured backend for pictures (ARGS="--stack NAME --region REGION" for AWS)
	@$(PYTHON) -m cli $(ARGS) smoke

cli: environment ## Run the operator's command line (ARGS="consumer list")
	@$(PYTHON) -m cli $(ARGS)

lint: environment ## Check style and formatting
	$(PYTHON) -m ruff check
	$(PYTHON) -m ruff format --check

types: environment ## Check types
	$(PYTHON) -m mypy

contracts: environment ## Check who may import whom
	.venv/bin/lint-imports --no-logo

template: environment ## Check template.yaml with cfn-lint
	.venv/bin/cfn-lint template.yaml

drift: environment ## Check that documents and openapi.yaml say what the code does
	$(PYTHON) -m pytest -q tests/contract

format: environment ## Format the code and mend what can be mended
	$(PYTHON) -m ruff check --fix
	$(PYTHON) -m ruff format

openapi: environment ## Write openapi.yaml anew from the code
	$(PYTHON) -m contract.generate_openapi

build: sam-environment ## Build for deployment (sam build)
	$(SAM) build $(ARGS)

validate: sam-environment ## Validate template.yaml as SAM does
	AWS_DEFAULT_REGION=us-east-1 $(SAM) validate --lint

# The layer first: its lock is the constraint under which development is locked. uv takes its index from its own
# settings (UV_DEFAULT_INDEX), not from pip's, and writes it nowhere.
LOCK := UV_PYTHON_DOWNLOADS=never .venv/bin/uv pip compile --quiet --generate-hashes --no-header \
	--no-emit-index-url --no-emit-find-links
lock: environment ## Lock the dependencies anew (ARGS=--upgrade for newer versions)
	$(LOCK) $(ARGS) --python-version 3.13 --python-platform linux \
		requirements/runtime.in -o layers/dependencies/requirements.txt
	$(LOCK) $(ARGS) --python-version 3.11 --universal requirements/development.in -o requirements/development.lock
	$(LOCK) $(ARGS) --python-version 3.11 --universal requirements/sam.in -o requirements/sam.lock
	$(LOCK) $(ARGS) --python-version 3.13 --universal requirements/rehearsal.in -o requirements/rehearsal.lock

environment: ## Install what the other tasks need into .venv
	@python3 tooling/make_environment.py .venv requirements/development.lock

sam-environment: ## Install the SAM CLI into .venv-sam
	@python3 tooling/make_environment.py .venv-sam requirements/sam.lock

rehearsal-environment: ## Install the emulator of AWS into .venv-rehearsal
	@python3 tooling/make_environment.py .venv-rehearsal requirements/rehearsal.lock

clean: ## Remove everything that the other tasks made
	rm -rf .venv .venv-sam .venv-rehearsal .local .aws-sam .pytest_cache .mypy_cache .ruff_cache .import_linter_cache \
		.hypothesis .schemathesis
	find . -name __pycache__ -type d -prune -exec rm -rf {} +
