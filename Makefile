# make run: see it work.   make test: every test.   make check: what CI runs, without the wheel.
PYTHON  ?= python3
VENV    ?= .venv
BIN     := $(VENV)/bin
MINUTES ?= 25

.PHONY: run test lint check wheel-test train clean

$(VENV)/.installed: pyproject.toml constraints.txt
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --constraint constraints.txt --editable '.[dev]'
	touch $@

run: $(VENV)/.installed
	$(BIN)/dlm-lsp demo

lint: $(VENV)/.installed
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports

test: $(VENV)/.installed
	$(BIN)/pytest

check: lint test

# The wheel, in an environment that holds nothing else: what a user gets.
wheel-test: $(VENV)/.installed
	rm -rf dist build/wheel
	$(BIN)/python -m build --wheel --outdir dist .
	$(PYTHON) -m venv build/wheel
	build/wheel/bin/python -m pip install --quiet --disable-pip-version-check --constraint constraints.txt dist/*.whl
	cd build && wheel/bin/dlm-lsp --version && wheel/bin/dlm-lsp doctor

# Needs the token stream: python -m training.corpus
train: $(VENV)/.installed
	$(BIN)/python -m training.train --minutes $(MINUTES)

clean:
	rm -rf $(VENV) build dist .mypy_cache .ruff_cache .pytest_cache .hypothesis
