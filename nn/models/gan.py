"""Generative adversarial networks (Goodfellow et al. 2014): generators and discriminators.

Images outside of the nets are in [0, 1]: a generator ends with (tanh + 1) / 2, a discriminator begins with
2 x - 1. Points are taken as they are. A discriminator of `packing` m judges m examples at a time (Lin et al.
2018): it takes N of them and gives N / m scores. Losses are in nn.models.gan_losses.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import autograd
from autograd import Tensor
from autograd.ops import random
from autograd.tape import TRACE, mode, no_grad
from nn import init
from nn.containers import Sequential
from nn.course import evaluating
from nn.layers.activations import LeakyReLU, ReLU
from nn.layers.images import Conv2d, ConvTranspose2d
from nn.layers.linear import Linear
from nn.layers.norms import BatchNorm1d, BatchNorm2d, GroupNorm
from nn.layers.shaping import Flatten
from nn.layers.sparse import Embedding
from nn.models.gan_losses import Objective, clip_weights_, gradient_penalty, objective, pack
from nn.models.ranges import whole
from nn.module import Module
from nn.utils.spectral_norm import spectral_norm

__all__ = [
    "DCGANDiscriminator",
    "DCGANGenerator",
    "Maxout",
    "Objective",
    "PointDiscriminator",
    "PointGenerator",
    "clip_weights_",
    "gradient_penalty",
    "objective",
    "pack",
]


# What generators share, and discriminators ---------------------------------------------------------


class GeneratorNet(Module):
    """From z (N, latent), and labels where there are `classes`, to examples; `layers` does the work."""

    layers: Module

    def __init__(self, latent: int, classes: int | None) -> None:
        super().__init__()
        positive(type(self).__name__, latent=latent, classes=classes)
        self.latent = latent
        self.classes = classes

    def code(self, z: Any, classes: Any) -> Any:
        """What the first layer takes: z, beside the one-hot code of the label."""
        name = type(self).__name__
        if len(z.shape) != 2 or z.shape[1] != self.latent:
            raise ValueError(f"{name}: want z of shape (N, {self.latent}), got {tuple(z.shape)}")
        if not labelled(name, self.classes, classes, len(z)):
            return z
        return autograd.cat([z, codes_of(classes, self.classes, z.dtype)], 1)

    def draw(self, n: int, generator: random.Generator | None = None) -> Tensor:
        """n normal codes z, (n, latent), of the type of the weights."""
        dtype = next(self.parameters()).dtype
        return autograd.randn(n, self.latent, dtype=dtype, generator=generator)

    def sample(
        self, n: int, classes: Any = None, generator: random.Generator | None = None, batch_size: int = 500
    ) -> Tensor:
        """n examples, in evaluation mode and without recording, `batch_size` at a time.

        classes    of a conditional generator: n labels, or one for all; by default they are drawn
        generator  of the codes (and the labels), the default one otherwise
        """
        n, batch_size = whole("sample", "n", n, 0), whole("sample", "batch_size", batch_size, 1)
        if self.classes is not None:
            if classes is None:
                classes = (generator or random.default_generator).integers(0, self.classes, (n,))
            labels = autograd.as_tensor(classes)
            if labels.dtype.kind not in "iu":
                raise ValueError(f"sample: want classes that are integers, got {labels.dtype}")
            classes = labels if labels.shape else autograd.full((n,), int(labels.item()))
            labelled(type(self).__name__, self.classes, classes, n)
        elif classes is not None:
            labelled(type(self).__name__, None, classes, n)
        with evaluating(self), no_grad():
            z = self.draw(n, generator)
            parts = [
                self(z[i : i + batch_size], *(() if classes is None else (classes[i : i + batch_size],)))
                for i in range(0, max(n, 1), batch_size)
            ]
        drawn: Tensor = autograd.cat(parts, 0)
        return drawn


class DiscriminatorNet(Module):
    """From N examples, and their labels where there are `classes`, to N / packing scores."""

    layers: Module

    def __init__(self, packing: int, classes: int | None) -> None:
        super().__init__()
        positive(type(self).__name__, packing=packing, classes=classes)
        self.packing = packing
        self.classes = classes

    def checked(self, x: Any, classes: Any, *shape: int) -> bool:
        """Whether there are labels; a ValueError says what is wrong with the examples or their labels."""
        name = type(self).__name__
        if tuple(x.shape[1:]) != shape:
            raise ValueError(f"{name}: want examples of shape {('N', *shape)}, got {tuple(x.shape)}")
        if len(x) % self.packing:
            raise ValueError(f"{name}: {len(x)} examples can't be packed by {self.packing}; change the batch")
        return labelled(name, self.classes, classes, len(x))

    def normalize(self) -> None:
        """Spectral norm on all products."""
        for module in list(self.modules()):
            if isinstance(module, Conv2d | Linear):
                spectral_norm(module)


def positive(name: str, **numbers: int | None) -> None:
    for what, number in numbers.items():
        if number is not None and number < 1:
            raise ValueError(f"{name}: want {what} >= 1, got {number}")


def labelled(name: str, expected: int | None, classes: Any, n: int) -> bool:
    """Whether labels are expected; ValueError where they are and aren't given, or the reverse."""
    if expected is None:
        if classes is not None:
            raise ValueError(f"{name}: labels given, but it was made without classes=")
        return False
    if classes is None or tuple(classes.shape) != (n,):
        got = "none" if classes is None else f"shape {tuple(classes.shape)}"
        raise ValueError(f"{name}: want {n} labels for its {expected} classes, got {got}")
    if n and not mode.word & TRACE and not 0 <= classes.min().item() <= classes.max().item() < expected:
        raise ValueError(f"{name}: want labels from 0 to {expected - 1}, got {classes.tolist()}")
    return True


