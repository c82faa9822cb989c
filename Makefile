# `make` sets up an environment in .venv and builds the demo atlas into site/.
# `make help` lists the rest.
.DEFAULT_GOAL := demo
.PHONY: demo help setup atlas serve publish test browsers lint format bench bench-site \
	contact-sheet screenshots readme-screenshot movie correctness floors zoo notebooks docs clean

PYTHON ?= $(shell command -v python3.11 || command -v python3)
CONFIG ?= configs/demo.toml
BIN := .venv/bin
# There once what an atlas needs is installed, and what the project needs beside it.
READY := .venv/.ready
TOOLS := .venv/.tools
INSTALL := $(BIN)/python -m pip install --quiet --disable-pip-version-check --no-compile \
	--constraint constraints.txt
# Python compiles what is imported, a quarter of what is installed, and keeps it, even where this
# variable forbids it: every process would compile it again.
export PYTHONDONTWRITEBYTECODE :=

demo: $(READY)  ## set up, then build the demo atlas into site/ (the default)
	@$(BIN)/building-blocks build configs/demo.toml

help:  ## list these targets
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  make %-18s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

setup: $(TOOLS)  ## make the whole environment in .venv, with the versions of constraints.txt

$(READY): pyproject.toml constraints.txt
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || { \
		echo "Python 3.11 or newer is needed; name one: make PYTHON=/path/to/python3.11"; exit 1; }
	@echo "Setting up .venv (a few minutes the first time: torch is large) …"
	@$(PYTHON) -m venv .venv
	@$(INSTALL) --editable .
	@touch $@

$(TOOLS): $(READY)
	@echo "Adding what tests, checks and documentation need …"
	@$(INSTALL) --editable '.[dev]'
	@touch $@

atlas: $(READY)  ## build another atlas: make atlas CONFIG=configs/examples/own_network.toml
	@$(BIN)/building-blocks build $(CONFIG)

serve: $(READY)  ## serve site/ on this machine
	@$(BIN)/building-blocks serve site

publish: $(READY)  ## publish site/ on GitHub Pages: make publish CONFIG=mine.toml
	@$(BIN)/building-blocks publish $(CONFIG)

test: $(TOOLS)  ## run all tests, in a real browser too (installs one if there is none)
	@$(BIN)/python -m tests.browser.install
	@$(BIN)/deno test --quiet --allow-read tests/javascript
	@$(BIN)/python -m pytest -n auto

browsers: $(TOOLS)  ## install Firefox and WebKit, which `make test` uses where they are (Debian)
	@$(BIN)/python -m tests.browser.install --others

lint: $(TOOLS)  ## ruff, mypy, the import contract, and deno for JavaScript and CSS
	@$(BIN)/ruff check .
	@$(BIN)/ruff format --check .
	@$(BIN)/mypy
	@$(BIN)/lint-imports
	@$(BIN)/deno fmt --quiet --check
	@$(BIN)/deno lint --quiet

format: $(TOOLS)  ## let ruff and deno format and mend what they can
	@$(BIN)/ruff check --fix .
	@$(BIN)/ruff format .
	@$(BIN)/deno fmt --quiet

bench: $(TOOLS)  ## run everything in benchmarks/, print a table, write build/benchmarks.json
	@$(BIN)/python -m benchmarks

bench-site: $(TOOLS)  ## measure site/ in a real browser: bytes, first figure, hover, …
	@$(BIN)/python -m tests.browser.install
	@$(BIN)/python -m benchmarks site

contact-sheet: $(READY)  ## feature visualizations of each layer on one picture: CONFIG=…
	@$(BIN)/python -m pipeline.contact_sheet $(CONFIG)

screenshots: $(TOOLS)  ## the page and its sections, desktop and phone, in build/screenshots/
	@$(BIN)/python -m tests.browser.install
	@$(BIN)/python -m tests.browser.screenshots site build/screenshots

readme-screenshot: $(TOOLS)  ## make docs/screenshot.png, the README's picture, from site/
	@$(BIN)/python -m tests.browser.install
	@$(BIN)/python -m tests.browser.screenshots site docs/screenshot.png --readme

movie: $(TOOLS)  ## make docs/atlas.webp, the README's moving picture, from site/
	@$(BIN)/python -m tests.browser.install
	@$(BIN)/python -m tests.browser.movie site docs/atlas.webp

correctness: $(TOOLS)  ## write docs/correctness.md: the largest deviation from each oracle
	@$(BIN)/python -m tests.unit.correctness

floors: $(TOOLS)  ## write docs/floors.svg: the package's rooms and their imports
	@$(BIN)/python docs/floors.py

zoo: $(TOOLS)  ## tiny atlases of fifty architectures, for docs/zoo.md (an hour or two)
	@$(BIN)/python -m tests.zoo

notebooks: $(TOOLS)  ## run docs/notebooks/*.py and keep them, with their pictures, as notebooks
	@$(BIN)/python docs/notebooks.py

docs: $(TOOLS)  ## the documentation as a site, in site/docs
	@NO_MKDOCS_2_WARNING=1 $(BIN)/mkdocs build --quiet

clean:  ## remove what was computed and generated (build/ and site/)
	rm -rf build site
