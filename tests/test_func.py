"""Transforms of functions, custom Functions, and the checker that must be able to fail."""

from __future__ import annotations

import numpy as np
import pytest

import autograd
from autograd import Function, Tensor, func, tensor
from autograd.check import GradcheckError, gradcheck


def vector(*values: float) -> Tensor:
    return tensor(list(values), dtype=autograd.float64)


def test_grad_nests() -> None:
    cube = func.grad(func.grad(func.grad(lambda x: x**4)))
    assert cube(tensor(2.0)).item() == 48.0


def test_grad_of_a_closure_over_an_outer_variable() -> None:
    """d/dx of (d/dy x y^2 at y = 3) = d/dx 6 x."""
    outer = func.grad(lambda x: func.grad(lambda y: x * y * y)(tensor(3.0)))
    assert outer(tensor(2.0)).item() == 6.0


def test_value_and_grad_of_several_arguments_leaves_inputs_alone() -> None:
    x, y = vector(1.0, 2.0), vector(3.0, 4.0)
    value, (gx, gy) = func.value_and_grad(lambda x, y: (x * x * y).sum(), argnums=(0, 1))(x, y)
    assert value.item() == 19.0 and gx.tolist() == [6.0, 16.0] and gy.tolist() == [1.0, 4.0]
    assert not x.requires_grad and not gx.requires_grad and x.grad is None


def test_vjp_and_jvp_agree_with_the_jacobian() -> None:
    matrix = np.random.default_rng(0).standard_normal((3, 2))

    def f(x: Tensor) -> Tensor:
        return (Tensor(matrix) @ x).tanh()

    x, u, v = vector(0.3, -0.2), vector(1.0, 2.0, 3.0), vector(-1.0, 0.5)
    jacobian = func.jacobian(f, x).data
    slope = 1 - np.tanh(matrix @ x.data) ** 2
    np.testing.assert_allclose(jacobian, slope[:, None] * matrix, rtol=1e-12)
    np.testing.assert_allclose(func.vjp(f, x)[1](u)[0].data, u.data @ jacobian, rtol=1e-12)
    np.testing.assert_allclose(func.jvp(f, (x,), (v,))[1].data, jacobian @ v.data, rtol=1e-12)


def test_hessian() -> None:
    h = func.hessian(lambda x: x[0] * x[0] * x[1] + x[1].exp(), vector(2.0, 1.0))
    np.testing.assert_allclose(h.data, [[2.0, 4.0], [4.0, np.e]], rtol=1e-12)


def test_checkpoint_gives_the_same_gradients_and_runs_forward_again() -> None:
    calls = []
    w = tensor([2.0], requires_grad=True)

    def block(x: Tensor) -> Tensor:
        calls.append(1)
        return (x * w).sin()

    x = tensor([0.5], requires_grad=True)
    block(x).sum().backward()
    expected = x.grad.item(), w.grad.item()
    x.grad = w.grad = None
    func.checkpoint(block, x).sum().backward()
    assert (x.grad.item(), w.grad.item()) == expected and len(calls) == 3


def test_checkpoint_draws_the_same_random_numbers_again() -> None:
    autograd.manual_seed(0)
    x = autograd.ones(1000, requires_grad=True)
    y = func.checkpoint(lambda v: autograd.dropout(v, 0.5), x)
    autograd.rand(7)
    y.sum().backward()
    np.testing.assert_array_equal(x.grad.data, y.data)


def test_checkpoint_of_parameters_alone_still_trains_them() -> None:
    w = tensor([2.0], requires_grad=True)
    func.checkpoint(lambda v: v * w, tensor([3.0])).sum().backward()
    assert w.grad.tolist() == [3.0]
    x = tensor([3.0], requires_grad=True)
    with pytest.raises(RuntimeError, match="create_graph"):
        func.checkpoint(lambda v: v * w, x).sum().backward(create_graph=True)


class Product(Function):
    """Two outputs, an attribute, a saved output."""

    @staticmethod
    def forward(ctx, x, y, power):
        z = x * y
        ctx.power = power
        ctx.save_for_backward(x, y, z)
        return z, z**power

    @staticmethod
    def backward(ctx, gz, gp):
        x, y, z = ctx.saved_tensors
        total = gz + gp * ctx.power * z ** (ctx.power - 1)
        return total * y, total * x, None


def test_a_function_with_several_outputs_to_order_3() -> None:
    x, y = (Tensor(np.array([0.5, 1.5]) + i, requires_grad=True) for i in (0, 1))
    assert gradcheck(lambda x, y: Product.apply(x, y, 3), (x, y), order=3)
    assert gradcheck(lambda x, y: Product.apply(x, y, 3)[1], (x, y), order=3)


def test_a_function_that_returns_the_wrong_number_of_gradients() -> None:
    class Wrong(Function):
        @staticmethod
        def forward(ctx, x, y):
            return x + y

        @staticmethod
        def backward(ctx, g):
            return g

    with pytest.raises(RuntimeError, match="Wrong.backward returned 1 gradients for 2 inputs"):
        Wrong.apply(tensor(1.0, requires_grad=True), tensor(2.0)).backward()


def test_gradcheck_finds_a_wrong_rule_at_each_order() -> None:
    class Off(Function):
        @staticmethod
        def forward(ctx, x):
            ctx.save_for_backward(x)
            return x * x

        @staticmethod
        def backward(ctx, g):
            (x,) = ctx.saved_tensors
            return g * 2.1 * x

    class Small(Off):
        @staticmethod
        def forward(ctx, x):
            ctx.save_for_backward(x)
            return 1e-5 * x * x

        @staticmethod
        def backward(ctx, g):
            (x,) = ctx.saved_tensors
            return g * -2e-5 * x

    class Cut(Off):
        @staticmethod
        def backward(ctx, g):
            (x,) = ctx.saved_tensors
            return g * 2.0 * x.detach()

    x = Tensor(np.array([0.5, 1.0]), requires_grad=True)
    with pytest.raises(GradcheckError, match="order 1"):
        gradcheck(Off.apply, x)
    with pytest.raises(GradcheckError, match="order 1"):
        gradcheck(Small.apply, x)
    assert gradcheck(Cut.apply, x)
    with pytest.raises(GradcheckError, match="order 2"):
        gradcheck(Cut.apply, x, order=2)
    with pytest.raises(TypeError, match="float64"):
        gradcheck(Off.apply, tensor([1.0], requires_grad=True))
