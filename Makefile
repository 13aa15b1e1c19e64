# Everything runs in a virtual environment in this directory; nothing is installed outside of it.
# `make` alone prints the list of targets. PYTHON=python3.13 chooses the interpreter, VENV=… the environment.
.DEFAULT_GOAL := help
PYTHON ?= python3
VENV ?= .venv
BIN := $(VENV)/bin
# Four workers a core: much of the suite waits for timers and programs that are its subject. The slow tests compute.
WORKERS ?= $(shell expr 4 \* `getconf _NPROCESSORS_ONLN`)
THOROUGH_WORKERS ?= $(shell expr 2 \* `getconf _NPROCESSORS_ONLN`)

# Where it is set, every process of the suite compiles the program and its tests again: a third of the time.
unexport PYTHONDONTWRITEBYTECODE

# On a fresh clone, two processes compile the tests for all workers. Each of eight would take 9 s for it.
COMPILED = import glob, sys; sys.exit(not glob.glob(f"tests/__pycache__/test_docs.{sys.implementation.cache_tag}-pytest-*"))
COMPILE = python -m pytest --collect-only -qq

# Installs exactly the versions of a lock file, each only if its hash is the one in the file.
INSTALL_LOCKED = -m pip install --quiet --disable-pip-version-check --require-hashes -r
INSTALL_ITSELF = -m pip install --quiet --disable-pip-version-check --no-deps --no-build-isolation

.PHONY: help run test systems thorough matrix quiet-run harm check bench docs screenshots oldest lock release clean

help:  ## this list
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "make %-12s %s\n", $$1, $$2 }' $(firstword $(MAKEFILE_LIST))

run: $(VENV)/run.stamp  ## the dashboard on the embedded lab
	$(BIN)/wgmon-tui demo

test: $(VENV)/dev.stamp  ## the tests, two to three minutes; tests on real servers skip without their packages
	@$(BIN)/python -c '$(COMPILED)' || { \
		$(BIN)/$(COMPILE) tests/[a-o]*/ tests/test_*.py >/dev/null & $(BIN)/$(COMPILE) tests/[p-z]*/ >/dev/null; wait; }
	$(BIN)/python -m pytest -n $(WORKERS) --dist worksteal

systems: $(VENV)/dev.stamp  ## most tests as they run on FreeBSD, with Linux standing in for it
	$(BIN)/python -m pytest -m '' -k most_of_the_suite tests/systems

thorough: $(VENV)/dev.stamp  ## the slow tests: failure matrix, Linux kernel, many random examples
	$(BIN)/python -m pytest -n $(THOROUGH_WORKERS) --dist loadfile --no-loadscope-reorder \
		-m 'thorough and not hypothesis'
	HYPOTHESIS_PROFILE=thorough $(BIN)/python -m pytest -n $(THOROUGH_WORKERS) --dist worksteal -m hypothesis

matrix: $(VENV)/dev.stamp  ## every failure on real servers: the verdicts, and what a real client got; needs root
	$(BIN)/python -m tests.real.matrix
	$(BIN)/python -m tests.real.proxies
	$(BIN)/python -m tests.real.ikev2.matrix

quiet-run: $(VENV)/dev.stamp  ## ten minutes over healthy real servers: incidents, CPU, endpoints; needs root
	$(BIN)/python -m tests.real.quiet_run

harm: $(VENV)/dev.stamp  ## the long forms of the robustness tests, hours: the figures of docs/reliability.md; needs root
	$(BIN)/python -m tests.harm

check: $(VENV)/dev.stamp  ## format, lint, types and import contracts
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy --platform linux
	$(BIN)/mypy --platform darwin --cache-dir .mypy_cache/darwin
	$(BIN)/mypy --platform freebsd14 --cache-dir .mypy_cache/freebsd
	$(BIN)/lint-imports

bench: $(VENV)/dev.stamp  ## the figures of BENCHMARKS.md; more than half an hour; `python -m tests.perf NAME` prints one set
	$(BIN)/python -m tests.perf

docs: $(VENV)/dev.stamp  ## the generated pages of docs/
	$(BIN)/python -m docs.make

screenshots: $(VENV)/dev.stamp  ## the pictures in screenshots/, from the demo; about a minute
	$(BIN)/python -m screenshots.make

oldest: $(VENV)-oldest/dev.stamp  ## the tests with the oldest versions of dependencies that pyproject.toml allows
	$(VENV)-oldest/bin/python -m pytest -n $(WORKERS) --dist worksteal

lock: $(VENV)-lock/lock.stamp  ## writes requirements/: the newest versions, and the oldest that are allowed
	$(VENV)-lock/bin/python -m requirements.lock

release: $(VENV)-release/release.stamp  ## dist/: sdist, wheel, bill of materials (CycloneDX) and checksums
	rm -rf dist
	SOURCE_DATE_EPOCH=$$(git log -1 --format=%ct) $(VENV)-release/bin/python -m hatchling build
	$(VENV)-release/bin/cyclonedx-py requirements --pyproject pyproject.toml --mc-type application \
		--output-reproducible --output-format JSON --output-file dist/wgmon-tui.cdx.json requirements/run.txt
	cd dist && sha256sum -- * > SHA256SUMS

$(VENV)/run.stamp: pyproject.toml
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --editable .
	@touch $@

$(VENV)/dev.stamp: pyproject.toml requirements/dev.txt
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python $(INSTALL_LOCKED) requirements/dev.txt
	$(BIN)/python $(INSTALL_ITSELF) --editable .
	@touch $@ $(VENV)/run.stamp

$(VENV)-oldest/dev.stamp: pyproject.toml requirements/oldest.txt
	$(PYTHON) -m venv $(VENV)-oldest
	$(VENV)-oldest/bin/python $(INSTALL_LOCKED) requirements/oldest.txt
	$(VENV)-oldest/bin/python $(INSTALL_ITSELF) --editable .
	@touch $@

$(VENV)-%/release.stamp: requirements/release.txt
	$(PYTHON) -m venv $(VENV)-$*
	$(VENV)-$*/bin/python $(INSTALL_LOCKED) requirements/release.txt
	@touch $@

$(VENV)-%/lock.stamp: requirements/tools.txt
	$(PYTHON) -m venv $(VENV)-$*
	$(VENV)-$*/bin/python $(INSTALL_LOCKED) requirements/tools.txt
	@touch $@

clean:  ## remove the environment, builds and caches
	rm -rf $(VENV) $(VENV)-oldest $(VENV)-lock $(VENV)-release build dist .pytest_cache .mypy_cache .ruff_cache .hypothesis
