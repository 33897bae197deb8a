"""The short way of functions through calls that came by before: the same results, records and refusals."""

from __future__ import annotations

import weakref

import numpy as np
import pytest

import autograd
import nn.functional as F
from autograd import kernels
from autograd.op import REGISTRY
from autograd.quick import quick

pytestmark = pytest.mark.skipif(not kernels.active, reason="only kernels have a short way")

RNG = np.random.default_rng(1)


def tensor(*shape: int) -> autograd.Tensor:
    return autograd.tensor(RNG.standard_normal(shape).astype(np.float32))


LABELS, ONES = autograd.tensor([0, 2, 1]), autograd.ones(3, 1)
MASK, OTHER = autograd.tensor(RNG.random((3, 5)) > 0.5), tensor(5)
MEAN, VAR = tensor(3), autograd.tensor([0.5, 1.0, 2.0])
FUNCTIONS = {
    "relu": (autograd.relu, (3, 5)),
    "silu": (autograd.silu, (3, 5)),
    "clamp": (lambda x: autograd.clamp(x, -0.5, 1), (3, 5)),
    "where": (lambda x: autograd.where(MASK, x, OTHER), (3, 5)),
    "sum": (lambda x: autograd.sum(x, 0), (3, 5)),
    "mean": (lambda x: autograd.mean(x, keepdim=True), (3, 5)),
    "amax": (lambda x: x.amax(1), (3, 5)),
    "max_pool2d": (lambda x: F.max_pool2d(x, 2), (2, 3, 6, 4)),
    "avg_pool2d": (lambda x: F.avg_pool2d(x, 3, stride=2, padding=1), (2, 3, 7, 5)),
    "softmax": (lambda x: F.softmax(x, 1), (3, 5)),
    "log_softmax": (lambda x: autograd.log_softmax(x, 0), (3, 5)),
    "embedding": (lambda x: F.embedding(LABELS, x), (4, 6)),
    "gather": (lambda x: autograd.gather(x, 1, LABELS.reshape(3, 1)), (3, 5)),
    "scatter_add": (lambda x: autograd.scatter_add(x, 1, LABELS.reshape(3, 1), ONES), (3, 5)),
    "batch_norm": (lambda x: F.batch_norm(x, None, None, training=True), (4, 3, 2)),
    "batch_norm eval": (lambda x: F.batch_norm(x, MEAN, VAR, VAR, MEAN), (4, 3, 2)),
    "layer_norm": (lambda x: F.layer_norm(x, (3,), VAR, MEAN), (4, 3)),
    "group_norm": (lambda x: F.group_norm(x, 1, VAR, MEAN), (4, 3, 2)),
    "cross_entropy": (lambda x: F.cross_entropy(x, LABELS, label_smoothing=0.1), (3, 5)),
    "cross_entropy weight": (lambda x: F.cross_entropy(x, LABELS, VAR, reduction="none"), (3, 3)),
}


@pytest.mark.parametrize("name", FUNCTIONS)
def test_calls_of_a_known_layout_give_what_the_first_gave(name):
    function, shape = FUNCTIONS[name]
    x = tensor(*shape)
    first, again, other = function(x), function(x), function(tensor(*shape))
    np.testing.assert_allclose(again.data, first.data, rtol=1e-6)
    assert again.data is not first.data and other.data.shape == first.data.shape
    assert not np.array_equal(other.data, first.data)  # it looks at x, not at the call


@pytest.mark.parametrize("name", FUNCTIONS)
def test_known_layouts_record_when_a_gradient_is_wanted(name):
    function, shape = FUNCTIONS[name]
    x = tensor(*shape)
    expected = function(x)
    x.requires_grad_()
    y = function(x)
    np.testing.assert_allclose(y.data, expected.data, rtol=1e-6)
    (y * y).sum().backward()
    assert np.abs(x.grad.data).max() > 0
    with autograd.no_grad():
        assert function(x).node is None


@pytest.mark.parametrize("name", FUNCTIONS)
def test_strided_arrays_are_another_layout(name):
    function, shape = FUNCTIONS[name]
    x = tensor(*shape)
    function(x)
    strided = autograd.tensor(np.repeat(x.data, 2, axis=-1))[..., ::2]
    assert not strided.data.flags.c_contiguous
    for _ in range(2):
        np.testing.assert_allclose(function(strided).data, function(x).data, rtol=1e-6)


def test_what_is_prepared_once_runs_from_the_second_call_on():
    prepared, slow = [], []

    def prepare(x, factor):
        prepared.append((x.shape, factor))
        return None if factor == 3 else lambda x: x * factor

    @quick(prepare)
    def times(x, factor=2):
        slow.append(factor)
        return autograd.tensor(x.data * factor)

    x = tensor(3)
    for factor in (2, 2, 3, 3, 2):
        assert np.array_equal(times(x, factor).data, x.data * factor)
    assert np.array_equal(times(x).data, times(factor=2, x=x).data)
    assert (prepared, slow) == ([((3,), 2), ((3,), 3)], [2, 3, 3])
    with autograd.detect_anomaly():
        times(x)
    x.requires_grad_()
    times(x)
    assert slow == [2, 3, 3, 2, 2]


