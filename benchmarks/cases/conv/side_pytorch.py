"""torch.nn.functional.conv2d and its backward op (oneDNN), in PyTorch's default layout."""

from __future__ import annotations

import torch

from benchmarks.cases import Inputs, Run


def make(
    inputs: Inputs, batch: int, channels: int, size: int, filters: int, kernel: int, stride: int,
    padding: int, groups: int, direction: str, layout: torch.memory_format = torch.contiguous_format,
) -> Run:  # fmt: skip
    x, w, g = (torch.from_numpy(inputs[name]).contiguous(memory_format=layout) for name in "xwg")
    if direction == "forward":
        return lambda: torch.nn.functional.conv2d(x, w, None, stride, padding, 1, groups)
    which = {"input": 0, "weight": 1}[direction]
    mask = [which == 0, which == 1, False]
    backward = torch.ops.aten.convolution_backward
    pair = ([stride] * 2, [padding] * 2, [1, 1], False, [0, 0])
    return lambda: backward(g, x, w, None, *pair, groups, mask)[which]
