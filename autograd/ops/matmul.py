"""The matrix product, in all of NumPy's cases, and the affine map y = x W^T + b of a linear layer."""

from __future__ import annotations

from typing import Any

import numpy as np

from autograd.op import REGISTRY, cast, finish_one, operation
from autograd.ops import reduce_kernel
from autograd.ops.matmul_kernel import DOT_UP_TO, dot_pays
from autograd.ops.matmul_kernel import matmul as product
from autograd.ops.reduce import sum as sum_over
from autograd.ops.shape import reshape, swap_last, unsqueeze
from autograd.tape import FACES, RECORD, Value, mode

Shape = tuple[int, ...]
new = object.__new__
ndarray = np.ndarray


def matmul_shape(x: Shape, y: Shape) -> Shape:
    if x[-1] != y[-2]:
        raise ValueError(
            f"matmul: shapes {x} and {y} don't fit: the last length of the first ({x[-1]}) must equal the "
            f"second to last of the second ({y[-2]})"
        )
    try:
        return (*np.broadcast_shapes(x[:-2], y[:-2]), x[-2], y[-1])
    except ValueError:
        raise ValueError(f"matmul: batch dimensions of shapes {x} and {y} don't broadcast") from None


# Batch dimensions that broadcast are summed by the backward loop, as for any op.
matmul_ = operation(
    "matmul",
    lambda x, y: product(x, y),
    {"x": lambda g, y: matmul_(g, swap_last(y)), "y": lambda g, x: matmul_(swap_last(x), g)},
    shape=matmul_shape,
    raw_rules={
        "x": lambda g, y: product(g, y.swapaxes(-1, -2)),
        "y": lambda g, x: product(x.swapaxes(-1, -2), g),
    },
)
OP = REGISTRY["matmul"]


def matmul(x: Any, y: Any) -> Any:
    """The matrix product: vectors, matrices and broadcast batches of them, as NumPy's `@`.

    >>> import autograd
    >>> autograd.matmul(autograd.ones(2, 3), autograd.ones(3)).tolist()
    [3.0, 3.0]
    """
    if isinstance(x, Value) and isinstance(y, Value):  # two matrices, without detours
        left, right = x.data, y.data
        if left.__class__ is right.__class__ is ndarray and left.ndim == 2 == right.ndim:
            (m, k), (inner, n) = left.shape, right.shape
            if k == inner and left.dtype is right.dtype:
                work = m * k * n
                dots = work <= DOT_UP_TO and (m > 1 < n or dot_pays(work, left, right))
                out = left.dot(right) if dots else product(left, right)
                if x.node is None and y.node is None and mode.word <= RECORD:
                    result = new(FACES[ndarray])
                    result.data, result.node = out, None
                    return result
                return finish_one(OP, (x, y), (left, right), out, {})
    a, b = tuple(x.shape), tuple(y.shape)
    if not a or not b:
        raise ValueError(
            f"matmul: want at least one dimension each, got shapes {a} and {b}; use * for numbers"
        )
    if a[-1] != b[-2:][0]:
        raise ValueError(
            f"matmul: shapes {a} and {b} don't fit: the last length of the first ({a[-1]}) must equal the "
            f"{'length' if len(b) == 1 else 'second to last'} of the second ({b[-2:][0]})"
        )
    if x.dtype is not y.dtype and x.dtype != y.dtype:
        dtype = np.result_type(x.dtype, y.dtype) if x.dtype.kind == y.dtype.kind else None
        dtype = dtype or (x.dtype if x.dtype.kind == "f" else y.dtype)
        x, y = cast(x, dtype), cast(y, dtype)
    if len(a) == 1:
        out = matmul(unsqueeze(x, 0), y)
        return reshape(out, (*out.shape[:-2], out.shape[-1])) if len(b) > 1 else reshape(out, ())
    if len(b) == 1:
        out = matmul(x, unsqueeze(y, 1))
        return reshape(out, out.shape[:-1])
    matmul_shape(a, b)
    if len(a) > 2 and len(b) == 2:
        # One product of all rows, so that y's gradient is one product too, not a batch to be summed.
        return reshape(matmul_(reshape(x, (-1, a[-1])), y), (*a[:-1], b[-1])) if a[-1] else matmul_(x, y)
    return matmul_(x, y)


def mm(x: Any, y: Any) -> Any:
    """The product of two matrices, (m, k) and (k, n)."""
    return of_dimensions("mm", x, y, 2)


def bmm(x: Any, y: Any) -> Any:
    """Products of matrices pair by pair: (b, m, k) and (b, k, n)."""
    if len(x.shape) == len(y.shape) == 3 and x.shape[0] != y.shape[0]:
        raise ValueError(f"bmm: batches of {x.shape[0]} and {y.shape[0]} matrices; want equally many")
    return of_dimensions("bmm", x, y, 3)


def of_dimensions(name: str, x: Any, y: Any, ndim: int) -> Any:
    if not len(x.shape) == len(y.shape) == ndim:
        raise ValueError(
            f"{name}: want {ndim} dimensions each, got shapes {tuple(x.shape)} and {tuple(y.shape)}; or use "
            "matmul"
        )
    return matmul(x, y)


def linear_shape(x: Shape, weight: Shape, bias: Shape | None = None) -> Shape:
    if len(weight) != 2 or x[-1] != weight[1]:
        raise ValueError(
            f"linear: an input of shape {x} doesn't fit a weight of shape {weight}: its last length must be "
            f"{weight[-1]} (in_features)"
        )
    if bias is not None and bias != (weight[0],):
        raise ValueError(f"linear: bias of shape {bias}, want ({weight[0]},) for a weight of shape {weight}")
    return (x[0], weight[0])


def linear_forward(x: np.ndarray, weight: np.ndarray, bias: np.ndarray) -> np.ndarray:
    return product(x, weight.T, bias)


linear_ = operation(
    "linear",
    linear_forward,
    {
        "x": lambda g, weight: matmul_(g, weight),
        "weight": lambda g, x: matmul_(swap_last(g), x),
        "bias": lambda g: sum_over(g, 0),
    },
    shape=linear_shape,
    raw_rules={
        "x": lambda g, weight: product(g, weight),
        "weight": lambda g, x: product(g.T, x),
        "bias": lambda g: reduce_kernel.sum(g, (0,)),
    },
)


def linear(x: Any, weight: Any, bias: Any = None) -> Any:
    """x W^T + b: x (*, in_features), weight (out_features, in_features), bias (out_features,)."""
    shape = tuple(x.shape)
    if not shape:
        raise ValueError("linear: want at least one dimension, got a 0-d input")
    linear_shape(shape, tuple(weight.shape), None if bias is None else tuple(bias.shape))
    if bias is None:
        return matmul(x, swap_last(weight))
    if not x.dtype == weight.dtype == bias.dtype:
        raise TypeError(
            f"linear: input of {x.dtype}, weight of {weight.dtype}, bias of {bias.dtype}: cast one"
        )
    if len(shape) == 2:
        return linear_(x, weight, bias)
    rows = reshape(x, (int(np.prod(shape[:-1], dtype=int)), shape[-1]))
    return reshape(linear_(rows, weight, bias), (*shape[:-1], weight.shape[0]))
