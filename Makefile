# The only entry for people and for CI. `make help` lists what there is.

SHELL := /bin/bash
export PATH := $(HOME)/.cargo/bin:$(PATH)

# A folder of transitions and real schemas, with the tools that judge the program by them from outside. Optional.
SHARED ?= $(abspath $(CURDIR)/..)/shared
BIN := $(or $(CARGO_TARGET_DIR),target)/release/underpin

# Private servers put their files into TMPDIR. In memory they are two to four times as fast; use that where there is room.
export TMPDIR := $(shell room=$$(df -Pk /dev/shm 2>/dev/null | awk 'NR == 2 { print $$4 }'); \
    if [ "$${room:-0}" -gt 3000000 ] && [ -w /dev/shm ]; then echo /dev/shm; else echo "$${TMPDIR:-/tmp}"; fi)

# What `make test` asks of the samples, in percent, and how big they are. The whole suites are `make check-cases` and
# `make check-schemas`.
CASES_SAMPLE ?= 25
CASES_MIN ?= 95
SCHEMAS_LAST ?= 2
SCHEMAS_MIN ?= 95
# How many times `make crash` kills, and on how many cases of each shared suite.
KILLS ?= 1000
CRASH_SAMPLE ?= 15
# How long `make fuzz` looks at each target.
FUZZ_SECONDS ?= 60
JOBS ?= $(shell nproc 2>/dev/null || echo 2)

# The versions of PostgreSQL that `make test-matrix` runs on.
MAJORS ?= 12 13 14 15 16 17 18

.PHONY: help setup build demo servers test test-code test-matrix facts test-samples check-cases check-schemas fuzz test-formats bench bench-online crash bless clean

help:
	@echo 'make demo           a walk through the example schema on a throw-away server'
	@echo 'make test           everything: tests with real servers, lints, format, samples of the shared cases'
	@echo 'make servers        the servers of PostgreSQL 12 to 18 into .cache/servers'
	@echo 'make test-matrix    the cases and facts on each of these (MAJORS="12 18" to choose)'
	@echo 'make facts          what statements lock, read and rewrite, on each of these (SHARED=folder for the recorded ones)'
	@echo 'make test-formats   folders of migrations, run by the real tools (FORMATS="knex goose" DIALECT=sqlite to choose; installs them into .cache)'
	@echo 'make build          the program, optimised: $(BIN)'
	@echo 'make bench          measure and write docs/benchmarks.md and docs/benchmarks-sqlite.md (BENCH="--tables 100,1000", SQLITE="--rows 100000" to choose)'
	@echo 'make bench-online   change schemas under a running application and write docs/zero-downtime.md (ONLINE="--quick" to choose)'
	@echo 'make crash          kill what applies changes, and judge the next run (KILLS=1000 CRASH="--seed 2" to choose)'
	@echo 'make bless          write the expected files of the tests anew; read the difference before you commit it'
	@echo 'make fuzz           the splitter and quoting on random texts (FUZZ_SECONDS=60 each; needs cargo-fuzz and a nightly Rust)'
	@echo 'make check-cases    all shared transitions (SHARED=folder; PG_BIN=folder of the server to take)'
	@echo 'make check-schemas  all shared schemas (SHARED=folder)'
	@echo 'make setup          install what is missing (apt, rustup)'
	@echo 'make clean          remove what was built'

setup:
	@scripts/setup

build:
	cargo build --release -p underpin

demo:
	@scripts/setup --demo
	@scripts/demo

servers:
	scripts/servers $(MAJORS)

test: test-code test-samples
	@echo 'test: everything passed'

test-code:
	@scripts/setup
	cargo fmt --all -- --check
	cargo clippy --workspace --all-targets -- -D warnings
	cargo test --workspace

test-matrix: servers
	@MAJORS='$(MAJORS)' ROADS='$(ROADS)' scripts/test-matrix

# The real tools, each installed into .cache/formats; one that cannot be had here is told as NOT RUN.
test-formats: build
	@scripts/setup --formats
	@$(if $(filter-out postgres,$(DIALECT)),,UNDERPIN_BIN=$(BIN) scripts/test-formats $(FORMATS))
	@$(if $(filter-out sqlite,$(DIALECT)),,UNDERPIN_BIN=$(BIN) scripts/test-formats --dialect sqlite $(FORMATS))
	@$(if $(FORMATS)$(DIALECT),,UNDERPIN_BIN=$(BIN) scripts/test-models)

