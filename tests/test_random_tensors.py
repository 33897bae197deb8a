"""The Tensor face of random numbers: shapes, types, generators, and PyTorch's ways of calling."""

import numpy as np
import pytest

import autograd
from autograd import Generator, Tensor


@pytest.mark.parametrize("make", [autograd.rand, autograd.randn])
def test_floats(make):
    autograd.manual_seed(3)
    a, b = make(2, 3), make((2, 3), dtype=autograd.float64)
    assert isinstance(a, Tensor) and a.shape == b.shape == (2, 3)
    assert a.dtype == np.float32 and b.dtype == np.float64
    autograd.manual_seed(3)
    np.testing.assert_array_equal(make([2, 3]).data, a.data)
    np.testing.assert_array_equal(make(2, 3, generator=Generator(3)).data, a.data)
    assert make(3, requires_grad=True).requires_grad and not a.requires_grad
    assert make().shape == ()


def test_like():
    x = autograd.zeros(2, 5, dtype=autograd.float64, requires_grad=True)
    for like in (autograd.rand_like, autograd.randn_like):
        y = like(x)
        assert y.shape == x.shape and y.dtype == x.dtype and not y.requires_grad
        assert like(x, dtype=autograd.float32).dtype == np.float32


def test_integers_and_permutations():
    values = autograd.randint(5, 9, (1000,))
    assert values.dtype == np.int64 and set(values.tolist()) == {5, 6, 7, 8}
    assert set(autograd.randint(3, (4, 100)).data.ravel().tolist()) == {0, 1, 2}
    assert autograd.randint(3, (2,), dtype=autograd.uint8).dtype == np.uint8
    assert sorted(autograd.randperm(9, generator=Generator(1)).tolist()) == list(range(9))
    with pytest.raises(ValueError, match="low=4, high=4"):
        autograd.randint(4, 4, (2,))


def test_normal_and_bernoulli():
    z = autograd.normal(3.0, 0.5, (10_000,))
    assert abs(float(z.mean()) - 3) < 0.02 and abs(float(z.std()) - 0.5) < 0.02
    means = autograd.tensor([0.0, 100.0])
    spread = autograd.normal(means, autograd.tensor([[1.0], [0.0]]), generator=Generator(0))
    assert spread.shape == (2, 2) and spread.tolist()[1] == [0, 100]
    assert autograd.normal(means, 2.0).shape == (2,)
    heads = autograd.bernoulli(autograd.full((10_000,), 0.3))
    assert set(heads.tolist()) == {0, 1} and abs(float(heads.mean()) - 0.3) < 0.02
    with pytest.raises(ValueError, match="want a size"):
        autograd.normal(0.0, 1.0)
    with pytest.raises(ValueError, match="not both"):
        autograd.normal(means, 1.0, (2,))
    with pytest.raises(ValueError, match="std >= 0, got -1"):
        autograd.normal(means, autograd.tensor([1.0, -1.0]))


def test_the_state_can_be_put_back():
    autograd.manual_seed(11)
    autograd.randn(7)
    state = autograd.get_rng_state()
    a = autograd.rand(4)
    autograd.set_rng_state(state)
    assert autograd.initial_seed() == 11 and autograd.rand(4).tolist() == a.tolist()
