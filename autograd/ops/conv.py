"""Convolution: a family of three ops closed under differentiation.

conv2d, its gradient in the input and its gradient in the weight are one trilinear form with one of x, w, y
left out, so the rules of each are the other two, at any order. The transposed convolution is the second.
"""

from __future__ import annotations

from typing import Any

from autograd.op import operation
from autograd.ops import conv_kernel
from autograd.ops.conv_kernel import Pair, output_length
from autograd.ops.reduce import sum as sum_over
from autograd.ops.shape import narrow, pad, reshape, unsqueeze

Shape = tuple[int, ...]


def pair(name: str, what: str, value: Any, least: int) -> Pair:
    """An int or a pair of them, as a pair."""
    values = (value, value) if isinstance(value, int) else tuple(value)
    if len(values) == 1:
        values *= 2
    if len(values) != 2 or not all(isinstance(v, int) and v >= least for v in values):
        raise ValueError(f"{name}: {what} {value!r}, want an int or a pair of ints, at least {least}")
    return values


def conv2d_shape(
    x: Shape, w: Shape, bias: Shape | None = None, *, stride: Pair, padding: Pair, dilation: Pair, groups: int
) -> Shape:
    if len(x) != 4 or len(w) != 4:
        raise ValueError(
            f"conv2d: input {x} and weight {w}, want (N, C, H, W) or (C, H, W) and (K, C / groups, R, S)"
        )
    if x[1] != w[1] * groups or w[0] % groups:
        raise ValueError(
            f"conv2d: input {x} has {x[1]} channels; a weight of shape {w} with groups={groups} wants "
            f"{w[1] * groups} channels, and {w[0]} output channels that are a multiple of groups"
        )
    if bias is not None and bias != (w[0],):
        raise ValueError(f"conv2d: bias of shape {bias}, want ({w[0]},) for a weight of shape {w}")
    lengths = tuple(output_length(x[2 + i], w[2 + i], stride[i], padding[i], dilation[i]) for i in (0, 1))
    if min(lengths) < 1 or min(w[2:]) < 1:
        raise ValueError(
            f"conv2d: a kernel of {w[2]} x {w[3]} (dilation {dilation}) doesn't fit into an input of "
            f"{x[2]} x {x[3]} (padding {padding}); enlarge the input or the padding"
        )
    return (x[0], w[0], *lengths)


def cropped(y: Any, shape: Shape) -> Any:
    """An output cut down to `shape`: an output_padding of a stride or more asks for fewer places."""
    for dim in (2, 3):
        if y.shape[dim] != shape[dim]:
            y = narrow(y, dim, 0, shape[dim])
    return y


def x_rule(g: Any, w: Any, x_shape: Shape, stride: Pair, padding: Pair, dilation: Pair, groups: int) -> Any:
    return conv2d_input_(
        g, w, size=x_shape[2:], stride=stride, padding=padding, dilation=dilation, groups=groups
    )


def w_rule(g: Any, x: Any, w_shape: Shape, stride: Pair, padding: Pair, dilation: Pair, groups: int) -> Any:
    return conv2d_weight_(
        x, g, size=w_shape[2:], stride=stride, padding=padding, dilation=dilation, groups=groups
    )


def conv2d_forward(x: Any, w: Any, *, stride: Pair, padding: Pair, dilation: Pair, groups: int) -> Any:
    return conv_kernel.forward(x, w, None, stride, padding, dilation, groups)


def conv2d_bias_forward(
    x: Any, w: Any, bias: Any, *, stride: Pair, padding: Pair, dilation: Pair, groups: int
) -> Any:
    return conv_kernel.forward(x, w, bias, stride, padding, dilation, groups)


def conv2d_input_forward(
    y: Any, w: Any, *, size: Pair, stride: Pair, padding: Pair, dilation: Pair, groups: int
) -> Any:
    return conv_kernel.input_gradient(y, w, size, stride, padding, dilation, groups)


def conv2d_weight_forward(
    x: Any, y: Any, *, size: Pair, stride: Pair, padding: Pair, dilation: Pair, groups: int
) -> Any:
    return conv_kernel.weight_gradient(x, y, size, stride, padding, dilation, groups)


