"""kernelgrad's engine: tensors and numbers that can be differentiated, with PyTorch's names.

    import autograd

    w = autograd.randn(3, requires_grad=True)
    loss = (w * w).sum()
    loss.backward()
    w.grad                      # 2 w

Where to read on: `tape` (the backward pass), `op` (the record of an op and its door), `ops.elementwise`
(the table of derivatives), `explain` (a backward pass step by step, with its numbers).
"""

from __future__ import annotations

import importlib
import warnings
from typing import TYPE_CHECKING, Any

from autograd import func
from autograd.check import allclose, gradcheck, gradgradcheck
from autograd.create import (
    arange,
    as_tensor,
    empty,
    empty_like,
    eye,
    from_numpy,
    full,
    full_like,
    linspace,
    ones,
    ones_like,
    tensor,
    zeros,
    zeros_like,
)
from autograd.dtypes import (
    bool_,
    float32,
    float64,
    get_default_dtype,
    int32,
    int64,
    set_default_dtype,
    uint8,
)
from autograd.function import Function
from autograd.gradients import backward, grad
from autograd.jit import JitError, jit
from autograd.kernels import get_num_threads, set_num_threads
from autograd.ops.conv import conv2d, conv_transpose2d
from autograd.ops.conv_choice import get_conv_algorithm, set_conv_algorithm
from autograd.ops.elementwise import (
    abs,
    add,
    ceil,
    clamp,
    cos,
    div,
    elu,
    eq,
    erf,
    exp,
    expm1,
    floor,
    floor_divide,
    ge,
    gelu,
    gt,
    isfinite,
    isinf,
    isnan,
    le,
    leaky_relu,
    log,
    log1p,
    logical_and,
    logical_not,
    logical_or,
    lt,
    maximum,
    minimum,
    mul,
    ne,
    neg,
    pow,
    relu,
    remainder,
    round,
    rsqrt,
    sigmoid,
    sign,
    silu,
    sin,
    softplus,
    sqrt,
    square,
    sub,
    tanh,
    where,
)
from autograd.ops.index import embedding, gather, scatter_add
from autograd.ops.matmul import bmm, linear, matmul, mm
from autograd.ops.order import argsort, sort, topk, tril, triu
from autograd.ops.pool import avg_pool2d, max_pool2d
from autograd.ops.reduce import (
    amax,
    amin,
    argmax,
    argmin,
    logsumexp,
    max,
    mean,
    min,
    norm,
    std,
    sum,
    var,
)
from autograd.ops.shape import (
    cat,
    chunk,
    expand,
    flatten,
    flip,
    narrow,
    pad,
    permute,
    reshape,
    split,
    squeeze,
    stack,
    transpose,
    unbind,
    unsqueeze,
)
from autograd.ops.softmax import log_softmax, softmax
from autograd.random import (
    Generator,
    bernoulli,
    default_generator,
    dropout,
    get_rng_state,
    initial_seed,
    manual_seed,
    multinomial,
    normal,
    rand,
    rand_like,
    randint,
    randn,
    randn_like,
    randperm,
    seed,
    set_rng_state,
)
from autograd.scalar import Scalar
from autograd.tape import detect_anomaly, enable_grad, is_grad_enabled, no_grad, set_grad_enabled
from autograd.tensor import Tensor

__all__ = [
    "abs", "add", "allclose", "amax", "amin", "arange", "argmax", "argmin", "argsort", "as_tensor",
    "avg_pool2d", "backward", "bernoulli", "bmm", "bool_", "cat", "ceil", "chunk", "clamp", "conv2d",
    "conv_transpose2d", "cos", "default_generator", "detect_anomaly", "div", "dropout", "elu",
    "embedding", "empty", "empty_like", "enable_grad", "eq", "erf", "exp", "expand", "explain", "expm1",
    "eye", "flatten", "flip", "float32", "float64", "floor", "floor_divide", "from_numpy", "full",
    "full_like", "func", "Function", "gather", "ge", "gelu", "Generator", "get_conv_algorithm",
    "get_default_dtype", "get_num_threads", "get_rng_state", "grad", "gradcheck", "gradgradcheck", "gt",
    "initial_seed", "int32", "int64", "is_grad_enabled", "isfinite", "isinf", "isnan", "jit",
    "JitError", "le", "leaky_relu", "linear", "linspace", "log", "log1p", "log_softmax", "logical_and",
    "logical_not", "logical_or", "logsumexp", "lt", "manual_seed", "matmul", "max", "max_pool2d",
    "maximum", "mean", "min", "minimum", "mm", "mul", "multinomial", "narrow", "ne", "neg", "no_grad",
    "norm", "normal", "ones", "ones_like", "pad", "permute", "pow", "rand", "rand_like", "randint",
    "randn", "randn_like", "randperm", "relu", "remainder", "reshape", "round", "rsqrt", "Scalar",
    "scatter_add", "seed", "set_conv_algorithm", "set_default_dtype", "set_grad_enabled",
    "set_num_threads", "set_rng_state", "sigmoid", "sign", "silu", "sin", "softmax", "softplus", "sort",
    "split", "sqrt", "square", "squeeze", "stack", "std", "sub", "sum", "tanh", "Tensor", "tensor",
    "topk", "transpose", "tril", "triu", "uint8", "unbind", "unsqueeze", "var", "where", "zeros",
    "zeros_like",
]  # fmt: skip

if TYPE_CHECKING:
    from autograd import explain as explain


def __getattr__(name: str) -> Any:
    """`autograd.explain` is imported when it is first asked for: training never needs it."""
    if name == "explain":
        return importlib.import_module("autograd.explain")
    raise AttributeError(f"module 'autograd' has no attribute {name!r}")


# IEEE's answers (log(0) = -inf) are results here, as in PyTorch, not occasions for NumPy's warnings.
warnings.filterwarnings("ignore", category=RuntimeWarning, module=r"autograd\b")

__version__ = "0.1.0"
