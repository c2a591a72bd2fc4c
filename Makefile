# What one types. `make run` is all that a fresh machine needs: python3 (3.11+, with venv), make, git.

PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin

.DEFAULT_GOAL := help
.PHONY: help install run test e2e bench bench-sizing bench-pages gallery lint base-image clean

help:
	@echo "make install     the environment in $(VENV), with pinned dependencies"
	@echo "make run         start everything and print the address (PORT=8000)"
	@echo "make test        the tests; REQUIRE_DOCKER=1 fails instead of skipping without Docker"
	@echo "make e2e         the browser journeys, on real installations (needs Chromium)"
	@echo "make bench       the benchmarks, against truth and peers, about 40 minutes; QUICK=1 tries them"
	@echo "make bench-sizing  advised sizes against brute force: hours for all, QUICK=1 tries it"
	@echo "make gallery     takes the pictures of docs/gallery.md anew (needs Chromium)"
	@echo "make bench-pages   pages of a site of 10,000 runs, a few minutes and 6 GB; QUICK=1 tries it"
	@echo "make lint        style and consistency"
	@echo "make base-image  a base image made with debootstrap, where no registry can be reached"

install: $(VENV)/.installed

run: install
	@exec $(BIN)/python manage.py serve

test: $(VENV)/.installed-dev
ifdef TESTS
	$(BIN)/python -m pytest $(TESTS)
else
	$(BIN)/python -m pytest -m "not e2e and not alone" -n auto --dist worksteal
	$(BIN)/python -m pytest -m "not e2e and alone$(if $(LONG),, and not long)"
endif

e2e: $(VENV)/.installed-dev
	$(BIN)/python -m pytest -m "e2e and not alone" -n auto --dist worksteal tests/e2e
	$(BIN)/python -m pytest -m "e2e and alone" tests/e2e

bench: $(VENV)/.installed-dev
	$(BIN)/python bench/all.py $(if $(QUICK),--quick)

bench-sizing: $(VENV)/.installed-dev
	$(BIN)/python bench/sizing/all.py $(if $(QUICK),--quick)

gallery: $(VENV)/.installed-dev
	$(BIN)/python scripts/gallery.py

bench-pages: $(VENV)/.installed-dev
	$(BIN)/python bench/pages.py $(if $(QUICK),--quick)

lint: $(VENV)/.installed-dev
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/python manage.py check --fail-level WARNING
	$(BIN)/python manage.py makemigrations --check --dry-run

base-image:
	@sh scripts/base_image.sh

clean:
	rm -rf $(VENV)

# The stamps make a second run instant. uv resolves in a second; pip is the way for package
# indexes that only pip has been told of (pip.conf).
define install_requirements
	@$(BIN)/uv pip install --quiet --python $(BIN)/python -r $(1) \
	    || $(BIN)/python -m pip install --quiet -r $(1)
	@touch $@
endef

$(VENV)/.installed: requirements.txt | $(BIN)/uv
	@echo "Installing what requirements.txt lists into $(VENV) ..."
	$(call install_requirements,requirements.txt)

$(VENV)/.installed-dev: requirements-dev.txt $(VENV)/.installed
	@echo "Installing what the tests need ..."
	$(call install_requirements,requirements-dev.txt)

$(BIN)/uv: | $(BIN)/python
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check "$$(grep '^uv==' requirements.txt)"

$(BIN)/python:
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' \
	    || { echo "Python 3.11 or newer is needed; name one with PYTHON=/path/to/python3.12" >&2; exit 1; }
	@$(PYTHON) -m venv $(VENV) \
	    || { rm -rf $(VENV); echo "python3 has no venv; on Debian: apt-get install python3-venv" >&2; exit 1; }
