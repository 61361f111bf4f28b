# The seven commands of this project.  CI calls these and nothing else.
PYTHON ?= python3
VENV   := .venv
BIN    := $(VENV)/bin
STAMP  := $(VENV)/.installed

.PHONY: run test check soak bench fix clean

$(STAMP): pyproject.toml
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11) and "Banyan needs Python 3.11 or newer; set PYTHON=python3.11")'
	@test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	@echo "Installing into $(VENV) (a minute or two the first time) ..."
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check uv
	@$(BIN)/uv pip install --quiet --python $(BIN)/python --editable '.[dev]'
	@touch $@

run: $(STAMP)  ## set up; add all of AWS and Google, an API and tool servers; search, call, remember: minutes, 1 GB
	@$(BIN)/python examples/first_run.py
	@$(BIN)/python examples/remember.py

test: $(STAMP)  ## the whole suite, under ten minutes on two cores
	@$(BIN)/python -m pytest -n 2 --dist worksteal -m "not soak and not gpu"

check: $(STAMP)  ## lint, types, floors between rooms
	@$(BIN)/ruff check .
	@$(BIN)/ruff format --check .
	@$(BIN)/mypy
	@$(BIN)/lint-imports

soak: $(STAMP)  ## the long tests: floods, kills, scale
	@$(BIN)/python -m pytest -m soak --timeout 1800

bench: $(STAMP)  ## every benchmark; DATA=folder of tools and queries
	@$(BIN)/python -m benchmarks $(if $(DATA),--data $(DATA))

fix: $(STAMP)  ## what can be mended by machine
	@$(BIN)/ruff check --fix .
	@$(BIN)/ruff format .

clean:  ## remove what the commands above made
	@rm -rf $(VENV) .demo .mypy_cache .ruff_cache .pytest_cache