def test_with_the_plan_of_an_op_recorded_calls_come_the_short_way_too():
    slow = []
    plan = REGISTRY["neg"].plan((True,))

    @quick(lambda x: (lambda x: -x, lambda x, out: plan.keep((x,), (out,), {})), plan=plan)
    def minus(x):
        slow.append(x)
        return -x

    minus(tensor(3))
    x = tensor(3).requires_grad_()
    y = minus(x)
    assert len(slow) == 1 and y.grad_fn.name == "neg"
    y.sum().backward()
    assert x.grad.tolist() == [-1.0] * 3
    with autograd.no_grad():
        assert minus(x).node is None
    with autograd.detect_anomaly():
        minus(x)
    assert len(slow) == 2


def test_tensors_for_settings_are_not_kept():
    x, low = tensor(3), autograd.tensor(-1.0)
    for _ in range(2):
        assert np.array_equal(autograd.clamp(x, low, 1.0).data, np.clip(x.data, -1, 1))
    kept = weakref.ref(low)
    del low
    assert kept() is None


def test_the_short_way_looks_for_numbers_where_arrays_may_be():
    x = tensor(3, 5)
    for _ in range(2):
        np.testing.assert_array_equal(autograd.where(MASK, x, 0.0).data, np.where(MASK.data, x.data, 0))
        assert autograd.argmax(x).item() == x.data.argmax()
        assert autograd.argmax(x).data.__class__ is np.ndarray


@pytest.mark.parametrize("name", ["relu", "silu", "sum", "mean", "max_pool2d", "softmax", "clamp"])
def test_of_tensors_that_hold_something_else_the_function_tells(name):
    function, shape = FUNCTIONS[name]
    x = tensor(*shape)
    expected = [function(x).data for _ in range(2)][1]
    x.data = x.data.view(np.recarray)
    try:
        np.testing.assert_allclose(function(x).data, expected, rtol=1e-6)
    except TypeError as error:
        assert name in str(error)


def test_an_index_error_of_the_short_way_is_the_functions_to_tell():
    def fail(x):
        raise IndexError("terse")

    @quick(lambda x: fail)
    def told(x):
        if x.data[0] < 0:
            raise IndexError("which and where")
        return x

    told(autograd.tensor([1.0]))
    with pytest.raises(IndexError, match="which and where"):
        told(autograd.tensor([-1.0]))


def test_labels_and_indices_are_looked_at_in_every_call():
    x, good, bad = tensor(3, 4), autograd.tensor([0, 3, 1]), autograd.tensor([0, 4, 1])
    for function in (F.cross_entropy, lambda x, i: autograd.gather(x, 1, i.reshape(3, 1))):
        for _ in range(2):
            function(x, good)
        for _ in range(2):
            with pytest.raises(IndexError, match="4"):
                function(x, bad)


def test_batch_norm_follows_the_batches_in_every_call():
    x, (mean, var) = tensor(8, 3), (autograd.zeros(3), autograd.ones(3))
    wanted = np.zeros(3, np.float32)
    for _ in range(3):
        F.batch_norm(x, mean, var, training=True, momentum=0.5)
        wanted = (wanted + x.data.mean(0)) / 2
        np.testing.assert_allclose(mean.data, wanted, rtol=1e-5, atol=1e-6)
    mean.requires_grad_()
    with pytest.raises(ValueError, match="running_mean is written"):
        F.batch_norm(x, mean, var, training=True, momentum=0.5)


@pytest.mark.parametrize("function", [autograd.max, autograd.min])
@pytest.mark.parametrize("keepdim", [False, True])
def test_extremes_and_their_places_are_the_same_with_a_gradient(function, keepdim):
    x = tensor(4, 6)
    x.data[1, 2] = np.nan
    x.data[2] = 1.0
    recorded = function(x.detach().requires_grad_(), 1, keepdim)
    for _ in range(2):
        values, indices = function(x, 1, keepdim)
        np.testing.assert_array_equal(values.data, recorded.values.data)
        np.testing.assert_array_equal(indices.data, recorded.indices.data)


@pytest.mark.parametrize("columns", [3, 3000])
def test_logsumexp_of_infinities(columns):
    x = np.zeros((4, columns), np.float32)
    x[1], x[2, 1], x[3, 0] = -np.inf, np.inf, np.nan
    expected = [np.log(columns), -np.inf, np.inf, np.nan]
    np.testing.assert_allclose(autograd.logsumexp(autograd.tensor(x), 1).data, expected, rtol=1e-6)
