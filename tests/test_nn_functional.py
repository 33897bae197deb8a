"""What the functions refuse, and what does not need PyTorch to be checked."""

import math

import numpy as np
import pytest

import autograd
import nn
import nn.functional as F
from nn import init


def test_shapes_that_would_broadcast_are_refused() -> None:
    with pytest.raises(ValueError, match=r"mse_loss: input has shape \(3, 1\), target \(3,\)"):
        F.mse_loss(autograd.ones(3, 1), autograd.ones(3))


def test_labels_are_checked() -> None:
    logits = autograd.zeros(2, 3)
    with pytest.raises(IndexError, match="label 3 is out of range for 3 classes"):
        F.nll_loss(logits, autograd.tensor([0, 3]))
    with pytest.raises(ValueError, match=r"wants labels of shape \(2,\), got \(3,\)"):
        F.nll_loss(logits, autograd.tensor([0, 1, 2]))
    with pytest.raises(IndexError, match="target 3 in row 1 is not a class: want 0 to 2"):
        F.cross_entropy(logits, autograd.tensor([0, 3]))
    with pytest.raises(ValueError, match=r"integer targets \(N,\).* got .* of shape \(3,\)"):
        F.cross_entropy(logits, autograd.tensor([0, 1, 2]))
    with pytest.raises(TypeError, match="integers"):
        F.nll_loss(logits, autograd.tensor([0.0, 1.0]))


def test_cross_entropy_of_only_ignored_labels_is_nan_as_in_pytorch() -> None:
    loss = F.cross_entropy(autograd.zeros(2, 3), autograd.tensor([-100, -100]))
    assert math.isnan(loss.item())


def test_cross_entropy_survives_huge_logits() -> None:
    x = autograd.tensor([[1e4, -1e4, 0.0]], requires_grad=True)
    loss = F.cross_entropy(x, autograd.tensor([1]))
    loss.backward()
    assert loss.item() == 2e4 and x.grad is not None and x.grad.tolist() == [[1.0, -1.0, 0.0]]


def test_dropout_keeps_the_mean_and_differentiates_by_its_mask() -> None:
    autograd.manual_seed(0)
    x = autograd.ones(100, 100, requires_grad=True)
    y = F.dropout(x, 0.3)
    assert set(np.unique(y.data)) == {np.float32(0), np.float32(1 / 0.7)}
    assert abs(float(y.data.mean()) - 1) < 0.03
    y.sum().backward()
    assert x.grad is not None and np.array_equal(x.grad.data, y.data)
    channels = F.dropout2d(autograd.ones(20, 10, 3, 3), 0.5).data
    assert all(len(np.unique(c)) == 1 for c in channels.reshape(200, 9))
    assert F.dropout(x, 0.3, training=False) is x
    with pytest.raises(ValueError, match=r"\[0, 1\]"):
        F.dropout(x, 1.5)


def test_batch_norm_refuses_one_value_per_channel() -> None:
    with pytest.raises(ValueError, match="more than 1 value per channel"):
        nn.BatchNorm1d(3)(autograd.ones(1, 3))
    with pytest.raises(ValueError, match="3 channels"):
        nn.BatchNorm2d(3)(autograd.ones(2, 4, 2, 2))


def test_embedding_padding_gets_no_gradient() -> None:
    layer = nn.Embedding(4, 2, padding_idx=1)
    assert not layer.weight.data[1].any()
    layer(autograd.tensor([0, 1, 1])).sum().backward()
    assert layer.weight.grad is not None and layer.weight.grad.tolist() == [[1, 1], [0, 0], [0, 0], [0, 0]]


def test_init_distributions() -> None:
    autograd.manual_seed(0)
    w = autograd.empty(200, 100)
    assert abs(init.kaiming_normal_(w, nonlinearity="relu").data.std() - math.sqrt(2 / 100)) < 3e-3
    assert abs(init.xavier_uniform_(w).data.max() - math.sqrt(6 / 300)) < 1e-3
    assert abs(init.kaiming_uniform_(w, a=math.sqrt(5)).data.min() + 0.1) < 1e-3
    t = init.trunc_normal_(w, std=2.0, a=-1.0, b=3.0).data
    assert t.min() >= -1 and t.max() <= 3 and abs(t.mean() - 0.6868) < 0.03
    q = init.orthogonal_(w, gain=2.0).data
    assert np.allclose(q.T @ q, 4 * np.eye(100), atol=1e-4)
    with pytest.raises(ValueError, match="fan in"):
        init.kaiming_uniform_(autograd.empty(3))
