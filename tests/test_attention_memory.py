"""Attention makes no matrix of all scores: not as an array, and not in the kernels' scratch."""

import tracemalloc

import numpy as np
import pytest

from autograd import Tensor, kernels
from autograd.ops.attention import attention

pytestmark = pytest.mark.skipif(not kernels.active, reason="no compiled kernels")


def test_memory_grows_with_the_length_and_not_with_its_square():
    length, e, draw = 4096, 8, np.random.default_rng(0)
    q, k, v = (Tensor(draw.normal(size=(length, e)).astype(np.float32), requires_grad=True) for _ in range(3))
    kernels.give_back()
    tracemalloc.start()
    try:
        attention(q, k, v, causal=True).sum().backward()
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert peak < 40 * length * e  # bytes; the matrix of scores has 4 length^2
    for kernel, count in ((kernels.ATTENTION, 24), (kernels.ATTENTION_BACKWARD, 36)):
        for n in (length, 16 * length):
            code = {"kernel": kernel, "sizes": [1, 1, n, n, e, e, *[0] * (count - 6)]}
            scratch = kernels.lib.kg_workspace(kernels.ffi.new("kg_instruction *", code))
            assert scratch < (1e6 + 128 * n) * kernels.get_num_threads()
