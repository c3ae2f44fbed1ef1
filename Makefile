# One verb per chore; CI runs the same verbs. `make help` lists them.
PYTHON ?= python3
VENV   := .venv
BIN    := $(VENV)/bin
LOCKED := --quiet --universal --python-version 3.11 --generate-hashes --no-strip-extras --no-header --no-annotate
export DO_NOT_TRACK = 1
export PREFECT_SERVER_ANALYTICS_ENABLED = false

.PHONY: help setup setup-test demo ui deploy screenshots test coverage check fix bench soak faults slices mutants audit hooks docs lock clean

help: ## this list
	@grep -E '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | sed -E 's/^([a-z-]+):.*## (.*)/  make \1\t\2/' | expand -t 22

setup: $(VENV)/.run ## .venv with the run-time packages and the printroom command
setup-test: $(VENV)/.test ## the same, and what tests and checks need

$(VENV)/bin/python:
	$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11) and "Printroom needs Python 3.11 or newer; try make PYTHON=python3.12 …")'
	$(PYTHON) -m venv $(VENV)

$(VENV)/.run: requirements.lock pyproject.toml | $(VENV)/bin/python
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes -r requirements.lock
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-deps --no-build-isolation -e .
	@touch $@

$(VENV)/.test: requirements-test.lock pyproject.toml | $(VENV)/bin/python
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes -r requirements-test.lock
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-deps --no-build-isolation -e .
	@touch $@ $(VENV)/.run

$(VENV)/.chores: requirements-chores.lock $(VENV)/.test
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes -r requirements-chores.lock
	@touch $@

demo: setup ## catalogs/quickstart.csv against the built-in sandbox: pictures, manifest, gallery
	$(BIN)/printroom run catalogs/quickstart.csv --dataset datasets/quickstart --provider sandbox --yes

ui: setup ## a Prefect server on 127.0.0.1:4200 (make ui PORT=… another port) with the settings this project needs
	$(BIN)/python -m deployments.ui $(PORT)

deploy: setup ## work pool, deployments and automations on the server that PREFECT_API_URL names
	$(BIN)/python -m deployments.deploy

screenshots: setup-test ## play the team's evening in a browser and take its pictures into docs/screenshots/
	PRINTROOM_SCREENSHOTS=$(CURDIR)/docs/screenshots $(BIN)/python -m pytest -q -p no:randomly tests/flows/test_deployed_runs.py

test: setup-test ## the whole test suite (what CI calls)
	$(BIN)/python -m pytest

coverage: setup-test ## the same, and which lines no test reaches
	$(BIN)/python -m pytest --cov --cov-report=term --cov-report=xml

check: setup-test ## lint, format, types, import contracts, generated pages
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports
	$(BIN)/python -m deployments.docs --check

fix: setup-test ## what the linters can repair by themselves
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

bench: setup-test ## speed, memory and cost beside their bars, and beside a bare loop at the same gateway
	$(BIN)/python -m tests.benchmarks

soak: setup-test ## 50,000 rows through small faults: does memory creep, do files stay open, does the bill agree?
	$(BIN)/python -m tests.benchmarks soak

faults: setup-test ## the long fault tests: kill storms, simulation, outages
	$(BIN)/python -m pytest -m slow -p no:randomly tests

SLICED := $(addprefix tests/faults/test_, kill_storm.py simulation.py two_runs.py lost_disk.py store_outage.py \
	power_loss.py cost_of_safety.py resume.py) tests/flows/test_killed_runs.py

slices: setup-test ## their short forms, which make test runs too, alone and with what each takes
	$(BIN)/python -m pytest -p no:randomly --durations=20 $(SLICED)

mutants: $(VENV)/.chores ## change money, keys, classification and journal in small ways: does a test notice? (a sample)
	$(BIN)/python -m tests.mutants

audit: $(VENV)/.chores ## ask the public database for known holes in what is locked; fails too where it does not answer
	$(BIN)/pip-audit --strict --require-hashes --disable-pip -r requirements-test.lock
	$(BIN)/pip-audit --strict --require-hashes --disable-pip -r requirements-chores.lock

hooks: $(VENV)/.chores ## make check and make docs before every commit, make test before every push
	$(BIN)/pre-commit install --hook-type pre-commit --hook-type pre-push

docs: setup-test ## regenerate the tables in docs/ that come from the code
	$(BIN)/python -m deployments.docs

lock: setup-test ## resolve the lock files anew (hashes, no index addresses); what runs is what was tested
	$(BIN)/uv pip compile $(LOCKED) pyproject.toml --group build --group test --group check -o requirements-test.lock
	$(BIN)/uv pip compile $(LOCKED) pyproject.toml --group build --constraint requirements-test.lock -o requirements.lock
	$(BIN)/uv pip compile $(LOCKED) --group chores --constraint requirements-test.lock -o requirements-chores.lock
	$(BIN)/python -m deployments.locks requirements.lock requirements-test.lock requirements-chores.lock

clean: ## remove what the build and the tests left
	rm -rf $(VENV) mutants .coverage .coverage.* coverage.xml .pytest_cache .mypy_cache .ruff_cache .import_linter_cache .hypothesis
