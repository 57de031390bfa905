# Every target makes the virtual environment by itself when it is missing or when the dependencies have changed.
PYTHON ?= python3
WORKERS ?= 2
ARGS ?=
SEED ?= 1
SAMPLE ?= 100

VENV := .venv
BIN := $(VENV)/bin
READY := $(VENV)/.ready

# One thread for each process: the arrays are small, and more threads only get in each other's way.
export OPENBLAS_NUM_THREADS := 1
export OMP_NUM_THREADS := 1

.DEFAULT_GOAL := help
.PHONY: help run test test-long test-all mutants notebooks docs lint format bench clean

help:  ## list the targets
	@grep -hE '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed -E 's/^([a-z-]+):.*## /  make \1\t/' | expand -t 20

run: $(READY)  ## simulate a week of a town on the 33-bus feeder: lots learn, drivers choose, the operator charges
	$(BIN)/equilot run town-33 --days 7 --seed 1 --out runs/first-week --force $(ARGS)

test: $(READY)  ## run the test suite
	$(BIN)/python -m pytest -n $(WORKERS) $(ARGS)

test-long: $(READY)  ## run the test suite with the long tier
	$(BIN)/python -m pytest -n $(WORKERS) --long $(ARGS)

test-all:  ## run the suite on every Python that is present, with the oldest and the newest dependencies
	.ci/test_all.sh

mutants: $(READY)  ## plant faults and see which ones the tests notice (SEED=1 SAMPLE=100)
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --editable '.[mutants]'
	$(BIN)/python -m benchmarks.mutants --seed $(SEED) --sample $(SAMPLE) --workers $(WORKERS) $(ARGS)

notebooks: $(READY)  ## run the notebooks and keep what they show
	$(BIN)/jupyter execute --inplace --NotebookClient.record_timing=False notebooks/*.ipynb

docs: $(READY)  ## build the documentation site into docs/_build; a warning is an error
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --editable '.[docs]'
	$(BIN)/python -m sphinx -W --keep-going -b html docs docs/_build

lint: $(READY)  ## check style and types
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy

format: $(READY)  ## put the sources into the project's format
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

bench: $(READY)  ## measure and write benchmarks/results.json
	$(BIN)/python -m benchmarks $(ARGS)

clean:  ## remove everything that the targets make
	rm -rf .venv .venvs build dist docs/_build docs/made *.egg-info .pytest_cache .mypy_cache .ruff_cache .hypothesis runs

$(READY): setup.cfg pyproject.toml
	@$(PYTHON) -c 'import sys; sys.exit(not (3, 11) <= sys.version_info[:2] < (3, 15))' \
		|| { echo "equilot: needs Python 3.11, 3.12, 3.13 or 3.14; name one with make PYTHON=..." >&2; exit 2; }
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --editable '.[dev]'
	@touch $@
