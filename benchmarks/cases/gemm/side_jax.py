"""jax.numpy.matmul under jit, waited for."""

from __future__ import annotations

import jax

from benchmarks.cases import Inputs, Run


def make(inputs: Inputs, m: int, n: int, k: int) -> Run:
    a, b = jax.numpy.asarray(inputs["a"]), jax.numpy.asarray(inputs["b"])
    product = jax.jit(jax.numpy.matmul)
    return lambda: product(a, b).block_until_ready()
