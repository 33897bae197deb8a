"""Precision, recall, density, coverage and nearest neighbours, where the answers are known."""

from __future__ import annotations

import numpy as np
import pytest

import autograd
from nn.metrics import density_coverage, manifold, nearest_neighbours, precision_recall

RNG = np.random.default_rng(0)
REAL = RNG.normal(size=(300, 4))


def by_definition(real: np.ndarray, samples: np.ndarray, k: int) -> tuple[float, float, float, float]:
    """Precision, recall, density and coverage, as they are defined: one distance at a time."""

    def distances(a, b):
        return np.array([[np.linalg.norm(x - y) for y in b] for x in a])

    def radii(x):
        return np.sort(distances(x, x), axis=1)[:, k]  # [:, 0] is the point itself

    inside = distances(samples, real) <= radii(real)
    reached = distances(real, samples) <= radii(samples)
    return (
        inside.any(1).mean(),
        reached.any(1).mean(),
        inside.sum() / (k * len(samples)),
        inside.any(0).mean(),
    )


@pytest.mark.parametrize("k", [1, 3, 5])
def test_they_are_what_the_definitions_say(k, monkeypatch):
    real, samples = REAL[:60], RNG.normal(size=(45, 4)) * 0.8 + 0.5
    expected = by_definition(real, samples, k)
    for block in (1, 60 * 7, 1 << 22):  # distances in memory at once: it must not matter
        monkeypatch.setattr(manifold, "BLOCK", block)
        assert precision_recall(real, samples, k) == pytest.approx(expected[:2])
        assert density_coverage(real, samples, k) == pytest.approx(expected[2:])


def test_a_set_has_all_of_itself():
    assert precision_recall(REAL, REAL) == (1, 1)
    assert precision_recall(REAL, REAL + 1e5) == (0, 0)
    assert precision_recall(REAL + 1e5, REAL + 1e5) == (1, 1)  # far from the origin, digits are not lost
    density, coverage = density_coverage(REAL, REAL)
    assert 0.9 < density <= 1.3 and coverage == 1


@pytest.mark.parametrize("size", [4, 84, 300])
def test_copies_lie_in_balls_of_radius_0(size):
    """Whatever their order, in which sums may be rounded in other ways."""
    real = np.repeat(RNG.normal(size=(50, size)) + 3, 6, axis=0)
    samples = RNG.permutation(real)
    assert precision_recall(real, samples, k=3) == (1, 1)
    assert density_coverage(real, samples, k=5) == (1.2, 1)


def test_half_of_the_data_has_precision_one_and_half_the_recall():
    left, right = REAL, REAL + np.array([100.0, 0, 0, 0])
    assert precision_recall(np.concatenate([left, right]), left) == (1, 0.5)
    # And the other way round: all of the data, and as much again that is nothing.
    assert precision_recall(left, np.concatenate([left, right])) == (0.5, 1)


def test_collapse_shows_as_recall_of_nothing():
    one = np.repeat(REAL[:1], 300, axis=0)
    assert precision_recall(REAL, one) == pytest.approx((1, 0), abs=1 / 300 + 1e-9)
    near = REAL[:1] + 1e-3 * RNG.normal(size=(300, 4))
    assert precision_recall(REAL, near) == pytest.approx((1, 0), abs=1 / 300 + 1e-9)
    assert density_coverage(REAL, near).coverage < 0.1


def test_one_sample_far_out_gives_recall_but_no_coverage():
    """Why density and coverage use the balls of the real points alone."""
    samples = np.concatenate([np.full((4, 4), 40.0), np.full((4, 4), -40.0) + np.eye(4)])
    samples[:4] += np.eye(4)
    assert precision_recall(REAL, samples, k=4).recall == 1
    assert density_coverage(REAL, samples, k=4) == (0, 0)


def test_nearest_neighbours_are_those_of_all_distances():
    train, samples = RNG.random((500, 1, 5, 5), np.float32), RNG.random((40, 1, 5, 5), np.float32)
    all_distances = np.linalg.norm(
        samples.reshape(40, 1, 25).astype(np.float64) - train.reshape(1, 500, 25), axis=2
    )
    found = nearest_neighbours(autograd.from_numpy(samples), train, k=3)
    np.testing.assert_array_equal(found.indices, all_distances.argsort(1)[:, :3])
    np.testing.assert_allclose(found.distances, np.sort(all_distances, 1)[:, :3], rtol=1e-6)


def test_a_copy_has_distance_zero_exactly():
    train = RNG.random((300, 784), np.float32) * 100 + 1000
    found = nearest_neighbours(train[[7, 250]], train)
    assert found.indices.tolist() == [[7], [250]] and found.distances.tolist() == [[0], [0]]
    doubled = np.concatenate([train, train])
    assert nearest_neighbours(train[[7]], doubled, k=2).indices.tolist() == [[7, 307]]


@pytest.mark.parametrize(
    "call, message",
    [
        (lambda: precision_recall(REAL, REAL[:, :2]), "real has 4 features, samples 2"),
        (lambda: precision_recall(REAL, REAL[:3]), "want 1 <= k < 3"),
        (lambda: precision_recall(REAL, REAL, k=0), "want 1 <= k < 300"),
        (lambda: precision_recall(REAL, REAL * np.nan), "NaN"),
        (lambda: precision_recall(REAL[0], REAL), r"got \(4,\)"),
        (lambda: nearest_neighbours(REAL, REAL[:, :2]), "samples of 4 numbers, examples of 2"),
        (lambda: nearest_neighbours(REAL, REAL[:2], k=3), "want 1 <= k <= 2"),
        (lambda: nearest_neighbours(REAL * np.inf, REAL), "NaN or infinity"),
    ],
)
def test_what_cannot_be_measured_is_refused(call, message):
    with pytest.raises(ValueError, match=message):
        call()
