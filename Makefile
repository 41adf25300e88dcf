# Two commands do everything: `make demo` and `make test`. Both set up .venv first.
# Python 3.11 to 3.14. PyBullet has wheels up to 3.13; 3.14 uses the simulator torch.
PYTHON ?= $(shell for v in 3.13 3.12 3.11 3.14; do python$$v -c '' 2>/dev/null && echo python$$v && exit; done; echo python3)
VENV ?= .venv
BIN := $(VENV)/bin
RUN ?= runs/demo
# Everything about datasets and PyBullet, and the files of the package.
TORCHLESS_TESTS := tests/doors tests/sim/panda tests/sim/pybullet $(addprefix tests/sim/test_,$(addsuffix .py, \
	action_properties against_mujoco checks energy every_door grip mechanics rendering simulator)) \
	$(addprefix tests/data/,hub $(addprefix sources/test_,footage.py image_files.py simulation.py video_files.py) \
	$(addprefix test_,$(addsuffix .py,chunk_sizes config dataset paths schema shards video_writer writer))) \
	$(addprefix tests/envs/test_,copies.py door_sources.py registration.py videos.py) tests/parallel tests/terminal \
	$(addprefix tests/test_,$(addsuffix .py,errors intervals packaging registry seeding))
WITHOUT_TORCH := botorch furo lightning-fabric myst-parser onnx onnxruntime onnxscript pyright ray ruff sphinx \
	sphinx-copybutton sphinx-gallery stable-baselines3 torch
# Spinning threads of several processes get in each other's way on few cores.
export OMP_WAIT_POLICY ?= passive

.PHONY: demo test torchless check docs bench setup clean help

help:  ## show this
	@grep -E '^[a-z]+:.*##' $(MAKEFILE_LIST) | sed 's/:.*##/\t/' | expand -t 10

demo: $(VENV)/.installed  ## the whole pipeline on a small preset, ending in an HTML report
	$(BIN)/doorlab demo --out $(RUN)

test: $(VENV)/.installed-dev check  ## formatting, lint, types, import layers, and all tests
	OMP_NUM_THREADS=1 $(BIN)/python -m pytest -n auto --maxprocesses 4 --dist worksteal --durations=15 \
		--jaxtyping-packages=doorlab,beartype.beartype

# Torch has gigabytes of libraries for Pythons and systems without a build for CPUs.
torchless: $(VENV)/.installed-torchless  ## the tests that need no torch, for a second Python: PYTHON=... VENV=...
	OMP_NUM_THREADS=1 $(BIN)/python -m pytest -n auto --maxprocesses 4 --dist worksteal \
		--jaxtyping-packages=doorlab,beartype.beartype -k 'not torch' $(TORCHLESS_TESTS)

check: $(VENV)/.installed-dev  ## formatting, lint, types and import layers
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/pyright --pythonpath $(BIN)/python
	$(BIN)/lint-imports

docs: $(VENV)/.installed-docs  ## the documentation site with executed tutorials: build/docs/index.html
	OMP_NUM_THREADS=1 $(BIN)/python -m sphinx --builder html --fail-on-warning --keep-going --quiet docs build/docs

bench: $(VENV)/.installed-dev  ## throughput of this machine, as JSON
	$(BIN)/doorlab bench --json runs/bench.json --overwrite

setup: $(VENV)/.installed  ## the virtual environment

clean:  ## remove the virtual environment (never your runs)
	rm -rf $(VENV)

# A constraints file pins what was tested; pyproject.toml keeps the ranges that users need.
$(VENV)/.installed: pyproject.toml setup.py constraints.txt
	@$(PYTHON) -c 'import sys; v = sys.version_info[:2]; sys.exit(0 if (3, 11) <= v <= (3, 14) else f"doorlab needs Python 3.11 to 3.14; {sys.executable} is {v[0]}.{v[1]}. Run make PYTHON=python3.13 ...")'
	test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --quiet --constraint constraints.txt torch
	$(BIN)/python -m pip install --quiet --quiet --constraint constraints.txt --editable .
	touch $@

$(VENV)/.installed-dev: $(VENV)/.installed
	$(BIN)/python -m pip install --quiet --quiet --constraint constraints.txt --editable '.[dev]'
	touch $@

$(VENV)/.installed-docs: $(VENV)/.installed
	$(BIN)/python -m pip install --quiet --quiet --constraint constraints.txt --editable '.[docs]'
	touch $@

$(VENV)/.installed-torchless: pyproject.toml setup.py constraints.txt
	test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --quiet --no-deps --editable .
	$(BIN)/python -c 'import re, sys, tomllib; p = tomllib.load(open("pyproject.toml", "rb"))["project"]; print(*(r for r in p["dependencies"] + p["optional-dependencies"]["dev"] if re.match(r"[\w-]+", r)[0] not in sys.argv), sep="\n")' \
		$(WITHOUT_TORCH) > $(VENV)/torchless.txt
	$(BIN)/python -m pip install --quiet --quiet --constraint constraints.txt --requirement $(VENV)/torchless.txt
	touch $@
