"""What docs/drawing.md says of autoencoders and VAEs of MNIST, after a few epochs: PCA and a line of numbers.

make slow        these take about a minute on one core; prints each table
"""

from __future__ import annotations

import pytest

from tests.slow.test_examples_reach import table

pytestmark = pytest.mark.slow


def test_thirty_numbers_say_more_than_thirty_principal_components(tmp_path):
    """In three epochs; thirty of them leave a quarter of PCA's error and less."""
    found = table("autoencoders", tmp_path, "--part", "codes", "--net", "deep", "--steps", "1404")
    pca = found["PCA-30"]["squared error"]
    assert pca == pytest.approx(13.87, abs=0.01)  # as Hinton and Salakhutdinov had it
    assert found["784-1000-500-250-30"]["squared error"] < pca / 2.3


def test_a_vae_learns_as_fast_as_pytorchs_and_faster_with_a_rate_that_falls(tmp_path):
    """Three epochs; after seven the mean of three seeds is 106.88, and with a rate that falls 105.68."""
    found = table("vae", tmp_path, "--part", "grey", "--steps", "1407")
    constant = found["rate constant, seed 0"]
    assert [constant[str(i)] for i in (1, 2, 3)] == pytest.approx([127.4, 115.7, 111.7], abs=1.0)
    assert found["rate falling, seed 0"]["3"] < constant["3"] - 1.0
