# `make` alone says what there is. Needs Python >= 3.11 and nothing else; all it installs goes to .venv.

# The first of these that is there and new enough. PYTHON=/path/to/python make … takes another.
ifeq ($(origin PYTHON), undefined)
PYTHON := $(shell for python in python3.13 python3.12 python3.11 python3; do \
	$$python -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null && echo $$python && break; \
	done)
endif

BIN := .venv/bin
READY := .venv/.ready
PEERS := .venv/.peers
AXE := .venv/axe/node_modules/axe-core/axe.min.js

# What one process has compiled the next one reads: the tests start hundreds.
export PYTHONDONTWRITEBYTECODE :=

# Tests wait for half of their time: twice as many workers as there are cores keep them busy.
WORKERS := $(shell getconf _NPROCESSORS_ONLN 2>/dev/null | awk '{ print 2 * $$1 }')

# What takes long is left to .ci/run, which sets CI.
TAKEN := $(if $(CI),not thorough,not slow and not thorough)

.DEFAULT_GOAL := help
.PHONY: help demo app test thorough check browser notebooks docs bench clean

help: ## say what there is
	@awk -F ':.*## ' '/^[a-z]+:.*## / { printf "make %-10s %s\n", $$1, $$2 }' $(firstword $(MAKEFILE_LIST))

demo: $(READY) ## the whole job on a sandbox, and where to look at it
	$(BIN)/xacct demo

app: $(READY) ## 0_start_here as an app in the browser, without its code
	JUPYTER_PATH=xacct_kit/interactive/share $(BIN)/voila --template=xacct notebooks/0_start_here.ipynb

test: check ## the checks, the tests, and every notebook against its saved outputs
	$(BIN)/python -m pytest -n $(WORKERS) --dist worksteal -m '$(TAKEN)' tests
	$(BIN)/python -m pytest -n auto --dist loadfile --nbval notebooks

thorough: $(READY) ## what takes longest: operators' policies action by action, benchmarks, the wheel's demo
	$(BIN)/python -m pytest -n $(WORKERS) --dist worksteal -m thorough tests

check: $(READY) ## format, lint and types
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy

browser: $(AXE) ## what the tests in a browser need: Chromium (on Debian) and axe-core
	@command -v chromium >/dev/null || { apt-get update --quiet && apt-get install --quiet --yes chromium; }

notebooks: $(READY) ## run every notebook on the sandbox and save its outputs
	$(BIN)/python tests/notebooks/renew.py

docs: $(READY) ## write docs/reference anew, from the code
	$(BIN)/python tests/docs/renew_reference.py

bench: $(PEERS) ## how fast many accounts are done, against what; about eight minutes
	$(BIN)/python benchmarks/fleet.py
	$(BIN)/python benchmarks/kills.py

clean: ## remove what make made: .venv and the caches; runs/ stays
	rm -rf .venv build dist *.egg-info .hypothesis .mypy_cache .pytest_cache .ruff_cache
	find . -name __pycache__ -type d -prune -exec rm -rf {} +
	find . -name .ipynb_checkpoints -type d -prune -exec rm -rf {} +

# Written last, so that an installation that was cut short is done again.
$(READY): pyproject.toml
	@$(if $(PYTHON),,echo 'xacct-kit needs Python >= 3.11, and none of python3.13, python3.12, python3.11 and python3 is. Install one, or name it: make PYTHON=/path/to/python' >&2; exit 1)
	$(PYTHON) -m venv .venv
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --editable '.[dev,app,dask]'
	touch $@

# Checks pages for those who do not see them; from npm, because its makers publish it there.
$(AXE): $(READY)
	npm install --silent --no-save --prefix .venv/axe axe-core@4

# What the kit is measured against; nothing else needs it.
$(PEERS): benchmarks/requirements.txt $(READY)
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --requirement $<
	touch $@
