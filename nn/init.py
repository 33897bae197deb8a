"""Starting values of parameters, under PyTorch's names; all write in place and return the tensor.

The numbers come from autograd's generator: `autograd.manual_seed` decides them.
"""

from __future__ import annotations

import math
import statistics

import numpy as np

from autograd import Tensor
from autograd.ops.random import default_generator
from autograd.ops.update import assign
from autograd.random import rand_like
from autograd.tape import TRACE, mode, no_grad

__all__ = [
    "calculate_gain", "constant_", "kaiming_normal_", "kaiming_uniform_", "normal_", "ones_", "orthogonal_",
    "trunc_normal_", "uniform_", "xavier_normal_", "xavier_uniform_", "zeros_",
]  # fmt: skip

GAINS = {
    "linear": 1.0, "conv2d": 1.0, "conv_transpose2d": 1.0, "sigmoid": 1.0, "tanh": 5.0 / 3.0,
    "relu": math.sqrt(2.0), "selu": 0.75,
}  # fmt: skip


def fill(tensor: Tensor, values: Tensor | np.ndarray | float) -> Tensor:
    with no_grad():
        assign(tensor, values)
    return tensor


def uniform_(tensor: Tensor, a: float = 0.0, b: float = 1.0) -> Tensor:
    """Uniform in [a, b)."""
    drawn = rand_like(tensor)
    return fill(tensor, drawn * (b - a) + a if mode.word & TRACE else drawn.data * (b - a) + a)


def normal_(tensor: Tensor, mean: float = 0.0, std: float = 1.0) -> Tensor:
    return fill(tensor, default_generator.normal(tensor.shape, tensor.dtype, mean, std))


def constant_(tensor: Tensor, val: float) -> Tensor:
    return fill(tensor, val)


def ones_(tensor: Tensor) -> Tensor:
    return fill(tensor, 1.0)


def zeros_(tensor: Tensor) -> Tensor:
    return fill(tensor, 0.0)


def trunc_normal_(
    tensor: Tensor, mean: float = 0.0, std: float = 1.0, a: float = -2.0, b: float = 2.0
) -> Tensor:
    """Normal, cut to [a, b]: the inverse distribution of numbers uniform between its values there."""
    normal = statistics.NormalDist(mean, std)
    low, high = normal.cdf(a), normal.cdf(b)
    if not low < high:
        raise ValueError(f"trunc_normal_: no probability between a={a} and b={b} for mean {mean}, std {std}")
    if mode.word & TRACE:
        mode.trace.refuse_draw("trunc_normal_")
    u = default_generator.uniform(tensor.shape, np.float64) * (high - low) + low
    # inv_cdf is not defined at 0 and 1 themselves.
    u = np.clip(u, np.finfo(np.float64).tiny, np.nextafter(1.0, 0.0))
    values = np.fromiter(map(normal.inv_cdf, u.ravel().tolist()), np.float64, u.size)
    return fill(tensor, np.clip(values, a, b).reshape(u.shape).astype(tensor.dtype))


def calculate_gain(nonlinearity: str, param: float | None = None) -> float:
    """By how much weights must be larger for variance to survive a nonlinearity.

    >>> calculate_gain("leaky_relu", 1.0)
    1.0
    """
    if nonlinearity == "leaky_relu":
        return math.sqrt(2.0 / (1 + (0.01 if param is None else param) ** 2))
    if nonlinearity not in GAINS:
        raise ValueError(
            f"calculate_gain: unknown {nonlinearity!r}; known: {', '.join([*GAINS, 'leaky_relu'])}"
        )
    return GAINS[nonlinearity]


def fans(tensor: Tensor) -> tuple[int, int]:
    """(fan_in, fan_out): how many inputs an output has, and the reverse; weight is (out, in, *kernel)."""
    if tensor.ndim < 2:
        raise ValueError(
            f"init: a tensor of shape {tensor.shape} has no fan in and fan out; want 2 dimensions"
        )
    field = math.prod(tensor.shape[2:])
    return tensor.shape[1] * field, tensor.shape[0] * field


def fan_of(tensor: Tensor, mode: str) -> int:
    if mode not in ("fan_in", "fan_out"):
        raise ValueError(f'kaiming: mode must be "fan_in" or "fan_out", got {mode!r}')
    return fans(tensor)[mode == "fan_out"]


def xavier_uniform_(tensor: Tensor, gain: float = 1.0) -> Tensor:
    """Uniform in +-gain sqrt(6 / (fan_in + fan_out)) (Glorot and Bengio 2010)."""
    bound = gain * math.sqrt(6.0 / sum(fans(tensor)))
    return uniform_(tensor, -bound, bound)


def xavier_normal_(tensor: Tensor, gain: float = 1.0) -> Tensor:
    """Normal with std gain sqrt(2 / (fan_in + fan_out)) (Glorot and Bengio 2010)."""
    return normal_(tensor, 0.0, gain * math.sqrt(2.0 / sum(fans(tensor))))


def kaiming_uniform_(
    tensor: Tensor, a: float = 0.0, mode: str = "fan_in", nonlinearity: str = "leaky_relu"
) -> Tensor:
    """Uniform in +-gain sqrt(3 / fan) (He et al. 2015)."""
    bound = calculate_gain(nonlinearity, a) * math.sqrt(3.0 / max(fan_of(tensor, mode), 1))
    return uniform_(tensor, -bound, bound)


def kaiming_normal_(
    tensor: Tensor, a: float = 0.0, mode: str = "fan_in", nonlinearity: str = "leaky_relu"
) -> Tensor:
    """Normal with std gain / sqrt(fan) (He et al. 2015)."""
    return normal_(tensor, 0.0, calculate_gain(nonlinearity, a) / math.sqrt(max(fan_of(tensor, mode), 1)))


def orthogonal_(tensor: Tensor, gain: float = 1.0) -> Tensor:
    """Orthonormal rows or columns (whichever are fewer), times gain (Saxe et al. 2014).

    >>> import autograd
    >>> w = orthogonal_(autograd.zeros(2, 5))
    >>> bool(np.allclose(w.data @ w.data.T, np.eye(2), atol=1e-6))
    True
    """
    fans(tensor)
    if mode.word & TRACE:
        mode.trace.refuse_draw("orthogonal_")
    rows, columns = tensor.shape[0], math.prod(tensor.shape[1:])
    normal = default_generator.normal((max(rows, columns), min(rows, columns)), np.float64)
    q, r = np.linalg.qr(normal)
    q *= np.sign(np.diag(r))  # makes the distribution uniform over orthogonal matrices (Mezzadri 2007)
    return fill(tensor, gain * (q.T if rows < columns else q).reshape(tensor.shape).astype(tensor.dtype))


def default_linear_(weight: Tensor, bias: Tensor | None, fan_in: int) -> None:
    """What Linear and convolutions start with: uniform in +-1 / sqrt(fan_in), weight and bias alike."""
    bound = 1.0 / math.sqrt(fan_in) if fan_in else 0.0
    uniform_(weight, -bound, bound)
    if bias is not None:
        uniform_(bias, -bound, bound)
