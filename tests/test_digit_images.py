"""From photos and drawings to what a network sees: whatever the form, the same digit looks the same."""

from __future__ import annotations

import os

import numpy as np
import pytest

pytest.importorskip("PIL", reason="the apps extra")

from digit_drawings import drawn  # noqa: E402
from PIL import Image  # noqa: E402

import nn.data  # noqa: E402
from apps.digits import images  # noqa: E402


@pytest.mark.parametrize("side", [8, 28])
def test_the_same_drawing_is_seen_the_same_in_whatever_form_it_comes(tmp_path, side):
    """Colour, polarity, transparency, size and light from one side leave what the network sees."""
    lit = np.asarray(drawn("7", 300, 24, "white", "black", "L"), float)
    lit = (lit * np.linspace(0.55, 1.0, 300)[None, :]).astype(np.uint8)
    forms = {
        "plain.png": drawn("7", 300, 24, "white", "black", "L"),
        "inverted.png": drawn("7", 300, 24, "black", "white", "L"),
        "colour.jpg": drawn("7", 300, 24, (250, 240, 220), (30, 40, 120)),
        "large.png": drawn("7", 1500, 120, "white", "black"),
        "clear.png": drawn("7", 300, 24, (0, 0, 0, 0), (20, 20, 20, 255), "RGBA"),
        "clear-light.png": drawn("7", 300, 24, (0, 0, 0, 0), (250, 250, 250, 255), "RGBA"),
        "shade.png": Image.fromarray(lit),
        "deep.png": Image.fromarray(np.asarray(drawn("7", 300, 24, 255, 0, "L"), np.uint16) * 200),
        "bilevel.png": drawn("7", 300, 24, 1, 0, "1"),
    }
    seen = {}
    for name, image in forms.items():
        image.save(tmp_path / name)
        seen[name] = images.prepare(tmp_path / name, side)
        assert seen[name].shape == (side, side) and seen[name].dtype == np.float32
    for name, pixels in seen.items():
        assert np.abs(pixels - seen["plain.png"]).mean() < 0.02, name


def test_a_digit_is_centred_by_its_mass_in_a_box_of_20(tmp_path):
    drawn("0", 200, 10, "white", "black").save(tmp_path / "zero.png")
    seen = images.prepare(tmp_path / "zero.png", 28)
    rows, columns = np.flatnonzero(seen.max(1) > 0), np.flatnonzero(seen.max(0) > 0)
    assert max(np.ptp(rows), np.ptp(columns)) + 1 == 20
    middle = [float((seen.sum(axis) * np.arange(28)).sum() / seen.sum()) for axis in (1, 0)]
    assert middle == pytest.approx([14, 14], abs=0.6)


def test_an_mnist_image_comes_back_nearly_as_it_was(tmp_path):
    """Photos of MNIST images, enlarged, on grey paper: what is cut out is the MNIST image again."""
    data = nn.data.mnist(os.environ["AUTOGRAD_DATA"], train=False) if "AUTOGRAD_DATA" in os.environ else None
    if data is None:
        pytest.skip("AUTOGRAD_DATA is not set")
    for i in range(10):
        large = np.asarray(
            Image.fromarray(data.images[i]).resize((224, 224), Image.Resampling.BICUBIC), float
        )
        Image.fromarray((200 - 0.6 * np.pad(large, 40)).astype(np.uint8)).save(tmp_path / "photo.png")
        seen = images.prepare(tmp_path / "photo.png", 28)
        assert np.corrcoef(seen.ravel(), data.images[i].ravel())[0, 1] > 0.85
