# Orbcast. `make demo` is the main job, `make test` the tests; both install what they need, once.

# The first that runs: a version manager's stand-in may be on the path with nothing behind it.
PYTHON ?= $(shell for name in python3.11 python3.12 python3.13 python3; do \
  $$name -V >/dev/null 2>&1 && { command -v $$name; break; }; done)
VENV ?= .venv
BIN := $(VENV)/bin
LOG := $(VENV)/install.log
# Named after what is installed and where: a second run reinstalls nothing, an interrupted one
# starts again, a changed lock or a moved folder installs anew.
LOCKS := requirements.lock requirements.dev.lock
KEY := $(shell { cat $(LOCKS) pyproject.toml; pwd; "$(PYTHON)" -V; } 2>&1 \
  | git hash-object --stdin | cut -c1-16)
STAMP := $(VENV)/.installed-$(KEY)
PAGES_KEY := $(shell cat requirements.dashboard.lock | git hash-object --stdin | cut -c1-16)
PAGES := $(VENV)/.installed-$(KEY)-dashboard-$(PAGES_KEY)

# A file's tests share servers and homes: a worker takes whole files, in tests/work_order.py's
# order. On two cores a third finds work, since a fifth of the time passes in waiting.
WORKERS ?= 3

export PIP_DISABLE_PIP_VERSION_CHECK := 1
# Without its compiled files Python compiles everything anew at each command, which doubles its time.
unexport PYTHONDONTWRITEBYTECODE

.DEFAULT_GOAL := help
.NOTPARALLEL:
.PHONY: help install demo up dashboard docs test test-slow test-dates lint check mutants bench \
  soak soak-quarter faults points fuzz controls lock house calendars clean

help: ## List the targets
	@grep -E '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed -E 's/:.*##/\t/' | expand -t 12

install: $(STAMP) ## Create .venv and install the locked dependencies, once

# Nothing is compiled beforehand: Python compiles what it imports, which is much less.
# pip's output goes to a log, its remarks about index locations with it; a failure shows the rest.
$(STAMP):
	@"$(PYTHON)" -c 'import sys; sys.exit(not (3, 11) <= sys.version_info[:2] <= (3, 13))' \
	  2>/dev/null \
	  || { echo "Orbcast needs Python 3.11, 3.12 or 3.13; here is: $(or $(PYTHON),none at all)." \
	    "Install one, or name it: make PYTHON=/path/to/python3.12" >&2; exit 2; }
	@echo "Installing $$(cat $(LOCKS) | grep -c ==) locked packages into $(VENV)" \
	  "(once; a few minutes) ..."
	@rm -f $(VENV)/.installed-*
	@test "$$($(BIN)/python -V 2>&1)" = "$$("$(PYTHON)" -V)" && $(BIN)/pip --version >/dev/null 2>&1 \
	  || "$(PYTHON)" -m venv --clear $(VENV)
	@if command -v uv >/dev/null 2>&1 && uv pip install -q --python $(BIN)/python \
	    --no-deps --require-hashes $(LOCKS:%=-r %) >$(LOG) 2>&1; \
	then :; \
	else \
	  { $(BIN)/python -m pip install --no-input --no-compile --progress-bar off \
	      --no-deps --require-hashes $(LOCKS:%=-r %) 2>&1 || echo "ORBCAST: failed"; } \
	  | { n=0; : >$(LOG); while IFS= read -r line; do \
	      printf '%s\n' "$$line" >>$(LOG); \
	      case "$$line" in \
	        Collecting*|Processing*) n=$$((n + 1)); test $$((n % 40)) -ne 0 || echo "  $$n fetched";; \
	        Installing\ collected*) echo "  unpacking";; \
	      esac; done; }; \
	  ! grep -q '^ORBCAST: failed' $(LOG); \
	fi \
	&& $(BIN)/python -m pip install -q --no-input --no-deps --no-build-isolation -e . \
	  >>$(LOG) 2>&1 \
	|| { echo "The installation failed; all that was said is in $(LOG), the end of it:" >&2; \
	     sed -n '/^ERROR/,$$p' $(LOG) | grep -vE '^(WARNING|ORBCAST|$$)' | head -20 >&2; \
	     grep -q '^ERROR' $(LOG) || tail -5 $(LOG) >&2; exit 3; }
	@touch $@

# The same pip, a second lock: nothing in it is in the first.
$(PAGES): $(STAMP)
	@echo "Installing $$(grep -c == requirements.dashboard.lock) packages of the dashboard (once)"
	@$(BIN)/python -m pip install -q --no-input --no-compile --progress-bar off \
	  --no-deps --require-hashes -r requirements.dashboard.lock >>$(LOG) 2>&1 \
	  || { echo "The installation failed; the end of $(LOG):" >&2; tail -5 $(LOG) >&2; exit 3; }
	@touch $@

demo: $(STAMP) ## Simulate a market and run the whole system on it (about a minute)
	@$(BIN)/orbcast demo $(ARGS)

