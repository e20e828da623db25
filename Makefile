# The commands of this project. Each installs what it is missing on a fresh Debian machine with Rust.
# `make demo ARGS=--exit` ends by itself.
SHELL := /bin/bash
.DEFAULT_GOAL := help
TARGET := $(or $(CARGO_TARGET_DIR),target)
.PHONY: help demo test test-deep check bench clean sqlx

help: ## Show this list
	@grep -E '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | expand -t 12

demo: ## Run the main job on an example fleet, end to end (ARGS=--exit: leave when it is over)
	@scripts/need cc postgresql
	cargo build --workspace --locked
	$(TARGET)/debug/ascribe demo $(ARGS)

test: ## Everything: format, lints, macros' data, and every test, on a private PostgreSQL
	@scripts/need cc rustfmt postgresql venv browser
	@scripts/contract-tools >/dev/null
	@scripts/browser-tools >/dev/null || [ $$? = 3 ]
	cargo fmt --all --check
	cargo clippy --workspace --all-targets --locked -- -D warnings
	cargo build --workspace --all-targets --locked
	$(TARGET)/debug/with-postgres cargo test --workspace --locked
	scripts/sqlx-prepare --check

test-deep: ## The long runs: more kills, more random cases
	@scripts/need cc postgresql venv browser
	@scripts/contract-tools >/dev/null
	@scripts/browser-tools >/dev/null || [ $$? = 3 ]
	cargo build --workspace --all-targets --locked
	ASCRIBE_DEEP=1 $(TARGET)/debug/with-postgres cargo test --workspace --locked

check: ## The fast loop: format, lints, unit tests
	@scripts/need cc rustfmt
	cargo fmt --all --check
	cargo clippy --workspace --all-targets --locked -- -D warnings
	cargo test --workspace --lib --bins --locked -q

bench: ## Against hand-written SQL, job queues and COPY, and at a million devices (ARGS: CONTRIBUTING.md)
	@scripts/need cc postgresql
	cargo build --profile ci -p ascribe -p testing --locked
	$(TARGET)/ci/bench $(ARGS)

sqlx: ## Write .sqlx/ again after a query changed
	@scripts/need cc postgresql
	scripts/sqlx-prepare

clean: ## Remove what was built (data stay where they are)
	cargo clean
