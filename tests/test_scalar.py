"""Scalar: micrograd's examples give micrograd's numbers; IEEE where Python's math would raise."""

from __future__ import annotations

import math
import random

import pytest

import autograd
from autograd import Scalar
from autograd.check import gradcheck


def test_the_readme_example_of_micrograd() -> None:
    a, b = Scalar(-4.0), Scalar(2.0)
    c = a + b
    d = a * b + b**3
    c += c + 1
    c += 1 + c + (-a)
    d += d * 2 + (b + a).relu()
    d += 3 * d + (b - a).relu()
    e = c - d
    f = e**2
    g = f / 2.0
    g += 10.0 / f
    assert f"{g.data:.4f}" == "24.7041"
    g.backward()
    assert f"{a.grad:.4f}" == "138.8338" and f"{b.grad:.4f}" == "645.5773"


def mlp(kind: type, weights: list[list[list[float]]], points: list[list[float]]) -> tuple[float, list[float]]:
    """Loss and gradients of a small tanh-free relu network written over single numbers."""
    layers = [[[kind(w) for w in neuron] for neuron in layer] for layer in weights]
    loss = kind(0.0)
    for *x, target in points:
        h = x
        for depth, layer in enumerate(layers):
            out = []
            for *w, b in layer:
                act = b
                for wi, xi in zip(w, h, strict=True):
                    act = act + wi * xi
                out.append(act.relu() if depth < len(layers) - 1 else act)
            h = out
        loss = loss + (h[0] - target) ** 2
    loss.backward()
    return loss.data, [w.grad for layer in layers for neuron in layer for w in neuron]


def test_a_small_network_gives_microgads_numbers() -> None:
    micrograd = pytest.importorskip("micrograd.engine", reason="micrograd (oracle extra) is not installed")
    rng = random.Random(1)
    weights = [
        [[rng.uniform(-1, 1) for _ in range(fan + 1)] for _ in range(n)]
        for fan, n in ((2, 4), (4, 4), (4, 1))
    ]
    points = [[rng.uniform(-1, 1), rng.uniform(-1, 1), rng.choice([-1.0, 1.0])] for _ in range(5)]
    ours, theirs = mlp(Scalar, weights, points), mlp(micrograd.Value, weights, points)
    assert ours[0] == pytest.approx(theirs[0], rel=1e-12)
    assert ours[1] == pytest.approx(theirs[1], rel=1e-12, abs=1e-15)


SMOOTH = (
    "neg square exp expm1 sin cos tanh erf sigmoid softplus silu gelu sqrt rsqrt log log1p abs relu elu"
).split()


@pytest.mark.parametrize("name", SMOOTH)
def test_derivatives_to_order_3(name: str) -> None:
    assert gradcheck(getattr(autograd, name), Scalar(0.7), order=3)


@pytest.mark.parametrize("name", SMOOTH)
def test_same_numbers_as_a_tensor(name: str) -> None:
    for value in (0.3, 1.9):
        x, t = Scalar(value), autograd.tensor(value, dtype=autograd.float64, requires_grad=True)
        z, u = getattr(x, name)(), getattr(autograd, name)(t)
        z.backward()
        u.backward()
        assert z.data == pytest.approx(u.item(), rel=1e-14) and x.grad == pytest.approx(
            t.grad.item(), rel=1e-14
        )


def test_mixes_with_python_numbers() -> None:
    x = Scalar(3.0)
    y = 1 + 2 * x - x / 4 + 6 / x - 2**x + (5 - x) ** 2
    y.backward()
    assert y.data == pytest.approx(1 + 6 - 0.75 + 2 - 8 + 4)
    assert x.grad == pytest.approx(2 - 0.25 - 6 / 9 - 8 * math.log(2) - 4)
    assert (x > 2) is True and (x == 3.0) is True


def test_ieee_where_python_raises() -> None:
    zero = Scalar(0.0)
    assert zero.log().data == -math.inf and (1 / zero).data == math.inf
    assert Scalar(1000.0).exp().data == math.inf and math.isnan((Scalar(-8.0) ** (1 / 3)).data)


def test_second_derivatives() -> None:
    x = Scalar(2.0)
    (dy,) = autograd.grad(x**3, x, create_graph=True)
    assert dy.data == 12.0 and autograd.grad(dy, x)[0].data == 12.0


def test_refusals() -> None:
    with pytest.raises(TypeError, match="want a Python number, got str"):
        Scalar("2")  # type: ignore[arg-type]
    with pytest.raises(TypeError, match="don't mix"):
        Scalar(2.0) + autograd.ones(2)


def test_ieee_in_the_backward_pass_too() -> None:
    x = Scalar(0.0)
    x.log().backward()
    assert x.grad == math.inf


@pytest.mark.parametrize("other", [1, 1.0, True])
def test_choices_beside_python_numbers_stay_scalars(other: float) -> None:
    x = Scalar(0.5)
    y = x.maximum(other) + x.minimum(other) + x.clamp(0, 1) + autograd.where(x > 1, x, 1)
    assert isinstance(y, Scalar) and y.data == 1.0 + 0.5 + 0.5 + 1.0
    y.backward()
    assert x.grad == 2.0
