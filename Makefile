# The commands that people type. Each calls real tools, which can be called without make as well.
# A fresh machine needs Python 3.11 or newer with pip and venv, git and make; the rest is brought into .venv and .tools.

UV := .ci/uv
MANIFESTS := uv.lock pyproject.toml $(wildcard protos/pyproject.toml services/*/pyproject.toml client/pyproject.toml tests/pyproject.toml)
NPM := .ci/npm
UI := $(shell find ui -type f -not -path '*/node_modules/*')
GENERATE := $(UV) run --quiet --project protos/generator --locked python protos/generate.py

# As many processes run the tests as there are processors; WORKERS= is one, with its output at once.
WORKERS := --numprocesses auto --dist worksteal

# A server starts faster where its bytecode is kept, and the tests start hundreds.
export UV_COMPILE_BYTECODE := 1
unexport PYTHONDONTWRITEBYTECODE

.DEFAULT_GOAL := help
.PHONY: help setup pages up demo test test-all lint lint-python lint-ui lint-protos lint-locks format proto screens docs released rolling drill bench dist images release clean

help: ## list the commands
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "make %-9s %s\n", $$1, $$2 }' Makefile

setup: .venv/setup.stamp .venv/pages.stamp ## bring everything that the commands below need

pages: .venv/pages.stamp ## build the web pages, which `make up` does too

up: .venv/runtime.stamp .venv/pages.stamp ## run Trivet here; options of `trivet up` go into ARGS="..."
	@exec .venv/bin/trivet up $(ARGS)

demo: .venv/examples.stamp ## train, register and promote a model; options go into ARGS="..."
	@.venv/bin/python examples/taxi/demo.py $(ARGS)

test: setup ## run the tests; options of pytest go into ARGS="..."
	$(NPM) test --silent
	.venv/bin/pytest $(WORKERS) $(ARGS)

test-all: setup ## run the tests in their long forms too
	TRIVET_TEST_FULL=1 .venv/bin/pytest $(WORKERS) $(ARGS)

lint: lint-python lint-ui lint-protos lint-locks ## check style, types, imports, contracts, generated code and locks

lint-python: setup
	.venv/bin/ruff check
	.venv/bin/ruff format --check
	.venv/bin/mypy . && .venv/bin/lint-imports

lint-ui: setup
	$(NPM) run --silent format -- --check
	$(NPM) run --silent types
	$(NPM) run --silent lint

lint-protos: setup
	PATH="$$PWD/.venv/bin:$$PATH" .venv/bin/python protos/check.py
	$(GENERATE) --check

lint-locks:
	$(UV) lock --check
	$(UV) lock --check --project protos/generator

format: setup ## format the code and repair what ruff can
	.venv/bin/ruff check --fix-only
	.venv/bin/ruff format
	$(NPM) run --silent format -- --write

proto: .venv/ui.stamp ## generate the code of the contracts again
	$(GENERATE)

released: setup ## keep databases as servers of a release leave them, before its tag: VERSION=v1.2.3
	.venv/bin/python -m trivet_testing.released_schemas $(VERSION)

rolling: setup ## restart replicas of everything under load, and migrate; options go into ARGS="..."
	.venv/bin/python -m trivet_testing.rolling_restarts $(ARGS)

drill: setup ## back up, lose and restore data of the drill's own, and say what came of it
	.venv/bin/python -m trivet_testing.restore_drill

bench: setup ## run the measurements; options go into ARGS="..."
	.venv/bin/python bench/run.py $(ARGS)

screens: setup ## take the pictures of the web pages, and draw the dashboard, for the documentation
	.venv/bin/python website/screens/take.py docs/images
	.venv/bin/python website/screens/dashboard.py docs/images/dashboard.png

docs: setup ## build the documentation into build/docs; warnings are errors
	NO_MKDOCS_2_WARNING=1 .venv/bin/mkdocs build --quiet --strict
	.venv/bin/python website/check.py build/docs

dist: setup ## build the wheels and lists of what they are made of into dist
	.venv/bin/python -m release.wheels dist

images: pages ## build the images, tagged with their version; SOURCE= says where their commit is to be had
	for service in tracking artifacts registry gateway; do \
	  docker build --build-arg REVISION=$$(git describe --always --dirty --abbrev=40 --exclude '*') --build-arg SOURCE=$(SOURCE) \
	    --file services/$$service/Dockerfile --tag trivet-$$service:$$($(UV) version --short --frozen --package trivet) . || exit; \
	done

release: setup ## give everything here another version: VERSION=0.2.0 for a release, VERSION=0.3.0.dev0 after it
	.venv/bin/python -m release.prepare $(VERSION)

clean: ## remove what the commands above made; data in .trivet stays
	rm -rf .venv .tools protos/generator/.venv dist build ui/node_modules services/gateway/src/trivet_gateway/ui
	rm -rf .mypy_cache .ruff_cache .pytest_cache .hypothesis .import_linter_cache

# The tests' environment holds the runtime's; --inexact keeps it whole when both are asked for.
.venv/setup.stamp: $(MANIFESTS)
	$(UV) sync --locked --all-packages
	.venv/bin/python -m trivet_testing.tools
	@touch $@

.venv/runtime.stamp: $(MANIFESTS)
	$(UV) sync --locked --no-dev --inexact
	@touch $@

# What pages are made of comes from a lockfile, and they are made again when their sources change.
.venv/ui.stamp: ui/package-lock.json
	$(NPM) ci --silent --no-audit --no-fund
	@mkdir -p .venv && touch $@

.venv/pages.stamp: .venv/ui.stamp $(UI)
	$(NPM) run --silent build
	@touch $@

.venv/examples.stamp: $(MANIFESTS)
	$(UV) sync --locked --no-dev --group examples --inexact
	@touch $@
