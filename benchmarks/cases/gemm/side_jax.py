"""jax.numpy.matmul under jit, waited for."""

from __future__ import annotations

import jax
import jax.numpy as jnp

from benchmarks.cases import Inputs, Run


def make(inputs: Inputs, form: str, batch: int, m: int, n: int, k: int, dtype: str) -> Run:
    jax.config.update("jax_enable_x64", dtype == "float64")
    a, b, bias = (jnp.asarray(inputs[name]) for name in ("a", "b", "bias"))
    forms = {
        "ab": lambda a, b, bias: a @ b,
        "atb": lambda a, b, bias: a.T @ b,
        "abt": lambda a, b, bias: a @ b.swapaxes(-1, -2),
        "relu": lambda a, b, bias: jax.nn.relu(a @ b.T + bias),
    }
    product = jax.jit(forms[form])
    return lambda: product(a, b, bias).block_until_ready()
