"""jit of functions of Scalars: the numbers of eager, its state and its gradients; and what is refused."""

from __future__ import annotations

import math
import random
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import autograd
from autograd import JitError, Scalar, kernels

pytestmark = pytest.mark.skipif(not kernels.active, reason="programs are made of kernels")


def same(x: float, y: float) -> bool:
    """Equal to the last bit but for the sign of a zero, or within rounding of another order."""
    return x == y or (x != x and y != y) or math.isclose(x, y, rel_tol=1e-12, abs_tol=1e-300)


# Every op ------------------------------------------------------------------------------------------

UNARY = (
    "neg square abs sign sqrt rsqrt exp expm1 log log1p sin cos tanh sigmoid erf relu leaky_relu elu gelu "
    "silu softplus floor ceil round"
).split()
BINARY = "add sub mul div pow maximum minimum floor_divide remainder".split()
OPS: dict[str, tuple[int, Callable[..., Any]]] = {
    **{name: (1, getattr(autograd, name)) for name in UNARY},
    **{name: (2, getattr(autograd, name)) for name in BINARY},
    "cube": (1, lambda x: x**3),
    "tanh gelu": (1, lambda x: autograd.gelu(x, approximate="tanh")),
    "constant": (1, lambda x: 2.5 - x * -0.5),
    "exponent": (1, lambda x: x**-1.5),
    "power of": (1, lambda x: 1.5**x),
    "clamp": (1, lambda x: x.clamp(-0.5, 0.75)),
    "where": (3, lambda x, y, z: autograd.where(x > y, y * z, z)),
    "choice": (2, lambda x, y: autograd.where(autograd.logical_and(x <= y, x != 1.0), x, y)),
}  # fmt: skip
EDGES = [-math.inf, -1000.0, -2.0, -0.5, -0.0, 0.0, 1e-310, 0.3, 1.0, 3.0, 1000.0, math.inf, math.nan]


def outcome(function: Callable[..., Any], values: list[float]) -> list[float]:
    """The result of a function of Scalars, then the gradients of those."""
    scalars = [Scalar(x) for x in values]
    result = function(*scalars)
    return [result.data, *[x.grad for x in scalars]]


def with_backward(function: Callable[..., Any]) -> Callable[..., Any]:
    def run(*scalars: Any) -> Any:
        result = function(*scalars)
        if result.requires_grad:
            result.backward()
        return result

    return run


@pytest.fixture(params=kernels.isas())
def isa(request: pytest.FixtureRequest) -> Any:
    before = kernels.isa()
    kernels.set_isa(request.param)
    yield request.param
    kernels.set_isa(before)


@pytest.mark.parametrize("name", OPS)
def test_every_op_and_its_gradients_are_eagers(name: str, isa: str) -> None:
    count, op = OPS[name]
    run = with_backward(op)
    jitted = autograd.jit(run)
    rng = random.Random(0)
    cases = [[x] * count for x in EDGES] + [[rng.choice(EDGES) for _ in range(count)] for _ in range(30)]
    cases += [[rng.gauss(0, 3) for _ in range(count)] for _ in range(30)]
    for values in cases:
        expected, mine = outcome(run, values), outcome(jitted, values)
        assert all(map(same, expected, mine)), (values, expected, mine)
    assert len(jitted.programs) == 1


@settings(max_examples=40)
@given(st.data())
def test_expressions_are_eagers(data: Any) -> None:
    """Random expressions of all ops, with shared parts, constants, and a second derivative."""
    plan = [
        (name, [data.draw(st.integers(0, 20)) for _ in range(OPS[name][0])])
        for name in data.draw(st.lists(st.sampled_from(sorted(OPS)), min_size=1, max_size=12))
    ]
    second = data.draw(st.booleans())

    def function(x: Scalar, y: Scalar) -> Any:
        values: list[Any] = [x, y, x * 2.0]
        for name, reads in plan:
            values.append(OPS[name][1](*[values[i % len(values)] for i in reads]))
        total = sum(values[-3:], 0.5 * x)
        if second:
            (slope,) = autograd.grad(total, x, create_graph=True)
            total = total + slope * slope
        total.backward()
        return total

    jitted = autograd.jit(function)
    for _ in range(3):
        point = [data.draw(st.floats(-4, 4)), data.draw(st.floats(-4, 4))]
        expected, mine = outcome(function, point), outcome(jitted, point)
        assert all(
            same(a, b) or math.isclose(a, b, rel_tol=1e-9, abs_tol=1e-12)
            for a, b in zip(expected, mine, strict=True)
        ), (plan, point, expected, mine)


# State ---------------------------------------------------------------------------------------------


