# Two commands do everything on a fresh machine: `make run` and `make test`.
SHELL := /bin/bash
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
SUDO := $(shell [ "$$(id -u)" = 0 ] || command -v sudo)

# What pip does not bring: a compiler and headers for the extension, PortAudio, and for the tests a
# sound server with a dummy backend, and somebody else's loudness meter.
PACKAGES_RUN := gcc g++ libc6-dev libkissfft-dev python3-dev python3-venv libportaudio2
PACKAGES_TEST := jackd2 libebur128-1
PACKAGES_BENCH := redis-server
BENCHMARKS := $(basename $(notdir $(filter-out bench/common.py,$(wildcard bench/*.py))))

.PHONY: help setup run test test-native test-python soak lint format schema bench $(BENCHMARKS:%=bench-%) build clean

help: ## list the targets
	@grep -hE '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | expand -t 14

setup: $(BIN)/.ready-run ## install what running needs: system packages that are missing, .venv, the package

run: setup ## start the daemon: on the AG06 if there is one, else on the shipped recording (ARGS="-c my.toml")
	@$(BIN)/ag06d run --view -o audio.fallback=recording $(ARGS); \
	  status=$$?; [ $$status -eq 130 ] && exit 0 || exit $$status

test: $(BIN)/.ready-test ## run all tests: C plain and under sanitizers, then pytest
	@$(MAKE) --no-print-directory test-native
	@$(MAKE) --no-print-directory test-python

test-native:
	$(MAKE) --no-print-directory -C native/tests check

test-python: $(BIN)/.ready-test
	$(BIN)/python -m pytest $(ARGS)

soak: $(BIN)/.ready-test ## run the long tests: kills at random moments, a day of sound
	$(BIN)/python -m pytest -m soak $(ARGS)

lint: $(BIN)/.ready-lint ## ruff, mypy, clang-format, clang-tidy
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/clang-format --dry-run --Werror $$(git ls-files 'native/*.[ch]' 'native/*.cc')
	$(BIN)/clang-tidy --quiet $$(git ls-files 'native/src/*.c') -- -std=gnu11 -Inative/include -Inative/src

format: $(BIN)/.ready-lint ## put the sources into form
	$(BIN)/ruff format .
	$(BIN)/clang-format -i $$(git ls-files 'native/*.[ch]' 'native/*.cc')

schema: setup ## write docs/schema and the tables of docs/protocol.md afresh
	$(BIN)/python -m ag06d.wire.schema docs

bench: $(BENCHMARKS:%=bench-%) ## run every benchmark against its peers

$(BENCHMARKS:%=bench-%): bench-%: $(BIN)/.ready-bench
	$(BIN)/python bench/$*.py $(ARGS)

build: setup ## sdist and wheel into dist/
	$(BIN)/pip install --quiet build
	$(BIN)/python -m build

clean: ## remove everything that was built, .venv too
	rm -rf $(VENV) build dist native/build daemon/*.egg-info daemon/ag06d/_native*

# --- how a machine is made ready; each stamp is renewed when what it depends on changes ---

define install_packages
	@missing=$$(dpkg-query -W -f='$${db:Status-Abbrev} $${Package}\n' $(1) 2>&1 | \
	  sed -nE 's/^(un|rc|pn).* ([a-z0-9.+-]+)$$/\2/p; s/.*no packages found matching ([a-z0-9.+-]+)$$/\1/p'); \
	if [ -n "$$missing" ]; then \
	  echo "installing Debian packages:" $$missing; \
	  $(SUDO) apt-get update -qq && \
	  DEBIAN_FRONTEND=noninteractive $(SUDO) apt-get install -y -qq --no-install-recommends $$missing >/dev/null; \
	fi
endef

$(BIN)/.ready-venv: Makefile
	$(call install_packages,$(PACKAGES_RUN))
	@[ -x $(BIN)/python ] || { echo "making $(VENV)"; $(PYTHON) -m venv $(VENV); }
	@$(BIN)/python -m pip install --quiet --upgrade 'pip>=25.1'
	@touch $@

$(BIN)/.ready-run: $(BIN)/.ready-venv pyproject.toml setup.py native/build_native.py \
                   $(wildcard native/include/*.h native/src/*.[ch] native/src/*.cc)
	@echo "installing ag06d and compiling its extension"
	@$(BIN)/python -m pip install -qq --editable .
	@touch $@

$(BIN)/.ready-test: $(BIN)/.ready-run
	$(call install_packages,$(PACKAGES_TEST))
	@$(BIN)/python -m pip install --quiet --group test
	@touch $@

$(BIN)/.ready-lint: $(BIN)/.ready-test
	@$(BIN)/python -m pip install --quiet --group lint --group bench
	@touch $@

$(BIN)/.ready-bench: $(BIN)/.ready-test
	$(call install_packages,$(PACKAGES_BENCH))
	@$(BIN)/python -m pip install --quiet --group bench
	@touch $@
