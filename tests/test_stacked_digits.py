"""StackedDigits: modes are what the channels show, by seed, through the loader, in little memory."""

import numpy as np
import pytest

from nn.data import DataLoader, Digits, StackedDigits, optdigits

DIGITS = optdigits()


def test_channels_are_the_digits_that_the_mode_names():
    data = StackedDigits(DIGITS, count=500, seed=3)
    images, modes = data.batch(np.arange(500))
    assert images.dtype == np.float32 and images.min() == 0 and images.max() == 1
    for channel, unit in enumerate((100, 10, 1)):
        parts = data.parts[:, channel]
        np.testing.assert_array_equal(modes // unit % 10, DIGITS.labels[parts])
        np.testing.assert_array_equal(images[:, channel], DIGITS.arrays()[0][parts, 0])


def test_the_seed_makes_the_data():
    first, same, other = (StackedDigits(DIGITS, 100, seed).parts for seed in (1, 1, 2))
    assert (first == same).all() and (first != other).any()


def test_all_modes_come_with_about_equal_weight():
    data = StackedDigits(DIGITS, 128_000)
    modes = DIGITS.labels[data.parts] @ [100, 10, 1]
    counts = np.bincount(modes, minlength=data.modes)
    assert len(counts) == 1000 and counts.min() > 80 and counts.max() < 190
    assert data.parts.nbytes < 2e6


def test_the_loader_streams_it():
    loader = DataLoader(StackedDigits(DIGITS, 100), batch_size=32, shuffle=True, drop_last=True, seed=0)
    batches = list(loader)
    assert [images.shape for images, _ in batches] == [(32, 3, 8, 8)] * 3
    again = list(DataLoader(loader.dataset, batch_size=32, shuffle=True, drop_last=True, seed=0))
    assert all((a[0] == b[0]).all().item() for a, b in zip(batches, again, strict=True))


def test_an_example_is_one_of_a_batch():
    data = StackedDigits(DIGITS, 10)
    image, mode = data[4]
    images, modes = data.batch(np.arange(10))
    assert (image == images[4]).all() and mode == modes[4] and len(data) == 10


def test_other_numbers_of_classes_have_other_modes():
    pair = Digits("pair", DIGITS.images, DIGITS.labels % 2, 16, ("even", "odd"))
    data = StackedDigits(pair, 200)
    assert data.modes == 8 and data.batch(np.arange(200))[1].max() == 7


def test_bad_arguments_are_named():
    with pytest.raises(ValueError, match="count >= 1, got 0"):
        StackedDigits(DIGITS, 0)
    none = Digits("none", DIGITS.images[:0], DIGITS.labels[:0], 16, DIGITS.classes)
    with pytest.raises(ValueError, match="got none"):
        StackedDigits(none)
