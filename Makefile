# Everything starts from here, on a fresh Debian or Ubuntu too: each target first installs what it needs (scripts/setup).
#
#   make run       build and open the window; without a display, train the built-in demo, which ends by naming its
#                  contact sheet
#   make build     bin/straightway
#   make headless  bin/straightway-headless, without the window, for servers and GPU machines
#   make package   bin/Straightway.tar.xz, to install on any Linux desktop
#   make test      every check of this repository: what .ci/run runs
#   make bench     speed side by side with PyTorch, ONNX Runtime and Pillow on this machine (bench/README.md); the
#                  program's own part of it is bin/straightway bench
#   make bench-check  less of it: fails where a ratio fell by more than a tenth of the newest one in bench/results
#   make clean     remove what was built here

SHELL := /bin/bash
.SHELLFLAGS := -euo pipefail -c
.DEFAULT_GOAL := build
.PHONY: setup build headless run package test bench bench-check clean

export GOEXPERIMENT := simd

# Every command below runs with the project's Go (the machine's, or the one that setup installed).
GO := scripts/with-go
BUILD := $(GO) go build -trimpath

setup:
	@scripts/setup

build: setup
	@$(BUILD) -o bin/straightway .

headless:
	@scripts/setup --headless
	@$(BUILD) -tags headless -o bin/straightway-headless .

run: build
	@if [ -n "$${DISPLAY:-}$${WAYLAND_DISPLAY:-}" ]; then bin/straightway; else \
		echo "There is no display to open the window on: training the built-in demo instead."; bin/straightway demo; fi

package: setup
	@scripts/package

bench:
	@scripts/setup --bench
	@bench/compare

bench-check:
	@scripts/setup --bench
	@bench/compare --check

test:
	@scripts/setup --tools
	@scripts/check

clean:
	@rm -rf bin .build
