"""The table of derivatives: ops that work element by element.

One row an op: its name, its forward, and one gradient rule per input. `g` is the gradient of the output,
`z` the output itself; a rule keeps just what it names. The rules are written in ops again, so they have
derivatives of their own.
"""

from __future__ import annotations

import math
import operator
from collections.abc import Callable
from functools import partial
from numbers import Number
from typing import Any

import numpy as np

from autograd import accelerated
from autograd.doors import elementwise
from autograd.quick import quick
from autograd.tape import Value

# Arithmetic --------------------------------------------------------------------------------------

add = elementwise("add", np.add, (lambda g: g, lambda g: g), number=operator.add)
sub = elementwise("sub", np.subtract, (lambda g: g, lambda g: -g), number=operator.sub)
mul = elementwise("mul", np.multiply, (lambda g, y: g * y, lambda g, x: g * x), number=operator.mul)
div = elementwise(
    "div",
    np.true_divide,
    (lambda g, y: g / y, lambda g, y, z: -g * z / y),
    number=operator.truediv,
    floating=True,
)
neg = elementwise("neg", np.negative, (lambda g: -g,), number=operator.neg)
floor_divide = elementwise(
    "floor_divide", np.floor_divide, (lambda g: 0.0 * g, lambda g: 0.0 * g), number=operator.floordiv
)
# The quotient, rounded down, is (x - z) / y.
remainder = elementwise(
    "remainder", np.remainder, (lambda g: g, lambda g, x, y, z: g * (z - x) / y), number=operator.mod
)


def pow_rule_x(g: Any, x: Any, y: Any) -> Any:
    """g * y * x**(y - 1), which is 0 at y = 0 even where x = 0."""
    if isinstance(y, float | int):
        return g * (y * pow(x, y - 1.0)) if y else 0.0 * g
    return where_(eq(y, 0.0), 0.0 * g, g * y * pow(x, y - 1.0))


def pow_rule_y(g: Any, x: Any, y: Any, z: Any) -> Any:
    """g * z * log(x), which is 0 at x = 0 for y >= 0."""
    return where_(logical_and(eq(x, 0.0), ge(y, 0.0)), 0.0 * g, g * z * log(x))


def pow_number(x: float, y: float) -> float:
    """As NumPy: a root of a negative number is NaN, not complex."""
    z = x**y
    return math.nan if isinstance(z, complex) else z


pow_ = elementwise("pow", np.power, (pow_rule_x, pow_rule_y), number=pow_number)
square = elementwise("square", lambda x: x * x, (lambda g, x: 2.0 * g * x,), number=lambda x: x * x)
cube = elementwise("cube", lambda x: x * x * x, (lambda g, x: 3.0 * g * (x * x),), number=lambda x: x * x * x)
abs = elementwise("abs", np.absolute, (lambda g, x: g * sign(x),), number=operator.abs)
sign = elementwise("sign", np.sign, (lambda g: 0.0 * g,))
floor = elementwise("floor", np.floor, (lambda g: 0.0 * g,), number=lambda x: float(math.floor(x)))
ceil = elementwise("ceil", np.ceil, (lambda g: 0.0 * g,), number=lambda x: float(math.ceil(x)))
round = elementwise("round", np.rint, (lambda g: 0.0 * g,))


def pow(x: Any, y: Any) -> Any:
    """x to the power y. Integer tensors to a negative power become floats."""
    if y.__class__ in (int, float):
        if y == 2:
            return square(x)
        if y == 3:
            return cube(x)
        if y == 1:
            return mul(x, 1)
        if y == 0.5:
            return sqrt(x)
        if y < 0 and getattr(x, "dtype", None) is not None and x.dtype.kind != "f":
            y = float(y)
    return pow_(x, y)


# Powers, exponentials, trigonometry -------------------------------------------------------------

sqrt = elementwise("sqrt", np.sqrt, (lambda g, z: g / (2.0 * z),), number=math.sqrt, floating=True)
rsqrt = elementwise(
    "rsqrt", lambda x: 1.0 / sqrt(x), (lambda g, z: -0.5 * g * (z * z * z),), floating=True,
    number=lambda x: 1.0 / math.sqrt(x),
)  # fmt: skip
exp = elementwise("exp", np.exp, (lambda g, z: g * z,), number=math.exp, floating=True)
expm1 = elementwise("expm1", np.expm1, (lambda g, z: g * (z + 1.0),), number=math.expm1, floating=True)
log = elementwise("log", np.log, (lambda g, x: g / x,), number=math.log, floating=True)
log1p = elementwise("log1p", np.log1p, (lambda g, x: g / (x + 1.0),), number=math.log1p, floating=True)
sin = elementwise("sin", np.sin, (lambda g, x: g * cos(x),), number=math.sin, floating=True)
cos = elementwise("cos", np.cos, (lambda g, x: -g * sin(x),), number=math.cos, floating=True)
tanh = elementwise("tanh", np.tanh, (lambda g, z: g * (1.0 - z * z),), number=math.tanh, floating=True)


