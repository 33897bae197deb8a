"""Installed as a person installs it: sdist, wheel and folder, in a fresh environment outside the checkout,
with a C compiler and without one."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import tarfile
import zipfile
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent
IGNORED = shutil.ignore_patterns(".*", "build", "dist", "*.so", "*.egg-info", "__pycache__", "runs", "tests")
STEP = """
import autograd, nn
model = nn.Linear(3, 1)
optimizer = nn.optim.SGD(model.parameters(), lr=0.1)
x, y = autograd.randn(8, 3), autograd.ones(8, 1)
losses = []
for _ in range(20):
    optimizer.zero_grad()
    loss = nn.MSELoss()(model(x), y)
    loss.backward()
    optimizer.step()
    losses.append(loss.item())
assert losses[-1] < losses[0], losses
"""
# Both are imported in turn, in processes of their own; the quickest of each is what it costs.
RATIO = """
import subprocess, sys, time
def seconds(module):
    start = time.perf_counter()
    subprocess.run([sys.executable, "-c", f"import {module}"], check=True)
    return time.perf_counter() - start
pairs = [(seconds("autograd"), seconds("numpy")) for _ in range(12)]
print(min(a for a, _ in pairs) / min(b for _, b in pairs))
"""

pytestmark = [pytest.mark.slow, pytest.mark.skipif(not (ROOT / "csrc").is_dir(), reason="no sources here")]


def run(*command: object, cwd: Path, **environment: str) -> subprocess.CompletedProcess[str]:
    variables = {
        k: v for k, v in os.environ.items() if not k.startswith(("PYTHON", "AUTOGRAD", "KERNELGRAD"))
    }
    done = subprocess.run(
        [str(part) for part in command], cwd=cwd, env=variables | environment, capture_output=True, text=True
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("packaging")


@pytest.fixture(scope="module")
def checkout(folder: Path) -> Path:
    """The sources as a clone has them, with nothing built."""
    return Path(shutil.copytree(ROOT, folder / "checkout", ignore=IGNORED))


@pytest.fixture(scope="module")
def sdist(folder: Path, checkout: Path) -> Path:
    run(sys.executable, "setup.py", "-q", "sdist", "-d", folder / "sdist", cwd=checkout)
    (path,) = (folder / "sdist").iterdir()
    return path


@pytest.fixture(scope="module")
def wheel(folder: Path, sdist: Path) -> Path:
    run(sys.executable, "-m", "pip", "wheel", "-q", "--no-deps", "-w", folder / "wheel", sdist,
        cwd=folder, KERNELGRAD_BUILD="require")  # fmt: skip
    (path,) = (folder / "wheel").iterdir()
    return path


@pytest.fixture(scope="module")
def python(folder: Path, checkout: Path) -> Path:
    """The Python of a fresh environment into which the folder was installed without a compiler."""
    run(sys.executable, "-m", "venv", folder / "venv", cwd=folder)
    path = folder / "venv" / "bin" / "python"
    run(path, "-m", "pip", "install", "-q", checkout, cwd=folder, CC="/bin/false")
    return path


def test_the_sdist_has_the_sources(sdist):
    with tarfile.open(sdist) as archive:
        names = {name.partition("/")[2] for name in archive.getnames()}
    assert {path.relative_to(ROOT).as_posix() for path in (ROOT / "csrc").iterdir()} <= names
    assert {"setup.py", "pyproject.toml", "LICENSE", "nn/data/optdigits.npz", "autograd/py.typed"} <= names


def test_the_wheel_has_what_runs_and_no_more(wheel):
    names = zipfile.ZipFile(wheel).namelist()
    tops = {name.partition("/")[0].split(".")[0].split("-")[0] for name in names}
    assert tops == {"autograd", "nn", "_kernelgrad", "kernelgrad"}
    assert sum(name.startswith("_kernelgrad.") for name in names) == 1
    assert {"nn/data/optdigits.npz", "autograd/py.typed", "nn/py.typed"} <= set(names)
    eyes = {f"nn/metrics/lenet-{name}.safetensors" for name in ("mnist", "fashion", "optdigits")}
    assert eyes <= set(names)
    assert any(name.endswith("/LICENSE") for name in names)
    sources = {
        path.relative_to(ROOT).as_posix()
        for pattern in ("autograd/**/*.py", "nn/**/*.py", "autograd/jit/c/*.c")
        for path in ROOT.glob(pattern)
    }
    assert sources <= set(names)


def test_without_a_compiler_it_installs_and_says_so_once(python, folder):
    done = run(python, "-c", STEP, cwd=folder)
    assert done.stderr.count("no compiled kernels found") == 1
    assert run(python, "-c", STEP, cwd=folder, AUTOGRAD_BACKEND="numpy").stderr == ""
    assert "NumPy (no compiled kernels found)" in run(python, "-m", "autograd", cwd=folder).stdout


def test_the_wheel_runs_with_its_kernels(python, wheel, folder):
    run(python, "-m", "pip", "install", "-q", "--no-deps", "--force-reinstall", wheel, cwd=folder)
    assert run(python, "-W", "error", "-c", STEP, cwd=folder).stderr == ""
    doctor = run(python, "-m", "autograd", cwd=folder).stdout
    assert "C kernels" in doctor and "all is well" in doctor
    assert str(folder / "venv") in doctor.partition("library:")[2].splitlines()[0]


def test_import_takes_at_most_half_as_long_again_as_numpy(python, wheel, folder):
    run(python, "-m", "pip", "install", "-q", "--no-deps", "--force-reinstall", wheel, cwd=folder)
    ratio = float(run(python, "-c", RATIO, cwd=folder).stdout)
    assert ratio <= 1.5, f"import autograd takes {ratio:.2f} times import numpy"


def test_nothing_is_built_twice(checkout):
    def build() -> None:
        run(
            sys.executable,
            "setup.py",
            "-q",
            "build_ext",
            "--inplace",
            cwd=checkout,
            KERNELGRAD_BUILD="require",
        )

    def times() -> dict[Path, float]:
        return {
            path: path.stat().st_mtime for path in checkout.glob("build/**/*") if path.suffix in (".o", ".so")
        }

    build()
    before = times()
    build()
    assert times() == before and before
    (checkout / "csrc" / "optim.c").touch()
    build()
    after = times()
    changed = {path.name.split("_")[0] for path in after if after[path] != before[path]}
    assert changed == {"optim", ""}  # its objects, and the library "_kernelgrad"
