"""jax.lax.conv_general_dilated and its transposes, each in a jit of its own."""

from __future__ import annotations

import jax
import jax.numpy as jnp

from benchmarks.cases import Inputs, Run


def make(
    inputs: Inputs, batch: int, channels: int, size: int, filters: int, kernel: int, stride: int,
    padding: int, groups: int, direction: str,
) -> Run:  # fmt: skip
    x, w, g = (jnp.asarray(inputs[name]) for name in "xwg")

    def conv(x: jax.Array, w: jax.Array) -> jax.Array:
        border = [(padding, padding)] * 2
        return jax.lax.conv_general_dilated(x, w, (stride, stride), border, feature_group_count=groups)

    functions = {
        "forward": lambda x, w, g: conv(x, w),
        "input": lambda x, w, g: jax.vjp(lambda x: conv(x, w), x)[1](g)[0],
        "weight": lambda x, w, g: jax.vjp(lambda w: conv(x, w), w)[1](g)[0],
    }
    function = jax.jit(functions[direction])
    return lambda: function(x, w, g).block_until_ready()
