"""Variational autoencoders (Kingma and Welling 2014): an image has not one code but a cloud of them.

The encoder answers with a normal distribution q(z|x), the decoder with one of images, p(x|z); before anything
is seen codes are N(0, I), p(z). What is maximised is a bound of log p(x) from below, in nats:

    log p(x) >= E_q [log p(x|z)] - KL(q(z|x) || p(z))               the evidence bound, ELBO
    log p(x) >= E log 1/k sum_i p(x|z_i) p(z_i) / q(z_i|x)          importance weighted, IWAE

Once trained, codes drawn from p(z) give images that nobody drew. Trained on batches (x, x), as Autoencoder.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np

import autograd
import nn.functional as F
from autograd import Tensor
from autograd.ops.random import Generator
from autograd.tape import Value, no_grad
from nn import layers
from nn.containers import Sequential
from nn.models.autoencoder import (
    Shape,
    convolutional,
    count,
    dense,
    require_shape,
    shape_of,
)
from nn.models.ranges import of_pixels, require_pixels
from nn.module import Module
from nn.parameter import Parameter

__all__ = ["IWAE", "VAE", "ConvVAE", "Inferred", "interpolate"]

LOG_2PI = math.log(2 * math.pi)


class Inferred(NamedTuple):
    """What a VAE gives for a batch. `samples` is there in an IWAE alone, as first axis.

    outputs  (samples, N, *shape)  logits of pixels ("bernoulli") or their means ("gaussian")
    mean     (N, code)             of q(z|x)
    logvar   (N, code)             logarithms of its variances
    latent   (samples, N, code)    the codes that were drawn
    """

    outputs: Tensor
    mean: Tensor
    logvar: Tensor
    latent: Tensor


class VAE(Module):
    """A variational autoencoder of fully connected layers.

    shape       of one input: (1, 28, 28), or for vectors their length
    widths      of the layers between input and code, in the decoder reversed
    code        numbers in the code
    likelihood  "bernoulli": each pixel is ink with a chance, pixels in [0, 1] (a grey one counts as part
                ink, part paper); "gaussian": any numbers, and one standard deviation of all is learned
    beta        what a nat of KL costs in the loss; above 1 codes are simpler (Higgins et al. 2017)

    Codes are drawn in eval() too, from the default generator, so a validation loss is that of one draw. With
    (784, (400,), 20) this is the net of PyTorch's example.

    >>> import autograd
    >>> _ = autograd.manual_seed(0)
    >>> model = VAE((1, 8, 8), widths=(32,), code=2)
    >>> x = autograd.rand(5, 1, 8, 8)
    >>> mean, logvar = model.encode(x)
    >>> mean.shape, model.decode(mean).shape, model.loss(model(x), x).shape
    ((5, 2), (5, 1, 8, 8), ())
    >>> model.elbo(x).shape, bool((model.iwae_bound(x) < 0).data.all()), model.sample(3).shape
    ((5,), True, (3, 1, 8, 8))
    """

    def __init__(
        self,
        shape: Shape,
        widths: Sequence[int] = (400,),
        code: int = 20,
        likelihood: str = "bernoulli",
        beta: float = 1.0,
        activation: str = "relu",
    ) -> None:
        super().__init__()
        if likelihood not in ("bernoulli", "gaussian"):
            raise ValueError(
                f'{type(self).__name__}: likelihood must be "bernoulli" or "gaussian", got {likelihood!r}'
            )
        if not 0 <= beta < math.inf:
            raise ValueError(f"{type(self).__name__}: want beta >= 0, got {beta}")
        self.shape = shape_of(shape)
        self.code = count("code", code)
        self.likelihood = likelihood
        self.beta = beta
        body, features, decoder = self.build(self.shape, widths, code, activation)
        self.encoder = Sequential(*body)
        self.mean = layers.Linear(features, code)
        self.logvar = layers.Linear(features, code)
        self.decoder = decoder
        if likelihood == "gaussian":
            self.log_std = Parameter(autograd.zeros(()))

    @staticmethod
    def build(
        shape: tuple[int, ...], widths: Sequence[int], code: int, activation: str
    ) -> tuple[list[Module], int, Sequential]:
        """Layers from the input to features, how many these are, and a net from the code to outputs."""
        return dense(shape, widths, code, activation)

    # The two nets --------------------------------------------------------------------------------

    def encode(self, x: Any) -> tuple[Any, Any]:
        """q(z|x): (N, *shape) -> mean and log variance, each (N, code)."""
        require_shape(self, x, self.shape)
        features = self.encoder(x)
        return self.mean(features), self.logvar(features)

    def draw(self, mean: Any, logvar: Any) -> Any:
        """One code of each distribution, so that gradients reach mean and logvar (the reparametrisation)."""
        return mean + autograd.exp(0.5 * logvar) * autograd.randn_like(mean)

    def decode(self, code: Any) -> Any:
        """(N, code) -> (N, *shape), the mean image: of pixels that are ink or not, the chances of ink."""
        require_shape(self, code, (self.code,))
        outputs = self.decoder(code)
        return autograd.sigmoid(outputs) if self.likelihood == "bernoulli" else outputs

    def forward(self, x: Any) -> Inferred:
        mean, logvar = self.encode(x)
        latent = self.draw(mean, logvar)
        return Inferred(self.decoder(latent), mean, logvar, latent)

    # What is learned -----------------------------------------------------------------------------

    def loss(self, output: Inferred, target: Any) -> Any:
        """-ELBO in nats, with beta times its KL; of the codes drawn, mean over the batch."""
        self.require_target(output, target)
        surprise = autograd.sum(self.surprise(output.outputs, target))
        kl = autograd.sum(divergence(output.mean, output.logvar))
        return self.checked((surprise + self.beta * kl) * (1.0 / len(target)), target)

    def require_target(self, output: Inferred, target: Any) -> None:
        """Refuse what the outputs would be broadcast to."""
        require_shape(self, target, self.shape)
        if len(target) != len(output.mean):
            raise ValueError(
                f"{type(self).__name__}: want a target for each input, got {len(target)} for "
                f"{len(output.mean)}"
            )

    def surprise(self, outputs: Any, target: Any) -> Any:
        """-log p(x|z) of each pixel, in nats; densities where the likelihood is Gaussian."""
        if self.likelihood == "bernoulli":
            return F.binary_cross_entropy_with_logits(outputs, target, reduction="none")
        distance = (target - outputs) * autograd.exp(-self.log_std)
        return 0.5 * autograd.square(distance) + (self.log_std + 0.5 * LOG_2PI)

    def require_pixels(self, x: Any) -> None:
        """Refuse numbers that are no chances of ink."""
        if self.likelihood == "bernoulli":
            require_pixels(x, *self.advice)

    def checked(self, loss: Any, target: Any) -> Any:
        """The loss of a target whose pixels are chances of ink."""
        return of_pixels(loss, target, *self.advice) if self.likelihood == "bernoulli" else loss

    @property
    def advice(self) -> tuple[str, str]:
        wanted = f"{type(self).__name__}: a Bernoulli likelihood wants pixels in [0, 1]"
        return wanted, "likelihood='gaussian'"

    # How good it is ------------------------------------------------------------------------------

    @no_grad()
    def elbo(self, x: Any, samples: int = 1) -> Any:
        """The evidence bound of each image in nats, (N,): mean over `samples` codes; its KL is exact."""
        self.require_pixels(x)
        mean, logvar = self.encode(x)
        total = -autograd.sum(divergence(mean, logvar), 1)
        for _ in range(count("samples", samples)):
            total = total + self.log_likelihood(x, self.draw(mean, logvar)) * (1.0 / samples)
        return total

    @no_grad()
    def iwae_bound(self, x: Any, samples: int = 50, chunk: int = 10) -> Any:
        """The importance weighted bound of log p(x) in nats, (N,) (Burda, Grosse and Salakhutdinov 2016).

        With one sample it is the ELBO; it rises with `samples` and reaches log p(x), which is commonly
        reported as this bound of 5000. `chunk` samples are decoded at a time.
        """
        self.require_pixels(x)
        mean, logvar = self.encode(x)
        left, weights = count("samples", samples), []
        while left:
            many = min(left, count("chunk", chunk))
            weights.append(self.log_weights(x, mean, logvar, self.draws(mean, logvar, many)).data)
            left -= many
        log_w = np.concatenate(weights).astype(np.float64)
        largest = log_w.max(0)
        bound = largest + np.log(np.exp(log_w - largest).mean(0))
        return Tensor(bound.astype(weights[0].dtype))

    def draws(self, mean: Any, logvar: Any, samples: int) -> Any:
        """`samples` codes of each: (samples, N, code)."""
        shape = (samples, *mean.shape)
        return self.draw(autograd.expand(mean, shape), autograd.expand(logvar, shape))

    def decoded(self, latent: Any) -> Any:
        """Outputs of codes with a first axis of samples: (samples, N, code) -> (samples, N, *shape)."""
        outputs = self.decoder(autograd.reshape(latent, (-1, self.code)))
        return autograd.reshape(outputs, (*latent.shape[:2], *self.shape))

    def log_weights(self, x: Any, mean: Any, logvar: Any, latent: Any, outputs: Any = None) -> Any:
        """log p(x|z) p(z) / q(z|x) of each code: (samples, N, code) -> (samples, N)."""
        outputs = self.decoded(latent) if outputs is None else outputs
        surprise = self.surprise(outputs, autograd.expand(x, tuple(outputs.shape)))
        fit = autograd.sum(autograd.reshape(surprise, (*latent.shape[:2], -1)), 2)
        away = autograd.square(latent - mean) * autograd.exp(-logvar)
        return 0.5 * autograd.sum(away + logvar - autograd.square(latent), 2) - fit

    def log_likelihood(self, x: Any, latent: Any) -> Any:
        """log p(x|z), (N,)."""
        surprise = self.surprise(self.decoder(latent), x)
        return -autograd.sum(autograd.reshape(surprise, (len(x), -1)), 1)

    # Pictures ------------------------------------------------------------------------------------

    @no_grad()
    def sample(self, n: int, generator: Generator | None = None) -> Any:
        """Mean images of n codes drawn from N(0, I): (n, *shape)."""
        dtype = self.mean.weight.dtype
        return self.decode(autograd.randn(count("n", n), self.code, dtype=dtype, generator=generator))

    @no_grad()
    def reconstruct(self, x: Any) -> Any:
        """Each image by way of the mean of its codes: (N, *shape) -> (N, *shape)."""
        return self.decode(self.encode(x)[0])


class ConvVAE(VAE):
    """A VAE whose layers are a ConvAutoencoder's: shape (channels, height, width), halved for each width.

    >>> import autograd
    >>> model = ConvVAE((1, 28, 28), widths=(4, 8), code=3, beta=4.0)
    >>> model(autograd.rand(2, 1, 28, 28)).outputs.shape
    (2, 1, 28, 28)
    """

    def __init__(
        self, shape: Sequence[int], widths: Sequence[int] = (32, 64), code: int = 20, **options: Any
    ) -> None:
        super().__init__(shape, widths, code, **options)

    @staticmethod
    def build(
        shape: tuple[int, ...], widths: Sequence[int], code: int, activation: str
    ) -> tuple[list[Module], int, Sequential]:
        return convolutional(shape, widths, code, activation)


class IWAE(VAE):
    """A VAE trained on the importance weighted bound of `samples` codes an image (Burda et al. 2016).

    Codes that explain the image badly have little weight, so q(z|x) is free to be wider than a VAE's. There
    is no beta: the KL is no term of this bound.

    >>> import autograd
    >>> model = IWAE((1, 8, 8), widths=(32,), code=2, samples=5)
    >>> x = autograd.rand(3, 1, 8, 8)
    >>> model(x).outputs.shape, model.loss(model(x), x).shape
    ((5, 3, 1, 8, 8), ())
    """

    def __init__(
        self,
        shape: Shape,
        widths: Sequence[int] = (400,),
        code: int = 20,
        samples: int = 50,
        likelihood: str = "bernoulli",
        activation: str = "relu",
    ) -> None:
        super().__init__(shape, widths, code, likelihood, activation=activation)
        self.samples = count("samples", samples)

    def forward(self, x: Any) -> Inferred:
        mean, logvar = self.encode(x)
        latent = self.draws(mean, logvar, self.samples)
        return Inferred(self.decoded(latent), mean, logvar, latent)

    def loss(self, output: Inferred, target: Any) -> Any:
        """-the bound in nats, mean over the batch."""
        self.require_target(output, target)
        log_w = self.log_weights(target, output.mean, output.logvar, output.latent, output.outputs)
        bound = autograd.logsumexp(log_w, 0) - math.log(self.samples)
        return self.checked(-autograd.mean(bound), target)


def divergence(mean: Any, logvar: Any) -> Any:
    """KL(N(mean, exp(logvar)) || N(0, 1)) of each number of a code, in nats (Kingma and Welling, app. B)."""
    return 0.5 * (autograd.square(mean) + autograd.exp(logvar) - 1.0 - logvar)


def interpolate(a: Any, b: Any, steps: int, spherical: bool = False) -> Any:
    """A walk between codes, ends included: two of shape (*, code) -> (steps, *, code).

    Straight, or (`spherical`, Shoemake 1985) on an arc about 0. Codes of many numbers drawn from N(0, I) lie
    near a sphere of radius sqrt(code); a straight walk cuts through its inside, where no code was learned.

    >>> import autograd
    >>> a, b = autograd.tensor([2.0, 0.0]), autograd.tensor([0.0, 2.0])
    >>> interpolate(a, b, 3).tolist()
    [[2.0, 0.0], [1.0, 1.0], [0.0, 2.0]]
    >>> interpolate(a, b, 3, spherical=True)[1]
    tensor([1.4142, 1.4142])
    """
    start, end = (x.data if isinstance(x, Value) else np.asarray(x) for x in (a, b))
    if start.shape != end.shape or not start.ndim or start.dtype.kind != "f" or end.dtype != start.dtype:
        raise ValueError(
            f"interpolate: want two codes of one shape and floating type, got {start.shape} {start.dtype} "
            f"and {end.shape} {end.dtype}"
        )
    if count("steps", steps) < 2:
        raise ValueError("interpolate: want at least 2 steps, the two ends")
    t = np.linspace(0.0, 1.0, steps).reshape(-1, *[1] * start.ndim)
    p, q = start.astype(np.float64), end.astype(np.float64)
    near, far = 1 - t, t
    if spherical:
        lengths = np.linalg.norm(p, axis=-1, keepdims=True) * np.linalg.norm(q, axis=-1, keepdims=True)
        cosine = (p * q).sum(-1, keepdims=True) / np.maximum(lengths, 1e-300)
        angle = np.arccos(np.clip(cosine, -1, 1))
        if (lengths == 0).any() or (angle > math.pi - 1e-6).any():
            raise ValueError(
                "interpolate: no arc leads through or straight away from 0; walk spherical=False"
            )
        straight = angle < 1e-6
        sine = np.where(straight, 1.0, np.sin(angle))
        near = np.where(straight, near, np.sin((1 - t) * angle) / sine)
        far = np.where(straight, far, np.sin(t * angle) / sine)
    return Tensor((near * p + far * q).astype(start.dtype))
