"""Which modes were drawn: classes, the ring and grid of Gaussians, stacked digits."""

from __future__ import annotations

import math

import numpy as np
import pytest

import nn.data
from nn.metrics import class_histogram, kl_divergence, modes_and_quality, stacked_modes

ANGLES = np.arange(8) * math.pi / 4
RING = np.stack([np.cos(ANGLES), np.sin(ANGLES)], 1)


def ring(n: int, modes: int = 8, std: float = 0.01) -> np.ndarray:
    rng = np.random.default_rng(0)
    return RING[np.arange(n) % modes] + std * rng.normal(size=(n, 2))


def test_kl_divergence_in_closed_form():
    assert kl_divergence([3, 3, 3], [0.2, 0.2, 0.2]) == 0
    assert kl_divergence([1, 3], [2, 2]) == pytest.approx(0.25 * math.log(0.5) + 0.75 * math.log(1.5))
    assert kl_divergence([99] * 99 + [0] * 901, np.ones(1000)) == pytest.approx(math.log(1000 / 99))
    assert kl_divergence([1, 1], [1, 0]) == math.inf
    assert kl_divergence([1, 0], [1, 1]) == pytest.approx(math.log(2))
    for p, q in [([0, 0], [1, 1]), ([1, -1], [1, 1]), ([1, math.nan], [1, 1])]:
        with pytest.raises(ValueError, match="p must be finite, >= 0, and not all 0"):
            kl_divergence(p, q)
    with pytest.raises(ValueError, match="two histograms"):
        kl_divergence([1, 1], [1, 1, 1])


def test_by_chance_it_is_about_the_number_of_modes_over_twice_the_samples():
    """What the docstrings say of a perfect model, at the 26,000 stacks of the papers."""
    rng = np.random.default_rng(1)
    found = [kl_divergence(np.bincount(rng.integers(0, 1000, 26_000)), np.ones(1000)) for _ in range(5)]
    assert np.mean(found) == pytest.approx(999 / 52_000, rel=0.05)


def test_class_histogram():
    data = np.repeat(np.arange(10), [9, 11] * 5)
    assert class_histogram(data, data).kl == 0
    alone = class_histogram([1] * 50, data)
    assert alone.counts.tolist() == [0, 50] + [0] * 8
    assert alone.kl == pytest.approx(math.log(100 / 11))
    assert class_histogram([0], reference=[1], num_classes=2).kl == math.inf
    for classes, message in [([10], "10..10 are not in 0..9"), ([-1], "not in 0..9"), ([0.5], "integers")]:
        with pytest.raises(ValueError, match=message):
            class_histogram(classes)


def test_of_the_mixture_itself_all_modes_are_found_and_99_percent_are_good():
    found = modes_and_quality(ring(20_000), RING, 0.01)
    assert found.covered == 8 and found.kl < 0.001
    assert found.quality == pytest.approx(1 - math.exp(-4.5), abs=0.003)
    assert found.counts.sum() == round(found.quality * 20_000)


def test_lost_modes_and_points_between_modes_show():
    found = modes_and_quality(ring(2500, modes=3), RING, 0.01)
    assert (
        found.covered == 3 and found.quality > 0.98 and found.kl == pytest.approx(math.log(8 / 3), abs=0.01)
    )
    between = np.repeat((RING[:1] + RING[1:2]) / 2, 100, axis=0)
    mixed = modes_and_quality(np.concatenate([ring(300), between]), RING, 0.01)
    assert mixed.covered == 8 and mixed.quality == pytest.approx(0.75, abs=0.02)
    wide = modes_and_quality(ring(20_000, std=0.02), RING, 0.01)
    assert wide.quality == pytest.approx(1 - math.exp(-9 / 8), abs=0.02)


def test_the_edge_of_quality_and_centres_of_unequal_spread():
    centre = np.zeros((1, 2))
    assert modes_and_quality([[2.999, 0]], centre, 1.0).quality == 1
    assert modes_and_quality([[3.001, 0]], centre, 1.0)[:2] == (0, 0)
    # In standard deviations the far one is nearer.
    found = modes_and_quality([[4.0, 0]], [[0, 0], [9.0, 0]], std=[1, 2])
    assert found.counts.tolist() == [0, 1]


def test_a_model_that_diverged_has_no_modes():
    found = modes_and_quality(np.full((10, 2), np.nan), RING, 0.01)
    assert found.covered == 0 and found.quality == 0 and found.kl == math.inf
    with pytest.raises(ValueError, match=r"points \(5, 3\) do not go with centres \(8, 2\)"):
        modes_and_quality(np.zeros((5, 3)), RING, 0.01)
    with pytest.raises(ValueError, match="want std > 0"):
        modes_and_quality(np.zeros((5, 2)), RING, 0)


def by_brightness(images: np.ndarray) -> np.ndarray:
    """A classifier for images that are all of one brightness, d / 9."""
    return np.rint(images[:, 0, 0, 0] * 9).astype(int)


def test_stacked_modes_are_numbered_by_their_channels():
    digits = np.array([[4, 0, 7], [4, 0, 7], [9, 9, 9]])
    images = np.broadcast_to((digits / 9)[:, :, None, None], (3, 3, 28, 28))
    found = stacked_modes(images, by_brightness)
    assert found.covered == 2 and found.counts[407] == 2 and found.counts[999] == 1
    every = np.stack(np.unravel_index(np.arange(1000), (10, 10, 10)), 1)
    images = np.broadcast_to((every / 9)[:, :, None, None], (1000, 3, 2, 2))
    assert stacked_modes(images, by_brightness)[:2] == (1000, 0)
    doubled = np.concatenate([images, images[:1]])
    reference = np.ones(1000)
    reference[0] = 2
    assert stacked_modes(doubled, by_brightness, reference).kl == pytest.approx(0)
    with pytest.raises(ValueError, match=r"want images \(N, 3, 28, 28\), got \(4, 1, 28, 28\)"):
        stacked_modes(np.zeros((4, 1, 28, 28)))


def test_the_frozen_network_reads_stacks(mnist_images):
    images, labels = mnist_images
    stacks, digits = images[:300].reshape(100, 3, 28, 28), labels[:300].reshape(100, 3)
    counts = np.bincount(digits @ [100, 10, 1], minlength=1000)
    assert np.abs(stacked_modes(stacks).counts - counts).sum() <= 8  # four stacks read wrong


@pytest.fixture
def mnist_images():
    try:
        return nn.data.mnist(train=False).arrays()
    except nn.data.DataError as error:
        pytest.skip(str(error))
