"""Autoencoders: a net that squeezes an image into a few numbers, its code, and one that draws it again.

Classical (Hinton and Salakhutdinov 2006), convolutional, denoising (Vincent et al. 2010: the input is
corrupted, the answer is not) and sparse. All are trained on batches (x, x):

    data = TensorDataset(images, images)
    model = Autoencoder((1, 28, 28), widths=(1000, 500, 250), code=30)
    nn.Trainer(model, model.loss, nn.optim.Adam(model.parameters()), jit=True).fit(DataLoader(data, 128), 20)
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

import numpy as np

import autograd
import nn.functional as F
from autograd import Tensor
from nn import init, layers
from nn.containers import Sequential
from nn.models.ranges import of_pixels
from nn.module import Module

__all__ = [
    "Autoencoder", "Coded", "ConvAutoencoder", "GaussianNoise", "Masking", "SaltAndPepper", "Sparse",
    "kl_penalty", "l1_penalty",
]  # fmt: skip

ACTIVATIONS: dict[str, Callable[[], Module]] = {
    "relu": layers.ReLU, "leaky_relu": layers.LeakyReLU, "elu": layers.ELU, "gelu": layers.GELU,
    "silu": layers.SiLU, "softplus": layers.Softplus, "tanh": layers.Tanh, "sigmoid": layers.Sigmoid,
}  # fmt: skip

Shape = int | Sequence[int]


class Autoencoder(Module):
    """Layers from an input to its code, and in the reverse order back: (N, *shape) -> (N, *shape).

    shape            of one input: (1, 28, 28), or for vectors their length
    widths           of the layers between input and code; () for a linear map, which can do what PCA can
    code             numbers in the code
    activation       "relu", "leaky_relu", "elu", "gelu", "silu", "softplus", "tanh", "sigmoid"
    code_activation  the same, of the code; None leaves it linear
    output           "sigmoid" for pixels in [0, 1] (the loss refuses others), or "linear"
    corruption       spoils the inputs while training (Masking(0.5), say); never in eval()

    Weights begin as He et al. 2015 have them, biases at 0: those of nn.Linear are too small for this depth.

    >>> import autograd
    >>> model = Autoencoder((1, 8, 8), widths=(32, 16), code=2)
    >>> x = autograd.rand(5, 1, 8, 8)
    >>> model.encode(x).shape, model(x).shape, model.loss(model(x), x).shape
    ((5, 2), (5, 1, 8, 8), ())
    """

    def __init__(
        self,
        shape: Shape,
        widths: Sequence[int] = (1000, 500, 250),
        code: int = 30,
        activation: str = "relu",
        code_activation: str | None = None,
        output: str = "sigmoid",
        corruption: Module | None = None,
    ) -> None:
        super().__init__()
        if output not in ("sigmoid", "linear"):
            raise ValueError(f'{type(self).__name__}: output must be "sigmoid" or "linear", got {output!r}')
        self.shape = shape_of(shape)
        self.code = count("code", code)
        self.output = output
        body, features, decoder = self.build(self.shape, widths, code, activation)
        last = [] if code_activation is None else [activated(code_activation)]
        self.encoder = Sequential(*body, layers.Linear(features, code), *last)
        self.decoder = decoder
        self.corruption = corruption
        self.apply(begin)

    @staticmethod
    def build(
        shape: tuple[int, ...], widths: Sequence[int], code: int, activation: str
    ) -> tuple[list[Module], int, Sequential]:
        """Layers from the input to features, how many these are, and a net from the code to outputs."""
        return dense(shape, widths, code, activation)

    def encode(self, x: Any) -> Any:
        """(N, *shape) -> (N, code)."""
        require_shape(self, x, self.shape)
        return self.encoder(x)

    def decode(self, code: Any) -> Any:
        """(N, code) -> (N, *shape)."""
        require_shape(self, code, (self.code,))
        drawn = self.decoder(code)
        return autograd.sigmoid(drawn) if self.output == "sigmoid" else drawn

    def corrupted(self, x: Any) -> Any:
        """The input as the encoder is shown it: spoiled while training, else as it is."""
        require_shape(self, x, self.shape)
        return x if self.corruption is None or not self.training else self.corruption(x)

    def forward(self, x: Any) -> Any:
        return self.decode(self.encode(self.corrupted(x)))

    def loss(self, output: Any, target: Any) -> Any:
        """The squared error an image: summed over its pixels, mean over the batch."""
        loss = F.mse_loss(output, target, reduction="sum") * (1.0 / len(target))
        if self.output == "linear":
            return loss
        wanted = f"{type(self).__name__}: a sigmoid's output can only be pixels in [0, 1]"
        return of_pixels(loss, target, wanted, "output='linear'")


class ConvAutoencoder(Autoencoder):
    """Convolutions that halve the image once for each width, and transposed ones that double it again.

    shape is (channels, height, width), of any size: 28 -> 14 -> 7 and back, 7 -> 4 -> 2 and back. Other
    arguments are those of Autoencoder.

    >>> import autograd
    >>> model = ConvAutoencoder((1, 28, 28), widths=(4, 8), code=16)
    >>> x = autograd.rand(2, 1, 28, 28)
    >>> model.encode(x).shape, model(x).shape
    ((2, 16), (2, 1, 28, 28))
    """

    def __init__(
        self, shape: Sequence[int], widths: Sequence[int] = (32, 64), code: int = 32, **options: Any
    ) -> None:
        super().__init__(shape, widths, code, **options)

    @staticmethod
    def build(
        shape: tuple[int, ...], widths: Sequence[int], code: int, activation: str
    ) -> tuple[list[Module], int, Sequential]:
        return convolutional(shape, widths, code, activation)


# Layers ------------------------------------------------------------------------------------------


def dense(
    shape: tuple[int, ...], widths: Sequence[int], code: int, activation: str
) -> tuple[list[Module], int, Sequential]:
    """Fully connected: layers from the input to features, how many these are, a net from code to outputs."""
    sizes = [math.prod(shape), *counts("widths", widths)]
    body: list[Module] = [layers.Flatten()] if len(shape) > 1 else []
    for before, after in zip(sizes, sizes[1:], strict=False):
        body += [layers.Linear(before, after), activated(activation)]
    back = [code, *sizes[:0:-1]]
    decoder: list[Module] = []
    for before, after in zip(back, back[1:], strict=False):
        decoder += [layers.Linear(before, after), activated(activation)]
    decoder.append(layers.Linear(back[-1], sizes[0]))
    if len(shape) > 1:
        decoder.append(layers.Unflatten(1, shape))
    return body, sizes[-1], Sequential(*decoder)


def convolutional(
    shape: tuple[int, ...], widths: Sequence[int], code: int, activation: str
) -> tuple[list[Module], int, Sequential]:
    """As dense(), with 3x3 convolutions of stride 2."""
    if len(shape) != 3 or not widths:
        raise ValueError(
            "convolutions want the shape (channels, height, width) and at least one width, got "
            f"{shape} and {widths}"
        )
    channels = [shape[0], *counts("widths", widths)]
    sizes = [(shape[1], shape[2])]
    for _ in channels[1:]:
        height, width = sizes[-1]
        sizes.append(((height + 1) // 2, (width + 1) // 2))
    body: list[Module] = []
    back: list[Module] = []
    for i in range(len(channels) - 1):
        body += [layers.Conv2d(channels[i], channels[i + 1], 3, stride=2, padding=1), activated(activation)]
        # A transposed convolution makes 2 n - 1 of n; even sides had one more.
        more = (1 - sizes[i][0] % 2, 1 - sizes[i][1] % 2)
        up = layers.ConvTranspose2d(channels[i + 1], channels[i], 3, stride=2, padding=1, output_padding=more)
        back = [activated(activation), up, *back]
    inner = (channels[-1], *sizes[-1])
    features = math.prod(inner)
    decoder = Sequential(layers.Linear(code, features), layers.Unflatten(1, inner), *back)
    return [*body, layers.Flatten()], features, decoder


def begin(layer: Module) -> None:
    """Weights of variance 2 / n, n the inputs that an output is a sum of (He et al. 2015, eq. 10)."""
    if not isinstance(layer, layers.Linear | layers.Conv2d | layers.ConvTranspose2d):
        return
    n = layer.weight.numel() / len(layer.weight)
    if isinstance(layer, layers.ConvTranspose2d):  # (in, out, height, width); a stride parts the inputs
        n = layer.weight.numel() / layer.weight.shape[1] / math.prod(layer.stride)
    init.normal_(layer.weight, std=math.sqrt(2 / n))
    if layer.bias is not None:
        init.zeros_(layer.bias)


def activated(name: str) -> Module:
    if name not in ACTIVATIONS:
        raise ValueError(f"activation {name!r}: want one of {', '.join(ACTIVATIONS)}")
    return ACTIVATIONS[name]()


def shape_of(shape: Shape) -> tuple[int, ...]:
    sizes = (shape,) if isinstance(shape, int) else tuple(shape)
    if not sizes:
        raise ValueError("want the shape of one input, (1, 28, 28) say, got ()")
    return tuple(count("shape", size) for size in sizes)


def count(name: str, value: Any) -> int:
    if not isinstance(value, int | np.integer) or value < 1:
        raise ValueError(f"{name}: want whole numbers >= 1, got {value!r}")
    return int(value)


def counts(name: str, values: Any) -> list[int]:
    if not isinstance(values, Sequence):
        raise ValueError(f"{name}: want a sequence of whole numbers, (32, 64) say, got {values!r}")
    return [count(name, value) for value in values]


def require_shape(model: Module, x: Any, shape: tuple[int, ...]) -> None:
    """Refuse what is no batch of floating numbers of this shape; images of another size, say."""
    found = tuple(x.shape)
    if found[1:] != shape or len(found) != len(shape) + 1:
        wanted = ", ".join(map(str, shape))
        raise ValueError(f"{type(model).__name__}: want a batch of shape (N, {wanted}), got {found}")
    if x.dtype.kind != "f":
        raise TypeError(
            f"{type(model).__name__}: want floating numbers, got {x.dtype} (8-bit pixels: x.float() / 255)"
        )


# Corruptions -------------------------------------------------------------------------------------


class GaussianNoise(Module):
    """x + std e, e normal; with `clip` brought back to [0, 1]. Draws from the default generator.

    >>> import autograd
    >>> _ = autograd.manual_seed(0)
    >>> GaussianNoise(0.3)(autograd.full((4,), 0.9))
    tensor([...])
    """

    def __init__(self, std: float = 0.3, clip: bool = True) -> None:
        super().__init__()
        if not 0 <= std < math.inf:
            raise ValueError(f"GaussianNoise: want std >= 0, got {std}")
        self.std = std
        self.clip = clip

    def forward(self, x: Any) -> Any:
        noisy = x + self.std * autograd.randn_like(x)
        return autograd.clamp(noisy, 0.0, 1.0) if self.clip else noisy

    def extra_repr(self) -> str:
        return f"std={self.std}, clip={self.clip}"


class Masking(Module):
    """Each number is 0 with probability p, else as it was (no scaling: that would be dropout).

    >>> import autograd
    >>> _ = autograd.manual_seed(0)
    >>> sorted(set(Masking(0.5)(autograd.full((100,), 0.9)).tolist()))
    [0.0, 0.8999999761581421]
    """

    def __init__(self, p: float = 0.5) -> None:
        super().__init__()
        self.p = probability("Masking", p)

    def forward(self, x: Any) -> Any:
        return autograd.where(autograd.rand_like(x) < self.p, 0.0, x)

    def extra_repr(self) -> str:
        return f"p={self.p}"


class SaltAndPepper(Module):
    """Each number is replaced with probability p, by 0 or by 1 as a coin falls.

    >>> import autograd
    >>> _ = autograd.manual_seed(0)
    >>> sorted(set(SaltAndPepper(0.5)(autograd.full((100,), 0.5)).tolist()))
    [0.0, 0.5, 1.0]
    """

    def __init__(self, p: float = 0.5) -> None:
        super().__init__()
        self.p = probability("SaltAndPepper", p)

    def forward(self, x: Any) -> Any:
        chance = autograd.rand_like(x)
        return autograd.where(chance < 0.5 * self.p, 0.0, autograd.where(chance < self.p, 1.0, x))

    def extra_repr(self) -> str:
        return f"p={self.p}"


def probability(name: str, p: float) -> float:
    if not 0 <= p <= 1:
        raise ValueError(f"{name}: want a probability in [0, 1], got {p}")
    return p


# Sparse codes ------------------------------------------------------------------------------------


class Coded(NamedTuple):
    """What a sparse autoencoder gives: the reconstruction (N, *shape) and its code (N, code)."""

    reconstruction: Tensor
    code: Tensor


class Sparse(Module):
    """An autoencoder whose loss has a price on its code besides: loss + weight penalty(code).

    So a code may have more numbers than the image, as long as few are used at a time.

    >>> import autograd
    >>> model = Sparse(Autoencoder(64, (), code=100, code_activation="sigmoid"), kl_penalty, weight=1.0)
    >>> x = autograd.rand(5, 64)
    >>> model(x).code.shape, model.loss(model(x), x).shape
    ((5, 100), ())
    """

    def __init__(self, autoencoder: Autoencoder, penalty: Callable[[Any], Any], weight: float) -> None:
        super().__init__()
        if not 0 <= weight < math.inf:
            raise ValueError(f"Sparse: want a weight >= 0, got {weight}")
        self.autoencoder = autoencoder
        self.penalty = penalty
        self.weight = weight

    def encode(self, x: Any) -> Any:
        return self.autoencoder.encode(x)

    def decode(self, code: Any) -> Any:
        return self.autoencoder.decode(code)

    def forward(self, x: Any) -> Coded:
        code = self.encode(self.autoencoder.corrupted(x))
        return Coded(self.decode(code), code)

    def loss(self, output: Coded, target: Any) -> Any:
        return self.autoencoder.loss(output.reconstruction, target) + self.weight * self.penalty(output.code)


def l1_penalty(code: Any) -> Any:
    """sum |code|, mean over the batch: (N, code) -> ().

    >>> import autograd
    >>> l1_penalty(autograd.tensor([[1.0, -2.0], [0.0, 3.0]])).item()
    3.0
    """
    return autograd.sum(autograd.abs(code)) * (1.0 / len(code))


def kl_penalty(code: Any, rho: float = 0.05) -> Any:
    """sum over units of KL(rho || mean activation), for activations in [0, 1], a sigmoid's: (N, code) -> ().

    Each unit shall be active a share `rho` of the time (Ng 2011, Sparse autoencoder, eq. for J_sparse).
    ValueError for others.

    >>> import autograd
    >>> kl_penalty(autograd.full((4, 3), 0.05)).abs().item() < 1e-6
    True
    """
    if not 0 < rho < 1:
        raise ValueError(f"kl_penalty: want rho in (0, 1), got {rho}")
    active = autograd.clamp(autograd.mean(code, 0), 1e-6, 1 - 1e-6)
    constant = rho * math.log(rho) + (1 - rho) * math.log(1 - rho)
    each = constant - rho * autograd.log(active) - (1 - rho) * autograd.log(1.0 - active)
    wanted = "kl_penalty: want codes in [0, 1]"
    return of_pixels(autograd.sum(each), code, wanted, "code_activation='sigmoid'")