def regression() -> tuple[Callable[..., Any], list[Scalar]]:
    parameters = [Scalar(0.5), Scalar(-1.0), Scalar(2.0)]
    w, b, unused = parameters

    def step(points: list[tuple[float, float]], rate: float) -> Any:
        loss = sum(((w * x + b).tanh() - y) ** 2 for x, y in points)
        for p in parameters:
            p.grad = 0.0
        loss.backward()
        for p in parameters:
            p.data -= rate * p.grad
        return {"loss": loss, "slope": w.grad, "right": [loss < 1.0, "as ever"]}

    return step, parameters


def test_training_is_eager_training() -> None:
    """Parameters and gradients, changes from outside between calls, a rate that changes: one program."""
    step, mine = regression()
    eager, theirs = regression()
    jitted = autograd.jit(step)
    for k in range(8):
        points = [(0.1 * k, 0.3), (1.0, -0.2 * k), (0.5, 0.5)]
        a, b = eager(points, 1.0 / (k + 1)), jitted(points, 1.0 / (k + 1))
        assert a["loss"].data == b["loss"].data and not (k and b["loss"].requires_grad)
        assert a["slope"] == b["slope"] and a["right"] == b["right"] and type(b["right"][0]) is bool
        assert [p.data for p in mine] == [p.data for p in theirs]
        assert [p.grad for p in mine] == [p.grad for p in theirs]
        assert {type(p.data) for p in mine} == {type(p.grad) for p in mine} == {float}
        mine[0].data = theirs[0].data = mine[0].data + 0.25
    assert len(jitted.programs) == 1
    assert repr(jitted.program) == "<program of 55 steps on numbers, in 28 runs>"


def test_gradients_add_up_over_calls() -> None:
    w = Scalar(3.0)

    @autograd.jit
    def add(x: float) -> None:
        (w * x).backward()

    for x in (1.0, 2.0, 3.0, 4.0):
        add(x)
    assert w.grad == 10.0
    w.grad = None
    add(5.0)
    assert w.grad == 5.0


def test_an_update_without_ops_of_scalars() -> None:
    p = Scalar(1.0)
    p.grad = 2.0

    @autograd.jit
    def update(rate: float) -> float:
        p.data -= rate * p.grad
        p.grad = None
        return p.data

    assert [update(0.1), update(0.5), update(1.0)] == [0.8, 0.8, 0.8] and p.node.grad is None
    p.grad = 3.0
    assert update(0.1) == pytest.approx(0.5) and p.data == pytest.approx(0.5)


def test_arguments_get_their_gradients_and_data() -> None:
    @autograd.jit
    def step(x: Scalar, others: dict[str, list[Scalar]]) -> Any:
        y = x * x * others["a"][0]
        y.backward()
        x.data += 1.0
        return y, (others["a"][0].detach(), [3])

    for k in range(4):
        x, a = Scalar(2.0 + k), Scalar(5.0)
        y, (b, three) = step(x, {"a": [a]})
        assert y.data == (2.0 + k) ** 2 * 5.0 and b.data == 5.0 and three == [3]
        assert x.grad == 2 * (2.0 + k) * 5.0 and a.grad == (2.0 + k) ** 2 and x.data == 3.0 + k
    assert len(step.programs) == 1
    x = Scalar(2.0)
    step(x, {"a": [x]})  # the same twice
    assert x.grad == 12.0 and len(step.programs) == 2


# When it is captured anew -----------------------------------------------------------------------------


def test_other_python_values_are_other_programs() -> None:
    x, calls = Scalar(2.0), []

    @autograd.jit
    def power(n: int, factor: float, bias: float = 0.0) -> Any:
        calls.append(n)
        return factor * x**n + bias

    for n in (2, 2, 2, 3, 3, 2):
        assert power(n, 0.5).data == 0.5 * 2.0**n
        assert power(n, 1.5 * n, bias=1.0).data == 1.5 * n * 2.0**n + 1.0
    assert calls == [2, 2, 2, 3, 3]


def test_a_float_that_python_looks_at_is_a_guard() -> None:
    x, calls = Scalar(2.0), []

    @autograd.jit
    def f(rate: float, other: float) -> Any:
        calls.append(1)
        return x * other * (10.0 if 2 * rate > 1.0 else 1.0)

    assert [f(r, 3.0 + i).data for i, r in enumerate((0.1, 0.1, 0.1, 0.9, 0.9, 0.1))] == [
        6.0, 8.0, 10.0, 120.0, 140.0, 16.0
    ]  # fmt: skip
    assert len(calls) == 3


def test_names_bound_anew() -> None:
    w = Scalar(2.0)
    flag = 1.0

    @autograd.jit
    def f(x: float) -> Any:
        return w * x * flag

    assert [f(1.0).data for _ in range(3)] == [2.0] * 3
    w = Scalar(5.0)
    assert f(1.0).data == 5.0
    flag = 2.0
    assert f(1.0).data == 10.0


