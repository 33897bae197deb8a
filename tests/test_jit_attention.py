"""Programs with attention: one instruction forward and one back, what eager computes."""

import numpy as np
import pytest

import autograd
from autograd import Tensor, kernels
from autograd.ops.attention import attention

pytestmark = pytest.mark.skipif(not kernels.active, reason="no compiled kernels")


def normal(*shape, seed=0, dtype=np.float64):
    return np.random.default_rng([seed, *shape]).normal(size=shape).astype(dtype)


def block(weight, x, mask, causal):
    """Self-attention of 4 heads whose queries, keys and values are parts of one product, and its loss."""
    n, length, width = x.shape
    parts = (x @ weight).reshape(n, length, 3, 4, width // 4)
    q, k, v = (parts[:, :, i].transpose(1, 2) for i in range(3))
    return attention(q, k, v, mask, causal).transpose(1, 2).reshape(n, length, width)


@pytest.mark.parametrize("causal", [False, True])
def test_programs_compute_what_eager_does(causal):
    """In one instruction forward and one back; a mask is read anew at each call."""
    weight = Tensor(normal(16, 48, dtype=np.float32) * 0.3, requires_grad=True)

    def step(x, mask, g):
        weight.grad = None
        out = block(weight, x, mask, causal)
        out.backward(g)
        return out.detach()

    program = autograd.jit(step)
    for seed in range(4):
        x, g = (Tensor(normal(2, 37, 16, seed=seed + i, dtype=np.float32)) for i in (0, 10))
        mask = Tensor(normal(2, 1, 1, 37, seed=seed) > -1)
        want, dw = step(x, mask, g).numpy(), weight.grad.numpy()
        np.testing.assert_allclose(program(x, mask, g).numpy(), want, rtol=0, atol=3e-6)
        np.testing.assert_allclose(weight.grad.numpy(), dw, rtol=0, atol=3e-5)
    ran = [x.kernel for x in program.program.instructions]
    assert ran.count(kernels.ATTENTION) == ran.count(kernels.ATTENTION_BACKWARD) == 1
    assert kernels.SOFTMAX not in ran


def test_programs_without_gradients_and_of_views():
    """What the kernels can't read as it is, q with a last dimension of gaps, is copied by the program too."""
    k, v = (Tensor(normal(2, 30, 8, seed=i)) for i in (1, 2))
    program = autograd.jit(lambda q: attention(q.transpose(1, 2), k, v, causal=True))
    for seed in range(4):
        q = Tensor(normal(2, 8, 40, seed=seed))
        want = attention(q.transpose(1, 2), k, v, causal=True)
        np.testing.assert_array_equal(program(q).numpy(), want.numpy())
