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

# Tests wait for half of their time: twice as many workers as there are cores keep them busy.
WORKERS := $(shell getconf _NPROCESSORS_ONLN 2>/dev/null | awk '{ print 2 * $$1 }')

.DEFAULT_GOAL := help
.PHONY: help demo test check notebooks bench clean

help: ## say what there is
	@awk -F ':.*## ' '/^[a-z]+:.*## / { printf "make %-10s %s\n", $$1, $$2 }' $(firstword $(MAKEFILE_LIST))

demo: $(READY) ## the whole job on a sandbox, and where to look at it
	$(BIN)/xacct demo

test: check ## the checks, the tests, and every notebook against its saved outputs
	$(BIN)/python -m pytest -n $(WORKERS) --dist worksteal tests
	$(BIN)/python -m pytest -n auto --dist loadfile --nbval -p no:randomly notebooks

check: $(READY) ## format, lint and types
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy

notebooks: $(READY) ## run every notebook on the sandbox and save its outputs
	$(BIN)/python tests/notebooks/renew.py

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
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --editable '.[dev,dask]'
	touch $@

# What the kit is measured against; nothing else needs it.
$(PEERS): benchmarks/requirements.txt $(READY)
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --requirement $<
	touch $@
