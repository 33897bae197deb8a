"""One step of each model in the names that our library and PyTorch share: both run these very lines."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any, NamedTuple

from benchmarks.cases import Inputs, Run
from benchmarks.cases.steps import training
from benchmarks.cases.steps.library import Library
from benchmarks.cases.steps.models import generator
from benchmarks.cases.steps.training import with_weights

WIDTHS, CODE = (784, 1000, 500, 250, 30), 20
HIDDEN = 400  # units of the VAE
PENALTY = 10.0

Step = Callable[..., Any]


class Studio(NamedTuple):
    """What the steps need of a library beside its modules."""

    lib: Library
    grad: Callable[..., Any]  # (output, input, create_graph=True) -> (gradient,)
    unet: Callable[[], Any]


def make(studio: Studio, inputs: Inputs, model: str, batch: int) -> Run:
    lib = studio.lib
    tensors = [lib.place(lib.base.tensor(value)) for value in inputs.values()]
    return partial(lib.compiled(STEPS[model](studio)), *tensors)


def adam(lib: Library, network: Any, lr: float = 1e-3, betas: tuple[float, float] = (0.9, 0.999)) -> Any:
    return lib.optim.Adam(network.parameters(), lr=lr, betas=betas)


def trained(update: Any, loss: Any) -> Any:
    update.zero_grad()
    loss.backward()
    update.step()
    return loss.detach()


def autoencoder(studio: Studio) -> Step:
    """Hinton and Salakhutdinov 2006, by Adam and with ReLU; the squared error of an image."""
    lib, nn = studio.lib, studio.lib.nn
    layers: list[Any] = []
    sizes = (*WIDTHS, *reversed(WIDTHS[:-1]))
    for i, (wide, narrow) in enumerate(zip(sizes, sizes[1:], strict=False)):
        linear = narrow == WIDTHS[-1]
        last = nn.Sigmoid() if i == len(sizes) - 2 else nn.ReLU()
        layers += [nn.Linear(wide, narrow)] if linear else [nn.Linear(wide, narrow), last]
    network = with_weights(lib, nn.Sequential(*layers))
    update = adam(lib, network)

    def step(x: Any) -> Any:
        return trained(update, ((network(x) - x) ** 2).sum() / len(x))

    return step


def vae(studio: Studio) -> Step:
    """The VAE of PyTorch's examples (Kingma and Welling 2014), in nats an image; its `noise` is given."""
    lib, nn = studio.lib, studio.lib.nn
    network = nn.ModuleDict(
        {
            "encoder": nn.Sequential(nn.Linear(784, HIDDEN), nn.ReLU()),
            "mean": nn.Linear(HIDDEN, CODE),
            "logvar": nn.Linear(HIDDEN, CODE),
            "decoder": nn.Sequential(nn.Linear(CODE, HIDDEN), nn.ReLU(), nn.Linear(HIDDEN, 784)),
        }
    )
    network = with_weights(lib, network)
    update = adam(lib, network)
    unlike = nn.BCEWithLogitsLoss(reduction="sum")

    def step(x: Any, noise: Any) -> Any:
        hidden = network["encoder"](x)
        mean, logvar = network["mean"](hidden), network["logvar"](hidden)
        logits = network["decoder"](mean + (logvar / 2).exp() * noise)
        divergence = (mean * mean + logvar.exp() - 1 - logvar).sum() / 2
        return trained(update, (unlike(logits, x) + divergence) / len(x))

    return step


def dcgan(studio: Studio) -> Step:
    return training.adversarial(studio.lib)


def critic(lib: Library) -> Any:
    """DCGAN's discriminator without batch norm, as the penalty wants it (Gulrajani et al. 2017)."""
    nn = lib.nn
    return nn.Sequential(
        nn.Conv2d(1, 64, 4, stride=2, padding=1), nn.LeakyReLU(0.2),
        nn.Conv2d(64, 128, 4, stride=2, padding=1), nn.LeakyReLU(0.2),
        nn.Flatten(), nn.Linear(6272, 1),
    )  # fmt: skip


def wgan_gp(studio: Studio) -> Step:
    """A step of the critic, its gradient penalised at `places` between images, and one of the generator."""
    lib = studio.lib
    g, d = with_weights(lib, generator(lib)), with_weights(lib, critic(lib))
    update_g, update_d = (adam(lib, network, 1e-4, (0.0, 0.9)) for network in (g, d))

    def step(x: Any, noise: Any, places: Any) -> Any:
        images = g(noise)
        made = images.detach()
        between = (made + places * (x - made)).requires_grad_()
        (slope,) = studio.grad(d(between).sum(), between, create_graph=True)
        penalty = (((slope * slope).sum((1, 2, 3)) ** 0.5 - 1) ** 2).mean()
        found = trained(update_d, d(made).mean() - d(x).mean() + PENALTY * penalty)
        return found + trained(update_g, -d(images).mean())

    return step


def unet(studio: Studio) -> Step:
    """The simple loss of DDPM (Ho et al. 2020): the noise of x at a time, guessed."""
    lib = studio.lib
    network = with_weights(lib, studio.unet())
    update = adam(lib, network)

    def step(x: Any, time: Any, target: Any) -> Any:
        return trained(update, ((network(x, time) - target) ** 2).mean())

    return step


STEPS: dict[str, Callable[[Studio], Step]] = {
    "autoencoder": autoencoder,
    "vae": vae,
    "dcgan": dcgan,
    "wgan_gp": wgan_gp,
    "unet": unet,
}
