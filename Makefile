# Thin: each target is a command or two. `make demo` and `make test` need nothing but
# Python >= 3.11, a C++20 compiler and the package registries.

PYTHON ?= python3
VENV := .venv
BIN := $(CURDIR)/$(VENV)/bin
CORE := $(wildcard csrc/*/*.cpp csrc/*/*.hpp)
PROTOS := $(wildcard protos/ecgsvc/v1/*.proto)
# Where the archives of the public recordings lie, and where they are unpacked.
ARCHIVES ?= ../shared/data
export ECGSVC_DATA ?= $(HOME)/.cache/ecgsvc
export PATH := $(BIN):$(PATH)

.PHONY: demo test verify lint format protos cpp-test fuzz data evaluate bench clean

demo: $(VENV)/installed
	ecgsvc demo

test: $(VENV)/installed
	python -m pytest -n 2 --dist worksteal -m "not verify"

verify: $(VENV)/installed
	python -m pytest -n 2 --dist worksteal -m verify

$(VENV)/installed: pyproject.toml CMakeLists.txt $(CORE) tests/service/node/package-lock.json
	$(PYTHON) -m venv $(VENV)
	python -m pip install --quiet --upgrade pip
	python -m pip install --quiet "scikit-build-core>=1.1" "pybind11>=3.1" "setuptools>=70.1" cmake ninja
	python -m pip install --quiet --no-build-isolation --editable ".[dev]"
	if command -v npm >/dev/null; then npm ci --silent --prefix tests/service/node; fi
	touch $@

lint: $(VENV)/installed
	ruff format --check .
	ruff check .
	mypy
	lint-imports --no-cache
	clang-format --dry-run --Werror $(CORE)
	.ci/clang-tidy
	.ci/protos-are-current
	buf lint protos
	buf breaking protos --against protos/baseline.binpb

format: $(VENV)/installed
	ruff format .
	ruff check --fix .
	clang-format -i $(CORE)

# `buf build protos --exclude-source-info -o protos/baseline.binpb` makes the baseline of a
# release; what breaks clients of it fails lint.
protos: $(VENV)/installed
	python -m grpc_tools.protoc -I protos --python_out=. --pyi_out=. --grpc_python_out=. $(PROTOS)

cpp-test: $(VENV)/installed
	cmake --workflow --preset asan

fuzz: $(VENV)/installed
	cmake --workflow --preset fuzz

data:
	.ci/unpack-data $(ARCHIVES) $(ECGSVC_DATA)

evaluate: $(VENV)/installed
	ecgsvc evaluate r-peaks $(ECGSVC_DATA)/mitdb
	ecgsvc evaluate delineation $(ECGSVC_DATA)/ludb
	ecgsvc evaluate noise $(ECGSVC_DATA)/mitdb --noise $(ECGSVC_DATA)/nstdb
	ecgsvc evaluate quality $(ECGSVC_DATA)
	ecgsvc evaluate beats $(ECGSVC_DATA)/mitdb

bench: $(VENV)/installed
	python -m pip install --quiet --editable ".[bench,dev,figures,train]" --no-build-isolation
	python benchmarks/signal.py
	python benchmarks/beats.py
	python benchmarks/models.py
	python benchmarks/rhythm.py
	python benchmarks/sheet.py
	python benchmarks/end_to_end.py
	python benchmarks/records.py --reports 20000
	python benchmarks/deliveries.py

clean:
	rm -rf build dist $(VENV)/installed .demo
