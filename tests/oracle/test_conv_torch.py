"""Convolution and pooling against PyTorch: outputs, indices, first and second derivatives."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import autograd
from autograd.ops.conv import conv2d, conv_transpose2d
from autograd.ops.pool import avg_pool2d, max_pool2d

torch = pytest.importorskip("torch", reason="PyTorch is the oracle: pip install 'kernelgrad[oracle]'")
F = torch.nn.functional
PAIR = st.tuples(st.integers(1, 3), st.integers(1, 3))
BORDER = st.tuples(st.integers(0, 2), st.integers(0, 2))


def compare(ours, theirs, *shapes):
    """The value, the gradients of its product with a random one, and the gradients of their squares."""
    rng = np.random.default_rng(0)
    arrays = [rng.standard_normal(shape) for shape in shapes]
    a = [autograd.tensor(x, requires_grad=True) for x in arrays]
    b = [torch.tensor(x, requires_grad=True) for x in arrays]
    try:
        z = theirs(*b)
    except RuntimeError:
        with pytest.raises(ValueError):
            ours(*a)
        return
    y = ours(*a)
    np.testing.assert_allclose(y.data, z.detach().numpy(), rtol=1e-10, atol=1e-10)
    g = rng.standard_normal(y.shape)
    first = autograd.grad((y * autograd.tensor(g)).sum(), a, create_graph=True)
    wanted = torch.autograd.grad((z * torch.tensor(g)).sum(), b, create_graph=True)
    for p, q in zip(first, wanted, strict=True):
        np.testing.assert_allclose(p.data, q.detach().numpy(), rtol=1e-10, atol=1e-10)
    total = (first[0] * first[0]).sum()
    if total.requires_grad and len(a) > 1:  # the gradient in x depends on w
        (second,) = autograd.grad(total, a[1:2])
        (expected,) = torch.autograd.grad((wanted[0] * wanted[0]).sum(), b[1:2])
        np.testing.assert_allclose(second.data, expected.numpy(), rtol=1e-9, atol=1e-9)


@given(PAIR, BORDER, PAIR, PAIR, st.sampled_from([1, 2, 3]), st.integers(1, 3), st.integers(1, 3), PAIR)
@settings(max_examples=40, deadline=None)
def test_convolutions(stride, padding, dilation, taps, groups, inputs, outputs, extra):
    options = {"stride": stride, "padding": padding, "dilation": dilation, "groups": groups}
    x, w, b = (2, inputs * groups, 7, 6), (outputs * groups, inputs, *taps), (outputs * groups,)
    compare(lambda *a: conv2d(*a, **options), lambda *a: F.conv2d(*a, **options), x, w, b)
    options["output_padding"] = tuple(min(extra[i], max(stride[i], dilation[i]) - 1) for i in (0, 1))
    w = (inputs * groups, outputs, *taps)
    compare(lambda *a: conv_transpose2d(*a, **options), lambda *a: F.conv_transpose2d(*a, **options), x, w, b)


@pytest.mark.filterwarnings("ignore:Using padding='same'")
@pytest.mark.parametrize("taps", [(3, 3), (2, 4), (1, 5)])
def test_same_padding(taps):
    call = {"padding": "same", "dilation": (1, 2)}
    compare(lambda *a: conv2d(*a, **call), lambda *a: F.conv2d(*a, **call), (3, 7, 6), (2, 3, *taps))


@given(PAIR, PAIR, PAIR, st.booleans(), st.booleans(), BORDER)
@settings(max_examples=40, deadline=None)
def test_pools(size, stride, dilation, ceil_mode, include_pad, border):
    padding = tuple(min(border[i], size[i] // 2) for i in (0, 1))
    shape = (2, 3, 9, 8)
    call = (size, stride, padding, dilation, ceil_mode)
    compare(lambda x: max_pool2d(x, *call), lambda x: F.max_pool2d(x, *call), shape)
    x = np.random.default_rng(0).integers(0, 3, shape).astype(np.float32)  # ties
    _, index = max_pool2d(x, *call, return_indices=True)
    _, expected = F.max_pool2d(torch.tensor(x), *call, return_indices=True)
    np.testing.assert_array_equal(index, expected.numpy())
    mean = (size, stride, padding, ceil_mode, include_pad)
    compare(lambda x: avg_pool2d(x, *mean), lambda x: F.avg_pool2d(x, *mean), shape)