def codes_of(classes: Any, count: int | None, dtype: Any) -> Any:
    """One-hot codes (N, count), as rows of the identity: for that there is a kernel."""
    return autograd.embedding(autograd.eye(count or 0, dtype=dtype), classes)


# Points ------------------------------------------------------------------------------------------


class Maxout(Module):
    """The largest of `pieces` linear maps, for each output (Goodfellow et al. 2013): (N, in) -> (N, out).

    >>> Maxout(2, 3, pieces=5)(autograd.ones(4, 2)).shape
    (4, 3)
    """

    def __init__(self, in_features: int, out_features: int, pieces: int) -> None:
        super().__init__()
        positive("Maxout", pieces=pieces)
        self.out_features = out_features
        self.pieces = pieces
        self.linear = Linear(in_features, out_features * pieces)

    def forward(self, input: Any) -> Any:
        return autograd.amax(self.linear(input).reshape(len(input), self.out_features, self.pieces), 2)


class PointGenerator(GeneratorNet):
    """z (N, latent) -> points (N, dim): layers of `widths` with ReLU, behind batch norm if norm="batch".

    With widths (400, 400, 400, 400) it is that of PacGAN's experiments on the ring and the grid.

    >>> PointGenerator(latent=2, widths=(16, 16)).sample(5).shape
    (5, 2)
    """

    def __init__(
        self,
        latent: int = 2,
        widths: Sequence[int] = (128, 128),
        dim: int = 2,
        norm: str = "batch",
        classes: int | None = None,
    ) -> None:
        super().__init__(latent, classes)
        chosen("PointGenerator", norm, "batch", "none")
        layers: list[Module] = []
        width = latent + (classes or 0)
        for wider in widths:
            layers += [Linear(width, wider, bias=norm == "none")]
            layers += [BatchNorm1d(wider)] if norm == "batch" else []
            layers += [ReLU()]
            width = wider
        self.layers = Sequential(*layers, Linear(width, dim))

    def forward(self, z: Any, classes: Any = None) -> Any:
        return self.layers(self.code(z, classes))


class PointDiscriminator(DiscriminatorNet):
    """Points (N, dim) -> scores (N / packing,): layers of `widths` with LeakyReLU(slope), or, with `maxout`,
    with the largest of so many pieces.

    With widths (200, 200, 200) and maxout=5 it is that of PacGAN's experiments.

    >>> PointDiscriminator(widths=(16,), packing=2)(autograd.ones(6, 2)).shape
    (3,)
    """

    def __init__(
        self,
        widths: Sequence[int] = (128, 128),
        dim: int = 2,
        packing: int = 1,
        slope: float = 0.2,
        maxout: int | None = None,
        spectral: bool = False,
        classes: int | None = None,
    ) -> None:
        super().__init__(packing, classes)
        self.dim = dim
        layers: list[Module] = []
        width = packing * (dim + (classes or 0))
        for wider in widths:
            layers += [Linear(width, wider), LeakyReLU(slope)] if maxout is None else [
                Maxout(width, wider, maxout)
            ]  # fmt: skip
            width = wider
        self.layers = Sequential(*layers, Linear(width, 1))
        if spectral:
            self.normalize()

    def forward(self, x: Any, classes: Any = None) -> Any:
        if self.checked(x, classes, self.dim):
            x = autograd.cat([x, codes_of(classes, self.classes, x.dtype)], 1)
        return self.layers(pack(x, self.packing)).squeeze(1)


# Images ------------------------------------------------------------------------------------------


def chosen(name: str, norm: str, *known: str) -> None:
    if norm not in known:
        raise ValueError(f"{name}: want norm to be one of {', '.join(map(repr, known))}, got {norm!r}")


