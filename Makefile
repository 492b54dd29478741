# One word a job. Every target sets up what it needs; running it again is fast.
SHELL := /bin/bash
.SHELLFLAGS := -euo pipefail -c
PYTHON ?= python3.11
VENV := .venv
BIN := $(VENV)/bin
STAMPS := $(VENV)/.stamps
NPM_STAMP := node_modules/.stamp
VENDOR_STAMP := static/vendor/.stamp
WORDS_STAMP := $(STAMPS)/words

.PHONY: setup setup-dev run demo backup restore test test-unit check audit fmt messages clean

setup: $(STAMPS)/app $(VENDOR_STAMP) $(WORDS_STAMP)

setup-dev: $(STAMPS)/dev $(VENDOR_STAMP) $(WORDS_STAMP)

$(BIN)/python:
	@command -v $(PYTHON) >/dev/null || { echo "Python 3.11 is needed and '$(PYTHON)' was not found. Install it, or name it: make $(MAKECMDGOALS) PYTHON=/path/to/python3.11"; exit 1; }
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info[:2] != (3, 11))' || { echo "Python 3.11 is needed; '$(PYTHON)' is $$($(PYTHON) -V 2>&1)."; exit 1; }
	@free=$$(df -Pk . | awk 'NR==2 {print int($$4/1048576)}'); [ -d $(VENV) ] || [ $$free -ge 9 ] || { echo "About 9 GB of free disk are needed for the libraries, $$free GB are free here. Free some space and run it again."; exit 1; }
	$(PYTHON) -m venv $(VENV) || { rm -rf $(VENV); echo "The virtual environment could not be made. On Debian install python3.11-venv, then run it again."; exit 1; }

$(STAMPS)/app: requirements.txt | $(BIN)/python
	$(BIN)/python -m pip install --quiet --disable-pip-version-check -r requirements.txt
	@mkdir -p $(STAMPS) && touch $@

$(STAMPS)/dev: requirements-dev.txt $(STAMPS)/app
	$(BIN)/python -m pip install --quiet --disable-pip-version-check -r requirements-dev.txt
	@mkdir -p $(STAMPS) && touch $@

$(NPM_STAMP): package.json package-lock.json | $(STAMPS)/app
	$(BIN)/npm ci --no-audit --no-fund --loglevel=error
	@touch $@

$(VENDOR_STAMP): $(NPM_STAMP) automl_site/icons.txt automl_site/icons.py automl_site/management/commands/vendor_static.py
	$(BIN)/python manage.py vendor_static
	@touch $@

# The catalogues of the languages, as Django reads them.
$(WORDS_STAMP): $(wildcard locale/*/LC_MESSAGES/*.po) | $(STAMPS)/app
	$(BIN)/python -m datasets_app.words.compile
	@touch $@

run: setup
	@exec $(BIN)/python manage.py up

demo: setup
	@exec $(BIN)/python manage.py demo

# make backup FILE=/mnt/disk/automl.tar, while the site runs; docs/operating.md has the drill.
backup: setup
	@exec $(BIN)/python manage.py backup $(or $(FILE),automl-$(shell date +%Y%m%d-%H%M%S).tar)

restore: setup
	@[ -n "$(FILE)" ] || { echo "Name the archive: make restore FILE=automl.tar"; exit 1; }
	@exec $(BIN)/python manage.py restore $(FILE) $(ARGS)

# Everything: the checks, then unit, integration and browser tests.
test: check
	$(BIN)/python -m pytest tests/integration tests/browser -m "not alone" -n 2 --dist loadfile --no-loadscope-reorder
	$(BIN)/python -m pytest tests/integration tests/browser -m alone

test-unit: setup-dev
	OMP_NUM_THREADS=1 $(BIN)/python -m pytest tests/unit -n 2

check: setup-dev
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports
	$(BIN)/python manage.py makemigrations --check --dry-run
	OMP_NUM_THREADS=1 $(BIN)/python -m pytest tests/unit -n 2

# Known vulnerabilities of the libraries. Without a network it says so and fails nothing; what is accepted, and
# why, stands in docs/security.md.
audit: setup-dev
	@$(BIN)/python -m automl_site.library_audit $(ARGS)

fmt: setup-dev
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

# What pages, scripts and the engine say, into locale/; needs GNU gettext.
messages: setup-dev
	$(BIN)/python manage.py messages
	$(BIN)/python -m datasets_app.words.compile

clean:
	rm -rf static/vendor node_modules $(VENV)  # var/ holds your data: it stays
