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


@pytest.mark.parametrize("replacement", [True, False])
def test_places_are_drawn_in_proportion_to_weights(replacement):
    weights = autograd.tensor([1.0, 0.0, 3.0, 2.0], dtype=autograd.float64)
    many = autograd.stack([weights] * 20_000)
    drawn = autograd.multinomial(many, 2, replacement, Generator(1))
    assert drawn.shape == (20_000, 2) and drawn.dtype == np.int64
    first = np.bincount(drawn.data[:, 0], minlength=4) / 20_000
    np.testing.assert_allclose(first, weights.data / 6, atol=0.015)
    second = np.bincount(drawn.data[drawn.data[:, 0] == 2, 1], minlength=4)  # behind a first draw of 3 in 6
    left = weights.data if replacement else np.array([1.0, 0.0, 0.0, 2.0])
    np.testing.assert_allclose(second / second.sum(), left / left.sum(), atol=0.02)
    assert autograd.multinomial(weights, 3).shape == (3,)
    assert sorted(autograd.multinomial(weights, 3).tolist()) == [0, 2, 3]


@pytest.mark.parametrize(
    ("weights", "count", "words"),
    [
        ([1.0, -1.0], 1, "finite weights >= 0"),
        ([[1.0, 0.0], [0.0, 0.0]], 1, "one at least above 0 in each row"),
        ([1.0, np.nan], 1, "finite weights"),
        ([[[1.0]]], 1, r"got shape \(1, 1, 1\)"),
        ([1.0, 0.0, 2.0], 3, "3 samples without replacement, of a row with 2 weights above 0"),
        ([1.0], 0, "num_samples >= 1, got 0"),
    ],
)
def test_weights_that_nothing_can_be_drawn_with(weights, count, words):
    with pytest.raises(ValueError, match=words):
        autograd.multinomial(autograd.tensor(weights), count)