def erf_forward(x: Any) -> Any:
    """NumPy has no erf: the C library's, element by element (the kernel is the fast way)."""
    x = np.asarray(x)
    out = np.fromiter(map(math.erf, x.ravel().tolist()), np.float64, x.size).reshape(x.shape)
    return out.astype(x.dtype if x.dtype.kind == "f" else np.float64)


erf = elementwise(
    "erf",
    erf_forward,
    (lambda g, x: g * (2.0 / math.sqrt(math.pi)) * exp(-(x * x)),),
    number=math.erf,
    floating=True,
)


def sigmoid_forward(x: Any) -> Any:
    """1 / (1 + exp(-x)), with exp only of negative numbers so that nothing overflows."""
    e = np.exp(-np.abs(x))
    return np.where(x >= 0, 1.0, e) / (1.0 + e)


def sigmoid_number(x: float) -> float:
    e = math.exp(-math.fabs(x))
    return (1.0 if x >= 0 else e) / (1.0 + e)


sigmoid = elementwise(
    "sigmoid", sigmoid_forward, (lambda g, z: g * z * (1.0 - z),), number=sigmoid_number, floating=True
)

# Choosing ----------------------------------------------------------------------------------------
# Where two inputs of maximum or minimum are equal, each gets half of the gradient.

where_ = elementwise(
    "where",
    np.where,
    (None, lambda g, condition: where_(condition, g, 0.0), lambda g, condition: where_(condition, 0.0, g)),
    inputs=("condition", "x", "y"),
    number=lambda condition, x, y: x if condition else y,
)
maximum = elementwise(
    "maximum",
    np.maximum,
    (
        lambda g, x, y: where_(gt(x, y), g, where_(eq(x, y), 0.5 * g, 0.0)),
        lambda g, x, y: where_(gt(y, x), g, where_(eq(x, y), 0.5 * g, 0.0)),
    ),
    number=lambda x, y: x if x > y or x != x else y,
)
minimum = elementwise(
    "minimum",
    np.minimum,
    (
        lambda g, x, y: where_(lt(x, y), g, where_(eq(x, y), 0.5 * g, 0.0)),
        lambda g, x, y: where_(lt(y, x), g, where_(eq(x, y), 0.5 * g, 0.0)),
    ),
    number=lambda x, y: x if x < y or x != x else y,
)
clamp_ = elementwise(
    "clamp",
    lambda x, low, high: minimum(maximum(x, low), high),
    (lambda g, x, low, high: where_(logical_and(ge(x, low), le(x, high)), g, 0.0), None, None),
    inputs=("x", "low", "high"),
    number=lambda x, low, high: x if x != x else min(max(x, low), high),
    parameters=True,
)

# Comparisons: their outputs are booleans, which have no gradient ----------------------------------

BOOLEAN = "its output is boolean: piecewise constant, and not a number"
eq = elementwise("eq", np.equal, (None, None), number=operator.eq, why=BOOLEAN)
ne = elementwise("ne", np.not_equal, (None, None), number=operator.ne, why=BOOLEAN)
lt = elementwise("lt", np.less, (None, None), number=operator.lt, why=BOOLEAN)
le = elementwise("le", np.less_equal, (None, None), number=operator.le, why=BOOLEAN)
gt = elementwise("gt", np.greater, (None, None), number=operator.gt, why=BOOLEAN)
ge = elementwise("ge", np.greater_equal, (None, None), number=operator.ge, why=BOOLEAN)


def compared(door: Callable[..., Any]) -> Callable[..., Any]:
    """The operator == or != of a face: what is neither an array nor a number (None, say) is unequal to all,
    as in PyTorch, where the function itself would refuse it."""

    def operator(self: Any, other: Any) -> Any:
        given = other.data if isinstance(other, Value) else other
        return door(self, other) if isinstance(given, np.ndarray | np.generic | Number) else NotImplemented

    return operator


isnan = elementwise("isnan", np.isnan, (None,), number=math.isnan, why=BOOLEAN)
isinf = elementwise("isinf", np.isinf, (None,), number=math.isinf, why=BOOLEAN)
isfinite = elementwise("isfinite", np.isfinite, (None,), number=math.isfinite, why=BOOLEAN)
logical_not = elementwise("logical_not", np.logical_not, (None,), number=operator.not_, why=BOOLEAN)
logical_and = elementwise(
    "logical_and", np.logical_and, (None, None), number=lambda x, y: bool(x and y), why=BOOLEAN
)
logical_or = elementwise(
    "logical_or", np.logical_or, (None, None), number=lambda x, y: bool(x or y), why=BOOLEAN
)

# Activations -------------------------------------------------------------------------------------


def relu_rule(g: Any, z: Any) -> Any:
    """0 where z <= 0, else g"""
    if g.__class__ is float:
        return 0.0 if z <= 0.0 else g
    return where_(le(z, 0.0), 0.0, g)  # and g where z is NaN: a NaN must not train on as a zero


