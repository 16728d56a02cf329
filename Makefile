# What people type. Everything that takes more than a line is a script, so that it can be read and checked as one.

SHELL := bash
.DEFAULT_GOAL := help
LOCAL := compose/local
# Arguments for the test runner, for example: make test ARGS="-p easel-store"
ARGS ?=

# The conversations that `make chaos` tells, by their seeds.
SEEDS ?= 0..200

# Where rustup puts cargo, for shells that were opened before it was installed.
export PATH := $(PATH):$(HOME)/.cargo/bin

.PHONY: help demo setup test chaos check smoke bench bench-bot clean

help: ## Say what can be made
	@sed -n 's/^\([a-z-]*\):.*## /\1\t/p' $(MAKEFILE_LIST) | expand -t 12

demo: setup ## Run the whole platform here and print its address; Ctrl-C stops it (DISCORD_TOKEN: serve the real Discord)
	@$(LOCAL)/demo.sh

setup: ## Install and build what is missing
	@$(LOCAL)/setup.sh

test: setup ## Run every test against real servers of its own
	@$(LOCAL)/selftest.sh
	@$(LOCAL)/stack run --name test --fresh -- cargo test --locked --workspace --no-fail-fast $(ARGS)

chaos: setup ## Two hundred conversations in which Discord, the connections and the bot fail at random (SEEDS=FROM..TO)
	@$(LOCAL)/stack run --name test --fresh -- env EASEL_CHAOS_SEEDS=$(SEEDS) \
		cargo test --locked -p easel-bot --test conversation whatever_fails -- --nocapture

check: ## Format, lints, documentation, dependency policy, house rules
	@.ci/check

smoke: setup ## One conversation with the whole platform, headless; pictures in target/smoke
	@$(LOCAL)/smoke.sh

bench: setup ## Measure the platform and the engine on this machine
	@$(LOCAL)/bench.sh platform

bench-bot: setup ## Measure the bot: answers under load, live messages, memory, restart (ARGS for its options)
	@$(LOCAL)/bench.sh bot $(ARGS)

clean: ## Remove the build, and the demo's and the tests' servers with their data
	@for name in demo test smoke bench; do $(LOCAL)/stack remove --name $$name; done
	cargo clean
