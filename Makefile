# Every target sets itself up: a virtual environment in .venv, and Debian's Prometheus and Alertmanager where apt can give them.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
export PYTHONDONTWRITEBYTECODE := 1

.PHONY: help install demo test lint types unit bench chaos soak docs dashboards env test-compose test-browser clean

help: ## say what there is
	@awk -F ':.*## ' '/^[a-z-]+:.*## / {printf "  make %-14s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

$(BIN)/.installed: pyproject.toml
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11) and "Python 3.11 or newer is needed: make PYTHON=python3.12 ...")'
	$(PYTHON) -m venv $(VENV)
	$(BIN)/pip install --quiet --disable-pip-version-check --editable '.[dev]'
	@touch $@

install: $(BIN)/.installed ## put the command into .venv/bin

demo: $(BIN)/.installed tools ## show everything with a simulated bot and broker (Ctrl-C ends it)
	$(BIN)/big-dipper-exporter demo $(ARGS)

test: lint types unit ## everything that must hold: lint, types, tests

lint: $(BIN)/.installed
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .

types: $(BIN)/.installed
	$(BIN)/mypy

unit: $(BIN)/.installed tools
	$(BIN)/pytest -n auto --dist loadfile -m 'not bench and not chaos and not soak'

bench: $(BIN)/.installed tools ## print figures: speed, memory, latency, beside a peer
	$(BIN)/pytest -s -p no:xdist -m bench tests/bench

chaos: $(BIN)/.installed ## a minute of kills, and a million damaged lines
	$(BIN)/pytest -s -m chaos

soak: $(BIN)/.installed tools ## twenty minutes of the demo at high speed: memory flat, figures true
	$(BIN)/pytest -s -p no:xdist -m soak

docs: $(BIN)/.installed ## write the generated documents anew
	$(BIN)/python -m bigdipper_exporter.docs
	$(BIN)/python -m grafana
	$(BIN)/python -m tests.alerts.page

env: ## write random passwords for docker compose, once
	@sh deploy/env.sh

test-compose: ## build the image and start the whole stack, where there is a Docker engine
	@sh tests/compose/run.sh

test-browser: $(BIN)/.installed ## open every board of a running Grafana: make test-browser GRAFANA_URL=http://localhost:3000
	$(BIN)/python tests/browser/boards.py $(GRAFANA_URL)

.PHONY: tools
tools: ## (Prometheus, Alertmanager and SQLite from Debian, where they are missing and apt is there)
	@sh deploy/tools.sh

clean: ## remove what was built
	rm -rf $(VENV) build *.egg-info .pytest_cache .mypy_cache .ruff_cache .hypothesis