# Each rule leaves out one of x, w, y and takes the gradient g in its place. ---------------------------


def y_rule_of_input(
    g: Any, w: Any, y_shape: Shape, stride: Pair, padding: Pair, dilation: Pair, groups: int
) -> Any:
    return cropped(conv2d_(g, w, stride=stride, padding=padding, dilation=dilation, groups=groups), y_shape)


def w_rule_of_input(
    g: Any, y: Any, w_shape: Shape, stride: Pair, padding: Pair, dilation: Pair, groups: int
) -> Any:
    return w_rule(y, g, w_shape, stride, padding, dilation, groups)


def x_rule_of_weight(
    g: Any, y: Any, x_shape: Shape, stride: Pair, padding: Pair, dilation: Pair, groups: int
) -> Any:
    return x_rule(y, g, x_shape, stride, padding, dilation, groups)


def y_rule_of_weight(
    g: Any, x: Any, y_shape: Shape, stride: Pair, padding: Pair, dilation: Pair, groups: int
) -> Any:
    return cropped(conv2d_(x, g, stride=stride, padding=padding, dilation=dilation, groups=groups), y_shape)


conv2d_ = operation("conv2d", conv2d_forward, {"x": x_rule, "w": w_rule}, shape=conv2d_shape)
conv2d_bias_ = operation(
    "conv2d_bias",
    conv2d_bias_forward,
    {"x": x_rule, "w": w_rule, "bias": lambda g: sum_over(g, (0, 2, 3))},
    shape=conv2d_shape,
)
conv2d_input_ = operation(
    "conv2d_input",
    conv2d_input_forward,
    {"y": y_rule_of_input, "w": w_rule_of_input},
    shape=lambda y, w, *, size, groups, **_: (y[0], w[1] * groups, *size),
)
conv2d_weight_ = operation(
    "conv2d_weight",
    conv2d_weight_forward,
    {"x": x_rule_of_weight, "y": y_rule_of_weight},
    shape=lambda x, y, *, size, groups, **_: (y[1], x[1] // groups, *size),
)


# The functions of the public API -------------------------------------------------------------------


def checked_types(name: str, x: Any, weight: Any, bias: Any) -> None:
    given = [t for t in (x, weight, bias) if t is not None]
    if any(t.dtype != x.dtype for t in given) or x.dtype.kind != "f":
        types = ", ".join(str(t.dtype) for t in given)
        raise TypeError(
            f"{name}: input, weight and bias of {types}; want one floating type (cast with .to(dtype))"
        )


def checked_groups(name: str, groups: Any) -> int:
    if not isinstance(groups, int) or groups < 1:
        raise ValueError(f"{name}: groups {groups!r}, want an int of at least 1")
    return groups


def same_padding(x: Any, w_shape: Shape, dilation: Pair) -> tuple[Any, Pair]:
    """(x, padding) with which a stride of 1 keeps the size; an odd total is one more at the end."""
    totals = [dilation[i] * (w_shape[2 + i] - 1) for i in (0, 1)]
    if totals[0] % 2 or totals[1] % 2:
        x = pad(x, (0, totals[1] % 2, 0, totals[0] % 2))
    return x, (totals[0] // 2, totals[1] // 2)


def conv2d(
    input: Any,
    weight: Any,
    bias: Any = None,
    stride: int | Pair = 1,
    padding: int | Pair | str = 0,
    dilation: int | Pair = 1,
    groups: int = 1,
) -> Any:
    """The convolution (cross-correlation) of images with kernels, as torch.nn.functional.conv2d.

    input (N, C, H, W) or (C, H, W), weight (K, C / groups, R, S), bias (K,); the output is (N, K, P, Q) or
    (K, P, Q) with P = (H + 2 padding - dilation (R - 1) - 1) // stride + 1. padding may be "valid" (none) or
    "same" (the output is as large as the input; stride 1 only). Raises ValueError for shapes that don't fit
    and TypeError for mixed types.

    >>> import autograd
    >>> x = autograd.arange(9.0).reshape(1, 1, 3, 3)
    >>> conv2d(x, autograd.ones(1, 1, 2, 2)).tolist()
    [[[[8.0, 12.0], [20.0, 24.0]]]]
    """
    checked_types("conv2d", input, weight, bias)
    steps, spread = pair("conv2d", "stride", stride, 1), pair("conv2d", "dilation", dilation, 1)
    groups = checked_groups("conv2d", groups)
    single = len(input.shape) == 3
    x = unsqueeze(input, 0) if single else input
    if not isinstance(padding, str):
        zeros = pair("conv2d", "padding", padding, 0)
    elif padding == "valid":
        zeros = (0, 0)
    elif padding == "same" and steps == (1, 1):
        if len(weight.shape) == len(x.shape) == 4:
            x, zeros = same_padding(x, weight.shape, spread)
    else:
        raise ValueError(
            f"conv2d: padding {padding!r} with stride {steps}; want ints, 'valid', or 'same' with stride 1"
        )
    shapes = (tuple(t.shape) for t in (x, weight, bias) if t is not None)
    attributes = {"stride": steps, "padding": zeros, "dilation": spread, "groups": groups}
    conv2d_shape(*shapes, **attributes)  # type: ignore[arg-type]
    y = conv2d_(x, weight, **attributes) if bias is None else conv2d_bias_(x, weight, bias, **attributes)
    return reshape(y, y.shape[1:]) if single else y


def conv_transpose2d(
    input: Any,
    weight: Any,
    bias: Any = None,
    stride: int | Pair = 1,
    padding: int | Pair = 0,
    output_padding: int | Pair = 0,
    groups: int = 1,
    dilation: int | Pair = 1,
) -> Any:
    """The transposed convolution: conv2d's gradient in its input, as torch.nn.functional.conv_transpose2d.

    input (N, C, P, Q) or (C, P, Q), weight (C, K / groups, R, S), bias (K,); the output is (N, K, H, W) or
    (K, H, W) with H = (P - 1) stride - 2 padding + dilation (R - 1) + output_padding + 1.

    >>> import autograd
    >>> conv_transpose2d(autograd.ones(1, 1, 2, 2), autograd.ones(1, 1, 2, 2)).tolist()
    [[[[1.0, 2.0, 1.0], [2.0, 4.0, 2.0], [1.0, 2.0, 1.0]]]]
    """
    name = "conv_transpose2d"
    checked_types(name, input, weight, bias)
    steps, zeros = pair(name, "stride", stride, 1), pair(name, "padding", padding, 0)
    spread, extra = pair(name, "dilation", dilation, 1), pair(name, "output_padding", output_padding, 0)
    groups = checked_groups(name, groups)
    single = len(input.shape) == 3
    y = unsqueeze(input, 0) if single else input
    shape, taps = tuple(y.shape), tuple(weight.shape)
    if len(shape) != 4 or len(taps) != 4 or shape[1] != taps[0] or taps[0] % groups:
        raise ValueError(
            f"{name}: input {tuple(input.shape)} and weight {taps} with groups={groups}, want (N, C, H, W) "
            "or (C, H, W) and (C, K / groups, R, S), with C a multiple of groups"
        )
    if bias is not None and tuple(bias.shape) != (taps[1] * groups,):
        raise ValueError(
            f"{name}: bias of shape {tuple(bias.shape)}, want ({taps[1] * groups},) for weight {taps}"
        )
    if any(extra[i] >= max(steps[i], spread[i]) for i in (0, 1)):
        raise ValueError(
            f"{name}: output_padding {extra} must be smaller than stride {steps} or dilation {spread}"
        )
    size = tuple(
        (shape[2 + i] - 1) * steps[i] - 2 * zeros[i] + spread[i] * (taps[2 + i] - 1) + extra[i] + 1
        for i in (0, 1)
    )
    if min(size) < 1 or min(shape[2:]) < 1:
        raise ValueError(
            f"{name}: input {tuple(input.shape)}, weight {taps} and padding {zeros} leave no output {size}"
        )
    x = conv2d_input_(y, weight, size=size, stride=steps, padding=zeros, dilation=spread, groups=groups)
    if bias is not None:
        x = x + reshape(bias, (1, bias.shape[0], 1, 1))
    return reshape(x, x.shape[1:]) if single else x
