# SPDX-License-Identifier: MIT
# A thin front to meson: each target installs what it needs (tools/setup.sh says
# what), configures build/ as a release build, builds and does its job.
#
#   make            build everything          make install   PREFIX=, DESTDIR=
#   make run        the echo server           make format    clang-format
#   make test       all tests                 make lint      clang-tidy, layers
#   make demo       5,000 greenlets echoing   make clean     remove what is built
#   make bench      all numbers, 15 minutes   make fuzz      FUZZ_SECONDS=
#   make bench-quick  the main ones, 2 minutes

BUILD ?= build
ADDR  ?= 127.0.0.1:8888
TESTARGS ?=
FUZZ_SECONDS ?= 60
export BUILD

SOURCES = $(shell find src include examples tests bench fuzz \
            -name '*.[ch]' 2>/dev/null | LC_ALL=C sort)

.PHONY: all build run test demo bench bench-quick fuzz install clean format lint

all: build

build:
	@tools/setup.sh build
	@ninja -C $(BUILD)

run:
	@tools/setup.sh build
	@ninja -C $(BUILD) examples/echo/echo
	@tools/run_echo.sh $(BUILD)/examples/echo/echo $(ADDR)

test:
	@tools/setup.sh build test
	@tools/test.sh $(BUILD) --no-suite slow $(TESTARGS)

demo:
	@tools/setup.sh build
	@ninja -C $(BUILD) examples/demo/demo
	@$(BUILD)/examples/demo/demo

# In parts of less than 8 minutes; "bench/run.py --resume" goes on after a break.
bench:
	@tools/setup.sh build bench
	@ninja -C $(BUILD)
	@more=; while python3 bench/run.py --build $(BUILD) $$more --budget 400; \
	    [ $$? = 3 ]; do more=--resume; done

bench-quick:
	@tools/setup.sh build bench
	@ninja -C $(BUILD)
	@python3 bench/run.py --build $(BUILD) --quick

fuzz:
	@tools/setup.sh build fuzz
	@tools/fuzz.sh $(FUZZ_SECONDS)

install: build
	@meson configure $(BUILD) -Dprefix=$(abspath $(or $(PREFIX),/usr/local))
	@meson install -C $(BUILD)
	@if [ -z "$(DESTDIR)" ] && [ "$$(id -u)" = 0 ]; then ldconfig; fi

clean:
	rm -rf $(BUILD) build-lint

format:
	@tools/setup.sh lint
	clang-format -i $(SOURCES)

lint:
	@tools/setup.sh build lint
	tools/lint.sh
