"""Arrays on their way into C: told by their objects where that works, else by their memory."""

from __future__ import annotations

import subprocess
import sys

import numpy as np
import pytest

from autograd import kernels

pytestmark = pytest.mark.skipif(not kernels.active, reason="needs the kernels")


class Mapped(np.ndarray):
    """Stands for np.memmap and the like."""


@pytest.mark.parametrize("array", [np.zeros(3), np.zeros((4, 6))[1::2, ::-1], np.zeros((0, 2)), np.zeros(())])
def test_the_library_finds_the_memory_of_arrays(array):
    assert kernels.tell is id
    assert int(kernels.ffi.cast("uintptr_t", kernels.lib.kg_data(id(array)))) == array.ctypes.data
    assert kernels.memory(array) == array.ctypes.data


@pytest.mark.parametrize(
    "other", [None, 0.5, np.float32(1), np.zeros(3).view(Mapped), b"bytes", np.ndarray, [1.0]]
)
def test_the_library_reads_nothing_but_arrays(other):
    assert kernels.lib.kg_data(id(other)) == kernels.lib.kg_data(0) == kernels.ffi.NULL


def test_kernels_refuse_what_is_no_plain_array():
    x, out = np.array([1.0, -2.0, 3.0]), np.empty(3)
    copy = kernels.prepare(kernels.SOFTMAX, x.dtype, (1, 3, False, 3, 1))
    softmax = kernels.filling(kernels.SOFTMAX, x.dtype, (1, 3, False, 3, 1), x.shape)
    for other in x.view(Mapped), x.tolist(), x[0]:
        for call in lambda y: softmax(y), lambda y: copy(y, out), lambda y: copy(x, y):
            with pytest.raises(TypeError, match=r"softmax.*np\.asarray"):
                call(other)


def test_where_objects_tell_nothing_kernels_run_on_addresses_of_memory():
    source = """
import sys, numpy as np
sys.implementation.name = "other"
import autograd
from autograd import kernels
import nn.functional as F
assert kernels.active and kernels.tell is kernels.memory
x = autograd.tensor(np.random.default_rng(0).standard_normal((96, 64)))
for shown in x, x[::2], x.T:
    for _ in range(2):
        assert np.allclose(autograd.sum(shown, 0).data, shown.data.sum(0), atol=1e-4)
        assert np.allclose(F.softmax(shown, 1).data.sum(1), 1)
        assert np.allclose((shown.T @ shown).data, shown.data.T @ shown.data, atol=1e-3)
        assert np.allclose(autograd.sigmoid(shown).data, 1 / (1 + np.exp(-shown.data)), atol=1e-5)
        assert np.allclose(autograd.clamp(shown, -1.0, 1.0).data, shown.data.clip(-1, 1))
"""
    subprocess.run([sys.executable, "-c", source], check=True, timeout=60)
