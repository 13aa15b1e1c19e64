# Everything runs in a virtual environment of its own; nothing is installed outside this directory.
PYTHON ?= python3
VENV ?= .venv
BIN := $(VENV)/bin
# Two workers a core: much of the suite waits for timers that are its subject.
WORKERS ?= $(shell expr 2 \* `getconf _NPROCESSORS_ONLN`)

# Where it is set, every process of the suite compiles the program and its tests again: a third of the time.
unexport PYTHONDONTWRITEBYTECODE

.PHONY: run test thorough matrix check bench docs screenshots clean

run: $(VENV)/run.stamp  ## the dashboard on the embedded lab
	$(BIN)/wgmon-tui demo

test: $(VENV)/dev.stamp  ## every behaviour; tests on real servers want the packages that they name
	$(BIN)/python -m pytest -n $(WORKERS) --dist worksteal

thorough: $(VENV)/dev.stamp  ## what takes minutes: the whole failure matrix, the Linux kernel, many random examples
	$(BIN)/python -m pytest -n $(WORKERS) --dist loadfile -m thorough
	HYPOTHESIS_PROFILE=thorough $(BIN)/python -m pytest -n $(WORKERS) --dist worksteal -m hypothesis

matrix: $(VENV)/dev.stamp  ## every way to fail, played on real servers, and the verdicts as a table; wants root
	$(BIN)/python -m tests.real.matrix

check: $(VENV)/dev.stamp  ## lint, types, import contracts
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy
	$(BIN)/lint-imports

bench: $(VENV)/dev.stamp  ## the figures of BENCHMARKS.md; takes several minutes
	$(BIN)/python -m tests.perf

docs: $(VENV)/dev.stamp  ## the pages of docs/ that the code writes
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

clean:
	rm -rf $(VENV) build dist .pytest_cache .mypy_cache .ruff_cache .hypothesis
