# The two that a newcomer needs are `make demo` and `make test`; each makes what it stands on.
PYTHON ?= python3
BIN := .venv/bin

# Nothing but .venv decides what runs: no Python from the net, no module from the caller's shell.
export UV_PYTHON_DOWNLOADS = never
unexport PYTHONPATH PYTHONHOME VIRTUAL_ENV

.PHONY: demo test test-fast compiled setup check bench lock lowest messages schemas format clean

demo: setup
	@$(BIN)/crm demo --dir demo --force

test: compiled  ## make test ARGS="-k import" runs some of them
	@$(BIN)/pytest -n 2 --dist worksteal $(ARGS)

test-fast: compiled  ## without what needs a second or a server
	@$(BIN)/pytest -n 2 --dist worksteal -m "not slow and not postgres" $(ARGS)

# The tests start thousands of processes, and where PYTHONDONTWRITEBYTECODE is set each would compile what it imports.
compiled: setup
	@$(BIN)/python -m compileall -q crmcore plugins

setup:
	@$(PYTHON) tools/setup.py

check: setup
	@$(BIN)/python -m tools.check

bench: setup
	@$(BIN)/python -m benchmarks

lock: setup
	@$(BIN)/python -m tools.lock

lowest: setup  ## the tests on the oldest versions that pyproject.toml promises
	@$(BIN)/python -m tools.lowest

messages: setup  ## read the sources again, keep the translations, compile
	@$(BIN)/python -m tools.messages --update

schemas: setup
	@$(BIN)/crm schemas export schemas

format: setup
	@$(BIN)/ruff check --fix --quiet . ; $(BIN)/ruff format --quiet .

clean:
	@rm -rf .venv .venv-lowest demo dist build .*_cache .hypothesis *.egg-info
