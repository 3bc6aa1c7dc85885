# Needs Python 3.11 or newer, and make. `make` alone lists what can be done.

SHELL := /bin/sh
.DEFAULT_GOAL := help
.PHONY: help setup setup-dev serve test check format bench conformance examples constraints clean
.DELETE_ON_ERROR:

VENV := .venv
BIN := $(VENV)/bin
ARGS ?=

# Without compiled files every program that a test starts compiles all of the sources again.
unexport PYTHONDONTWRITEBYTECODE

# Both names pin the isolated build as well: pip read the first one until 25.2, and reads the second since.
INSTALL = PIP_CONSTRAINT=constraints.txt PIP_BUILD_CONSTRAINT=constraints.txt \
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --constraint constraints.txt --editable

# One that was made for another folder leads to the sources there, and one whose Python is gone leads nowhere.
ifneq ($(wildcard $(BIN)/pip),)
ifneq ($(shell test -x $(BIN)/python && cat $(VENV)/.place 2>/dev/null),$(abspath $(VENV)))
$(shell rm -f $(BIN)/pip $(VENV)/.setup $(VENV)/.setup-dev)
endif
endif

help: ## List what can be done
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  make %-12s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

setup: $(VENV)/.setup ## Build .venv with what gigbook needs to run
	@:

setup-dev: $(VENV)/.setup-dev ## Build .venv with the test tools and linters too
	@:

serve: setup ## Migrate the database, then serve on http://localhost:8080
	@$(BIN)/python -m gigbook serve $(ARGS)

# More workers than processors: many tests wait for programs and disks.
test: setup-dev ## Run all tests (ARGS='-k name' chooses)
	@$(BIN)/python -m pytest -n 3 --dist worksteal $(ARGS)

check: setup-dev ## Formatting, linters, types, layers, changelog
	@set -e; for step in \
		"ruff format --check" \
		"ruff check" \
		"mypy" \
		"pyright" \
		"lint-imports" \
		"towncrier build --draft --version next" \
		"python -m pytest -q tests/test_repository.py" \
	; do echo "== $$step"; $(BIN)/$$step; done

format: setup-dev ## Format, and repair what the linter can
	@$(BIN)/ruff check --fix-only --quiet
	@$(BIN)/ruff format

bench: setup-dev ## Run the benchmarks (ARGS='benchmarks/processes.py --quick' chooses)
ifneq ($(ARGS),)
	@$(BIN)/python $(ARGS)
else
	@set -e; for program in $(wildcard benchmarks/[a-z]*.py); do \
		echo "== $$program"; $(BIN)/python $$program; done
endif

conformance: setup-dev ## Run the tests that name an OTP behaviour, and count them
	@$(BIN)/python scripts/conformance.py $(ARGS)

examples: setup-dev ## Run every example
	@set -e; for program in $(wildcard examples/[a-z]*.py); do \
		echo "== $$program"; $(BIN)/python $$program; done

constraints: ## Pin the newest release of everything in constraints.txt
	@$(MAKE) --no-print-directory VENV=.venv-constraints .venv-constraints/bin/pip
	@.venv-constraints/bin/python -m pip install --quiet --disable-pip-version-check --editable '.[dev]' hatchling editables
	@.venv-constraints/bin/python -m pip freeze --exclude-editable > constraints.txt
	@rm -rf .venv-constraints

clean: ## Remove .venv and every cache
	rm -rf $(VENV) .pytest_cache .mypy_cache .ruff_cache .import_linter_cache .hypothesis .schemathesis .coverage htmlcov dist
	find src tests examples benchmarks scripts -name __pycache__ -type d -prune -exec rm -rf {} + 2>/dev/null || true

# The stamps make an up-to-date set-up cost nothing. The tools' set-up holds the runtime's.
$(VENV)/.setup: pyproject.toml constraints.txt | $(BIN)/pip
	@echo "installing gigbook into $(VENV)"
	@$(INSTALL) '.[gigbook]'
	@touch $@

$(VENV)/.setup-dev: pyproject.toml constraints.txt | $(BIN)/pip
	@echo "installing gigbook and the test tools into $(VENV)"
	@$(INSTALL) '.[dev]'
	@touch $(VENV)/.setup $@

$(BIN)/pip:
	@for name in $(or $(PYTHON),python3.11 python3 python3.13 python3.12 python); do \
		"$$name" -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null || continue; \
		found=$$name; \
		"$$name" -c 'import ensurepip, venv' 2>/dev/null || continue; \
		"$$name" -m venv --clear $(VENV) && echo '$(abspath $(VENV))' > $(VENV)/.place && exit; \
	done; \
	if [ -n "$$found" ]; then \
		echo "$$found has no venv module: on Debian and Ubuntu, 'apt-get install python3-venv' brings it." >&2; \
	else \
		echo "Greenroom needs Python 3.11 or newer, and found none: install it, or name it: make PYTHON=python3.13 ..." >&2; \
	fi; \
	exit 1
