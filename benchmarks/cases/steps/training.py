"""One training step in the names that our library and PyTorch share: zero_grad, forward, loss, backward,
step. Both run these very lines."""

from __future__ import annotations

from typing import Any

from benchmarks.cases import Inputs, Run
from benchmarks.cases.steps import initial
from benchmarks.cases.steps.models import MODELS, Library, discriminator, generator

OPTIMIZERS = {"sgd": ("SGD", {"lr": 0.03}), "adam": ("Adam", {"lr": 1e-3})}


def make(lib: Library, inputs: Inputs, model: str, batch: int, optimizer: str, dropout: bool) -> Run:
    tensors = {name: lib.base.tensor(value) for name, value in inputs.items()}
    if model == "dcgan":
        return adversarial(lib, **tensors)
    network = with_weights(lib, MODELS[model](lib, dropout))
    algorithm, options = OPTIMIZERS[optimizer]
    update = getattr(lib.optim, algorithm)(network.parameters(), **options)
    target = tensors.pop("target")
    labels = inputs["target"].dtype.kind == "i"
    loss_of = lib.nn.CrossEntropyLoss() if labels else lib.nn.MSELoss()
    return supervised(network, list(tensors.values()), target, loss_of, update)


def with_weights(lib: Library, network: Any) -> Any:
    """The network, with the weights that every side starts from."""
    with lib.base.no_grad():
        weights = initial([tuple(p.shape) for p in network.parameters()])
        for parameter, value in zip(network.parameters(), weights, strict=True):
            parameter.copy_(lib.base.tensor(value))
    return network


def supervised(network: Any, given: list[Any], target: Any, loss_of: Any, update: Any) -> Run:
    def step() -> Any:
        update.zero_grad()
        loss = loss_of(network(*given), target)
        loss.backward()
        update.step()
        return loss

    return step


def adversarial(lib: Library, x: Any, noise: Any, ones: Any, zeros: Any) -> Run:
    """D on real and on generated images, then G against D: the step of PyTorch's DCGAN example."""
    g, d = with_weights(lib, generator(lib)), with_weights(lib, discriminator(lib))
    update_g, update_d = (
        lib.optim.Adam(network.parameters(), lr=2e-4, betas=(0.5, 0.999)) for network in (g, d)
    )
    loss_of = lib.nn.BCEWithLogitsLoss()

    def step() -> Any:
        update_d.zero_grad()
        on_real = loss_of(d(x), ones)
        on_real.backward()
        images = g(noise)
        on_images = loss_of(d(images.detach()), zeros)
        on_images.backward()
        update_d.step()
        update_g.zero_grad()
        deceit = loss_of(d(images), ones)
        deceit.backward()
        update_g.step()
        return on_real.detach() + on_images.detach() + deceit.detach()

    return step
