# Two commands set everything up: `make sweep` and `make test`. Python 3.11 or newer is all they need.
SHELL := bash
PYTHON ?= python3
VENV := .venv
PLUGINS := .venv-plugins
BIN := $(VENV)/bin
PIP := $(BIN)/python -m pip --disable-pip-version-check install --quiet --constraint constraints.txt
# The slowest tests are listed, so that one that has become long gets its marker.
# Tests that share a fixture of their module stay in one worker: several build a wheel, a sweep or a store.
PYTEST = pytest -n 2 --dist loadgroup --durations 10 --durations-min 5
export OMP_WAIT_POLICY = PASSIVE
export OMP_NUM_THREADS = 1

.PHONY: help install sweep lint test test-long coverage check docs plugins conformance bench format lock clean

help:
	@sed -n 's/^\([a-z-]*\):.*## \(.*\)/make \1\t\2/p' Makefile

sweep: $(VENV)/.run  ## the first comparison: mse and bce on every task that they fit
	$(BIN)/python -m lossbench +loss=mse,bce -m

install: $(VENV)/.dev  ## installs everything for tests and checks into .venv; the targets below do so themselves

lint: $(VENV)/.dev  ## format, lint and types
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy

test: $(VENV)/.test  ## units, the laws over every built-in loss, one sweep of each task: four minutes on two cores
	$(BIN)/python -m $(PYTEST) -m "not long"

test-long: $(VENV)/.test  ## the rest of the suite: processes, MLflow, the browser, the docs, plugins, trainings of every loss
	$(BIN)/python -m $(PYTEST) -m long

coverage: export COVERAGE_FILE = $(CURDIR)/.coverage
coverage: $(VENV)/.test  ## both parts of the suite in one run, and which lines of lossbench/ they reach
	rm -f .coverage .coverage.*
	$(BIN)/python -m coverage run -m $(PYTEST)
	$(BIN)/python -m coverage combine --quiet
	$(BIN)/python -m coverage report

check: lint test  ## lint and test: must pass before a change is submitted

docs: $(VENV)/.run  ## the catalogue of losses in docs/losses, from their docstrings
	$(BIN)/python docs/generate.py

plugins: $(PLUGINS)/.test  ## installs and tests the losses of Keras, MONAI, kornia and others
	for package in plugins/lossbench-*; do $(PLUGINS)/bin/python -m pytest $$package/tests || exit; done

conformance: $(PLUGINS)/.test  ## the laws for every loss, built-in and from plugins, into results/conformance.md
	$(PLUGINS)/bin/python -m tests.conformance --write

bench: $(VENV)/.test $(PLUGINS)/.test  ## the cost compared with a plain PyTorch loop and other libraries, into results/benchmarks.md; an hour
	$(BIN)/python -m tests.benchmarks --write
	$(PLUGINS)/bin/python -m tests.benchmarks losses crf --write

format: $(VENV)/.dev  ## formats the code
	$(BIN)/ruff format .
	$(BIN)/ruff check --fix .

lock: $(VENV)/.dev  ## writes the installed versions into constraints.txt
	$(BIN)/python -m pip freeze --exclude-editable | grep -v ' @ ' | sed 's/+cpu$$//' > constraints.txt

clean:
	rm -rf $(VENV) $(PLUGINS) build dist

$(VENV)/bin/python:
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11) and "lossbench needs Python 3.11 or newer; say which: make PYTHON=python3.11 sweep")'
	$(PYTHON) -m venv $(VENV)

$(VENV)/.run: $(VENV)/bin/python pyproject.toml constraints.txt
	@echo "installing into $(VENV): some minutes the first time"
	$(PIP) --editable .
	@touch $@

$(VENV)/.test: $(VENV)/.run
	$(PIP) --editable '.[test]'
	@touch $@

# Constraints pin torch, so that no library brings another one.
$(PLUGINS)/.test: $(wildcard plugins/lossbench-*/pyproject.toml) plugins/constraints.txt pyproject.toml constraints.txt
	$(PYTHON) -m venv $(PLUGINS)
	$(PLUGINS)/bin/python -m pip --disable-pip-version-check install --quiet --constraint constraints.txt \
	  --constraint plugins/constraints.txt --editable '.[test]' $(patsubst %,--editable ./%,$(wildcard plugins/lossbench-*))
	@touch $@

$(VENV)/.dev: $(VENV)/.test
	$(PIP) --editable '.[dev]'
	@touch $@
