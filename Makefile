# The two commands: `make demo` shows the kit at work, `make test` tests it.
# What they make lies in this directory: .venv (tools), .demo (the demonstration), .cache (pip's),
# .engines (real engines, and what runs on them), .site (the documentation).

PYTHON ?= python3
BIN := .venv/bin
READY := .venv/ready
# Nothing is written outside the checkout, but Kubernetes' programs, which take minutes to build: they
# are kept for all checkouts (docs/engines.md).
export PIP_CACHE_DIR := $(CURDIR)/.cache/pip
export PIP_DISABLE_PIP_VERSION_CHECK := 1
# Tests start thousands of processes: each would compile again what they import of this checkout.
unexport PYTHONDONTWRITEBYTECODE

# Killed processes, and cookiecutter, leave files where temporary files are: that goes with them.
IN_SCRATCH = scratch=$$(mktemp -d) && trap 'rm -rf "$$scratch"' EXIT && TMPDIR=$$scratch

# The variables that lead to engines that `make engines` has started; tests use what is there.
WITH_ENGINES := if [ -e .engines/environment ]; then set -a; . ./.engines/environment; set +a; fi

# A judgement on a real engine takes minutes: no worker may end long before the other.
ON_ALL_CORES := -n auto --dist worksteal

# What the time went to, at the end.
SLOWEST := --durations=20 --durations-min=20

# Runs ahead of its tests by itself, on all cores: workers would each run everything.
BANK := conformance_tests/tests/test_faulty.py

# A link into the template: it leads to files that are not looked for there.
CORE := conformance_tests/src/zenml_conformance/core

.PHONY: help demo test live bank lint docs docs-serve bench soak engines engines-down pages clean

help: ## Say what there is
	@sed -nE 's/^([a-z-]+):.*## /  make \1\t/p' Makefile

demo: ## Generate a project, run its examples, judge its orchestrator
	@$(IN_SCRATCH) $(PYTHON) tools/demo.py

test: lint ## Run everything that is a test
	@$(WITH_ENGINES) && $(IN_SCRATCH) $(BIN)/pytest -q -rfEs $(SLOWEST) $(ON_ALL_CORES) tests
	@$(IN_SCRATCH) $(BIN)/pytest -q $(SLOWEST) $(ON_ALL_CORES) --rootdir conformance_tests conformance_tests/tests --ignore $(BANK)
	@$(IN_SCRATCH) $(BIN)/pytest -q --tb=short $(SLOWEST) --rootdir conformance_tests $(BANK)

live: $(READY) ## Judge every pattern on its engine, by every rule: half an hour (`make engines` first)
	@$(WITH_ENGINES) && $(IN_SCRATCH) KIT_EVERY_RULE=1 $(BIN)/pytest -q -rfEs tests/test_conformance.py \
		tests/test_readme.py tests/test_tutorial.py \
		-k "engine or backend or (followed and (custom or tutorial))"

bank: $(READY) ## Try every faulty orchestrator, in both topologies where it can be in both
	@$(IN_SCRATCH) KIT_EVERY_FAULT=1 $(BIN)/pytest -q --tb=short --rootdir conformance_tests $(BANK)

lint: $(READY) docs ## Check style, types, and the files that are generated from others
	$(BIN)/python tools/sync_copier.py --check
	$(BIN)/python tools/rule_pages.py --check
	$(BIN)/python tools/bank_page.py --check
	$(BIN)/python tools/reference_pages.py --check
	$(BIN)/python tools/report_schema.py --check
	$(BIN)/python tools/verdicts.py --check
	$(BIN)/python tools/zenml_versions.py --check
	$(BIN)/ruff check . $(CORE)
	$(BIN)/ruff format --check . $(CORE)
	$(BIN)/mypy

# Not --quiet: what is not shown, --strict does not count.
docs: $(READY) ## Build the documentation as a site, in .site
	NO_MKDOCS_2_WARNING=1 $(BIN)/mkdocs build --strict

docs-serve: $(READY) ## Show it on 127.0.0.1:8000, built anew whenever a page changes
	NO_MKDOCS_2_WARNING=1 $(BIN)/mkdocs serve --strict

bench: $(READY) ## Measure, as ratios in one run
	@$(WITH_ENGINES) && $(BIN)/python -m benchmarks

soak: $(READY) ## Judge what is known to be good, thirty times: nothing may ever turn red
	$(BIN)/python tools/soak.py

engines: $(READY) ## Install and start real engines, on loopback (as root, on Debian): see docs/engines.md
	$(BIN)/python tools/engines up

engines-down: $(READY) ## Stop them
	$(BIN)/python tools/engines down

pages: $(READY) ## Write the files that are generated from others
	$(BIN)/python tools/sync_copier.py
	$(BIN)/python tools/rule_pages.py
	$(BIN)/python tools/bank_page.py
	$(BIN)/python tools/reference_pages.py
	$(BIN)/python tools/report_schema.py
	$(BIN)/python tools/verdicts.py
	$(BIN)/python tools/zenml_versions.py

$(READY): pyproject.toml conformance_tests/pyproject.toml
	$(PYTHON) -m venv .venv
	$(BIN)/pip install -q --upgrade "pip>=25.1"
	$(BIN)/pip install -q --group dev --editable ./conformance_tests
	@touch $@

clean: ## Stop the engines; remove everything that the other commands made
	if [ -e .engines ]; then $(BIN)/python tools/engines down; fi
	rm -rf .engines .venv .demo .site .cache .mypy_cache .ruff_cache .pytest_cache
