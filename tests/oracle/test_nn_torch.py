"""Layers, losses, functions: output, first and second gradients equal to PyTorch's within 1e-10 (float64)."""

from typing import Any

import numpy as np
import pytest
from torch_oracle import compare, compare_modules, torch

import autograd
import nn
import nn.functional as F

random = np.random.default_rng(1)


def normal(*shape: int) -> np.ndarray:
    return random.normal(size=shape)


LAYERS: dict[str, tuple[Any, ...]] = {
    # name: (how to make it from a module namespace, input shapes)
    "linear": (lambda m: m.Linear(5, 3), (4, 5)),
    "linear of a vector": (lambda m: m.Linear(5, 3), (5,)),
    "linear of a batch of sequences": (lambda m: m.Linear(5, 3), (2, 4, 5)),
    "linear without bias": (lambda m: m.Linear(5, 3, bias=False), (4, 5)),
    "identity": (lambda m: m.Identity(), (4, 5)),
    "relu": (lambda m: m.ReLU(), (4, 5)),
    "leaky relu": (lambda m: m.LeakyReLU(0.2), (4, 5)),
    "elu": (lambda m: m.ELU(0.7), (4, 5)),
    "gelu": (lambda m: m.GELU(), (4, 5)),
    "gelu, tanh": (lambda m: m.GELU(approximate="tanh"), (4, 5)),
    "silu": (lambda m: m.SiLU(), (4, 5)),
    "softplus": (lambda m: m.Softplus(), (4, 5)),
    "softplus, sharp": (lambda m: m.Softplus(beta=30.0, threshold=5.0), (4, 5)),
    "sigmoid": (lambda m: m.Sigmoid(), (4, 5)),
    "tanh": (lambda m: m.Tanh(), (4, 5)),
    "softmax": (lambda m: m.Softmax(dim=1), (4, 5, 2)),
    "log softmax": (lambda m: m.LogSoftmax(dim=-1), (4, 5)),
    "flatten": (lambda m: m.Flatten(), (4, 5, 2)),
    "flatten, inner": (lambda m: m.Flatten(0, 1), (4, 5, 2)),
    "unflatten": (lambda m: m.Unflatten(1, (2, 3)), (4, 6)),
    "batch norm of features": (lambda m: m.BatchNorm1d(5), (4, 5)),
    "batch norm of sequences": (lambda m: m.BatchNorm1d(5, eps=1e-3, momentum=0.3), (4, 5, 3)),
    "batch norm of images": (lambda m: m.BatchNorm2d(3), (4, 3, 2, 5)),
    "batch norm, averaging": (lambda m: m.BatchNorm2d(3, momentum=None), (4, 3, 2, 5)),
    "batch norm, plain": (lambda m: m.BatchNorm2d(3, affine=False, track_running_stats=False), (4, 3, 2, 5)),
    "batch norm, evaluating": (lambda m: m.BatchNorm2d(3).eval(), (4, 3, 2, 5)),
    "layer norm": (lambda m: m.LayerNorm(5), (4, 5)),
    "layer norm of two dimensions": (lambda m: m.LayerNorm((3, 5), eps=1e-3), (4, 3, 5)),
    "layer norm, plain": (lambda m: m.LayerNorm(5, elementwise_affine=False), (4, 5)),
    "layer norm without bias": (lambda m: m.LayerNorm(5, bias=False), (4, 5)),
    "group norm": (lambda m: m.GroupNorm(2, 6), (4, 6, 3, 2)),
    "group norm, plain": (lambda m: m.GroupNorm(3, 6, affine=False), (4, 6)),
    "convolution": (lambda m: m.Conv2d(3, 4, 3), (2, 3, 6, 5)),
    "convolution, strided and padded": (
        lambda m: m.Conv2d(2, 3, (3, 2), 2, (1, 2), bias=False),
        (2, 2, 6, 5),
    ),
    "convolution, dilated, in groups": (lambda m: m.Conv2d(4, 6, 3, dilation=2, groups=2), (2, 4, 7, 6)),
    "convolution, same": (lambda m: m.Conv2d(2, 3, (4, 3), padding="same", dilation=(1, 2)), (2, 2, 6, 5)),
    "convolution, valid": (lambda m: m.Conv2d(2, 3, 3, padding="valid"), (2, 2, 6, 5)),
    "convolution of one image": (lambda m: m.Conv2d(2, 3, 3), (2, 6, 5)),
    "transposed convolution": (lambda m: m.ConvTranspose2d(3, 2, 3), (2, 3, 4, 5)),
    "transposed convolution, strided": (
        lambda m: m.ConvTranspose2d(
            4, 6, (3, 2), stride=2, padding=1, output_padding=1, groups=2, bias=False
        ),
        (2, 4, 3, 4),
    ),
    "transposed convolution, dilated": (lambda m: m.ConvTranspose2d(2, 3, 3, dilation=2), (1, 2, 3, 4)),
    "max pooling": (lambda m: m.MaxPool2d(2), (2, 3, 6, 5)),
    "max pooling, overlapping": (lambda m: m.MaxPool2d(3, stride=2, padding=1), (2, 3, 6, 5)),
    "max pooling, ceiled": (lambda m: m.MaxPool2d((2, 3), 2, ceil_mode=True), (2, 3, 5, 6)),
    "average pooling": (lambda m: m.AvgPool2d(2), (2, 3, 6, 5)),
    "average pooling, padded": (lambda m: m.AvgPool2d(3, 2, 1, count_include_pad=False), (2, 3, 6, 5)),
    "adaptive average pooling to one": (lambda m: m.AdaptiveAvgPool2d(1), (2, 3, 6, 5)),
    "adaptive average pooling": (lambda m: m.AdaptiveAvgPool2d((4, None)), (2, 3, 6, 5)),
    "upsampling": (lambda m: m.Upsample(scale_factor=2), (2, 3, 4, 5)),
    "upsampling by a fraction": (lambda m: m.Upsample(scale_factor=(1.7, 0.6)), (2, 3, 4, 5)),
    "upsampling to a size": (lambda m: m.Upsample(size=(7, 10)), (2, 3, 4, 5)),
    "a convolutional network": (
        lambda m: m.Sequential(
            m.Conv2d(1, 4, 3, padding=1),
            m.BatchNorm2d(4),
            m.ReLU(),
            m.MaxPool2d(2),
            m.Flatten(),
            m.Linear(16, 3),
        ),
        (3, 1, 4, 4),
    ),
    "dropout, evaluating": (lambda m: m.Dropout(0.5).eval(), (4, 5)),
    "a network": (
        lambda m: m.Sequential(
            m.Linear(5, 6), m.BatchNorm1d(6), m.SiLU(), m.Sequential(m.Linear(6, 6), m.Tanh()), m.Linear(6, 2)
        ),
        (4, 5),
    ),
}


