"""The examples in docstrings are executed."""

from __future__ import annotations

import doctest
import importlib
from pathlib import Path

import numpy as np
import pytest

import autograd
from autograd import kernels

ROOT = Path(__file__).resolve().parent.parent
MODULES = sorted(
    ".".join(path.relative_to(ROOT).with_suffix("").parts).removesuffix(".__init__")
    for top in ("autograd", "nn", "apps", "benchmarks", "docs/examples")
    for path in (ROOT / top).rglob("*.py")
    if path.name != "__main__.py" and ">>> " in path.read_text(encoding="utf-8")
)
SHOWS_KERNELS = {"autograd.quick"} | {  # there only with kernels
    f"autograd.jit.{name}" for name in ("to_c", "function", "listing", "expressions")
}
OPTIONS = doctest.ELLIPSIS | doctest.NORMALIZE_WHITESPACE | doctest.IGNORE_EXCEPTION_DETAIL


@pytest.mark.filterwarnings("ignore::RuntimeWarning")
@pytest.mark.parametrize("name", MODULES)
def test_examples_of(name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    if name in SHOWS_KERNELS and not kernels.active:
        pytest.skip("no compiled kernels")
    module = importlib.import_module(name)
    monkeypatch.chdir(tmp_path)
    reports: list[str] = []
    runner = doctest.DocTestRunner(optionflags=OPTIONS)
    state = autograd.get_rng_state()
    try:
        with np.printoptions():
            for test in doctest.DocTestFinder().find(module, name):
                runner.run(test, out=reports.append)
    finally:
        autograd.set_rng_state(state)
    assert runner.tries and not reports, "".join(reports)
