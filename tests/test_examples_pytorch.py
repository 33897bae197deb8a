"""The nets of docs/examples as PyTorch trains them in benchmarks/examples: the same functions."""

from __future__ import annotations

import numpy as np
import pytest

import autograd
from autograd import Tensor
from docs.examples import characters, sequential_mnist

torch = pytest.importorskip("torch", reason="PyTorch is the oracle: pip install 'kernelgrad[oracle]'")

from benchmarks.examples import characters as their_characters  # noqa: E402
from benchmarks.examples import sequential_mnist as their_mnist  # noqa: E402


@pytest.mark.parametrize("kind", ["lstm", "gru"])
def test_the_character_model_is_the_same_function(kind):
    autograd.manual_seed(0)
    ours = characters.recipe(kind, 65, quick=True).model.eval()
    theirs = their_characters.Twin(ours).eval()
    codes = np.random.default_rng(0).integers(0, 65, 400)
    x = codes[:60].reshape(15, 4)
    expected = ours(Tensor(x)).data
    found = theirs(torch.from_numpy(x), None)[0].detach().numpy()
    np.testing.assert_allclose(found, expected, rtol=1e-4, atol=1e-5)
    assert their_characters.surprise(theirs, codes, 4, 16) == pytest.approx(
        ours.surprise(codes, 4, 16), rel=1e-5
    )


def test_the_reader_of_pixels_is_the_same_function():
    autograd.manual_seed(0)
    net = sequential_mnist.nets(64)["GRU"]
    images = np.random.default_rng(0).random((5, 64), np.float32)
    expected = sequential_mnist.Pixels(net)(Tensor(images)).data
    found = their_mnist.Twin(net)(torch.from_numpy(images)).detach().numpy()
    np.testing.assert_allclose(found, expected, rtol=1e-4, atol=1e-5)
