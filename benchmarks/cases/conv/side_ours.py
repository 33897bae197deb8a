"""autograd.conv2d and the two ops that are its gradients, on tensors that want no gradient."""

from __future__ import annotations

import autograd
from autograd.ops import conv
from benchmarks.cases import Inputs, Run


def make(
    inputs: Inputs, batch: int, channels: int, size: int, filters: int, kernel: int, stride: int,
    padding: int, groups: int, direction: str,
) -> Run:  # fmt: skip
    x, w, g = (autograd.tensor(inputs[name]) for name in "xwg")
    if direction == "forward":
        return lambda: autograd.conv2d(x, w, None, stride, padding, 1, groups)
    window = {"stride": (stride,) * 2, "padding": (padding,) * 2, "dilation": (1, 1), "groups": groups}
    if direction == "input":
        return lambda: conv.conv2d_input_(g, w, size=(size, size), **window)
    return lambda: conv.conv2d_weight_(x, g, size=(kernel, kernel), **window)