# Refusals --------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("use", "message"),
    [
        (lambda x: 1 if x > 0 else 2, "asking whether a number is true.*test_jit_scalar.py:.*autograd.where"),
        (lambda x: max(x, Scalar(0.0)), "asking whether"),
        (lambda x: math.exp(x.data), r"float\(\).*autograd.exp, not math.exp"),
        (lambda x: float(x), r"float\(\) inside a jitted function"),
        (lambda x: x.item(), r"float\(\)"),
        (lambda x: f"{x:.2f}", "printing a number"),
        (lambda x: STORED.append(x * 2.0), "storing a Scalar or a number outside"),
        (lambda x: STORED.append(x.data * 2.0), "storing a Scalar or a number outside"),
        (lambda x: OUTSIDE * x, "a Scalar that was computed outside.*detach"),
        (lambda x: x * 2.0 and autograd.ones(2) * 3, "asking|using tensors beside Scalars"),
        (lambda x: autograd.ones(2) * 3, "using tensors beside Scalars"),
        (lambda x: np.float64(2.0) * x.data + math.sqrt(x.data), r"float\(\)"),
    ],
)
def test_what_a_capture_refuses(use: Callable[[Any], Any], message: str) -> None:
    state = Scalar(1.0)

    @autograd.jit
    def f(x: Scalar) -> Any:
        state.data += 1.0
        use(x)
        return x * 2.0

    f(Scalar(2.0))
    with pytest.raises(JitError, match=message):
        f(Scalar(2.0))
    assert state.data == 2.0 and "data" not in vars(Scalar)  # as if it had not been called
    assert (Scalar(2.0) * 3.0).data == 6.0


STORED: list[Any] = []
OUTSIDE = Scalar(2.0) * 2.0


def test_arguments_that_are_refused() -> None:
    w = Scalar(1.0)

    @autograd.jit
    def f(x: Any) -> Any:
        return w * x

    f(2.0), f(2.0)
    with pytest.raises(JitError, match="a list of floats"):
        f(np.ones(3))
    with pytest.raises(JitError, match="on the tape"):
        f(w * 2.0)
    with pytest.raises(JitError, match="also closes over it"):
        f(w)


# micrograd's demo ------------------------------------------------------------------------------------


def moons(count: int) -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(0)
    t = rng.uniform(0, np.pi, count // 2)
    upper, lower = np.c_[np.cos(t), np.sin(t)], np.c_[1 - np.cos(t), 0.5 - np.sin(t)]
    points = np.concatenate([upper, lower]) + rng.normal(0, 0.1, (count, 2))
    return points, np.repeat([-1, 1], count // 2)


def demo(kind: Any, points: np.ndarray, labels: np.ndarray, monkeypatch: Any) -> tuple[Any, Any]:
    """A step of the notebook's training, as it is written there, with its values of this kind."""
    from micrograd import nn as micrograd_nn

    monkeypatch.setattr(micrograd_nn, "Value", kind)
    random.seed(1337)
    model = micrograd_nn.MLP(2, [16, 16, 1])

    def step(learning_rate: float) -> tuple[Any, Any]:
        inputs = [list(map(kind, row)) for row in points]
        scores = list(map(model, inputs))
        losses = [(1 + -yi * scorei).relu() for yi, scorei in zip(labels, scores, strict=True)]
        data_loss = sum(losses) * (1.0 / len(losses))
        reg_loss = 1e-4 * sum(p * p for p in model.parameters())
        total_loss = data_loss + reg_loss
        accuracy = [(yi > 0) == (scorei.data > 0) for yi, scorei in zip(labels, scores, strict=True)]
        model.zero_grad()
        total_loss.backward()
        for p in model.parameters():
            p.data -= learning_rate * p.grad
        return total_loss, sum(accuracy) / len(accuracy)

    return step, model


def test_micrograds_demo(monkeypatch: pytest.MonkeyPatch) -> None:
    """The same losses, accuracies and parameters, on a tenth of its points."""
    engine = pytest.importorskip("micrograd.engine", reason="micrograd (oracle extra) is not installed")
    points, labels = moons(10)
    theirs, their_model = demo(engine.Value, points, labels, monkeypatch)
    mine, my_model = demo(Scalar, points, labels, monkeypatch)
    jitted = autograd.jit(mine)
    for k in range(24):
        (loss, accuracy), (my_loss, my_accuracy) = theirs(1.0 - 0.9 * k / 100), jitted(1.0 - 0.9 * k / 100)
        assert my_loss.data == pytest.approx(loss.data, rel=1e-9) and my_accuracy == accuracy
    assert len(jitted.programs) == 1
    for p, q in zip(their_model.parameters(), my_model.parameters(), strict=True):
        assert q.data == pytest.approx(p.data, rel=1e-8, abs=1e-10)
