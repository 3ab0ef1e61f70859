# `make demo` and `make test` need nothing but Python >= 3.10 and, on Debian or Ubuntu, root for the first apt-get.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
DEMO := build/demo
LIVE := build/.venv_live

.PHONY: demo test test-long test-live test-trt trt-table exactness lint bench types schema clean-demo system

demo: $(VENV)/.installed $(DEMO)/.fetched
	$(BIN)/dsimport plan recipes/centerface.yaml --toolchain reference
	$(BIN)/dsimport apply recipes/centerface.yaml --toolchain reference
	$(BIN)/python -m demo.summary centerface

test: $(VENV)/.installed $(DEMO)/.fetched
	$(MAKE) lint
	$(BIN)/python -m pytest -n 2

# Parsers against the models' own post-processing; torch and transformers have a virtual environment of their own.
test-live: $(LIVE)/.installed
	HF_HUB_OFFLINE=1 $(LIVE)/bin/python -m pytest tests/live/live_exactness.py

# NVIDIA's parser and builder on the CPU: TensorRT-RTX is some 300 MB more in the same virtual environment.
test-trt: $(LIVE)/.rtx $(DEMO)/.fetched
	$(LIVE)/bin/python -m pytest tests/live/live_trt.py

trt-table: test-trt
	cp build/tensorrt-check.md docs/tensorrt-check.md

exactness: test-live
	cp build/exactness.md docs/exactness.md

# Every family through clang and a cross compiler, ten million fuzzed calls, libFuzzer: minutes, and Debian packages.
test-long: $(VENV)/.installed
	sh scripts/setup-long.sh
	$(BIN)/python -m pytest -n 2 tests/long/long_compilers.py tests/long/long_fuzz.py

lint: $(VENV)/.installed types
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	cd build/types && ../../$(BIN)/mypy --config-file ../../pyproject.toml -p dsimport.compiler -p dsimport.runtime -p dsimport.cli

bench: $(VENV)/.installed $(DEMO)/.fetched
	$(BIN)/dsimport apply recipes/centerface.yaml --toolchain reference
	$(BIN)/python scripts/run_benchmarks.py

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

$(LIVE)/.installed: requirements-live.txt pyproject.toml | $(VENV)/.installed
	$(PYTHON) -m venv $(LIVE)
	$(LIVE)/bin/python -m pip install --quiet --disable-pip-version-check -r requirements-live.txt --editable .
	@touch $@

$(LIVE)/.rtx: $(LIVE)/.installed
	$(LIVE)/bin/python -m pip install --quiet --disable-pip-version-check --editable '.[trt-check]'
	@touch $@

$(DEMO)/.fetched: demo/fetch.py $(VENV)/.installed
	$(BIN)/python demo/fetch.py $(DEMO)
	@touch $@

clean-demo:
	rm -rf models/centerface $(DEMO)
