"""Points whose distribution is known: centres, spreads, seeds."""

from __future__ import annotations

import math

import numpy as np
import pytest

import autograd
from nn.data.points import grid, grid_centres, mixture, ring, ring_centres, swiss_roll, two_moons


@pytest.mark.parametrize(
    ("make", "centres", "std"), [(ring, ring_centres(), 0.01), (grid, grid_centres(), 0.05)]
)
def test_mixtures_are_pacgans(make, centres, std):
    """Even shares, and normal distances: a share of 1 - exp(-9 / 2) within three standard deviations."""
    points = make(50_000, seed=1)
    assert points.dtype == np.float32 and points.shape == (50_000, 2)
    apart = np.linalg.norm(points[:, None] - centres[None], axis=2)
    counts = np.bincount(apart.argmin(1), minlength=len(centres))
    expected = len(points) / len(centres)
    assert (np.abs(counts - expected) < 5 * math.sqrt(expected)).all()
    assert (apart.min(1) < 3 * std).mean() == pytest.approx(1 - math.exp(-4.5), abs=0.003)
    assert np.sqrt((apart.min(1) ** 2).mean() / 2) == pytest.approx(std, rel=0.02)


def test_centres():
    np.testing.assert_allclose(np.linalg.norm(ring_centres(), axis=1), 1, rtol=1e-6)
    assert ring_centres()[2] == pytest.approx([0, 1], abs=1e-6)
    assert len(grid_centres()) == 25 and set(grid_centres().ravel()) == {-4, -2, 0, 2, 4}


@pytest.mark.parametrize("make", [ring, grid, swiss_roll, two_moons])
def test_seeds_are_honoured(make):
    assert (make(20, seed=3) == make(20, seed=3)).all()
    assert (make(20, seed=3) == make(20, generator=autograd.Generator(3))).all()
    assert (make(20, seed=3) != make(20, seed=4)).any()
    assert make(20).dtype == np.float32 and make(0, seed=1).shape == (0, 2)
    with pytest.raises(ValueError, match="not both"):
        make(20, seed=3, generator=autograd.Generator(3))
    with pytest.raises(ValueError, match="n >= 0"):
        make(-1)


def test_curves_without_noise_lie_on_their_curves():
    roll = swiss_roll(500, noise=0.0, seed=0)
    radius = np.linalg.norm(roll, axis=1) * 4.5 * math.pi  # the angle, too
    np.testing.assert_allclose(roll[:, 0] * 4.5 * math.pi, radius * np.cos(radius), atol=1e-3)
    upper, lower = two_moons(500, noise=0.0, seed=0), two_moons(500, noise=0.0, seed=0) - [1, 0.5]
    on = [np.abs(np.linalg.norm(x, axis=1) - 1) < 1e-5 for x in (upper, lower)]
    assert (on[0] | on[1]).all() and 200 < on[0].sum() < 300


def test_mistakes_are_named():
    with pytest.raises(ValueError, match="std >= 0, got nan"):
        ring(3, std=math.nan)
    with pytest.raises(ValueError, match="noise >= 0"):
        swiss_roll(3, noise=-1)
    with pytest.raises(ValueError, match="modes >= 1"):
        ring(3, modes=0)
    with pytest.raises(ValueError, match="side >= 1"):
        grid(3, side=0)
    with pytest.raises(ValueError, match=r"centres \(k, d\), got an array of shape \(2,\)"):
        mixture(3, [0.0, 1.0], 0.1)
