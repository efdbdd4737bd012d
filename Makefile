# tismscan: the two commands to know are `make demo` and `make test`. `make help` lists the rest.
SHELL := /bin/bash
.SHELLFLAGS := -eu -o pipefail -c
.DEFAULT_GOAL := help

# What is needed to build and run, and what only the tests and pictures need. All from Debian.
BUILD_PACKAGES  := libhts-dev libdeflate-dev zlib1g-dev
DEMO_PACKAGES   := prodigal
TEST_PACKAGES   := libbigwig-dev samtools tabix bedtools python3-venv
KERNEL_PACKAGES := libc6-dev-arm64-cross libgcc-12-dev-arm64-cross qemu-user-static
SYSTEM_PACKAGES := igv xvfb xauth
CLUSTER_PACKAGES := slurm-wlm munge

TISMSCAN := .build/release/tismscan
THREADS  ?= $(shell nproc)
OUT      ?= tismscan-out
METHODS  ?= predict tism
GENOME_OF_DEMO := examples/ecoli/NC_000913.3.fa.gz
MODEL_OF_DEMO  := models/ecoli-tss-cnn.onnx

.PHONY: help
help: ## lists the targets
	@grep -hE '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed -E 's/^([a-z-]+):.*## (.*)/  make \1\t\2/' | expand -t 22

.PHONY: packages
packages: ## installs what the build needs from Debian, if it is not there
	@scripts/install-packages.sh $(BUILD_PACKAGES)

.PHONY: build
build: packages ## builds tismscan in release
	@echo "==> building tismscan (release); a first build takes a few minutes"
	@swift build -c release --product tismscan 2>&1 | { grep -vE '^\[[0-9]+/[0-9]+\]|^(Fetching|Fetched|Computing|Computed|Creating|Working)' || true; }
	@$(TISMSCAN) --version

.PHONY: demo
demo: build ## tracks of the whole E. coli genome with the embedded model, and exact ISM of a few regions
	@scripts/install-packages.sh $(DEMO_PACKAGES)
	@scripts/demo.sh demo $(THREADS) regions

.PHONY: demo-full
demo-full: build ## the same with exact ISM of the whole genome, both strands
	@scripts/install-packages.sh $(DEMO_PACKAGES)
	@scripts/demo.sh demo-full $(THREADS) genome

.PHONY: scan
scan: build ## tracks of your own: make scan GENOME=ref.fa MODEL=model.onnx [REGIONS=r.bed] [OUT=dir] [METHODS='tism predict']
	@: $${GENOME:?say which genome: make scan GENOME=ref.fa MODEL=model.onnx}
	@: $${MODEL:?say which model: make scan GENOME=ref.fa MODEL=model.onnx}
	@$(TISMSCAN) scan --model "$(MODEL)" --genome "$(GENOME)" $(if $(REGIONS),--regions "$(REGIONS)") \
	  $(foreach method,$(METHODS),--method $(method)) --threads $(THREADS) --output "$(OUT)" $(SCAN_OPTIONS)

.PHONY: test
test: test-kernels test-swift ## runs the tests (about 15 minutes at most)

.PHONY: test-kernels
test-kernels: ## compares the kernels of x86-64 and arm64 (under qemu), bit by bit
	@if [ "$$(uname -m)" = x86_64 ]; then scripts/install-packages.sh $(KERNEL_PACKAGES); fi
	@scripts/compare-kernels.sh

.PHONY: test-swift
test-swift: packages
	@scripts/install-packages.sh $(TEST_PACKAGES)
	@scripts/python-environment.sh .venv-validators Tests/validators/requirements.txt
	@swift build --build-tests 2>&1 | { grep -vE '^\[[0-9]+/[0-9]+\]' || true; }
	@samples=$$(mktemp -d); trap 'rm -rf "$$samples"' EXIT; \
	  TISMSCAN_SAMPLES=$$samples swift test --skip-build 2>&1 | { grep -vE 'Test case passing|^◇|^Test Suite|Executed 0 tests' || true; }; \
	  .venv-validators/bin/python Tests/validators/validate_tracks.py "$$samples"

.PHONY: test-system
test-system: build ## adds what needs servers, browsers and long runs
	@scripts/install-packages.sh $(TEST_PACKAGES) $(DEMO_PACKAGES) $(SYSTEM_PACKAGES)
	@scripts/python-environment.sh .venv-validators Tests/validators/requirements.txt
	@TISMSCAN=$(abspath $(TISMSCAN)) .venv-validators/bin/python -m pytest -q -rf Tests/system

