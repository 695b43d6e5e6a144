# Two commands: `make run` and `make test`. Both set up what they need inside the checkout, once.
# Needs Python 3.11 or newer, make and git. Package addresses come from the user's own pip and uv settings.

VENV := .venv
BIN := $(VENV)/bin
UV := $(BIN)/uv
RAW ?= data/raw
WAREHOUSE ?= data/warehouse
EXPORTS ?= data/exports
UI_PORT ?= 3000

# The first of these that is new enough; PYTHON=... overrides.
PYTHON ?= $(shell for p in python3.11 python3 python3.12 python3.13 python; do \
	$$p -c 'import sys; sys.exit(sys.version_info < (3, 11))' >/dev/null 2>&1 && { echo $$p; break; }; done)

export DAGSTER_HOME := $(CURDIR)
export DAGSTER_DISABLE_TELEMETRY := 1
export DO_NOT_TRACK := 1
export UV_COMPILE_BYTECODE := 1
export PIP_DISABLE_PIP_VERSION_CHECK := 1

COMPILE := $(UV) pip compile pyproject.toml --quiet --universal --python-version 3.11 --generate-hashes \
	--no-header --no-annotate --no-emit-index-url --no-strip-extras

.PHONY: help run test lint types pytest ui lab compiled lock docs bench fuzz kill audit clean
.DEFAULT_GOAL := help

help:
	@echo "make run    build the warehouse, the notebooks and the charts from $(RAW)"
	@echo "make test   lint, types, tests and notebooks"
	@echo "make ui     Dagster on this machine only      make lab    JupyterLab on this machine only"
	@echo "make lock   renew the lock files              make docs   renew the generated pages"
	@echo "make bench  measure speed and memory          make fuzz   the long fuzzing suite"
	@echo "make kill   kill runs 500 times and look      make audit  known faults and licences of what is installed"
	@echo "make compiled  the readers of documents as C, then: make run COMPILED=1"
	@echo "make clean  remove all that was built, except data/raw"

# --- set-up ---------------------------------------------------------------------------------------------------------

$(VENV)/.base-stamp: requirements-bootstrap.lock
	@test -n "$(PYTHON)" || { echo "Python 3.11 or newer was not found; install it or call make PYTHON=/path/to/python3" >&2; exit 1; }
	@test -x $(BIN)/python || { echo "set-up: $(VENV) with $(PYTHON)"; $(PYTHON) -m venv $(VENV) || { rm -rf $(VENV); \
		echo "could not create $(VENV): this Python lacks the venv module (Debian, Ubuntu: apt install python3-venv)" >&2; exit 1; }; }
	@$(BIN)/python -m pip install --quiet --require-hashes -r requirements-bootstrap.lock \
		|| echo "uv could not be installed, going on with pip (slower)" >&2
	@touch $@

# $(call install,LOCK): exactly what the lock file says, then the checkout itself without any download.
define install
	@echo "set-up: $(1)"
	@{ test -x $(UV) && VIRTUAL_ENV=$(CURDIR)/$(VENV) $(UV) pip sync --quiet --require-hashes $(1); } \
		|| { echo "set-up goes on with pip (slower)" >&2; $(BIN)/python -m pip install --quiet --require-hashes -r $(1); }
	@$(BIN)/python -m pip install --quiet --no-deps --no-build-isolation --no-index -e .
endef

$(VENV)/.run-stamp: $(VENV)/.base-stamp requirements.lock requirements-dev.lock pyproject.toml
	$(call install,$(if $(wildcard $(VENV)/.dev-stamp),requirements-dev.lock,requirements.lock))
	@touch $@ $(if $(wildcard $(VENV)/.dev-stamp),$(VENV)/.dev-stamp)

$(VENV)/.dev-stamp: $(VENV)/.base-stamp requirements.lock requirements-dev.lock pyproject.toml
	$(call install,requirements-dev.lock)
	@touch $@ $(VENV)/.run-stamp

# --- the two commands -----------------------------------------------------------------------------------------------

