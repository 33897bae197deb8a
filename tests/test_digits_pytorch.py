"""The digits app's networks as PyTorch trains them in `python -m benchmarks.digits`: the same functions."""

from __future__ import annotations

import numpy as np
import pytest

import autograd
from apps.digits import models, recipes

torch = pytest.importorskip("torch", reason="PyTorch is the oracle: pip install 'kernelgrad[oracle]'")

from benchmarks.digits.pytorch import translated  # noqa: E402


@pytest.mark.parametrize("name", models.MODELS)
def test_the_translated_network_is_the_same_function(name):
    recipe = recipes.recipe("mnist", name, dropout=0.0)
    ours = models.build(name, 28, recipe.widths, recipe.dropout)
    theirs = translated(ours)
    images = np.random.default_rng(0).random((16, 1, 28, 28), np.float32)
    expected = ours(autograd.tensor(images)).data
    np.testing.assert_allclose(theirs(torch.tensor(images)).detach().numpy(), expected, rtol=1e-4, atol=1e-4)
