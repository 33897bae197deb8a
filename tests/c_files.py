"""Compiling and calling the C files that Program.to_c writes."""

from __future__ import annotations

import ctypes
import shutil
import subprocess
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from autograd import kernels

needed = [
    pytest.mark.skipif(not kernels.active, reason="programs are made of kernels"),
    pytest.mark.skipif(shutil.which("cc") is None, reason="no C compiler"),
]
STRICT = ["-std=c11", "-O2", "-Wall", "-Wextra", "-Wpedantic", "-Werror"]


def compiled(text: str, folder: Path, *flags: str) -> Path:
    source, result = folder / "program.c", folder / "program.out"
    source.write_text(text)
    subprocess.run(["cc", *STRICT, *flags, source, "-o", result, "-lm"], check=True)
    return result


def library(text: str, folder: Path, *flags: str) -> ctypes.CDLL:
    return ctypes.CDLL(str(compiled(text, folder, "-shared", "-fPIC", *flags)))


def called(function: Any, inputs: list[np.ndarray], outputs: list[np.ndarray]) -> list[np.ndarray]:
    """Call a function of a library on copies of the inputs and fresh outputs like those."""
    inputs = [np.ascontiguousarray(x) for x in inputs]
    results = [np.empty(x.shape, x.dtype) for x in outputs]
    function(*(ctypes.c_void_p(x.ctypes.data) for x in (*inputs, *results)))
    return results
