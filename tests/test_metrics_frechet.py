"""The Frechet distance: closed forms, SciPy's matrix square root, and how it grows as drawings get worse."""

from __future__ import annotations

import numpy as np
import pytest

from nn.metrics import Moments, frechet_distance, frechet_infinity

RNG = np.random.default_rng(0)


def cloud(n: int, k: int, seed: int) -> np.ndarray:
    rng = np.random.default_rng(seed)
    return rng.normal(size=(n, k)) @ rng.normal(size=(k, k)) + rng.normal(size=k)


@pytest.mark.parametrize("k, n", [(3, 50), (64, 500), (64, 20)])
def test_it_is_what_the_matrix_square_root_of_scipy_gives(k, n):
    linalg = pytest.importorskip("scipy.linalg")
    a, b = cloud(n, k, 1), cloud(n, k, 2)
    cov_a, cov_b = np.cov(a.T), np.cov(b.T)
    root = linalg.sqrtm(cov_a @ cov_b + 1e-12 * np.eye(k)).real
    apart = a.mean(0) - b.mean(0)
    expected = apart @ apart + np.trace(cov_a + cov_b - 2 * root)
    assert frechet_distance(a, b) == pytest.approx(expected, rel=1e-5)
    assert frechet_distance(b, a) == pytest.approx(frechet_distance(a, b), rel=1e-9)


def test_closed_forms():
    zero, one = np.zeros(2), np.array([1.0, 0.0])
    assert frechet_distance((zero, np.eye(2)), (one, np.eye(2))) == pytest.approx(1)
    # Along common axes it is the sum of squared differences of means and of standard deviations.
    a, b = np.array([1.0, 4.0, 0.0]), np.array([9.0, 1.0, 25.0])
    both = (np.zeros(3), np.diag(a)), (np.zeros(3), np.diag(b))
    assert frechet_distance(*both) == pytest.approx(((np.sqrt(a) - np.sqrt(b)) ** 2).sum())
    turn = np.linalg.qr(RNG.normal(size=(3, 3)))[0]
    turned = [(turn @ mean, turn @ cov @ turn.T) for mean, cov in both]
    assert frechet_distance(*turned) == pytest.approx(frechet_distance(*both))


def test_of_a_set_to_itself_it_is_zero_even_with_features_that_are_dead_or_huge():
    x = cloud(300, 20, 3)
    x[:, :5] = 0
    x[:, 5] = 7
    x[:, 6] *= 1e4
    assert frechet_distance(x, x) <= 1e-12 * np.trace(np.cov(x.T))
    assert frechet_distance(x, x + 1) == pytest.approx(20, rel=1e-4)


def test_moments_of_blocks_are_those_of_the_whole():
    x = cloud(1000, 8, 4) + 1e6  # sums of squares would lose seven digits here
    moments = Moments()
    for block in np.split(x, [1, 5, 400, 401]):
        assert moments.update(block) is moments
    assert moments.count == 1000
    np.testing.assert_allclose(moments.mean, x.mean(0), rtol=1e-12)
    np.testing.assert_allclose(moments.cov, np.cov(x.T), rtol=1e-7)
    assert frechet_distance(moments, x) < 1e-6


def test_it_shrinks_as_one_over_n_and_infinity_takes_that_away():
    truth = np.zeros(16), np.eye(16)
    rng = np.random.default_rng(5)
    few, many = (
        np.mean([frechet_distance(rng.normal(size=(n, 16)), truth) for _ in range(20)]) for n in (100, 400)
    )
    assert few / many == pytest.approx(4, rel=0.15)
    unbiased = [frechet_infinity(rng.normal(size=(400, 16)), truth, seed=i) for i in range(20)]
    assert abs(np.mean(unbiased)) < many / 5


def test_what_cannot_be_measured_is_refused():
    x = cloud(10, 3, 6)
    broken = x.copy()
    broken[2, 1] = np.nan
    for a, b, message in [
        (x, cloud(10, 4, 6), "3 features do not compare with 4"),
        (x, broken, "NaN"),
        (x[:1], x, "at least 2 samples"),
        (x[0], x, r"want features \(N, k\), got \(3,\)"),
        ((np.zeros(3), np.eye(2)), x, "want mean"),
        ((np.zeros(2), np.array([[1.0, 2.0], [0.0, 1.0]])), x, "not symmetric"),
    ]:
        with pytest.raises(ValueError, match=message):
            frechet_distance(a, b)
    with pytest.raises(ValueError, match="4 features a sample, and 3 before"):
        Moments(x).update(cloud(10, 4, 6))
    with pytest.raises(ValueError, match="at least 2"):
        _ = Moments().cov
