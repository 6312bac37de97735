# Everything a person or CI needs to type. Works on a machine with git, make and Python 3.11+ only:
# a missing uv is fetched, pinned, into .tools; packages go into .venv.

UV_VERSION := 0.13.9
PYTHON ?= python3
# On PATH in the right version, or our own copy.
UV := $(shell command -v uv >/dev/null 2>&1 && [ "$$(uv --version | cut -d' ' -f2)" = "$(UV_VERSION)" ] && command -v uv || echo .tools/bin/uv)
export UV_PYTHON_DOWNLOADS = never
# Trust what the machine trusts: many have a certificate authority of their own.
export UV_SYSTEM_CERTS = true
RUN := $(UV) run --locked --all-extras --no-progress

.DEFAULT_GOAL := help
.PHONY: help demo test check lint types house unit e2e crash tour bench pictures install

help:  ## this list
	@grep -hE '^[a-z]+:.*##' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/'

.tools/bin/uv:
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || { echo "Bellhop needs Python 3.11 or newer (set PYTHON=...)."; exit 1; }
	$(PYTHON) -m venv .tools
	.tools/bin/pip install --quiet --disable-pip-version-check uv==$(UV_VERSION)

install: $(filter .tools/bin/uv,$(UV))  ## bring everything into .venv
	@$(UV) sync --locked --all-extras --no-progress --quiet

demo: install  ## the whole service on this machine, as a page that looks like Discord
	$(RUN) bellhop demo $(ARGS)

test: check  ## everything CI runs

check: lint types house unit e2e tour  ## the same, step by step below

lint: install  ## format and lint
	$(RUN) ruff format --check .
	$(RUN) ruff check .

types: install  ## mypy, strict
	$(RUN) mypy

house: install  ## who may import whom
	$(RUN) lint-imports --no-cache

unit: install  ## tests on SQLite and a real PostgreSQL
	$(RUN) pytest -m "not e2e" -n 2 --dist loadfile

e2e: install  ## tests with whole programs, real SSH, real Jupyter, a real browser
	$(RUN) pytest -m e2e -n 2 --dist loadfile

crash: install  ## deaths at every moment of the real program, minutes long; CRASH_SEED=n plays one again
	CRASH_LONG=1 $(RUN) pytest -s tests/domain/test_crashes.py tests/e2e/test_crash_matrix.py tests/e2e/test_real_lives.py tests/e2e/test_hostile_moments.py tests/e2e/test_restart.py tests/e2e/test_roles.py

tour: install  ## the story from offer to receipt, checked against the sandbox's books
	$(RUN) bellhop demo --tour

pictures: install  ## all pictures anew, of the documents and of the tests (needs Chromium): look at what changed
	$(RUN) python -m tests.pictures
	RETAKE_PICTURES=1 $(RUN) pytest -q tests/relay/test_pictures.py tests/cogs/test_pictures.py tests/cogs/test_gallery.py

bench: install  ## figures, each beside an alternative measured in the same run
	$(RUN) python -m tests.bench