@pytest.mark.parametrize("name", LAYERS)
def test_layer(name: str) -> None:
    make, shape = LAYERS[name]
    compare_modules(make(nn), make(torch.nn), normal(*shape))


@pytest.mark.parametrize("name", LAYERS)
def test_repr(name: str) -> None:
    make, _ = LAYERS[name]
    assert repr(make(nn)) == repr(make(torch.nn))


@pytest.mark.parametrize("padding_idx", [None, 2, -1])
def test_embedding(padding_idx: int | None) -> None:
    ours, theirs = nn.Embedding(6, 3, padding_idx), torch.nn.Embedding(6, 3, padding_idx)
    compare_modules(ours, theirs, np.array([[0, 2, 2], [5, 1, 0]]))
    assert repr(ours) == repr(theirs)


def test_container_reprs() -> None:
    def lists(m: Any) -> Any:
        return m.ModuleList([m.Linear(2, 2), m.Linear(2, 2), m.ReLU(), m.ModuleDict({"a": m.Tanh()})])

    assert repr(lists(nn)) == repr(lists(torch.nn))
    assert repr(nn.Sequential()) == repr(torch.nn.Sequential())


# Losses ------------------------------------------------------------------------------------------

LABELS = np.array([0, 2, 1, 2, 1])
REGRESSION = {
    "mse": (lambda m: m.MSELoss(), lambda m: m.MSELoss(reduction="none")),
    "l1": (lambda m: m.L1Loss(), lambda m: m.L1Loss(reduction="sum")),
    "huber": (lambda m: m.HuberLoss(delta=0.5), lambda m: m.HuberLoss(reduction="none")),
    "smooth l1": (lambda m: m.SmoothL1Loss(beta=0.5), lambda m: m.SmoothL1Loss(reduction="sum", beta=0.0)),
}


