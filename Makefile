# make install   a virtual environment in .venv with everything the checks need, at pinned versions (done once)
# make demo      the whole road on a crawl made from what is on this machine: pages to shards to a small model
# make test      all tests            make lint      style, types, floors
# make bench     what can be measured on the demo's crawl; the others name their data, see benchmarks/*.md
# make clean     remove what was made here, the environment included

PYTHON := $(firstword $(foreach name,python3.11 python3.12,$(shell command -v $(name) 2>/dev/null)))
BIN := .venv/bin
PIP := $(BIN)/python -m pip --disable-pip-version-check --quiet
WORKERS ?= 2
TESTFLAGS ?= -n 2 --dist loadfile
export PYTHONSAFEPATH = 1

.PHONY: help install demo test lint bench clean
.DELETE_ON_ERROR:

help:
	@sed -n 's/^# //p' Makefile

install: .venv/.dev

.venv/bin/python:
	$(if $(PYTHON),,$(error corpusmill needs Python 3.11 or 3.12, and neither python3.11 nor python3.12 was found))
	$(PYTHON) -m venv .venv || $(PYTHON) -m virtualenv .venv

.venv/.base: pyproject.toml constraints.txt | .venv/bin/python
	$(PIP) install -c constraints.txt -e '.[train,serve]'
	touch $@

.venv/.dev: pyproject.toml constraints.txt | .venv/bin/python
	$(PIP) install -c constraints.txt -e '.[dev,trafilatura,parity,presidio,hub,dataflow,train,eval,boards,serve]'
	touch .venv/.base $@

demo: .venv/.base
	$(BIN)/python tools/demo_crawl.py --output demo/crawl
	$(BIN)/python tools/demo_texts.py --output demo/texts
	$(BIN)/corpusmill classifier train --positive demo/texts/prose.txt --negative demo/texts/code.txt --out demo/prose.bin --dim 16
	$(BIN)/corpusmill tokenizer train --texts demo/texts/prose.txt demo/texts/code.txt --out demo/tokenizer.json --overwrite --vocabulary-size 8192
	$(BIN)/corpusmill run recipes/demo.yaml --workers $(WORKERS)
	$(BIN)/corpusmill train demo
	$(BIN)/corpusmill eval demo/models/demo --shards demo/out --baselines
	$(BIN)/corpusmill generate demo/models/demo --prompt 'Returns the' --max-tokens 60
	$(BIN)/corpusmill report demo/models/demo --html

test: .venv/.dev
	$(BIN)/python -m pytest $(TESTFLAGS)

lint: .venv/.dev
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports

bench: .venv/.dev
	$(BIN)/python tools/demo_crawl.py --output demo/crawl
	PYTHONPATH=. $(BIN)/python -m benchmarks.end_to_end scaling --kind warc --input demo/crawl --glob '*.warc.gz' --model lid.176.ftz

clean:
	rm -rf .venv demo build dist *.egg-info .pytest_cache .mypy_cache .ruff_cache .hypothesis .import_linter_cache
	find . -name __pycache__ -not -path './.git/*' -prune -exec rm -rf {} +
