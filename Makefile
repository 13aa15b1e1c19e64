# Everything runs in a virtual environment in this directory; nothing is installed outside of it.
# `make` alone prints the list of targets. PYTHON=python3.13 chooses the interpreter, VENV=… the environment.
.DEFAULT_GOAL := help
PYTHON ?= python3
VENV ?= .venv
BIN := $(VENV)/bin
# Two workers a core: much of the suite waits for timers that are its subject.
WORKERS ?= $(shell expr 2 \* `getconf _NPROCESSORS_ONLN`)

# Where it is set, every process of the suite compiles the program and its tests again: a third of the time.
unexport PYTHONDONTWRITEBYTECODE

.PHONY: help run test thorough matrix quiet-run harm check bench docs screenshots clean

help:  ## this list
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "make %-12s %s\n", $$1, $$2 }' $(firstword $(MAKEFILE_LIST))

run: $(VENV)/run.stamp  ## the dashboard on the embedded lab
	$(BIN)/wgmon-tui demo

test: $(VENV)/dev.stamp  ## the tests, about two minutes; tests on real servers skip without their packages
	$(BIN)/python -m pytest -n $(WORKERS) --dist worksteal

thorough: $(VENV)/dev.stamp  ## the slow tests: failure matrix, Linux kernel, many random examples
	$(BIN)/python -m pytest -n $(WORKERS) --dist loadfile -m thorough
	HYPOTHESIS_PROFILE=thorough $(BIN)/python -m pytest -n $(WORKERS) --dist worksteal -m hypothesis

matrix: $(VENV)/dev.stamp  ## every failure on real servers: the verdicts, and what a real client got; needs root
	$(BIN)/python -m tests.real.matrix

quiet-run: $(VENV)/dev.stamp  ## ten minutes over healthy real servers: incidents, CPU, endpoints; needs root
	$(BIN)/python -m tests.real.quiet_run

harm: $(VENV)/dev.stamp  ## the long forms of the robustness tests, hours: the figures of docs/reliability.md; needs root
	$(BIN)/python -m tests.harm

check: $(VENV)/dev.stamp  ## format, lint, types and import contracts
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy
	$(BIN)/lint-imports

bench: $(VENV)/dev.stamp  ## the figures of BENCHMARKS.md; several minutes
	$(BIN)/python -m tests.perf

docs: $(VENV)/dev.stamp  ## the generated pages of docs/
	$(BIN)/python -m docs.make

screenshots: $(VENV)/dev.stamp  ## the pictures in screenshots/, from the demo; about a minute
	$(BIN)/python -m screenshots.make

$(VENV)/run.stamp: pyproject.toml
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --editable .
	@touch $@

$(VENV)/dev.stamp: pyproject.toml
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --editable '.[dev]'
	@touch $@ $(VENV)/run.stamp

clean:  ## remove the environment, builds and caches
	rm -rf $(VENV) build dist .pytest_cache .mypy_cache .ruff_cache .hypothesis
