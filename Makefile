# Orbcast. `make demo` is the main job, `make test` the tests; both install what they need, once.

PYTHON ?= $(shell command -v python3.11 || command -v python3)
VENV := .venv
BIN := $(VENV)/bin
# Keyed on what is installed: a second run reinstalls nothing, an interrupted one starts again.
STAMP := $(VENV)/.installed-$(shell cat requirements.lock pyproject.toml | sha256sum | cut -c1-16)

.DEFAULT_GOAL := help
.PHONY: help install demo up test lint check bench lock clean

help: ## Say what each target does
	@grep -E '^[a-z]+:.*##' $(MAKEFILE_LIST) | sed -E 's/:.*##/\t/' | expand -t 12

install: $(STAMP) ## Create .venv and install the locked dependencies, once

# pip's remarks about index locations say nothing to a user: they go to the log, errors do not.
$(STAMP): requirements.lock pyproject.toml
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info[:2] != (3, 11))' \
	  || { echo "Orbcast needs Python 3.11; set PYTHON=/path/to/python3.11" >&2; exit 2; }
	@echo "Installing the locked dependencies into $(VENV) (a few minutes, once) ..."
	@rm -f $(VENV)/.installed-*
	@test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	@if command -v uv >/dev/null 2>&1; then \
	  uv pip install -q --python $(BIN)/python --no-deps --require-hashes -r requirements.lock \
	  && uv pip install -q --python $(BIN)/python --no-deps --no-build-isolation -e . ; \
	else \
	  $(BIN)/python -m pip install -q --no-deps --require-hashes -r requirements.lock \
	    2> $(VENV)/install.log \
	  && $(BIN)/python -m pip install -q --no-deps --no-build-isolation -e . \
	    2>> $(VENV)/install.log \
	  || { grep -v '^WARNING' $(VENV)/install.log >&2; exit 1; } ; \
	fi
	@touch $@

demo: $(STAMP) ## Simulate a market and run the whole system on it (about two minutes)
	@$(BIN)/orbcast demo

up: $(STAMP) ## Start the Prefect server, its UI and the scheduled flows on this machine
	@$(BIN)/orbcast up

test: $(STAMP) ## Run the tests
	@$(BIN)/pytest -q

lint: $(STAMP) ## Run the static checks: style, types, import contracts, dependencies
	@$(BIN)/ruff check .
	@$(BIN)/ruff format --check -q . || { echo "run: ruff format ." >&2; exit 1; }
	@$(BIN)/mypy
	@$(BIN)/lint-imports --no-cache
	@$(BIN)/python -m pip check

check: lint test ## Everything CI does

bench: $(STAMP) ## Measure the speeds that docs/benchmarks.md states
	@$(BIN)/python benchmarks/run.py

lock: ## Work out requirements.lock anew (needs uv)
	@uv pip compile pyproject.toml --group dev --python-version 3.11 --generate-hashes \
	  --no-emit-index-url --no-emit-find-links --no-header --no-annotate -q -o requirements.lock

clean: ## Remove .venv and var
	@rm -rf $(VENV) var
