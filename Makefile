# Irmak: every command that a person or a machine runs on this repository. The work is in tools/; this page only names it.

.DEFAULT_GOAL := help
.PHONY: help doctor build demo dashboard test golden bench fuzz compose-test lint fmt

help: ## list the targets
	@echo "usage: make TARGET"
	@awk -F':.*## ' '/^[a-z-]+:.*## /{printf "  %-12s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

doctor: ## say what this machine lacks for build, demo and test, and how to install it
	@tools/doctor test

dashboard: ## build the web page into dashboard/dist
	@tools/dashboard

build: ## build the page and the binary: target/release/irmak
	@tools/doctor build
	@tools/dashboard
	cargo build --release --locked -p irmak
	@echo "built target/release/irmak"

demo: build ## the reference job on a cluster of its own, page on http://127.0.0.1:8081 (DEMO_ARGS="--once" to check and end)
	target/release/irmak demo $(DEMO_ARGS)

test: ## everything that must hold, with real processes, a real Kafka broker and a real browser
	@tools/test

golden: ## the recorded answers of a real Flink, with the binary in IRMAK_BIN (else target/debug/irmak, built first)
	@tools/golden

fuzz: ## nonsense against parser, planner, decoders and job specs, 60 s each (needs nightly and cargo-fuzz; FUZZ_ARGS="SECONDS TARGET")
	@tools/fuzz $(FUZZ_ARGS)

bench: ## the reference job measured against a hand-written loop, jobs without a broker, the decoders (by hand, never in CI)
	@tools/doctor test
	bench/run.sh

compose-test: ## docker-compose.yml with three TaskManagers, where no image can be pulled (root; after make build; by hand)
	deploy/test-compose

lint: ## formatting and clippy, warnings are errors
	cargo fmt --check
	cargo clippy --workspace --all-targets --locked -- -D warnings

fmt: ## format the Rust code
	cargo fmt