def pyramid(name: str, side: int, widths: Sequence[int] | None) -> tuple[tuple[int, ...], int]:
    """(channels from the image inwards, side of the innermost maps). By default sides are halved until they
    are odd or at most 4, twice at least where that is possible, with 64, 128, 256 ... channels."""
    if widths is None:
        halvings, small = 0, side
        while small % 2 == 0 and (small > 4 or halvings < 2) and (small > 2 or not halvings):
            halvings, small = halvings + 1, small // 2
        widths = [64 * 2**i for i in range(halvings)]
    if isinstance(widths, int):
        raise ValueError(f"{name}: want a sequence of widths, ({widths},) say, got {widths}")
    if not widths:
        raise ValueError(f"{name}: images of side {side} can't be halved; want an even side, and widths")
    if side < 1 or side % 2 ** len(widths):
        raise ValueError(
            f"{name}: images of side {side} can't be halved {len(widths)} times, once for each of "
            f"widths={tuple(widths)}; choose other widths, or pad to a multiple of {2 ** len(widths)}"
        )
    return tuple(widths), side // 2 ** len(widths)


class DCGANGenerator(GeneratorNet):
    """z (N, latent) -> images (N, channels, side, side) in [0, 1] (Radford et al. 2016).

    Transposed convolutions with batch norm (or norm="none") and ReLU: from one pixel to the innermost maps,
    then 4 x 4 ones of stride 2. widths are the channels from the image inwards, (64, 128) by default at side
    28, with one doubling of the side for each; weights start normal with standard deviation 0.02. With
    `classes`, the label's one-hot code stands beside z.

    >>> DCGANGenerator(side=8, channels=3, latent=16, widths=(8, 16)).sample(2).shape
    (2, 3, 8, 8)
    """

    def __init__(
        self,
        side: int = 28,
        channels: int = 1,
        latent: int = 64,
        widths: Sequence[int] | None = None,
        norm: str = "batch",
        classes: int | None = None,
    ) -> None:
        super().__init__(latent, classes)
        chosen("DCGANGenerator", norm, "batch", "none")
        found, base = pyramid("DCGANGenerator", side, widths)
        self.side = side
        self.channels = channels
        bias = norm == "none"
        inward = found[::-1]
        layers: list[Module] = [ConvTranspose2d(latent + (classes or 0), inward[0], base, bias=bias)]
        for i, width in enumerate(inward):
            layers += [] if bias else [BatchNorm2d(width)]
            last = i + 1 == len(inward)
            wide = channels if last else inward[i + 1]
            layers += [ReLU(), ConvTranspose2d(width, wide, 4, 2, 1, bias=bias or last)]
        self.layers = Sequential(*layers)
        begin(self)

    def forward(self, z: Any, classes: Any = None) -> Any:
        code = self.code(z, classes)
        return 0.5 * autograd.tanh(self.layers(code.reshape(*code.shape, 1, 1))) + 0.5


class DCGANDiscriminator(DiscriminatorNet):
    """Images (N, channels, side, side) in [0, 1] -> scores (N / packing,) (Radford et al. 2016).

    4 x 4 convolutions of stride 2 with LeakyReLU(0.2), then one linear map. Norms stand behind all
    convolutions but the first: "batch"; "layer", over all of one example, which a gradient penalty allows
    (Gulrajani et al. 2017); or "none". widths as for the generator. With `classes`, a learned plane for each
    label is one more channel. spectral=True normalises all weights.

    >>> DCGANDiscriminator(side=8, channels=3, widths=(8, 16), packing=2)(autograd.zeros(6, 3, 8, 8)).shape
    (3,)
    """

    def __init__(
        self,
        side: int = 28,
        channels: int = 1,
        widths: Sequence[int] | None = None,
        norm: str = "batch",
        spectral: bool = False,
        packing: int = 1,
        classes: int | None = None,
    ) -> None:
        super().__init__(packing, classes)
        chosen("DCGANDiscriminator", norm, "batch", "layer", "none")
        found, base = pyramid("DCGANDiscriminator", side, widths)
        self.side = side
        self.channels = channels
        width = packing * (channels + (classes is not None))
        layers: list[Module] = []
        for i, wider in enumerate(found):
            layers += [Conv2d(width, wider, 4, 2, 1, bias=i == 0 or norm == "none")]
            if i and norm != "none":
                layers += [BatchNorm2d(wider) if norm == "batch" else GroupNorm(1, wider)]
            layers += [LeakyReLU(0.2)]
            width = wider
        self.layers = Sequential(*layers, Flatten(), Linear(width * base * base, 1))
        if classes is not None:
            self.planes = Embedding(classes, side * side)
        begin(self)
        if spectral:
            self.normalize()

    def forward(self, x: Any, classes: Any = None) -> Any:
        x, given = 2.0 * x - 1.0, x
        if self.checked(given, classes, self.channels, self.side, self.side):
            x = autograd.cat([x, self.planes(classes).reshape(len(x), 1, self.side, self.side)], 1)
        return self.layers(pack(x, self.packing)).squeeze(1)


def begin(net: Module) -> None:
    """DCGAN's start: weights normal with standard deviation 0.02, biases 0."""
    for module in net.modules():
        if isinstance(module, Conv2d | ConvTranspose2d | Linear):
            init.normal_(module.weight, 0.0, 0.02)
            if module.bias is not None:
                init.zeros_(module.bias)
