"""The networks: `dnn`, fully connected layers of any widths, and `cnn`, convolutions; sized to the image.
`quick` is one for 28x28 that learns MNIST in one epoch.

dnn    pixels - [linear, batch norm, ReLU, dropout] for each width - linear - 10 scores
cnn    image - [convolution 3x3, batch norm, ReLU] for each width, the image halved in between down to
       about 7x7 (28x28) or 4x4 (8x8) - dropout - linear - 10 scores
quick  image - [convolution 5x5, then 3x3, ReLU, halved, batch norm] - linear, ReLU, batch norm - dropout -
       linear - 10 scores
"""

from __future__ import annotations

from collections.abc import Sequence

import nn

__all__ = ["MODELS", "build", "cnn", "dnn", "parameter_count", "quick"]


def dnn(side: int, widths: Sequence[int], classes: int = 10, dropout: float = 0.3) -> nn.Sequential:
    """Fully connected layers over the side*side pixels.

    >>> import autograd
    >>> dnn(8, widths=[16])(autograd.zeros(2, 1, 8, 8)).shape
    (2, 10)
    """
    layers: list[nn.Module] = [nn.Flatten()]
    features = side * side
    for width in widths:
        layers += [nn.Linear(features, width), nn.BatchNorm1d(width), nn.ReLU(), nn.Dropout(dropout)]
        features = width
    return nn.Sequential(*layers, nn.Linear(features, classes))


def cnn(side: int, widths: Sequence[int], classes: int = 10, dropout: float = 0.3) -> nn.Sequential:
    """Convolutions over the image; after some of them it is halved.

    >>> import autograd
    >>> cnn(8, widths=[8, 8])(autograd.zeros(2, 1, 8, 8)).shape
    (2, 10)
    """
    layers: list[nn.Module] = []
    channels = 1
    for i, width in enumerate(widths):
        layers += [nn.Conv2d(channels, width, 3, padding=1, bias=False), nn.BatchNorm2d(width), nn.ReLU()]
        # 28 is halved as early as possible, to 14 and 7; 8 once, after the second layer, to 4.
        if (side >= 14 and i < 2) or (side < 14 and i == 1):
            layers.append(nn.MaxPool2d(2))
            side //= 2
        channels = width
    layers += [nn.Flatten(), nn.Dropout(dropout), nn.Linear(channels * side * side, classes)]
    return nn.Sequential(*layers)


def quick(side: int, widths: Sequence[int], classes: int = 10, dropout: float = 0.0) -> nn.Sequential:
    """Two convolutions and a hidden layer: the network of Tuomas Oikarinen's "Training a NN to 99% accuracy
    on MNIST in 0.76 seconds" (github.com/tuomaso/train_mnist_fast), with batch norm, which he does without.
    It stands behind the pooling, where a quarter of the numbers is left.
    Three widths: those of the convolutions, which have no padding, and of the hidden layer.

    >>> import autograd
    >>> quick(28, widths=[4, 8, 16])(autograd.zeros(2, 1, 28, 28)).shape
    (2, 10)
    """
    first, second, hidden = widths
    side = ((side - 4) // 2 - 2) // 2
    return nn.Sequential(
        nn.Conv2d(1, first, 5), nn.ReLU(), nn.MaxPool2d(2), nn.BatchNorm2d(first),
        nn.Conv2d(first, second, 3), nn.ReLU(), nn.MaxPool2d(2), nn.BatchNorm2d(second),
        nn.Flatten(), nn.Linear(second * side * side, hidden), nn.ReLU(), nn.BatchNorm1d(hidden),
        nn.Dropout(dropout), nn.Linear(hidden, classes),
    )  # fmt: skip


MODELS = {"dnn": dnn, "cnn": cnn, "quick": quick}


def build(model: str, side: int, widths: Sequence[int], dropout: float) -> nn.Sequential:
    return MODELS[model](side, widths, dropout=dropout)


def parameter_count(*networks: nn.Module) -> int:
    return sum(p.data.size for network in networks for p in network.parameters())
