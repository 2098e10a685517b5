# setup: an environment in .venv    demo: six models compared    test: everything    quick: all but slow tests
.PHONY: setup torch demo lint test quick clean

PYTHON ?= python3
TORCH_VERSION ?= 2.13.0
CPU_BUILDS ?= https://download.pytorch.org/whl/cpu
WORKERS ?= 2
BIN = .venv/bin
STAMP = .venv/.made-from-pyproject
PYTEST = OMP_NUM_THREADS=1 $(BIN)/python -m pytest -n $(WORKERS) --dist worksteal
DEMO_MODELS = elman,gru,lstm,mingru,rg_lru,gated_deltanet

setup: $(STAMP)

$(STAMP): pyproject.toml
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || \
	  { echo 'reprise needs Python 3.11 or newer, and "$(PYTHON)" is not: try make setup PYTHON=python3.12'; exit 1; }
	@$(PYTHON) -c 'import ensurepip, venv' 2>/dev/null || \
	  { echo '"$(PYTHON)" cannot make environments: apt install python3-venv, then make setup again'; exit 1; }
	test -x $(BIN)/pip || $(PYTHON) -m venv .venv
	@$(MAKE) --no-print-directory torch
	$(BIN)/pip install -qq --editable '.[dev]'
	@touch $@

# On Linux the torch of PyPI brings gigabytes of CUDA. Without a GPU we want the CPU build, whose index may be out of reach;
# --no-deps, because that index lacks newer versions of what torch needs, which come with reprise's own dependencies.
torch:
	@if [ "$$(uname)" != Linux ] || nvidia-smi >/dev/null 2>&1; then \
	  $(BIN)/pip install -qq torch==$(TORCH_VERSION); \
	else \
	  $(BIN)/pip install -qq --no-deps --retries 1 --timeout 15 --index-url $(CPU_BUILDS) torch==$(TORCH_VERSION) || { \
	    echo 'The index of CPU builds is out of reach: taking the default torch, which may be several GB.'; \
	    $(BIN)/pip install -qq torch==$(TORCH_VERSION); }; \
	fi

demo: setup
	$(BIN)/reprise compare --budget 13s --seeds 3 --models $(DEMO_MODELS) --out runs/demo

lint: setup
	$(BIN)/ruff check .
	$(BIN)/lint-imports --no-cache --no-logo

test: lint
	$(PYTEST)

quick: lint
	$(PYTEST) -m 'not slow'

clean:
	rm -rf .venv build dist runs .pytest_cache .ruff_cache .hypothesis .import_linter_cache
	find src tests -name __pycache__ -type d -prune -exec rm -rf {} +
