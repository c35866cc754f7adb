# A thin front over CMake, CTest and pytest: see README.md.
SHELL := /bin/bash
.DEFAULT_GOAL := build
PREFIX ?= /usr/local
JOBS ?= $(shell nproc)
export PYRALOG_CORPORA ?= $(abspath ../shared/corpora)

.PHONY: deps build demo test test-tsan soak sqllogictest bench check fuzz fuzz-sql format install clean

deps:
	tools/deps build test demo

# The release build: build/release/pyralog.
build:
	@tools/deps build
	@cmake --preset release >/dev/null
	@cmake --build build/release -j $(JOBS)

# Installs what is missing, builds, and runs the main job on real data.
demo:
	@tools/deps build demo
	@cmake --preset release >/dev/null
	@cmake --build build/release -j $(JOBS) --target pyralog_program
	@tools/demo

# Every test, under AddressSanitizer and UndefinedBehaviorSanitizer.
test:
	@tools/deps build test
	@tools/test

# The threaded parts under ThreadSanitizer.
test-tsan:
	@tools/deps build test
	@cmake --preset tsan >/dev/null
	@cmake --build build/tsan -j $(JOBS) --target all_tests
	@ctest --test-dir build/tsan -j $(JOBS) --output-on-failure -L unit

# Storage that never loses a row, the long way: a thousand kills and so on, tests/fault/README.md.
soak:
	@tools/deps build test bench
	@cmake --preset release >/dev/null
	@cmake --build build/release -j $(JOBS) --target pyralog_program fault_tests
	@tools/soak

# The score over every sqllogictest file of both dialects, and why files fail.
sqllogictest:
	@tools/deps build test
	@cmake --preset release >/dev/null
	@cmake --build build/release -j $(JOBS) --target sqllogictest
	@build/release/sqllogictest --jobs $(JOBS) --skipped tests/sqllogic/skipped.tsv

bench:
	@tools/deps build bench
	@JOBS=$(JOBS) bench/run

# Formatting, clang-tidy, layers, exported symbols.
check:
	@tools/deps build test check
	@tools/check

# Runs each fuzzer for FUZZ_SECONDS (default 60) with libFuzzer.
fuzz:
	@tools/deps build check
	@cmake --preset fuzz >/dev/null
	@cmake --build build/fuzz -j $(JOBS)
	@tools/fuzz

# Statements of a seed (SEED, else the clock) through both engines until FUZZ_SECONDS (default 600) are
# over or 20 differ; failing ones are made small.
fuzz-sql:
	@tools/deps build test
	@cmake --preset release >/dev/null
	@cmake --build build/release -j $(JOBS) --target differential
	@build/release/differential --seed $(or $(SEED),$(shell date +%s)) --seconds $(or $(FUZZ_SECONDS),600)

format:
	@git ls-files '*.c' '*.h' | xargs clang-format -i

install: build
	@cmake --install build/release --prefix $(PREFIX)

clean:
	rm -rf build
