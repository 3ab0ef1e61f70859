# `make demo` and `make test` need nothing but Python >= 3.10 and, on Debian or Ubuntu, root for the first apt-get.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
DEMO := build/demo

.PHONY: demo test lint bench types schema clean-demo system

demo: $(VENV)/.installed $(DEMO)/.fetched
	$(BIN)/dsimport plan recipes/centerface.yaml --toolchain reference
	$(BIN)/dsimport apply recipes/centerface.yaml --toolchain reference
	$(BIN)/python -m demo.summary centerface

test: $(VENV)/.installed $(DEMO)/.fetched
	$(MAKE) lint
	$(BIN)/python -m pytest -n 2

lint: $(VENV)/.installed types
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	cd build/types && ../../$(BIN)/mypy --config-file ../../pyproject.toml -p dsimport.compiler -p dsimport.runtime -p dsimport.cli

bench: $(VENV)/.installed $(DEMO)/.fetched
	$(BIN)/python benchmarks/processes.py

schema: $(VENV)/.installed
	$(BIN)/dsimport schema -o schema/recipe.schema.json

# mypy follows folders, not the mapping in pyproject.toml, so it gets the installed layout as links.
types:
	@mkdir -p build/types/dsimport
	@for item in dsimport/*; do ln -sfn ../../../$$item build/types/dsimport/; done
	@ln -sfn ../../../compiler ../../../runtime build/types/dsimport/

$(VENV)/.installed: pyproject.toml scripts/setup.sh
	PYTHON=$(PYTHON) sh scripts/setup.sh $(VENV)
	@touch $@

$(DEMO)/.fetched: demo/fetch.py $(VENV)/.installed
	$(BIN)/python demo/fetch.py $(DEMO)
	@touch $@

clean-demo:
	rm -rf models/centerface $(DEMO)
