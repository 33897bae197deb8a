# make digits      set everything up, train on real handwriting, print the test accuracy
# make playground  set everything up, open the playground: a network that learns in the browser
# make test        set everything up, run the tests
#
# Also: build (the C kernels), lint (style and types), oracle (tests against PyTorch), browser (tests of the
# playground in Chromium, pictures in build/screenshots), slow (full training runs), ulp (errors of elementary
# functions: ULP), packaging (wheels in fresh environments), bench and bench-full (speed beside the peers),
# sanitize (kernel tests under ASan and UBSan), neon (kernel tests on an emulated aarch64), clean.
# All set-up lives in .venv and is repeated only where something changed; what it says goes to standard error.

VENV    := .venv
PY      := $(VENV)/bin/python
PYTHON  ?= $(firstword $(foreach p,python3 python3.14 python3.13 python3.12 python3.11,\
             $(if $(shell $(p) -c 'import sys; sys.version_info >= (3, 11) and print(1)' 2>/dev/null),$(p))))
CC      ?= cc
SOURCES := setup.py $(wildcard csrc/*.c csrc/*.h csrc/*.def)
ARGS    ?=
ULP     ?= exp log tanh sigmoid

.PHONY: digits playground test build lint oracle browser slow ulp packaging bench bench-full sanitize neon clean help
.DELETE_ON_ERROR:

digits: build $(VENV)/apps.stamp
	@$(PY) -m apps.digits train --model cnn $(or $(ARGS),--over)

playground: build $(VENV)/playground.stamp
	@$(PY) -m apps.playground $(ARGS)

test: build $(VENV)/test.stamp
	$(PY) -m pytest -q -n 2 $(ARGS)

# Also the tests elsewhere that compare with PyTorch or micrograd where those are installed.
oracle: build $(VENV)/oracle.stamp
	$(PY) -m pytest -q tests/oracle $(shell grep -l -e 'importorskip."torch' -e 'importorskip."micrograd' tests/test_*.py) $(ARGS)

# Drives the system's Chromium (Debian: chromium); looks are checked too, so fonts matter (fonts-noto-cjk).
browser: build $(VENV)/browser.stamp
	$(PY) -m pytest -q -n 2 tests/browser $(ARGS)

ulp: build $(VENV)/test.stamp
	ULP_STEP=1 $(PY) -m pytest -q -s -m slow $(ULP:%='tests/slow/test_ulp.py::test_float32[%]') $(ARGS)

slow: build $(VENV)/test.stamp
	$(PY) -m pytest -q -s -m slow tests/slow $(ARGS)

bench: build $(VENV)/bench.stamp
	$(PY) -m benchmarks run --quick $(ARGS)

# All rows, in under an hour. Interrupted (Ctrl-C), it goes on when it is called again.
bench-full: build $(VENV)/bench.stamp
	$(PY) -m benchmarks run $(ARGS)

lint: $(VENV)/lint.stamp
	$(PY) -m ruff check .
	$(PY) -m ruff format --check .
	$(PY) -m mypy autograd nn
	@if command -v clang-format >/dev/null; then clang-format --dry-run -Werror csrc/*.c csrc/*.h autograd/jit/c/*.c tests/neon/*.c docs/*.c; \
	 else echo "lint: no clang-format here; the C sources were not checked"; fi

# The kernel tests are those that go through the instruction sets; gradients run no other kernels.
KERNEL_TESTS = $(shell grep -l -e 'kernels.isas()' -e conv_checks tests/test_*.py) --deselect tests/test_registry.py::test_gradients

# Programs too, with each buffer in memory of its own, so that nothing lies beside it. What they become in C is
# compiled without sanitizers.
JIT_TESTS = $(filter-out tests/test_jit_to_c%,$(wildcard tests/test_jit*.py))

# The kernels again, in a folder of their own, with the sanitizers; Python itself leaks by design. -P keeps
# the library in this folder out of the way.
SANITIZE := -g -O1 -fsanitize=address,undefined -fno-sanitize-recover=undefined -fno-omit-frame-pointer
SANITIZED = AUTOGRAD_ARENA=apart PYTHONPATH=build/sanitize:. ASAN_OPTIONS=detect_leaks=0 UBSAN_OPTIONS=print_stacktrace=1 \
    LD_PRELOAD="$$($(CC) -print-file-name=libasan.so) $$($(CC) -print-file-name=libubsan.so)" $(PY) -P
sanitize: $(VENV)/test.stamp
	KERNELGRAD_BUILD=require KERNELGRAD_CFLAGS="$(SANITIZE)" \
	    $(PY) setup.py -q build_ext --build-lib build/sanitize --build-temp build/sanitize-objects
	$(SANITIZED) -c "from autograd import kernels; assert 'build/sanitize' in kernels.library()"
	$(SANITIZED) -m pytest -q -n 2 --hypothesis-profile=few --capture=sys -p no:cacheprovider $(KERNEL_TESTS) $(JIT_TESTS) $(ARGS)

# The kernel tests on an emulated aarch64 processor (Debian: gcc-aarch64-linux-gnu libc6-dev-arm64-cross
# qemu-user), but for those of threads, and of whole programs: it is sent one call at a time.
OF_PROGRAMS = tests/test_jit_norms.py tests/test_jit_scalar.py
neon: build $(VENV)/test.stamp
	$(PY) tests/neon/build.py
	$(PY) -m pytest -q -n 2 -p no:cacheprovider -p tests.neon.machine \
	    $(filter-out tests/test_threads.py $(OF_PROGRAMS),$(KERNEL_TESTS)) \
	    --deselect tests/test_jit_pools.py::test_programs_pool_as_eager_does $(ARGS)

# sdist, wheel and folder, installed into environments of their own.
packaging: build $(VENV)/test.stamp
	$(PY) -m pytest -q -m slow tests/test_packaging.py $(ARGS)

clean:
	rm -rf $(VENV) build _kernelgrad*.so *.egg-info

help:
	@sed -n '/^#/!q;s/^# \{0,1\}//p' Makefile

# Set-up -------------------------------------------------------------------------------------------

# Objects that are up to date are kept, so this takes a second when nothing changed. Without a compiler
# there is nothing to stamp: everything runs on NumPy, and the next make looks for a compiler again.
build: $(VENV)/base.stamp
	@if ! command -v $(CC) >/dev/null; then \
	    echo "make: no C compiler ($(CC)) found: going on with NumPy, which is slower (install gcc or clang)" >&2; \
	elif [ ! -e $(VENV)/build.stamp ] || [ -n "$$(find $(SOURCES) -newer $(VENV)/build.stamp)" ]; then \
	    echo "make: building the C kernels" >&2 && rm -f _kernelgrad*.so && $(PY) setup.py -q build_ext --inplace >&2 && \
	    if ls _kernelgrad*.so >/dev/null 2>&1; then touch $(VENV)/build.stamp; fi; \
	fi

$(VENV)/base.stamp: pyproject.toml
	@if [ -z "$(PYTHON)" ] || ! $(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))'; then \
	    echo "make: kernelgrad needs Python 3.11 or newer, found $$($(or $(PYTHON),python3) --version 2>&1); set PYTHON, say: make digits PYTHON=python3.12" >&2; \
	    exit 1; fi
	@[ -x $(PY) ] || { echo "make: making $(VENV)" >&2 && $(PYTHON) -m venv $(VENV); } || { \
	    echo "make: could not make $(VENV); on Debian and Ubuntu: apt install python3-venv" >&2; exit 1; }
	@echo "make: installing kernelgrad (editable) and what it needs" >&2
	@$(PY) -m pip install -q "setuptools>=77" "cffi>=1.16"
	@KERNELGRAD_BUILD=skip $(PY) -m pip install -q --no-build-isolation -e .
	@touch $@

$(VENV)/lint.stamp: EXTRAS = apps,dev
$(VENV)/apps.stamp: EXTRAS = apps
$(VENV)/playground.stamp: EXTRAS = playground
$(VENV)/test.stamp: EXTRAS = apps,playground,test
$(VENV)/oracle.stamp: EXTRAS = apps,playground,test,oracle
$(VENV)/browser.stamp: EXTRAS = playground,test,browser
$(VENV)/bench.stamp: EXTRAS = bench,oracle
$(VENV)/%.stamp: $(VENV)/base.stamp
	@echo "make: installing the extras [$(EXTRAS)]" >&2
	@KERNELGRAD_BUILD=skip $(PY) -m pip install -q --no-build-isolation -e ".[$(EXTRAS)]"
	@touch $@