up: $(STAMP) ## Start the Prefect server, its UI and the scheduled flows on this machine
	@$(BIN)/orbcast up $(ARGS)

dashboard: $(PAGES) ## Open the trading day in a browser page on this machine
	@$(BIN)/orbcast dashboard $(ARGS)

docs: $(STAMP) ## Build the documentation into var/site
	@NO_MKDOCS_2_WARNING=1 $(BIN)/mkdocs --no-color build --strict
	@echo "Open $(CURDIR)/var/site/index.html in a browser; it needs no server and no network."

PYTEST := $(BIN)/pytest -q -n $(WORKERS) --dist loadfile --no-loadscope-reorder

test: $(PAGES) ## Run the everyday tests (a few minutes)
	@$(PYTEST) -m "not slow" $(ARGS)

test-slow: $(PAGES) ## Run the rest: pages of the docs, the soak, real processes, the browser
	@$(PYTEST) -m slow $(ARGS)

test-dates: $(PAGES) ## Run the everyday tests at eleven set dates (DATES=christmas,auckland for some)
	@$(BIN)/python -m tests.set_clocks --only "$(DATES)" $(PYTEST) -m "not slow" $(ARGS)

lint: $(PAGES) ## Run the static checks: style, types, import contracts, dependencies
	@$(BIN)/ruff check -q .
	@$(BIN)/ruff format --check -q . || { echo "run: $(BIN)/ruff format ." >&2; exit 1; }
	@$(BIN)/mypy
	@$(BIN)/lint-imports --no-cache
	@$(BIN)/python -m pip check

# One run of both kinds: they share servers, trained homes, and the imports of the workers.
check: lint ## Everything CI does: the static checks, the everyday tests and the slow ones
	@$(PYTEST) $(ARGS)

mutants: $(PAGES) ## Put single faults into a copy of the code: do the tests notice? (ten minutes)
	@$(BIN)/python benchmarks/mutants.py --jobs $(WORKERS) $(ARGS)

bench: $(STAMP) ## Measure the speeds that docs/benchmarks.md states
	@$(BIN)/python benchmarks/run.py $(ARGS)
	@$(BIN)/python benchmarks/evidence.py
	@$(BIN)/python benchmarks/ledger.py

soak: $(STAMP) ## Thirty simulated trading days while processes are killed (about half an hour)
	@$(BIN)/python -m benchmarks.soak $(ARGS)

soak-quarter: $(STAMP) ## A simulated quarter with restarts, a restore, a drift (an hour and a half)
	@$(BIN)/python -m benchmarks.soak --quarter $(ARGS)

fuzz: $(STAMP) ## Give every parser malformed input (an hour; MINUTES=5 for less)
	@$(BIN)/python -m benchmarks.fuzz --minutes $(or $(MINUTES),60) $(ARGS)

faults: $(PAGES) ## Test faults of the machine on a real `orbcast up`: root, Linux, half an hour
	@$(BIN)/python -m benchmarks.faults $(ARGS)

points: $(PAGES) ## Kill each write to the record at each of its points (a few minutes)
	@EVERY_POINT=1 $(PYTEST) --dist load tests/faults $(ARGS)

controls: $(STAMP) ## Test the promotion rule on simulated markets (about half an hour)
	@$(BIN)/python benchmarks/controls.py $(ARGS)
	@$(BIN)/python benchmarks/setup_controls.py

# Three files, each only what it adds: a server that runs Orbcast needs neither tests nor pages.
# Universal: one lock for every Python and system, the same versions on each where wheels allow it.
COMPILE := uv pip compile pyproject.toml --universal --python-version 3.11 \
  --fork-strategy fewest --generate-hashes --no-emit-index-url --no-emit-find-links --no-header \
  --no-annotate -q
ADDED := awk 'NR == FNR { if (/==/) base[$$1]; next } /==/ { more = !($$1 in base) } more'
lock: ## Compute the three requirements*.lock again (needs uv)
	@command -v uv >/dev/null || { echo "make lock needs uv: pip install uv" >&2; exit 2; }
	@$(COMPILE) --group dev --all-extras -o $(VENV)/all.lock
	@$(COMPILE) --group dev --extra dask --extra postgres -c $(VENV)/all.lock -o $(VENV)/dev.lock
	@$(COMPILE) --group build --extra dask --extra postgres -c $(VENV)/all.lock -o requirements.lock
	@$(ADDED) requirements.lock $(VENV)/dev.lock > requirements.dev.lock
	@$(ADDED) $(VENV)/dev.lock $(VENV)/all.lock > requirements.dashboard.lock

house: $(PAGES) ## Measure the code: sizes, import cycles, names, repeated shapes
	@$(BIN)/python benchmarks/house.py $(ARGS)

calendars: $(STAMP) ## Write the stored exchange calendars again, after the library's version changed
	@$(BIN)/python -c 'from ml_core.market.exchange import keep_calendars; keep_calendars()'

clean: ## Remove .venv and caches; var/ holds your data and stays
	@rm -rf $(VENV) .mypy_cache .ruff_cache .hypothesis .import_linter_cache