# `make run COMPILED=1` reads documents with the compiled readers; they are built again when a source changes.
run: $(VENV)/.run-stamp $(if $(COMPILED),.compiled/.stamp)
	@$(if $(COMPILED),PYTHONPATH=$(CURDIR)/.compiled )$(BIN)/xianzhi run --raw "$(RAW)" --warehouse "$(WAREHOUSE)" --exports "$(EXPORTS)"

test: lint types pytest

lint: $(VENV)/.dev-stamp
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .

types: $(VENV)/.dev-stamp
	$(BIN)/mypy

pytest: $(VENV)/.dev-stamp
	$(BIN)/pytest -n 2

# --- servers, on this machine only ----------------------------------------------------------------------------------

ui: $(VENV)/.run-stamp
	@mkdir -p data/dagster
	@echo "Dagster: http://127.0.0.1:$(UI_PORT) (Ctrl-C ends it)"
	@$(BIN)/python tools/serve.py $(BIN)/dagster dev --host 127.0.0.1 --port $(UI_PORT)

lab: $(VENV)/.dev-stamp
	@echo "JupyterLab prints its address with a token below (Ctrl-C ends it)"
	@$(BIN)/python tools/serve.py $(BIN)/jupyter lab --ServerApp.ip=127.0.0.1 --ServerApp.open_browser=False \
		--LabApp.check_for_updates_class=jupyterlab.NeverCheckForUpdate --LabApp.extension_manager=readonly notebooks/

# --- upkeep ---------------------------------------------------------------------------------------------------------

# The readers as C (mypyc), some minutes once; needs a C compiler and Python's headers.
compiled: .compiled/.stamp

SOURCES := $(shell find pipelines -name '*.py' -o -name '*.yaml' -o -name '*.csv')
.compiled/.stamp: $(SOURCES) setup.py pyproject.toml | $(VENV)/.dev-stamp
	@command -v cc >/dev/null && test -e "$$($(BIN)/python -c 'import sysconfig; print(sysconfig.get_path("include"))')/Python.h" || { \
		echo "a C compiler and Python's headers are needed (Debian, Ubuntu: apt install gcc python3-dev)" >&2; exit 1; }
	@echo "compiling the readers of documents, some minutes"
	@rm -rf .compiled build
	@XIANZHI_COMPILED=1 $(BIN)/python -m pip install --quiet --no-deps --no-build-isolation --no-index --target .compiled .
	@rm -rf build && touch $@

lock: $(VENV)/.base-stamp
	echo "uv==$$($(UV) --version | cut -d' ' -f2)" | $(UV) pip compile - --quiet --universal --python-version 3.11 \
		--generate-hashes --no-header --no-annotate --no-emit-index-url -o requirements-bootstrap.lock
	$(COMPILE) --all-extras -o requirements-dev.lock
	$(COMPILE) --extra build -c requirements-dev.lock -o requirements.lock

audit: $(VENV)/.dev-stamp
	@$(BIN)/python tools/audit.py

docs: $(VENV)/.run-stamp
	$(BIN)/python tools/audit.py --licences docs/licences.md
	$(BIN)/python tools/data_dictionary.py docs/data-dictionary.md

# speed and memory of the whole path; BENCH=--full for 100,000 documents, BENCH=--check to compare with the baseline
bench: $(VENV)/.dev-stamp
	$(BIN)/python benchmarks/pipeline.py $(BENCH)
	$(BIN)/python benchmarks/analysis.py $(filter --check,$(BENCH))

fuzz: $(VENV)/.dev-stamp
	$(BIN)/pytest -m long -k fuzz

kill: $(VENV)/.dev-stamp
	$(BIN)/python tests/robustness/kill_runs.py --kills 500
	$(BIN)/pytest -m long -k kill

clean:
	rm -rf $(VENV) .compiled build xianzhi.egg-info .mypy_cache .ruff_cache .hypothesis data/dagster
	find data/warehouse data/exports -mindepth 1 ! -name .gitkeep -delete
	find pipelines tests tools -name __pycache__ -prune -exec rm -rf {} +
