# `make demo` and `make test` need nothing but Python >= 3.10 and, on Debian or Ubuntu, root for the first apt-get.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
DEMO := build/demo
LIVE := build/.venv_live
OTHERS := build/.venv_others
WHEELS := build/wheels

.PHONY: demo test test-long test-pages test-live test-live-others test-export test-trt trt-table exactness lint \
  bench types schema clean-demo

demo: $(VENV)/.installed $(DEMO)/.fetched
	$(BIN)/dsimport plan recipes/centerface.yaml --toolchain reference
	$(BIN)/dsimport apply recipes/centerface.yaml --toolchain reference
	$(BIN)/python -m demo.summary centerface

test: $(VENV)/.installed $(DEMO)/.fetched
	$(MAKE) lint
	$(BIN)/python -m pytest -n 2 --dist worksteal

# Parsers against the models' own post-processing; torch and transformers have a virtual environment of their own.
test-live: $(LIVE)/.installed $(WHEELS)/.fetched
	HF_HUB_OFFLINE=1 $(LIVE)/bin/python -m pytest -n 2 --dist loadfile $(addprefix tests/live/live_,exactness.py decoded.py built.py)

# What `dsimport init` writes, as it is, through plan, apply and verify: checkpoints of every model type with the real
# exporters, which get an environment of their own in build/, and ONNX files in the layouts of many others.
test-export: $(VENV)/.installed
	$(BIN)/python -m pytest -n 2 --dist worksteal tests/live/live_export_step.py tests/long/long_init.py

# NVIDIA's parser and builder on the CPU: TensorRT-RTX is some 300 MB more in the same virtual environment.
test-trt: $(LIVE)/.rtx $(DEMO)/.fetched
	$(LIVE)/bin/python -m pytest tests/live/live_trt.py

trt-table: test-trt
	cp build/tensorrt-check.md docs/tensorrt-check.md

# The same against torchvision and Ultralytics, whose torch is too large for CI; what they gave is in tests/golden.
test-live-others: $(OTHERS)/.installed $(WHEELS)/.fetched
	HF_HUB_OFFLINE=1 $(OTHERS)/bin/python -m pytest tests/live/live_exports.py

exactness: test-live test-live-others
	HF_HUB_OFFLINE=1 $(OTHERS)/bin/python tests/live/live_golden.py
	$(LIVE)/bin/python tests/live/live_table.py docs/exactness.md

# Every family through clang and a cross compiler, ten million fuzzed calls, libFuzzer, the visual check on the real
# GStreamer: minutes, and Debian packages.
test-long: $(VENV)/.installed
	sh scripts/setup-long.sh
	$(BIN)/python -m pytest -n 2 --dist worksteal $(addprefix tests/long/long_,compilers.py fuzz.py glib.py gstreamer.py)
	DSIMPORT_TEST_DOWNLOAD_MB=200 $(BIN)/python -m pytest tests/runtime/acquire/test_transfer.py -k "killed or disconnected"

# Reports and the fleet's page in a real browser, and PDFs page by page.
test-pages: $(VENV)/.installed
	sh scripts/setup-browser.sh $(VENV)
	$(BIN)/python -m pytest tests/long/long_report_pages.py tests/long/long_fleet.py

lint: $(VENV)/.installed types
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	cd build/types && ../../$(BIN)/mypy --config-file ../../pyproject.toml -p dsimport.compiler -p dsimport.runtime -p dsimport.cli

bench: $(VENV)/.installed $(DEMO)/.fetched
	$(BIN)/dsimport apply recipes/centerface.yaml --toolchain reference
	$(BIN)/python scripts/run_benchmarks.py

schema: $(VENV)/.installed
	$(BIN)/dsimport schema -o schema/recipe.schema.json
	$(BIN)/dsimport schema benchmark-data -o schema/benchmark_data.schema.json

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

$(OTHERS)/.installed: requirements-others.txt pyproject.toml | $(VENV)/.installed
	$(PYTHON) -m venv $(OTHERS)
	$(OTHERS)/bin/python -m pip install --quiet --disable-pip-version-check -r requirements-others.txt --editable .
	@touch $@

$(WHEELS)/.fetched: requirements-borrowed.txt | $(VENV)/.installed
	rm -rf $(WHEELS)
	$(BIN)/python -m pip download --quiet --disable-pip-version-check --no-deps --only-binary :all: \
	  --platform manylinux2014_x86_64 --dest $(WHEELS) -r requirements-borrowed.txt
	@touch $@

$(LIVE)/.rtx: $(LIVE)/.installed
	$(LIVE)/bin/python -m pip install --quiet --disable-pip-version-check --editable '.[trt-check]'
	@touch $@

$(DEMO)/.fetched: demo/fetch.py $(VENV)/.installed
	$(BIN)/python demo/fetch.py $(DEMO)
	@touch $@

clean-demo:
	rm -rf models/centerface $(DEMO)