.PHONY: accuracy
accuracy: build ## prints the errors of predictions, TISM and ISM on the fixtures, against float64 truth
	@scripts/python-environment.sh .venv-validators Tests/validators/requirements.txt
	@.venv-validators/bin/python Tests/validators/fixture_errors.py $(TISMSCAN)

.PHONY: workflow-environment
workflow-environment:
	@scripts/install-packages.sh python3-venv
	@scripts/python-environment.sh .venv-snakemake pipelines/snakemake/requirements.txt

.PHONY: cluster-test
cluster-test: build workflow-environment ## scans E. coli on a Slurm of two nodes made for the test, and by Snakemake
	@scripts/install-packages.sh $(TEST_PACKAGES) $(CLUSTER_PACKAGES)
	@scripts/python-environment.sh .venv-validators Tests/validators/requirements.txt
	@TISMSCAN=$(abspath $(TISMSCAN)) .venv-validators/bin/python -m pytest -q -rf Tests/cluster

PROFILE ?= slurm
SHARDS  ?= 100
TASKS   ?= 100

.PHONY: cluster-scan
cluster-scan: build workflow-environment ## scan, spread over a cluster: GENOME=ref.fa MODEL=model.onnx [PROFILE=slurm|local|folder] [OUT=dir]
	@: $${GENOME:?say which genome: make cluster-scan GENOME=ref.fa MODEL=model.onnx}
	@: $${MODEL:?say which model: make cluster-scan GENOME=ref.fa MODEL=model.onnx}
	@SNAKEMAKE=.venv-snakemake/bin/snakemake pipelines/snakemake/run.sh "$(PROFILE)" $(WORKFLOW_OPTIONS) --config \
	  "genome=$(GENOME)" "model=$(MODEL)" "output=$(OUT)" "tismscan=$(abspath $(TISMSCAN))" "shards=$(SHARDS)" \
	  "tasks=$(TASKS)" "options=--method $(METHODS) $(if $(REGIONS),--regions '$(REGIONS)') $(SCAN_OPTIONS)"

.PHONY: lint
lint: ## checks the format of the sources
	@swift format lint --strict --recursive Sources Tests Benchmarks/Sources && echo "lint: clean"

BENCH_SECONDS ?= 2
BENCH_ROUNDS  ?= 5
BENCH_OUTPUT  ?= Benchmarks

.PHONY: bench
bench: packages ## tismscan beside its peers, into Benchmarks/RESULTS.md (hours): [NETWORKS="basset bpnet64"] [BENCH_ROUNDS=5]
	@scripts/install-packages.sh python3-venv
	@scripts/python-environment.sh .venv-bench-torch Benchmarks/peers/requirements-torch.txt
	@scripts/python-environment.sh .venv-bench-keras Benchmarks/peers/requirements-keras.txt
	@swift build -c release --package-path Benchmarks 2>&1 | { grep -vE '^\[[0-9]+/[0-9]+\]' || true; }
	@PYTHONPATH=Benchmarks .venv-bench-torch/bin/python -m peers.run --root Benchmarks/networks \
	  --bench Benchmarks/.build/release/tismscan-bench --pytorch .venv-bench-torch/bin/python \
	  --keras .venv-bench-keras/bin/python --networks "$(NETWORKS)" --rounds $(BENCH_ROUNDS) --seconds $(BENCH_SECONDS) \
	  --output $(BENCH_OUTPUT) $(BENCH_OPTIONS)

.PHONY: bench-quick
bench-quick: ## a smoke run of the benchmarks with one network, into Benchmarks/networks/quick
	@$(MAKE) --no-print-directory bench NETWORKS="$(or $(NETWORKS),bpnet64)" BENCH_ROUNDS=1 BENCH_SECONDS=0.5 \
	  BENCH_OUTPUT=Benchmarks/networks/quick BENCH_OPTIONS="--quick --threads 1"

.PHONY: clean
clean: ## removes builds, environments and the demo's output
	rm -rf .build Benchmarks/.build Benchmarks/networks .venv-validators .venv-snakemake .venv-bench-torch .venv-bench-keras demo demo-full

.PHONY: figures
figures: demo ## figures and numbers of the README, from the demo's tracks
	@scripts/install-packages.sh python3-venv
	@scripts/python-environment.sh .venv-analysis pipelines/analysis/requirements.txt
	@PYTHONPATH=pipelines/analysis .venv-analysis/bin/python -m tss_analysis --tismscan $(TISMSCAN) --demo demo \
	  --threads $(THREADS) --output docs/figures
