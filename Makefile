# `make` lists what there is to do. Needed: make, Python 3.11 or newer, and a package index that pip can reach.

PYTHON ?= python3
.DEFAULT_GOAL := help
MAKEFLAGS += --no-print-directory

# Stamps: each says that a lock file has been installed as it stands now.
UV     := .venv/.stamp-uv
SERVER := .venv/.stamp-server
DEV    := .venv/.stamp-dev

.PHONY: help
help: ## list the targets
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  make %-11s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

.PHONY: demo
demo: $(SERVER) ## a small bank on Stairgate, end to end (ONCE=1: run through once and exit)
	@.venv/bin/stairgate demo $(if $(ONCE),--once)

.PHONY: check
check: $(DEV) ## format, lint, import rules and types; no tests
	@scripts/check

.PHONY: test
test: $(DEV) ## everything: check, then all tests; the last line names the lanes that were skipped
	@scripts/test $(ARGS)

.PHONY: bench
bench: $(DEV) ## the benchmark suite (installs nginx and wrk where apt-get may)
	@scripts/system-packages bench || echo "the benchmarks run without what is missing"
	@.venv/bin/python -m bench $(ARGS)

.PHONY: screenshots
screenshots: $(DEV) ## pictures of every state of every page, into .cache/screenshots
	@scripts/lanes
	@.venv/bin/python -m tests.pages.screenshots

.PHONY: dev
dev: $(DEV) ## only install what `make test` needs

.PHONY: format
format: $(DEV) ## put the code into its one format
	@.venv/bin/ruff check --fix-only --quiet .
	@.venv/bin/ruff format .

.PHONY: lock
lock: $(UV) ## write requirements/*.txt anew (UPGRADE=1: with the newest versions)
	@scripts/lock $(if $(UPGRADE),--upgrade)

.PHONY: clean
clean: ## remove everything that make has built, the virtual environment included
	rm -rf .venv .cache dist .hypothesis .import_linter_cache .mypy_cache .pytest_cache .ruff_cache
	rm -rf tests/acceptance/javascript/node_modules
	find . -name __pycache__ -type d -prune -exec rm -rf {} +

# --- what the targets stand on ---------------------------------------------------------------------------------

$(UV): requirements/uv.txt scripts/bootstrap
	@scripts/bootstrap $(PYTHON)
	@touch $@

# The server's packages are a subset of the developer's, in the same versions, so this never downgrades.
$(SERVER): requirements/server.txt pyproject.toml $(UV)
	@scripts/uv pip install --quiet --require-hashes -r requirements/server.txt
	@scripts/uv pip install --quiet --no-deps --no-build-isolation --editable .
	@touch $@

# `sync` also removes what the lock no longer names, so that nothing undeclared is there by luck.
$(DEV): requirements/dev.txt pyproject.toml $(UV)
	@scripts/uv pip sync --quiet --require-hashes requirements/dev.txt
	@scripts/uv pip install --quiet --no-deps --no-build-isolation --editable .
	@touch $@ $(SERVER)
