"""What each op of the registry is tried on: arrays, attributes, and the traps (empty, 0-d, strided, tied).

A case is (name of the op, arrays, attributes). Arrays are float64 here; tests cast them. `large` cases are
big enough for the C kernels.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any, NamedTuple

import numpy as np

from autograd.op import REGISTRY
from autograd.ops import (  # noqa: F401  (their ops enter the registry)
    attention,
    conv,
    cross_entropy,
    enlarge,
    pool,
    recurrent,
    squared_error,
    standardize,
)


class Case(NamedTuple):
    op: str
    label: str
    inputs: tuple[np.ndarray, ...]
    attributes: dict[str, Any]
    smooth: bool = True  # gradients can be checked by differences here

    def __repr__(self) -> str:
        return f"{self.op}-{self.label}"


rng = np.random.default_rng(20)


def apart(*shape: int) -> np.ndarray:
    """Numbers in (-2, 2), all at least 1e-2 away from 0 and from each other (no ties, no kinks)."""
    size = int(np.prod(shape, dtype=int))
    values = np.linspace(-2, 2, max(size, 1) * 2 + 1)[1::2][:size]
    return rng.permutation(values + (np.abs(values) < 1e-2) * 0.013).reshape(shape)


def positive(*shape: int) -> np.ndarray:
    return np.abs(apart(*shape)) + 0.1


def beside(draw: Callable[..., np.ndarray]) -> Callable[..., np.ndarray]:
    """Like `draw`, but never equal to what it draws."""
    return lambda *shape: draw(*shape) * 0.9613 + 0.0071


UNARY: dict[str, Callable[..., np.ndarray]] = dict.fromkeys(
    "neg square cube abs sign floor ceil round exp expm1 sin cos tanh erf sigmoid isnan isinf isfinite "
    "logical_not relu softplus silu gelu gelu_tanh logsigmoid".split(),
    apart,
) | dict.fromkeys("sqrt rsqrt log log1p".split(), positive)
BINARY = dict.fromkeys(
    "add sub mul maximum minimum logistic_loss eq ne lt le gt ge logical_and logical_or".split(), apart
) | {"div": positive, "pow": positive, "floor_divide": positive, "remainder": positive}


def elementwise_cases() -> Iterator[Case]:
    for op, draw in UNARY.items():
        steps = op in ("floor", "ceil", "round")
        draw = beside(draw) if steps else draw
        yield Case(op, "plain", (draw(3, 4),), {})
        yield Case(op, "strided", (draw(4, 6)[::2, ::-1].T,), {})
        yield Case(op, "0d", (draw(),), {})
        yield Case(op, "empty", (draw(0, 3),), {})
        yield Case(op, "prime", (draw(257),), {})
        yield Case(op, "large", (draw(50, 701),), {}, smooth=not steps)
    for op, draw in BINARY.items():
        second = beside(draw)
        yield Case(op, "plain", (draw(3, 4), second(3, 4)), {})
        yield Case(op, "broadcast", (draw(3, 1, 4), second(2, 1)), {})
        yield Case(op, "0d", (draw(3, 4), second()), {})
        yield Case(op, "strided", (draw(4, 6)[::2, ::-1], second(6, 2).T), {})
        yield Case(op, "empty", (draw(0, 3), second(1, 3)), {})
        steps = op in ("floor_divide", "remainder")  # too many quotients are near a whole number
        yield Case(op, "large", (draw(50, 701), second(701)), {}, smooth=not steps)
    tied = apart(3, 4)
    for op in ("add", "mul", "maximum", "minimum", "div"):
        yield Case(op, "tied", (tied, tied), {}, smooth=op not in ("maximum", "minimum"))
    yield Case("where", "plain", (apart(3, 4) > 0, apart(3, 4), apart(4)), {})
    yield Case("where", "large", (apart(50, 701) > 0, apart(50, 701), apart(701)), {})
    yield Case("clamp", "plain", (apart(3, 4), np.array(-0.51), np.array(0.73)), {})
    yield Case("clamp", "large", (apart(50, 701), np.array(-0.51), np.array(0.73)), {})
    for op in ("leaky_relu", "elu"):
        yield Case(op, "plain", (apart(3, 4), np.array(0.3)), {})
        yield Case(op, "large", (apart(50, 701), np.array(0.3)), {})
    yield Case("cast", "plain", (apart(3, 4),), {"dtype": np.dtype(np.float64)})
    yield Case("alias", "plain", (apart(3, 4),), {})
    yield Case("copy", "strided", (apart(4, 6)[::2, ::-1].T,), {})


def reduction_cases() -> Iterator[Case]:
    for op in ("sum", "mean", "var", "norm", "amax", "amin", "logsumexp"):
        more = {"correction": 1} if op == "var" else {}
        for label, x, dims in (
            ("all", apart(3, 4), (0, 1)),
            ("first", apart(3, 4), (0,)),
            ("inner", apart(2, 3, 4), (1,)),
            ("outer", apart(2, 3, 4), (0, 2)),
            ("channels", apart(2, 3, 2, 3), (0, 2, 3)),
            ("interleaved", apart(2, 2, 3, 2, 2), (0, 2, 4)),
            ("strided", apart(6, 8)[::2, ::-2].T, (1,)),
            ("0d", apart(), ()),
            ("large", apart(300, 217), (1,)),
            ("tall", apart(3000, 17), (0,)),
        ):
            if op != "var" or dims:  # of one number alone there is none
                yield Case(op, label, (x,), {"dims": dims, "keepdim": False, **more})
        yield Case(op, "keepdim", (apart(3, 4),), {"dims": (1,), "keepdim": True, **more})
    yield Case("sum", "empty", (apart(0, 4),), {"dims": (0,), "keepdim": False})
    for op in ("argmax", "argmin"):
        yield Case(op, "all", (apart(3, 4),), {"dims": (0, 1), "keepdim": False})
        yield Case(op, "rows", (apart(3, 4),), {"dims": (1,), "keepdim": True})
    yield Case("argsort", "last", (apart(3, 4),), {"dim": 1, "descending": False})
    yield Case("argsort", "first, descending", (apart(3, 4),), {"dim": 0, "descending": True})
    for op in ("softmax", "log_softmax"):
        yield Case(op, "last", (apart(3, 4),), {"dim": -1})
        yield Case(op, "middle", (apart(2, 3, 4),), {"dim": 1})
        yield Case(op, "large", (apart(200, 213),), {"dim": 1})


def shape_cases() -> Iterator[Case]:
    yield Case("reshape", "plain", (apart(3, 4),), {"shape": (2, 6)})
    yield Case("reshape", "strided", (apart(4, 3).T,), {"shape": (12,)})
    yield Case("permute", "plain", (apart(2, 3, 4),), {"dims": (2, 0, 1)})
    yield Case("expand", "plain", (apart(3, 1),), {"shape": (2, 3, 4)})
    yield Case("flip", "plain", (apart(3, 4),), {"dims": (0,)})
    yield Case("cat", "plain", (apart(3, 2), apart(3, 1), apart(3, 4)), {"dim": 1})
    yield Case("split", "plain", (apart(3, 5),), {"sizes": (2, 0, 3), "dim": 1})
    yield Case("pad", "plain", (apart(3, 4),), {"widths": ((0, 1), (2, 0)), "value": 0.5})


def index_cases() -> Iterator[Case]:
    mask = np.arange(12).reshape(3, 4) % 3 > 0
    rows = np.array([[0, 2, 2], [1, 0, 2]])
    many = rng.integers(0, 300, 4000)
    keys: list[tuple[str, Any]] = [
        ("slice", (slice(0, 3, 2), slice(None, None, -1))),
        ("int", (1,)),
        ("newaxis", (None, Ellipsis, 1)),
        ("rows", (rows,)),
        ("pairs", (rows, rows)),
        ("middle", (slice(None), rows)),
        ("mask", (mask,)),
    ]
    for label, key in keys:
        x = apart(3, 4)
        yield Case("getitem", label, (x,), {"key": key})
        yield Case("putitem", label, (apart(*x[key].shape),), {"key": key, "shape": x.shape})
    yield Case("getitem", "large", (apart(300, 40),), {"key": (many,)})
    yield Case("putitem", "large", (apart(4000, 40),), {"key": (many,), "shape": (300, 40)})
    yield Case("gather", "plain", (apart(3, 4),), {"dim": 0, "index": rows})
    yield Case("gather", "last", (apart(2, 3),), {"dim": 1, "index": rows})
    yield Case("scatter_add", "plain", (apart(3, 4), apart(2, 3)), {"dim": 0, "index": rows})
    yield Case("scatter_add", "last", (apart(2, 3), apart(3, 4)), {"dim": 1, "index": rows})
    yield Case("take_rows", "plain", (apart(3, 5),), {"index": rows})
    yield Case("take_rows", "large", (apart(300, 40),), {"index": many})
    yield Case("add_rows", "plain", (apart(2, 3, 5),), {"index": rows, "rows": 3})
    yield Case("add_rows", "large", (apart(4000, 40),), {"index": many, "rows": 300})


def matmul_cases() -> Iterator[Case]:
    yield Case("matmul", "plain", (apart(3, 4), apart(4, 5)), {})
    yield Case("matmul", "batch", (apart(2, 1, 3, 4), apart(3, 4, 2)), {})
    yield Case("matmul", "transposed", (apart(4, 3).T, apart(5, 4).T), {})
    yield Case("matmul", "inner0", (apart(3, 0), apart(0, 2)), {})
    yield Case("matmul", "large", (apart(97, 89), apart(89, 101)), {})
    yield Case("matmul", "skinny", (apart(1, 300), apart(300, 310)), {})
    yield Case("linear", "plain", (apart(5, 4), apart(3, 4), apart(3)), {})
    yield Case("linear", "large", (apart(64, 97), apart(53, 97), apart(53)), {})


def conv_cases() -> Iterator[Case]:
    def attributes(stride: int = 1, padding: int = 0, dilation: int = 1, groups: int = 1) -> dict[str, Any]:
        return {
            "stride": (stride, stride), "padding": (padding, padding), "dilation": (dilation, dilation),
            "groups": groups,
        }  # fmt: skip

    settings: list[tuple[str, tuple[int, ...], tuple[int, ...], dict[str, Any]]] = [
        ("plain", (2, 3, 5, 6), (4, 3, 3, 2), attributes()),
        ("stride", (2, 2, 7, 6), (3, 2, 3, 3), attributes(stride=2, padding=1)),
        ("dilation", (1, 2, 7, 7), (2, 2, 2, 2), attributes(dilation=2, padding=1)),
        ("groups", (2, 4, 5, 5), (6, 2, 3, 3), attributes(groups=2, padding=1)),
        ("depthwise", (2, 3, 6, 5), (3, 1, 3, 3), attributes(groups=3, padding=1)),
        ("pointwise", (2, 3, 4, 5), (4, 3, 1, 1), attributes()),
        ("one window", (3, 2, 4, 3), (5, 2, 4, 3), attributes(stride=2)),
        ("large", (4, 16, 14, 14), (32, 16, 3, 3), attributes(padding=1)),
    ]
    for label, x, w, options in settings:
        y = REGISTRY["conv2d"].shape(x, w, **options)
        yield Case("conv2d", label, (apart(*x), apart(*w)), options)
        yield Case("conv2d_bias", label, (apart(*x), apart(*w), apart(w[0])), options)
        yield Case("conv2d_input", label, (apart(*y), apart(*w)), {"size": x[2:], **options})
        yield Case("conv2d_weight", label, (apart(*x), apart(*y)), {"size": w[2:], **options})


def pool_cases() -> Iterator[Case]:
    for label, x, kernel, stride, padding, out in (
        ("plain", (2, 3, 6, 4), 2, 2, 0, (3, 2)),
        ("overlapping", (2, 3, 7, 5), 3, 2, 1, (4, 3)),
        ("large", (4, 16, 14, 14), 2, 2, 0, (7, 7)),
    ):
        window = {"kernel_size": (kernel, kernel), "stride": (stride, stride), "padding": (padding, padding)}
        shape = {"shape": out}
        for op in ("max_pool2d", "max_pool2d_values"):
            yield Case(op, label, (apart(*x),), {**window, **shape, "dilation": (1, 1)})
        counted = {**window, "count_include_pad": label == "plain"}
        yield Case("avg_pool2d", label, (apart(*x),), {**counted, **shape})
        yield Case("avg_pool2d_spread", label, (apart(*x[:2], *out),), {**counted, "size": x[2:]})
    places = np.array([[[[0, 5], [5, 11]]]])
    yield Case("put_in_plane", "tied", (apart(1, 1, 2, 2),), {"index": places, "size": (3, 4)})
    yield Case("pick_in_plane", "tied", (apart(1, 1, 3, 4),), {"index": places})


def loss_cases() -> Iterator[Case]:
    for label, n, classes, smoothing, reduction in (
        ("mean", 5, 4, 0.0, "mean"),
        ("sum", 5, 4, 0.1, "sum"),
        ("rows", 5, 1, 0.2, "none"),
        ("large", 90, 37, 0.1, "mean"),
    ):
        targets = np.arange(n) % classes
        targets[1] = -1
        options = {
            "weight": None, "ignore_index": -1, "label_smoothing": smoothing, "reduction": reduction,
        }  # fmt: skip
        yield Case("cross_entropy", label, (apart(n, classes), targets), options)
    targets = np.arange(12).reshape(2, 6) % 4
    options = options | {"weight": np.linspace(0.5, 2, 4)}
    yield Case("cross_entropy", "weighted places", (apart(2, 4, 6), targets), options)
    for label, (height, width), rows, columns in (
        ("plain", (2, 3), 2, 2), ("uneven", (3, 1), 1, 3), ("empty", (0, 2), 2, 2), ("large", (13, 17), 3, 2),
    ):  # fmt: skip
        blocks = {"rows": rows, "columns": columns}
        yield Case("enlarge", label, (apart(2, 3, height, width),), blocks)
        yield Case("block_sums", label, (apart(2, 3, height * rows, width * columns),), blocks)
    yield Case("enlarge", "strided", (apart(3, 2, 4, 5).T,), {"rows": 2, "columns": 3})
    yield Case("block_sums", "strided", (apart(6, 4, 4, 5)[::2, ::-1].T,), {"rows": 2, "columns": 3})
    for label, x in {"plain": (3, 4), "0d": (), "empty": (0, 3), "large": (40, 701)}.items():
        yield Case("squared_error", label, (apart(*x), beside(apart)(*x)), {"scale": 0.25})
    yield Case("squared_error", "strided", (apart(4, 6)[::2, ::-1], apart(6, 2).T), {"scale": 1.0})


def norm_cases() -> Iterator[Case]:
    running = (np.linspace(-1, 1, 4), np.linspace(0.5, 2, 4))
    for label, x, parameter, kind, parts, given in (
        ("rows", (4, 5), (5,), "layer", 1, False),
        ("planes", (2, 3, 4), (3, 4), "layer", 2, False),
        ("channels", (3, 4, 2, 2), (4,), "batch", 0, False),
        ("columns", (6, 4), (4,), "batch", 0, False),
        ("given", (3, 4, 2, 2), (4,), "batch", 0, True),
        ("given columns", (3, 4), (4,), "batch", 0, True),
        ("groups", (2, 6, 3), (6,), "group", 3, False),
        ("groups of numbers", (3, 6), (6,), "group", 2, False),
        ("large rows", (40, 210), (210,), "layer", 1, False),
        ("large channels", (8, 5, 15, 17), (5,), "batch", 0, False),
        ("large groups", (4, 6, 15, 17), (6,), "group", 2, False),
    ):
        options = {
            "kind": kind, "parts": parts, "eps": 1e-3, "running": running if given else None,
            "momentum": None if given else 0.0,
        }  # fmt: skip
        yield Case("standardize", label, (apart(*x), positive(*parameter), apart(*parameter)), options)
    options = {"kind": "layer", "parts": 1, "eps": 1e-3, "running": None, "momentum": 0.0}
    yield Case("standardize", "plain", (apart(4, 3, 5),), options)


def recurrent_cases() -> Iterator[Case]:
    for op, gates, states in (("rnn_tanh", 1, 1), ("rnn_relu", 1, 1), ("gru", 3, 1), ("lstm", 4, 2)):
        for label, rows, batch, h, options in (
            ("dense", (3, 2), 2, 3, {}),
            ("reversed", (3, 2), 2, 3, {"reverse": True}),
            ("packed", (6,), 3, 2, {"batch_sizes": (3, 2, 1)}),
            ("packed reversed", (6,), 3, 2, {"batch_sizes": (3, 2, 1), "reverse": True}),
            ("wider", (2, 3), 3, 5, {}),
        ):
            attributes = {"batch_sizes": None, "reverse": False, **options}
            first = [apart(batch, h) for _ in range(states)]
            weight = apart(gates * h, h) / h
            arrays = (apart(*rows, gates * h), weight, apart(gates * h), *first)
            yield Case(op, label, arrays, attributes)
        bare = (apart(4, 2, gates * 3), apart(gates * 3, 3))
        yield Case(op, "bare", bare, {"batch_sizes": None, "reverse": False})


def attention_cases() -> Iterator[Case]:
    arrays = (apart(2, 5, 3), apart(2, 4, 3), apart(2, 4, 2))
    blind = np.arange(20).reshape(5, 4) % 3 > 0
    blind[3] = False
    for label, mask, causal in (
        ("plain", None, False),
        ("causal", None, True),
        ("bool mask", blind, False),
        ("real mask", apart(5, 4), True),
    ):
        more = () if mask is None else (mask,)
        yield Case("attention", label, (*arrays, *more), {"causal": causal, "scale": 0.7})
    heads = (apart(2, 2, 40, 3), apart(2, 2, 34, 3), apart(2, 2, 34, 4))
    yield Case("attention", "large", heads, {"causal": False, "scale": 0.5})


def all_cases() -> list[Case]:
    makers = (
        elementwise_cases, reduction_cases, shape_cases, index_cases, matmul_cases, conv_cases, pool_cases,
        loss_cases, norm_cases, recurrent_cases, attention_cases,
    )  # fmt: skip
    return [case for maker in makers for case in maker()]


CASES = all_cases()