@pytest.mark.parametrize("name", REGRESSION)
def test_regression_loss(name: str) -> None:
    for make in REGRESSION[name]:
        compare_modules(make(nn), make(torch.nn), normal(4, 3), normal(4, 3))


@pytest.mark.parametrize("reduction", ["mean", "sum", "none"])
@pytest.mark.parametrize("smoothing", [0.0, 0.1])
@pytest.mark.parametrize("weighted", [False, True])
@pytest.mark.parametrize("case", ["labels", "ignored", "pixels", "one sample", "probabilities"])
def test_cross_entropy(case: str, weighted: bool, smoothing: float, reduction: str) -> None:
    weight = random.uniform(0.5, 2, 3) if weighted else None
    shape = {"pixels": (5, 3, 2, 4), "one sample": (3,)}.get(case, (5, 3))
    target: Any = {
        "labels": LABELS,
        "ignored": np.where(LABELS == 2, -100, LABELS),
        "one sample": np.array(1),
    }.get(case)
    if case == "pixels":
        target = random.integers(0, 3, (5, 2, 4))
    if case == "probabilities":
        target = random.dirichlet(np.ones(3), 5)
    options = {"reduction": reduction, "label_smoothing": smoothing}
    ours = nn.CrossEntropyLoss(weight=None if weight is None else autograd.tensor(weight), **options)
    theirs = torch.nn.CrossEntropyLoss(weight=None if weight is None else torch.tensor(weight), **options)
    compare(ours, theirs, normal(*shape), target)


@pytest.mark.parametrize("reduction", ["mean", "sum", "none"])
def test_nll_loss(reduction: str) -> None:
    weight = random.uniform(0.5, 2, 3)
    ours = nn.NLLLoss(autograd.tensor(weight), ignore_index=1, reduction=reduction)
    theirs = torch.nn.NLLLoss(torch.tensor(weight), ignore_index=1, reduction=reduction)
    compare(ours, theirs, normal(5, 3), LABELS)


@pytest.mark.parametrize("weighted", [False, True])
def test_binary_losses(weighted: bool) -> None:
    weight = random.uniform(0.5, 2, 3)
    target, chances = random.uniform(size=(4, 3)), random.uniform(0.05, 0.95, size=(4, 3))
    mine = autograd.tensor(weight) if weighted else None
    other = torch.tensor(weight) if weighted else None
    compare(nn.BCELoss(mine), torch.nn.BCELoss(other), chances, target)
    logits = 3 * normal(4, 3)
    compare(
        nn.BCEWithLogitsLoss(mine, pos_weight=mine),
        torch.nn.BCEWithLogitsLoss(other, pos_weight=other),
        logits,
        target,
    )


def test_binary_cross_entropy_at_the_ends() -> None:
    x, y = np.array([0.0, 1.0, 0.0, 1.0]), np.array([0.0, 1.0, 1.0, 0.0])
    ours = F.binary_cross_entropy(autograd.tensor(x), autograd.tensor(y), reduction="none")
    theirs = torch.nn.functional.binary_cross_entropy(torch.tensor(x), torch.tensor(y), reduction="none")
    np.testing.assert_allclose(ours.numpy(), theirs.numpy())


# Functions that no layer stands for ----------------------------------------------------------------


def test_functions() -> None:
    G = torch.nn.functional
    compare(lambda x: F.normalize(x), lambda x: G.normalize(x), normal(4, 3))
    compare(lambda x: F.normalize(x, p=1.0, dim=0), lambda x: G.normalize(x, p=1.0, dim=0), normal(4, 3))
    compare(
        lambda x, y: F.cosine_similarity(x, y),
        lambda x, y: G.cosine_similarity(x, y),
        normal(4, 3),
        normal(4, 3),
    )
    compare(lambda x: F.logsigmoid(x), lambda x: G.logsigmoid(x), 5 * normal(4, 3))
    compare(
        lambda x: F.pad(x, (1, 2, 0, 1), value=2.0),
        lambda x: G.pad(x, (1, 2, 0, 1), value=2.0),
        normal(2, 3, 4),
    )
    labels = random.integers(0, 4, (2, 3))
    assert F.one_hot(labels, 5).tolist() == G.one_hot(torch.tensor(labels), 5).tolist()
