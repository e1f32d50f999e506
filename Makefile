# What people type. Works with GNU make 3.81 and later (macOS ships that one).
.DEFAULT_GOAL := help
.PHONY: help demo test test-slow test-long check format format-check lint types imports commits changelog bench hooks clean

VENV ?= .venv
BIN := $(VENV)/bin
ARGS ?=
# How many tests run at once: a number, or auto for two a core, since they wait half of their time.
JOBS ?= auto

# Compiled modules are kept whatever the environment says: the tests start hundreds of processes.
PYTEST = PYTHONDONTWRITEBYTECODE= $(BIN)/python -m pytest $(if $(LOCKGATE_NO_SKIPS),-p tests.no_skips)

help: ## Say what can be made
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  make %-10s %s\n", $$1, $$2 }' Makefile

demo: $(VENV)/.ready-run ## Play the story on this machine (ARGS=--once ends after it)
	@$(BIN)/lockgate demo $(ARGS)

test: $(VENV)/.ready-test ## Run the tests (ARGS='-k name' picks some)
	@$(PYTEST) -n $(JOBS) --dist worksteal -m 'not long and not slow' $(ARGS)

test-slow: $(VENV)/.ready-test ## Run the variants of stories that tests leave out for their time
	@$(PYTEST) -n $(JOBS) --dist worksteal -m 'slow and not long' $(ARGS)

test-long: $(VENV)/.ready-test ## Run the longer campaigns
	@$(PYTEST) -m 'long or hypothesis' --hypothesis-profile=long $(ARGS)

check: format-check lint types imports test ## All that CI asks: format, lint, types, imports, tests

format: $(VENV)/.ready-check ## Format the code and mend what the linter can
	@$(BIN)/ruff format .
	@$(BIN)/ruff check --fix .

format-check: $(VENV)/.ready-check
	@$(BIN)/ruff format --check .

lint: $(VENV)/.ready-check
	@$(BIN)/ruff check .

types: $(VENV)/.ready-check
	@$(BIN)/mypy

imports: $(VENV)/.ready-check
	@$(BIN)/lint-imports --no-logo

commits: $(VENV)/.ready-run ## Check the messages of this repository's own commits
	@git log -z --format=%B | $(BIN)/lockgate commits check -z -

changelog: $(VENV)/.ready-run ## Write CHANGELOG.md anew, from the history
	@$(BIN)/lockgate changelog --all --output CHANGELOG.md

bench: $(VENV)/.ready-test ## Measure (ARGS=--write renews docs/benchmarks.md)
	@$(BIN)/python bench/run.py $(ARGS)

hooks: $(VENV)/.ready-check ## Run the checks at every commit of this clone
	@$(BIN)/pre-commit install

clean: ## Remove the environment and what tools left behind
	rm -rf $(VENV) node_modules build dist .pytest_cache .mypy_cache .ruff_cache .import_linter_cache .hypothesis
	find . -name __pycache__ -type d -prune -exec rm -rf {} +

# One stamp for each set of packages. The script says what it does and why it cannot.
$(VENV)/.ready-%: pyproject.toml scripts/environment.sh
	@VENV='$(VENV)' sh scripts/environment.sh $*
	@touch $@
