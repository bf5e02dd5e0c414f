# Everything that can be made of OmniLytics; `make` alone lists it. Each step depends on real files: nothing is done twice.

PYTHON ?= python3
ARGS ?=
PYTEST_ARGS ?=
FUZZ_SECS ?= 60

VENV := .venv
BIN := $(VENV)/bin
PACKAGE := python/omnilytics
EXTENSION := $(PACKAGE)/_omnicore.abi3.so
ARTIFACTS := $(patsubst contracts/%.vy,$(PACKAGE)/chain/artifacts/%.json,$(wildcard contracts/*.vy contracts/baseline/*.vy)) \
             $(PACKAGE)/chain/artifacts/sources.json
SYNCED := $(VENV)/.synced
FLOWER := .venv-flower
FLOWER_SYNCED := $(FLOWER)/.synced
NODES := .nodes
GETH := $(NODES)/bin/geth
GETH_VERSION := v1.16.9
ANVIL := $(NODES)/bin/anvil
ANVIL_VERSION := 1.7.1

CONTRACTS := $(shell find contracts -name '*.vy' -o -name '*.vyi')
RUST := Cargo.toml Cargo.lock $(shell find rust/blobs rust/core rust/evm rust/train omnicore -name '*.rs' -o -name Cargo.toml)
PYTHON_SOURCES := python tests tools
MNIST := data/mnist
REPRODUCED := out/experiments
PARALLEL := -n auto --maxprocesses=4 --dist loadfile
NODE_TESTS := tests/node tests/chain tests/bench

export VIRTUAL_ENV := $(CURDIR)/$(VENV)
unexport CONDA_PREFIX

.DEFAULT_GOAL := help
.DELETE_ON_ERROR:
.PHONY: help setup demo localnet test test-node check nightly fuzz leaks coverage format lint types current fmt build contracts vectors \
        gas bench reproduce reproduce-small flower nodes snapshots readme wheel lock clean

help: ## list the targets
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  make %-10s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

# --- set-up ---

setup: build contracts ## make everything that a run needs: .venv, Rust extension, contract artifacts

build: $(EXTENSION) ## the Rust extension, installed with the package into .venv

contracts: $(ARTIFACTS) ## compile the contracts into the package

$(BIN)/uv:
	@tools/toolchain.sh "$(PYTHON)"
	"$(PYTHON)" -m venv --clear $(VENV)
	@sed -n '/^uv==/,/[^\\]$$/p' requirements.lock > $(VENV)/uv.lock
	$(BIN)/python -m pip install --quiet --no-deps --require-hashes -r $(VENV)/uv.lock

$(SYNCED): requirements.lock | $(BIN)/uv
	$(BIN)/uv pip sync --quiet --compile-bytecode --require-hashes requirements.lock
	@touch $@

$(EXTENSION): $(SYNCED) pyproject.toml $(RUST)
	@tools/toolchain.sh "$(PYTHON)"
	$(BIN)/maturin develop --release --locked --uv
	@touch $@

$(ARTIFACTS) &: $(SYNCED) tools/compile_contracts.py $(CONTRACTS)
	$(BIN)/python tools/compile_contracts.py
	@touch $(ARTIFACTS)

# --- use ---

demo: setup ## the main job, on real data (ARGS="--seed 7 --attackers 2")
	$(BIN)/omnilytics demo $(ARGS)

localnet: setup nodes ## a market of 33 processes on a chain of its own (ARGS="--members 8 --rounds 2 --policy recover --keep DIR")
	$(BIN)/omnilytics localnet --geth $(GETH) $(ARGS)

# --- tests and checks ---

test: setup ## all tests of Python, contracts and Rust but the slow ones (PYTEST_ARGS="-k codec")
	cargo test --locked --quiet -p omnilytics-blobs -p omnilytics-core -p omnilytics-evm -p omnilytics-train
	$(BIN)/pytest $(PARALLEL) $(PYTEST_ARGS)

test-node: setup nodes ## the tests that need real nodes, which they start and stop themselves
	$(BIN)/pytest -n 4 --dist worksteal -m 'node and not nightly' $(NODE_TESTS) $(PYTEST_ARGS)

check: ## all that continuous integration asks: format, lint, types, generated files, all tests
	$(MAKE) -j2 -Otarget format lint types current
	$(MAKE) test PYTEST_ARGS="-m 'not nightly and not node'"

nightly: setup nodes ## what takes hours: 10,000 histories, attacks on titanoboa too, all dropouts of six, roles in random orders and killed everywhere, all coverage, leaks, each guard broken in turn
	$(MAKE) coverage leaks
	$(MAKE) fuzz FUZZ_SECS=600
	STATEFUL_EXAMPLES=10000 $(BIN)/pytest -m nightly tests/contracts/stateful
	$(BIN)/pytest -m 'nightly and not node' --ignore=tests/contracts/stateful
	$(BIN)/pytest -n 4 --dist worksteal -m 'nightly and node' $(NODE_TESTS)
	$(BIN)/python tools/contract_coverage.py --fail-under 100
	$(BIN)/python tools/mutants.py

fuzz: ## every decoder, fuzzed with coverage for FUZZ_SECS each, two at a time (FUZZ_SECS=600)
	tools/fuzz.sh $(FUZZ_SECS)

leaks: ## whether the time of what is done with secrets tells anything about them
	cargo run --locked --quiet --release -p omnilytics-core --example timing_leaks

coverage: $(SYNCED) ## the lines of rust/ that its tests run, 95 % at least; needs rustup component add llvm-tools
	$(BIN)/python tools/rust_coverage.py --fail-under 95

format: setup
	$(BIN)/ruff format --check $(PYTHON_SOURCES)
	cargo fmt --all --check
	cargo fmt --manifest-path rust/fuzz/Cargo.toml --check

lint: setup
	$(BIN)/ruff check $(PYTHON_SOURCES)
	$(BIN)/lint-imports
	cargo clippy --locked --workspace --all-targets -- -D warnings

types: setup
	$(BIN)/mypy
	$(BIN)/stubtest --mypy-config-file tools/stubtest.ini omnilytics._omnicore

current: setup
	$(BIN)/python tools/readme.py --check

fmt: setup ## format all sources
	$(BIN)/ruff format $(PYTHON_SOURCES)
	$(BIN)/ruff check --fix $(PYTHON_SOURCES)
	cargo fmt --all
	cargo fmt --manifest-path rust/fuzz/Cargo.toml

# --- generated files that are committed ---

vectors: setup ## the golden vectors of tests/vectors
	$(BIN)/python tests/vectors/generate.py

snapshots: setup ## the snapshots of tests/snapshots: public API, gas, contract interface and storage layout
	$(BIN)/pytest -m 'not nightly and not node' --update-snapshots tests/project tests/gas tests/contracts

gas: setup ## the gas of every contract function
	$(BIN)/pytest --gas tests/contracts tests/gas

flower: $(FLOWER_SYNCED) ## Flower in an environment of its own, for `omnilytics bench secagg`

$(FLOWER_SYNCED): requirements-flower.lock | $(BIN)/uv
	"$(PYTHON)" -m venv --clear --without-pip $(FLOWER)
	$(BIN)/uv pip sync --quiet --compile-bytecode --require-hashes --python $(FLOWER)/bin/python requirements-flower.lock
	@touch $@

nodes: $(GETH) $(ANVIL) ## geth and anvil in .nodes, for tests and local use; needs go and npm

# The stamps have versions in their names, so that another version is installed anew. Nobody debugs geth here.
$(GETH): $(NODES)/geth-$(GETH_VERSION)
	CGO_ENABLED=0 GOBIN="$(CURDIR)/$(NODES)/bin" go install -gcflags=all=-dwarf=false -ldflags="-s -w" \
		github.com/ethereum/go-ethereum/cmd/geth@$(GETH_VERSION)
	@touch $@

# npm's anvil is a script that starts the program, which would outlive it.
$(ANVIL): $(NODES)/anvil-$(ANVIL_VERSION)
	npm install --prefix $(NODES) --no-save --no-audit --no-fund --ignore-scripts --loglevel=error @foundry-rs/anvil@$(ANVIL_VERSION)
	@mkdir -p $(@D)
	cd $(@D) && ln -sf ../node_modules/@foundry-rs/anvil-*/bin/anvil anvil
	@touch $@

$(NODES)/geth-$(GETH_VERSION) $(NODES)/anvil-$(ANVIL_VERSION):
	@mkdir -p $(@D)
	@touch $@

bench: setup flower ## every benchmark, beside what a user would take instead (ARGS="--json bench.json")
	$(BIN)/omnilytics bench all $(ARGS)
	cargo bench --locked -p omnilytics-core --bench kernels --bench recovery

reproduce-small: setup ## the paper's evaluation and what goes beyond it in tiny versions, to see that all of it runs
	$(BIN)/omnilytics experiment all --small --out out/experiments-small $(ARGS)

reproduce: setup $(GETH) ## the same in earnest: an hour or two on two cores; results into docs/results/experiments, figures and page beside the trials (MNIST=DIR ARGS="--jobs 0")
	$(BIN)/omnilytics experiment all --data-dir $(MNIST) --out $(REPRODUCED) $(ARGS)
	mkdir -p docs/results/experiments
	cp $(REPRODUCED)/*.json docs/results/experiments/
	$(MAKE) readme

readme: setup ## the tables of README.md and docs/*.md, from docs/results
	$(BIN)/python tools/readme.py

lock: $(BIN)/uv ## requirements*.lock, from requirements*.in (ARGS=--upgrade takes the newest versions)
	for name in requirements requirements-flower; do \
		$(BIN)/uv pip compile --universal --python-version 3.11 --generate-hashes --no-emit-index-url --no-header \
			--no-annotate --quiet $(ARGS) --output-file $$name.lock $$name.in || exit 1; \
	done

wheel: setup ## dist/omnilytics-*.whl, which needs no compiler and no source tree
	$(BIN)/maturin build --release --locked --out dist

clean: ## remove all that was made, .venv too
	rm -rf $(VENV) $(FLOWER) $(NODES) target dist .hypothesis .mypy_cache .pytest_cache .ruff_cache .import_linter_cache
	rm -rf $(EXTENSION) $(PACKAGE)/chain/artifacts
	find python tests tools -name __pycache__ -type d -prune -exec rm -rf {} +
