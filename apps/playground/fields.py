"""Fields: what the neurons say all over the page, as pixels, from one forward pass for all of them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

import autograd
from apps.playground.errors import Refused
from apps.playground.network import Network
from apps.playground.points import EDGE
from autograd import Tensor, no_grad

__all__ = ["FIELD", "THUMBNAIL", "Fields", "encoded"]

Array = np.ndarray[Any, Any]

FIELD, THUMBNAIL = 100, 30  # pixels a side


class Fields:
    """Pictures of the neurons of a network over [-6, 6]^2, at its weights of the moment. The first row is the
    top (y near 6), the first column the left (x near -6); pixels are taken at their centres.

    >>> from apps.playground.settings import Settings
    >>> field, thumbnails = Fields(Network(Settings(), classes=2)).draw()
    >>> field.shape, thumbnails.shape, field.dtype
    ((1, 100, 100), (7, 30, 30), dtype('uint8'))
    """

    def __init__(self, network: Network) -> None:
        self.network = network
        self.inputs = Tensor(network.inputs(np.concatenate([grid(FIELD), grid(THUMBNAIL)])))

        @autograd.jit
        def activations(x: Tensor) -> Any:
            with no_grad():
                return network.activations(x)

        self.activations = activations

    def draw(self, shown: Sequence[int] | None = None) -> tuple[Array, Array]:
        """The field of each output, (outputs, 100, 100), or of one neuron, (1, 100, 100): `shown`, its layer
        (0: the first that has weights) and place. And thumbnails of all neurons, layer by layer, (N, 30, 30).
        Both uint8, as `encoded`.

        Refused (`neuron_place`) if there is no such neuron.
        """
        self.refuse(shown)
        layers = [layer.data for layer in self.activations(self.inputs)]
        if self.network.output in ("sigmoid", "softmax"):
            layers[-1] = 2 * layers[-1] - 1  # of a probability
        large, small = FIELD**2, THUMBNAIL**2
        if shown is None:
            field = layers[-1][:large]
        else:
            layer, neuron = shown
            field = layers[layer][:large, neuron : neuron + 1]
        thumbnails = np.concatenate([layer[-small:].T for layer in layers])
        return (
            encoded(field.T).reshape(-1, FIELD, FIELD),
            encoded(thumbnails).reshape(-1, THUMBNAIL, THUMBNAIL),
        )

    def refuse(self, shown: Any) -> None:
        """Refused (`neuron_place`) unless it is None or [layer, neuron] of this network."""
        if shown is None:
            return
        whole = isinstance(shown, list | tuple) and all(type(i) is int for i in shown) and len(shown) == 2
        sizes = self.network.sizes
        if not whole or not 0 <= shown[0] < len(sizes) or not 0 <= shown[1] < sizes[shown[0]]:
            raise Refused("neuron_place", place=shown)


def grid(side: int) -> Array:
    """Centres (x, y) of the pixels of a picture, row by row from the top. (side^2, 2)"""
    centres = EDGE * (2 * (np.arange(side) + 0.5) / side - 1)
    x, y = np.meshgrid(centres, centres[::-1])
    return np.column_stack([x.ravel(), y.ravel()])


def encoded(values: Array) -> Array:
    """uint8: 1 for -1 and below, 128 for 0, 255 for 1 and above; 0 for NaN.

    >>> encoded(np.array([-2.0, 0.0, 0.5, np.nan])).tolist()
    [1, 128, 192, 0]
    """
    scaled = np.clip(values, -1, 1)
    scaled *= 127
    np.rint(scaled, out=scaled)
    scaled += 128
    np.copyto(scaled, 0, where=np.isnan(scaled))
    return scaled.astype(np.uint8)
