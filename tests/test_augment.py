"""Augmentation: the warp against a pixel-by-pixel loop, each motion against what it should do, the size of
the elastic field."""

import numpy as np
import pytest

from autograd.ops.random import Generator
from nn.data import Augment, augment, elastic, rotate, shift, warp, zoom


def blob(height=15, width=15, row=7.0, column=7.0, size=2.0):
    rows, columns = np.mgrid[:height, :width]
    image = np.exp(-((rows - row) ** 2 + (columns - column) ** 2) / (2 * size**2))
    return image.astype(np.float32)[None, None]


def centre(image):
    rows, columns = np.mgrid[: image.shape[-2], : image.shape[-1]]
    total = image.sum()
    return (rows * image).sum() / total, (columns * image).sum() / total


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_warp_against_a_loop(dtype):
    rng = np.random.default_rng(0)
    x = rng.standard_normal((2, 3, 5, 4)).astype(dtype)
    field = (3 * rng.standard_normal((2, 2, 5, 4))).astype(np.float32)
    y = warp(x, field)
    assert y.dtype == dtype and y.shape == x.shape

    def pixel(n, c, i, j):
        return x[n, c, i, j] if 0 <= i < 5 and 0 <= j < 4 else 0.0

    for n, c, i, j in np.ndindex(x.shape):
        r, s = i + float(field[n, 0, i, j]), j + float(field[n, 1, i, j])
        a, b = int(np.floor(r)), int(np.floor(s))
        upper = pixel(n, c, a, b) * (b + 1 - s) + pixel(n, c, a, b + 1) * (s - b)
        lower = pixel(n, c, a + 1, b) * (b + 1 - s) + pixel(n, c, a + 1, b + 1) * (s - b)
        assert y[n, c, i, j] == pytest.approx(upper * (a + 1 - r) + lower * (r - a), abs=2e-5)


def test_warp_by_nothing_and_by_whole_pixels():
    x = np.random.default_rng(0).random((2, 1, 6, 7)).astype(np.float32)
    np.testing.assert_array_equal(warp(x, np.zeros((2, 2, 6, 7), np.float32)), x)
    field = np.zeros((2, 2, 6, 7), np.float32)
    field[:, 0], field[:, 1] = 2, -1
    moved = np.zeros_like(x)
    moved[:, :, :4, 1:] = x[:, :, 2:, :6]
    np.testing.assert_array_equal(warp(x, field), moved)
    np.testing.assert_array_equal(warp(x, field + 100), np.zeros_like(x))
    with pytest.raises(ValueError, match=r"field of shape \(2, 2, 6, 7\)"):
        warp(x, field[:, :1])


def affine(image, angle=0.0, factor=1.0, move=(0.0, 0.0)):
    field = augment.affine_field(
        np.array([angle]), np.array([factor]), np.array(move)[:, None], image.shape[-2:]
    )
    return warp(image, field.astype(np.float32))


def test_motions_go_the_right_way():
    right_of_centre = blob(row=7, column=11, size=1.0)
    assert centre(affine(right_of_centre, move=(2.0, -1.5))) == pytest.approx((9, 9.5), abs=0.02)
    assert centre(affine(right_of_centre, angle=np.pi / 2)) == pytest.approx((3, 7), abs=0.02)  # upwards
    np.testing.assert_allclose(
        affine(right_of_centre, angle=np.pi / 2)[0, 0], np.rot90(right_of_centre[0, 0]), atol=1e-5
    )
    assert centre(affine(right_of_centre, factor=0.5)) == pytest.approx((7, 9), abs=0.05)
    larger = affine(blob(size=1.5), factor=1.5)
    assert larger.sum() == pytest.approx(1.5**2 * blob(size=1.5).sum(), rel=0.03)


def test_amounts_are_shares_of_the_side():
    for side in (9, 31):
        images = np.repeat(blob(side, side, side // 2, side // 2, 1.0), 400, axis=0)
        moved = shift(images, 0.1, Generator(0))
        offsets = np.array([centre(image[0]) for image in moved]) - side // 2
        assert np.abs(offsets).max() <= 0.1 * side + 1e-3
        assert offsets.std() == pytest.approx(0.1 * side / np.sqrt(3), rel=0.1)


def test_rotation_and_zoom_stay_within_their_limits():
    bar = np.repeat(blob(21, 21, 10, 16, 1.0), 300, axis=0)
    turned = np.array([centre(image[0]) for image in rotate(bar, 30, Generator(1))]) - 10
    angles = np.degrees(np.arctan2(-turned[:, 0], turned[:, 1]))
    assert 25 < angles.max() < 31 and -31 < angles.min() < -25
    factors = [(centre(image[0])[1] - 10) / 6 for image in zoom(bar, 0.25, Generator(2))]
    assert 0.78 < min(factors) < 0.84 and 1.2 < max(factors) < 1.27


@pytest.mark.parametrize("shape", [(8, 8), (28, 28), (20, 30)])
def test_elastic_strays_as_far_as_it_says_everywhere_and_smoothly(shape):
    field = augment.elastic_field(800, shape, 0.05, 0.14, Generator(3))
    assert field.shape == (800, 2, *shape) and field.dtype == np.float32
    rms = np.sqrt((field**2).mean(axis=0))  # (2, H, W): edges stray as far as the middle
    for direction, side in enumerate(shape):
        np.testing.assert_allclose(rms[direction], 0.05 * side, rtol=0.12)
    neighbours = (field[..., 1:] * field[..., :-1]).mean() / (field**2).mean()
    assert neighbours > 0.8
    image = blob(*shape, shape[0] / 2, shape[1] / 2, 2.0)
    assert elastic(image, 0.05, Generator(4)).shape == image.shape


def test_the_same_generator_gives_the_same_images():
    images = np.random.default_rng(0).random((10, 1, 28, 28)).astype(np.float32)
    transform = Augment(shift=0.07, rotate=10, zoom=0.1, elastic=0.03)
    a, labels = transform(images, np.arange(10), generator=Generator(5))
    b, _ = transform(images, np.arange(10), generator=Generator(5))
    c, _ = transform(images, np.arange(10), generator=Generator(6))
    np.testing.assert_array_equal(a, b)
    assert not np.array_equal(a, c) and labels.tolist() == list(range(10))
    assert a.dtype == np.float32 and a.min() >= 0 and a.max() <= 1
    untouched, _ = Augment()(images, None, generator=Generator(7))
    np.testing.assert_allclose(untouched, images, atol=1e-6)


@pytest.mark.parametrize(
    ("options", "message"),
    [({"shift": -0.1}, "shift >= 0, got -0.1"), ({"rotate": np.inf}, "inf"), ({"smooth": 0}, "smooth > 0")],
)
def test_refusals(options, message):
    with pytest.raises(ValueError, match=message):
        Augment(**options)
