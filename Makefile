# Two commands are enough: `make demo` and `make test`. `make help` lists the others.
SHELL := /bin/bash
.SHELLFLAGS := -eu -o pipefail -c
.DEFAULT_GOAL := help

VENV := .venv
BIN := $(VENV)/bin
INSTALLED := $(VENV)/.installed
PEERS := .venv-bench
# The first of these that runs and is new enough; PYTHON=/path/to/python overrides it.
PYTHON ?= $(shell for p in python3.13 python3.12 python3.11 python3; do \
	$$p -c 'import sys; sys.exit(sys.version_info < (3, 11))' >/dev/null 2>&1 && { echo $$p; break; }; done)
ARGS ?=
# Tests wait more than they compute: two at a time, each with a broker and a database of its own.
JOBS ?= 2
PYTEST := $(BIN)/pytest -n $(JOBS) --dist loadfile

.PHONY: help
help: ## Show this list
	@awk -F ':.*## ' '/^[a-z-]+:.*## /{printf "  make %-12s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

.PHONY: install
install: $(INSTALLED) ## Virtual environment in .venv, every package pinned and hash-checked

$(INSTALLED): requirements-dev.txt pyproject.toml
	@test -n "$(PYTHON)" || { echo "Python 3.11 or newer is needed: install it, or say where it is: make PYTHON=/path/to/python3 ..." >&2; exit 1; }
	@$(PYTHON) -m venv $(VENV) || { echo "$(PYTHON) cannot make a virtual environment: on Debian and Ubuntu, apt-get install python3-venv" >&2; exit 1; }
	$(BIN)/python -m pip install --disable-pip-version-check --require-hashes -r requirements-dev.txt
	$(BIN)/python -m pip install --disable-pip-version-check --no-deps --no-build-isolation -e .
	$(BIN)/python -c 'from timescale.embedded import ensure_engine; ensure_engine(on_progress=print)'
	@touch $@

.PHONY: demo
demo: install ## The whole pipeline on embedded parts, with a live view (ARGS="--source simulated")
	@$(BIN)/catalyst demo $(ARGS)

.PHONY: check
check: install ## Format, lint and types
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy

.PHONY: test
test: check ## Every test that needs nothing but Python (ARGS="-k bars")
	$(PYTEST) -m "not kafka and not faults" $(ARGS)

.PHONY: test-faults
test-faults: install ## Tests that kill processes on purpose; slow
	$(PYTEST) -m "faults and not kafka" $(ARGS)

.PHONY: test-kafka
test-kafka: install ## Tests on Apache Kafka itself (needs Java 17 and Maven)
	$(BIN)/pytest -m kafka $(ARGS)

.PHONY: kafka
kafka: install ## Apache Kafka on this machine until Ctrl-C (ARGS="--brokers 3"; needs Java 17, Maven)
	@$(BIN)/python -m ops.kafka $(ARGS)

.PHONY: bench
bench: install $(PEERS)/.installed ## Measure it beside other engines; renews docs/performance.md (ARGS=--quick)
	$(BIN)/python -m benchmarks.all --docs $(ARGS)

# Without the peers the rest is measured, and the table says that they are missing.
$(PEERS)/.installed: requirements-bench.txt
	@$(PYTHON) -m venv $(PEERS)
	-$(PEERS)/bin/python -m pip install --disable-pip-version-check --require-hashes -r $< && touch $@

.PHONY: docs
docs: install ## Renew the files that are made from the code
	$(BIN)/python -m streams.reference
	$(BIN)/python -m streams.asyncapi
	$(BIN)/python -m streams.openapi

.PHONY: lock
lock: ## Renew requirements*.txt from pyproject.toml (needs uv)
	@command -v uv >/dev/null || { echo "uv is needed to renew the lock: pip install uv" >&2; exit 1; }
	uv pip compile -q --universal --generate-hashes --python-version 3.11 --no-header --no-annotate \
		pyproject.toml -o requirements.txt
	uv pip compile -q --universal --generate-hashes --python-version 3.11 --no-header --no-annotate \
		--group dev -c requirements.txt pyproject.toml -o requirements-dev.txt
	uv pip compile -q --universal --generate-hashes --python-version 3.11 --no-header --no-annotate \
		--group bench -o requirements-bench.txt

.PHONY: clean
clean: ## Remove the virtual environment and caches
	rm -rf $(VENV) $(PEERS) .pytest_cache .mypy_cache .ruff_cache .hypothesis
