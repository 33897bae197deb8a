"""Images (N, C, H, W): convolution and pooling come from the engine; here is what is made of other ops."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

import autograd
from autograd import Tensor
from autograd.ops.conv import conv2d, conv_transpose2d
from autograd.ops.enlarge import enlarge
from autograd.ops.pool import avg_pool2d, max_pool2d
from autograd.tape import traced_constant

__all__ = [
    "adaptive_avg_pool2d", "avg_pool2d", "conv2d", "conv_transpose2d", "interpolate", "max_pool2d",
    "pixel_pair",
]  # fmt: skip


def pixel_pair(name: str, what: str, value: Any) -> tuple[int, int]:
    """An int, or a pair of them, as a pair (height, width)."""
    pair = tuple(value) if isinstance(value, tuple | list) else (value, value)
    if len(pair) != 2 or any(not isinstance(v, int | np.integer) for v in pair):
        raise ValueError(f"{name}: want {what} as an int or a pair of ints, got {value!r}")
    return int(pair[0]), int(pair[1])


def averaging(length: int, count: int, dtype: Any) -> np.ndarray:
    """(count, length): row i averages the places floor(i length / count) to ceil((i + 1) length / count)."""
    matrix = np.zeros((count, length), dtype)
    for i in range(count):
        begin, end = i * length // count, -(-(i + 1) * length // count)
        matrix[i, begin:end] = 1 / (end - begin)
    return traced_constant(matrix)  # type: ignore[no-any-return]


def adaptive_avg_pool2d(input: Any, output_size: Any) -> Any:
    """Means over windows chosen so that the output is (N, C, *output_size); None keeps a length.

    >>> import autograd
    >>> adaptive_avg_pool2d(autograd.arange(16.0).reshape(1, 1, 4, 4), 1).item()
    7.5
    """
    height, width = (int(length) for length in input.shape[-2:])
    wanted = tuple(output_size) if isinstance(output_size, tuple | list) else (output_size, output_size)
    own = (height, width)
    rows, columns = pixel_pair(
        "adaptive_avg_pool2d",
        "output_size",
        tuple(own[i] if w is None else w for i, w in enumerate(wanted)),
    )
    if rows < 1 or columns < 1:
        raise ValueError(f"adaptive_avg_pool2d: want an output_size of at least 1, got {output_size!r}")
    if (rows, columns) == (1, 1):
        return autograd.mean(input, (-2, -1), keepdim=True)
    # Windows are of unequal length and overlap unless lengths divide: two products with averaging matrices.
    down = Tensor(averaging(height, rows, input.dtype))
    across = Tensor(averaging(width, columns, input.dtype).T)
    return autograd.matmul(autograd.matmul(down, input), across)


def interpolate(input: Any, size: Any = None, scale_factor: Any = None, mode: str = "nearest") -> Any:
    """Images enlarged (or reduced) to `size`, or by `scale_factor`: pixel i comes from floor(i H / H_out).

    Only mode "nearest" is there.

    >>> import autograd
    >>> interpolate(autograd.tensor([[[[1.0, 2.0]]]]), scale_factor=2).tolist()
    [[[[1.0, 1.0, 2.0, 2.0], [1.0, 1.0, 2.0, 2.0]]]]
    """
    if mode != "nearest":
        raise ValueError(f'interpolate: only mode "nearest" is there, got {mode!r}')
    if (size is None) == (scale_factor is None):
        raise ValueError("interpolate: give either size or scale_factor")
    shape = tuple(input.shape)
    if len(shape) != 4:
        raise ValueError(f"interpolate: want an input (N, C, H, W), got shape {shape}")
    if size is not None:
        sizes = pixel_pair("interpolate", "size", size)
        steps = (shape[2] / sizes[0], shape[3] / sizes[1])
    else:
        factors = tuple(scale_factor) if isinstance(scale_factor, tuple | list) else (scale_factor,) * 2
        sizes = (math.floor(shape[2] * factors[0]), math.floor(shape[3] * factors[1]))
        steps = (1 / factors[0], 1 / factors[1])  # as PyTorch: the factor given, not that of the sizes
    if min(sizes) < 1:
        raise ValueError(
            f"interpolate: {shape[2:]} with size={size}, scale_factor={scale_factor} leaves nothing"
        )
    if all(sizes[i] % shape[2 + i] == 0 and steps[i] * sizes[i] == shape[2 + i] for i in (0, 1)):
        return enlarge(input, sizes[0] // shape[2], sizes[1] // shape[3])
    rows, columns = (
        traced_constant(
            np.minimum(np.floor(np.arange(sizes[i]) * steps[i]).astype(np.int64), shape[2 + i] - 1)
        )
        for i in (0, 1)
    )
    return input[:, :, rows[:, None], columns[None, :]]
