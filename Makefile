# make demo · make test · make check · make bench · make soak · make mutants — each makes its own .venv; needs python3 (>= 3.11) with venv, and make.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
READY := $(VENV)/.ready
ARGS ?=
# The tests start the program some hundred times: each would compile all of it anew.
unexport PYTHONDONTWRITEBYTECODE

.PHONY: demo test check bench soak mutants clean format

demo: $(READY)
	@$(BIN)/hik-thermal demo $(ARGS)

test: $(READY)
	$(BIN)/pytest -q -n 4 -m "not integration and not slow" $(ARGS)

check: $(READY)
	$(BIN)/python tests/check.py $(ARGS)

bench: $(READY)
	$(BIN)/python -m benchmarks $(ARGS)

soak: $(READY)
	$(BIN)/python -m soak $(ARGS)

mutants: $(VENV)/.mutants
	nice -n 19 $(BIN)/python tests/mutants.py $(ARGS)

format: $(READY)
	$(BIN)/ruff check --fix-only -q . ; $(BIN)/ruff format .

clean:
	rm -rf $(VENV) .mutants .mypy_cache .ruff_cache .pytest_cache .hypothesis dist build

$(READY): pyproject.toml constraints.txt
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || \
	  { echo "hik-thermal-plugin needs Python 3.11 or newer; $(PYTHON) is $$($(PYTHON) -V 2>&1). Name another one: make PYTHON=python3.12 …" >&2; exit 1; }
	@$(PYTHON) -c 'import ensurepip, venv' 2>/dev/null || \
	  { echo "This Python has no venv module. On Debian or Ubuntu: sudo apt-get install python3-venv" >&2; exit 1; }
	@$(PYTHON) -m venv $(VENV)
	@$(BIN)/pip install -q --disable-pip-version-check --upgrade 'pip>=25.1'
	@$(BIN)/pip install -q --disable-pip-version-check -c constraints.txt --group dev -e '.[demo]'
	@touch $@

$(VENV)/.mutants: $(READY)
	@$(BIN)/pip install -q --disable-pip-version-check -c constraints.txt --group mutants
	@touch $@
