"""The doctor, and the choice of a backend: run as a person runs them, in processes of their own."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from autograd import doctor, kernels
from autograd.ops import matmul_kernel

ROOT = Path(__file__).resolve().parent.parent
needs_kernels = pytest.mark.skipif(not kernels.active, reason="no compiled kernels")


def python(*arguments: str, path: tuple[Path, ...] = (ROOT,), **environment: str):
    """Run Python with these packages on its path and these variables set."""
    path_variable = {"PYTHONPATH": os.pathsep.join(map(str, path))}
    return subprocess.run(
        [sys.executable, *arguments],
        capture_output=True,
        text=True,
        cwd=ROOT.parent,
        env={**os.environ, **path_variable, **environment},
    )


@pytest.mark.parametrize("backend", [pytest.param("", marks=needs_kernels), "numpy"])
def test_a_healthy_house(backend):
    done = python("-m", "autograd", AUTOGRAD_BACKEND=backend)
    assert done.returncode == 0, done.stdout + done.stderr
    assert "FAIL" not in done.stdout and done.stdout.endswith("all is well\n")
    assert done.stdout.count("  pass  ") == len(doctor.CHECKS)
    facts = dict(line.split(":", 1) for line in done.stdout.split("\n\n")[0].splitlines())
    assert set(facts) >= {"kernelgrad", "Python", "NumPy", "cffi", "backend"}
    if backend == "numpy":
        assert "AUTOGRAD_BACKEND=numpy" in facts["backend"]
    else:
        assert set(facts) >= {"library", "compiler", "sources", "ISA", "threads"}
        assert "_kernelgrad" in facts["library"] and kernels.isa() in facts["ISA"]


def test_a_broken_kernel_is_found(monkeypatch, capsys):
    def broken() -> None:
        raise AssertionError("3 is not 4")

    monkeypatch.setattr(doctor, "CHECKS", {"arithmetic": broken})
    assert doctor.main() == 1
    said = capsys.readouterr().out
    assert "FAIL  arithmetic" in said and "3 is not 4" in said and "1 of the tests failed" in said


@needs_kernels
def test_the_self_test_sees_a_wrong_kernel(monkeypatch):
    prepare = kernels.prepare

    def wrong(kernel, *settled):
        run = prepare(kernel, *settled)

        def off_by_one(a, b, c, *rest):
            run(a, b, c, *rest)
            c.flat[0] += 1

        return off_by_one

    monkeypatch.setattr(kernels, "prepare", wrong)
    monkeypatch.setattr(matmul_kernel, "plans", {})
    with pytest.raises(AssertionError):
        doctor.check_matmul()


def test_another_autograd_is_named(tmp_path, monkeypatch, capsys):
    metadata = tmp_path / "autograd-1.8.0.dist-info"
    metadata.mkdir()
    (metadata / "METADATA").write_text("Metadata-Version: 2.1\nName: autograd\nVersion: 1.8.0\n")
    monkeypatch.setattr(doctor, "CHECKS", {})
    monkeypatch.setattr(sys, "path", [str(tmp_path), *sys.path])
    assert doctor.main() == 1
    said = capsys.readouterr().out
    assert "autograd' 1.8.0" in said and str(tmp_path) in said and "pip uninstall autograd" in said


def test_without_kernels_it_says_so_once():
    hide = "import sys; sys.modules['_kernelgrad'] = None; import autograd, nn; from autograd import *"
    done = python("-W", "always", "-c", hide, AUTOGRAD_BACKEND="")
    assert done.returncode == 0, done.stderr
    assert done.stderr.count("no compiled kernels found") == 1


def test_numpy_on_request_is_silent():
    done = python("-W", "error", "-c", "import autograd; print(autograd.ones(2).sum().item())",
                  AUTOGRAD_BACKEND="numpy")  # fmt: skip
    assert (done.stdout, done.stderr) == ("2.0\n", "")


def test_an_unknown_backend_is_refused():
    done = python("-c", "import autograd", AUTOGRAD_BACKEND="cuda")
    assert done.returncode == 1 and "AUTOGRAD_BACKEND='cuda'" in done.stderr


@pytest.mark.skipif(not (ROOT / "csrc").is_dir(), reason="no sources here")
def test_a_library_of_other_sources_is_refused():
    with pytest.raises(ImportError, match="built from other sources.*make build"):
        kernels.refuse_stale("gcc 12.2.0 | 0123456789abcdef")
    if kernels.active:
        kernels.refuse_stale(kernels.build())