relu = elementwise(
    "relu",
    lambda x: maximum(x, 0),
    (relu_rule,),
    number=lambda x: x if x > 0.0 or x != x else 0.0,
)
leaky_relu_ = elementwise(
    "leaky_relu",
    lambda x, slope: where_(gt(x, 0.0), x, slope * x),
    (lambda g, x, slope: where_(gt(x, 0.0), g, slope * g), None),
    inputs=("x", "slope"),
    number=lambda x, slope: x if x > 0.0 else slope * x,
    parameters=True,
)
elu_ = elementwise(
    "elu",
    lambda x, alpha: where_(gt(x, 0.0), x, alpha * expm1(minimum(x, 0.0))),
    (lambda g, x, alpha: where_(gt(x, 0.0), g, g * alpha * exp(minimum(x, 0.0))), None),
    inputs=("x", "alpha"),
    number=lambda x, alpha: x if x > 0.0 else alpha * math.expm1(x),
    floating=True,
    parameters=True,
)
softplus = elementwise(
    "softplus",
    lambda x: maximum(x, 0.0) + log1p(exp(-abs(x))),
    (lambda g, x: g * sigmoid(x),),
    number=lambda x: max(x, 0.0) + math.log1p(math.exp(-math.fabs(x))),
    floating=True,
)
silu = elementwise(
    "silu",
    lambda x: x * sigmoid(x),
    (lambda g, x: g * (sigmoid(x) * (1.0 + x * (1.0 - sigmoid(x)))),),
    number=lambda x: x * sigmoid_number(x),
    floating=True,
)
SQRT_HALF, SQRT_2_OVER_PI = math.sqrt(0.5), math.sqrt(2.0 / math.pi)
gelu_ = elementwise(
    "gelu",
    lambda x: x * 0.5 * (1.0 + erf(x * SQRT_HALF)),
    (lambda g, x: g * (0.5 * (1.0 + erf(x * SQRT_HALF)) + x * exp(x * x * -0.5) * (0.5 * SQRT_2_OVER_PI)),),
    number=lambda x: x * 0.5 * (1.0 + math.erf(x * SQRT_HALF)),
    floating=True,
)


gelu_tanh = elementwise(
    "gelu_tanh",
    lambda x: x * sigmoid(2.0 * SQRT_2_OVER_PI * (x + 0.044715 * (x * x * x))),
    (lambda g, x: g * gelu_tanh_slope(x),),
    number=lambda x: x * sigmoid_number(2.0 * SQRT_2_OVER_PI * (x + 0.044715 * (x * x * x))),
    floating=True,
)


def gelu_tanh_slope(x: Any) -> Any:
    s = sigmoid(2.0 * SQRT_2_OVER_PI * (x + 0.044715 * (x * x * x)))
    return s + x * (s * (1.0 - s)) * (2.0 * SQRT_2_OVER_PI * (1.0 + 0.134145 * (x * x)))


logsigmoid = elementwise(
    "logsigmoid",
    lambda x: -softplus(-x),
    (lambda g, x: g * sigmoid(-x),),
    number=lambda x: min(x, 0.0) - math.log1p(math.exp(-math.fabs(x))),
    floating=True,
)
# With labels y in [0, 1] and the logit x of 1: -(y log p + (1 - y) log(1 - p)), p = sigmoid(x).
logistic_loss = elementwise(
    "logistic_loss",
    lambda x, y: (1.0 - y) * x + softplus(-x),
    (lambda g, x, y: g * (sigmoid(x) - y), lambda g, x: -g * x),
    number=lambda x, y: (1.0 - y) * x + max(-x, 0.0) + math.log1p(math.exp(-math.fabs(x))),
    floating=True,
)


def leaky_relu(x: Any, negative_slope: float = 0.01) -> Any:
    """x where x > 0, else negative_slope * x (Maas et al. 2013)."""
    return leaky_relu_(x, float(negative_slope))


def elu(x: Any, alpha: float = 1.0) -> Any:
    """x where x > 0, else alpha * (exp(x) - 1) (Clevert et al. 2016)."""
    return elu_(x, float(alpha))


def gelu(x: Any, approximate: str = "none") -> Any:
    """x * Phi(x), Phi the normal distribution function (Hendrycks and Gimpel 2016).

    approximate="tanh" uses 0.5 x (1 + tanh(sqrt(2/pi) (x + 0.044715 x^3))).
    """
    if approximate == "none":
        return gelu_(x)
    if approximate != "tanh":
        raise ValueError(f'gelu: approximate must be "none" or "tanh", got {approximate!r}')
    return gelu_tanh(x)


def clamp(x: Any, min: Any = None, max: Any = None) -> Any:
    """x limited to [min, max]; either may be left out. The gradient is that of x inside, 0 outside."""
    if min is None and max is None:
        raise ValueError("clamp: give min, max, or both")
    if min is None or max is None:
        limits = (-math.inf, math.inf)
        if getattr(x, "dtype", None) is not None and x.dtype.kind in "iu":
            limits = (int(np.iinfo(x.dtype).min), int(np.iinfo(x.dtype).max))
        min = limits[0] if min is None else min
        max = limits[1] if max is None else max
    return clamp_(x, min, max)


@quick(partial(accelerated.settled, "where", np.where), arrays=("condition", "x", "y"))
def where(condition: Any, x: Any, y: Any) -> Any:
    """x where condition, else y; shapes broadcast."""
    return where_(condition, x, y)
