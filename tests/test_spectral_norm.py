"""Spectral norm as part of a module: optimisers, copies, programs, taking it off, what is refused."""

from __future__ import annotations

import copy
import pickle

import numpy as np
import pytest

import autograd
import nn
from autograd import Tensor
from nn.optim.swa_utils import AveragedModel, get_ema_avg_fn
from nn.utils import remove_spectral_norm, spectral_norm


def test_an_optimiser_made_before_goes_on_with_the_same_parameter():
    layer = nn.Linear(3, 2)
    weight = layer.weight
    sgd = nn.optim.SGD(layer.parameters(), lr=0.1)
    spectral_norm(layer)
    assert layer.parametrizations.weight.original is weight and isinstance(layer, nn.Linear)
    before = weight.data.copy()
    (layer(autograd.ones(1, 3)) ** 2).sum().backward()
    sgd.step()
    assert (weight.data != before).any()
    expected = layer.eval().weight.data
    assert remove_spectral_norm(layer).weight is weight and type(layer) is nn.Linear
    np.testing.assert_array_equal(weight.data, expected)


def test_two_parameters_of_one_module():
    layer = spectral_norm(spectral_norm(nn.Linear(3, 2)), "bias")  # a vector: its length
    assert np.linalg.norm(layer.bias.data) == pytest.approx(1)
    remove_spectral_norm(layer)
    assert isinstance(layer.weight, nn.Parameter) and not isinstance(layer.bias, nn.Parameter)
    assert isinstance(remove_spectral_norm(layer, "bias").bias, nn.Parameter)


def test_axes_may_be_counted_from_the_end():
    values = []
    for dim in (1, -1):
        autograd.manual_seed(0)
        values.append(spectral_norm(nn.Linear(3, 2), dim=dim).eval().weight.data)
    np.testing.assert_array_equal(*values)


def test_copies_are_apart():
    layer = spectral_norm(nn.Linear(3, 2))
    other = copy.deepcopy(layer)
    before = {name: value.data.copy() for name, value in layer.state_dict().items()}
    other(autograd.ones(1, 3))
    with autograd.no_grad():
        other.parametrizations.weight.original.copy_(autograd.ones(2, 3))
    for name, value in layer.state_dict().items():
        np.testing.assert_array_equal(value.data, before[name])


def test_a_pickled_layer_is_normalised_still():
    layer = spectral_norm(nn.Conv2d(2, 3, 3))
    other = pickle.loads(pickle.dumps(layer)).eval()
    x = autograd.rand(1, 2, 4, 4)
    np.testing.assert_array_equal(layer.eval()(x).data, other(x).data)
    assert type(other) is type(layer) and type(remove_spectral_norm(other)) is nn.Conv2d


def test_vectors_improve_in_programs_too():
    runs = []
    for compiled in (False, True):
        autograd.manual_seed(0)
        layer = spectral_norm(nn.Conv2d(2, 3, 3))

        def call(x, layer=layer):
            y = layer(x)
            return y + layer(2 * x)

        call = autograd.jit(call) if compiled else call
        x = autograd.rand(1, 2, 4, 4)
        outs = [call(x).data.copy() for _ in range(4)]
        layer.eval()
        outs += [call(x).data.copy() for _ in range(3)]
        runs.append((outs, [value.data.copy() for value in layer.state_dict().values()]))
    for ours, theirs in zip([*runs[1][0], *runs[1][1]], [*runs[0][0], *runs[0][1]], strict=True):
        np.testing.assert_allclose(ours, theirs, rtol=1e-5, atol=1e-6)


@pytest.mark.parametrize("use_buffers", [True, False])
def test_an_average_of_weights_is_normalised_by_its_own_vectors(use_buffers):
    autograd.manual_seed(0)
    layer = spectral_norm(nn.Linear(8, 6))
    averaged = AveragedModel(layer, avg_fn=get_ema_avg_fn(0.98), use_buffers=use_buffers)
    rng = np.random.default_rng(0)
    for _ in range(300):
        with autograd.no_grad():
            step = Tensor(rng.normal(size=(6, 8)).astype(np.float32))
            layer.parametrizations.weight.original.mul_(0.95).add_(0.3 * step)
        layer(autograd.ones(1, 8))
        averaged.update_parameters(layer)
    averaged.eval()
    assert np.linalg.norm(averaged.module.weight.data, 2) == pytest.approx(1, abs=0.01)


def test_mistakes_are_named():
    layer = spectral_norm(nn.Linear(3, 2))
    with pytest.raises(ValueError, match="normalised already"):
        spectral_norm(layer)
    with pytest.raises(ValueError, match=r"no parameter 'weigth' \(it has: weight, bias\)"):
        spectral_norm(nn.Linear(3, 2), "weigth")
    with pytest.raises(ValueError, match=r"a dim of weight, -2 \.\.\. 1, got 2"):
        spectral_norm(nn.Linear(3, 2), dim=2)
    with pytest.raises(ValueError, match="n_power_iterations >= 1"):
        spectral_norm(nn.Linear(3, 2), n_power_iterations=0)
    with pytest.raises(ValueError, match="is not normalised"):
        remove_spectral_norm(nn.Linear(3, 2))
    with pytest.raises(AttributeError, match=r"parametrizations\.weight\.original"):
        layer.weight = nn.Parameter(autograd.ones(2, 3))