facts: servers
	@MAJORS='$(MAJORS)' SHARED='$(SHARED)' scripts/facts

# Samples, so that the whole stays well under half an hour on two cores.
test-samples: build
	UNDERPIN_BIN=$(BIN) scripts/demo >/dev/null
	@if [ -x '$(SHARED)/tools/check-cases' ]; then \
	    set -x; \
	    '$(SHARED)/tools/check-cases' --bin $(BIN) --jobs $(JOBS) --sample $(CASES_SAMPLE) --min $(CASES_MIN) '$(SHARED)'/cases/postgres/*.jsonl && \
	    '$(SHARED)/tools/check-cases' --bin $(BIN) --jobs $(JOBS) --reverse --min 98 '$(SHARED)'/cases/sqlite/*.jsonl && \
	    '$(SHARED)/tools/check-cases' --bin $(BIN) --jobs $(JOBS) --min 98 '$(SHARED)'/cases/sqlite/*.jsonl && \
	    '$(SHARED)/tools/check-schemas' --bin $(BIN) --reverse --min 100 '$(SHARED)/schemas/sqlite' && \
	    '$(SHARED)/tools/check-schemas' --bin $(BIN) --last $(SCHEMAS_LAST) --min $(SCHEMAS_MIN) '$(SHARED)/schemas/postgres'; \
	else \
	    echo 'test: NOT CHECKED: the shared cases and schemas are not here (no $(SHARED)/tools/check-cases; set SHARED)'; \
	fi

# The laws that the targets check are those of crates/sql/src/laws.rs, which `make test` checks on fewer texts.
fuzz:
	@cargo +nightly fuzz --version >/dev/null 2>&1 || { \
	    echo 'fuzz: needs cargo-fuzz and a nightly Rust: rustup toolchain install nightly --profile minimal && cargo install cargo-fuzz'; exit 1; }
	for target in splitter quoting; do \
	    mkdir -p fuzz/corpus/$$target && \
	    cargo +nightly fuzz run $$target fuzz/corpus/$$target testdata/cases -- \
	        -max_total_time=$(FUZZ_SECONDS) -max_len=4096 -dict=fuzz/$$target.dict -print_final_stats=1 || exit 1; \
	done

check-cases: build
	$(if $(PG_BIN),UNDERPIN_PG_BIN='$(PG_BIN)') '$(SHARED)/tools/check-cases' $(if $(PG_BIN),--pg-bin '$(PG_BIN)') --bin $(BIN) --jobs $(JOBS) --report target/check-cases.json $(ARGS) '$(SHARED)'/cases/postgres/*.jsonl '$(SHARED)'/cases/sqlite/*.jsonl

check-schemas: build
	'$(SHARED)/tools/check-schemas' --bin $(BIN) --reverse --report target/check-schemas.json $(ARGS) '$(SHARED)/schemas/postgres' '$(SHARED)/schemas/sqlite'

bench: build
	@scripts/setup --bench
	bench/sqlite --bin $(BIN) --write docs/benchmarks-sqlite.md $(SQLITE)
	bench/run --bin $(BIN) --write docs/benchmarks.md $(BENCH)

bench-online: build
	@scripts/setup --bench
	bench/online --bin $(BIN) $(if $(ONLINE),--json target/bench-online.json $(ONLINE),--write docs/zero-downtime.md)

# The shared cases too, where they are: a sample of each suite.
crash: build
	@scripts/setup --bench
	UNDERPIN_KILLS=$$(( $(KILLS) / 10 )) cargo test -p underpin --test sqlite_crash -- --nocapture
	bench/crash --bin $(BIN) --kills $(KILLS) $(foreach f,$(wildcard $(SHARED)/cases/postgres/*.jsonl),--cases $(f)) --sample $(CRASH_SAMPLE) $(CRASH)

bless:
	UNDERPIN_BLESS=1 cargo test --workspace

clean:
	cargo clean
