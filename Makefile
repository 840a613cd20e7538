# Every target sets itself up: a virtual environment in .venv, and Debian's Prometheus and Alertmanager where apt can give them.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
export PYTHONDONTWRITEBYTECODE := 1

.PHONY: help install demo check test lint types unit bench chaos soak migration docs dashboards env sbom pin test-compose test-browser clean

help: ## say what there is
	@awk -F ':.*## ' '/^[a-z-]+:.*## / {printf "  make %-14s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

# What runs, for `make demo` and `make install`; `.developer` adds what tests need.
$(BIN)/.installed: pyproject.toml
	@echo "Installing into $(VENV): about 230 MB, one to two minutes."
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11) and "Python 3.11 or newer is needed: make PYTHON=python3.12 ...")'
	$(PYTHON) -m venv $(VENV)
	$(BIN)/pip install --quiet --disable-pip-version-check --editable .
	@touch $@

$(BIN)/.developer: $(BIN)/.installed
	@echo "Installing what tests need: about 600 MB more, two to three minutes."
	$(BIN)/pip install --quiet --disable-pip-version-check --editable '.[dev]'
	@touch $@

install: $(BIN)/.installed ## put the command into .venv/bin

demo: $(BIN)/.installed tools ## show everything with a simulated bot and broker (Ctrl-C ends it)
	$(BIN)/big-dipper-exporter demo $(ARGS)

check: lint types ## the quick part of the tests: format, lint, types, golden list, generated files, imports
	$(BIN)/pytest -n auto $(QUICK) --deselect tests/alerts/test_form.py::test_messages_are_written_in_words

QUICK := tests/test_architecture.py tests/archive/test_tables.py tests/test_gauges.py tests/test_metrics.py tests/test_grammar.py \
	tests/cli/test_help.py tests/grafana/test_boards.py tests/alerts/test_form.py

test: lint types unit ## everything that must hold: lint, types, tests

lint: $(BIN)/.developer
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/yamllint --strict .
	@! command -v promtool >/dev/null || promtool check rules --lint=all --lint-fatal prometheus/rules/*.yml prometheus/rules/alerts/*.yml >/dev/null
	@! command -v amtool >/dev/null || amtool check-config alertmanager/alertmanager.yml >/dev/null

types: $(BIN)/.developer
	$(BIN)/mypy

# One more worker than there are processors: many tests wait for programs that they started. These load the exporter's bytecode:
# to compile it takes three times as long as all the rest of a start.
unit: export PYTHONDONTWRITEBYTECODE :=
unit: $(BIN)/.developer tools
	$(BIN)/pytest -n $$(( $$(getconf _NPROCESSORS_ONLN) + 1 )) --dist loadfile --no-loadscope-reorder -m 'not bench and not chaos and not soak'

bench: $(BIN)/.developer tools ## print figures: speed, memory, latency, beside a peer
	$(BIN)/pytest -s -p no:xdist -m bench tests/bench

chaos: $(BIN)/.developer ## twenty minutes: kills, damaged lines, whole logs at random, forty scrapers
	$(BIN)/pytest -s -m chaos

soak: $(BIN)/.developer tools ## twenty minutes of the demo at high speed: memory flat, figures true
	$(BIN)/pytest -s -p no:xdist -m soak

migration: $(BIN)/.developer ## write the next migration from the declared tables: make migration NAME=sells
	$(BIN)/python -m bigdipper_exporter.archive.draft $(NAME)

docs: $(BIN)/.developer ## write the generated documents again
	$(BIN)/python -m bigdipper_exporter.docs
	$(BIN)/python -m tests.golden
	$(BIN)/python -m tests.nyse
	$(BIN)/python -m grafana
	$(BIN)/python -m tests.alerts.page
	$(BIN)/python -m tests.incidents.page

env: ## write random passwords for docker compose, once, and check the names in .env
	@sh deploy/env.sh

sbom: ## write the image's bill of materials (CycloneDX) to sbom.cdx.json
	@$(PYTHON) deploy/sbom.py >sbom.cdx.json && echo "wrote sbom.cdx.json"

pin: ## write the digests of all images into the compose files and the Dockerfile (needs docker and a registry)
	@sh deploy/pin.sh

test-compose: ## build the image and start the whole stack, where there is a Docker engine
	@sh tests/compose/run.sh

test-browser: $(BIN)/.developer ## open every board of a running Grafana: make test-browser GRAFANA_URL=http://localhost:3000
	GRAFANA_URL=$(GRAFANA_URL) $(BIN)/pytest -s -rs -p no:xdist tests/browser

.PHONY: tools
tools: ## (Prometheus, Alertmanager and SQLite from Debian, where they are missing and apt is there)
	@sh deploy/tools.sh

clean: ## remove what was built
	rm -rf $(VENV) build *.egg-info .pytest_cache .mypy_cache .ruff_cache .hypothesis
