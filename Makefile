# The two commands: `make demo` shows the kit at work, `make test` tests it.
# Everything they make lies in this directory: .venv (tools), .demo (the demonstration), .cache.

PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
READY := $(VENV)/ready
# Nothing is written outside the checkout, pip's cache included.
export PIP_CACHE_DIR := $(CURDIR)/.cache/pip
export PIP_DISABLE_PIP_VERSION_CHECK := 1

.PHONY: help demo test lint bench docs clean

help: ## Say what there is
	@grep -hE '^[a-z]+:.*##' $(MAKEFILE_LIST) | sed -E 's/^([a-z]+):.*## /  make \1\t/'

demo: ## Generate a project, run its examples, judge it
	@$(PYTHON) tools/demo.py

test: $(READY) ## Everything that is a test, lint and types included
	@$(BIN)/python tools/check.py

lint: $(READY) ## Lint and types only
	@$(BIN)/python tools/check.py lint

bench: $(READY) ## Measure, as ratios in one run
	@$(BIN)/python -m benchmarks

docs: $(READY) ## Write the pages that are generated from the code
	@$(BIN)/python tools/sync_copier.py
	@$(BIN)/python tools/rule_pages.py

$(READY): pyproject.toml conformance_tests/pyproject.toml
	@echo "Preparing $(VENV) (once) ..."
	@$(PYTHON) -m venv $(VENV)
	@$(BIN)/pip install -q --upgrade "pip>=25.1"
	@$(BIN)/pip install -q --group dev --editable ./conformance_tests
	@touch $@

clean: ## Remove everything that the other commands made
	rm -rf $(VENV) .demo .cache .mypy_cache .ruff_cache .pytest_cache
