"""One training step in the names that our library and PyTorch share: zero_grad, forward, loss, backward,
step. Both run these very lines. A step is a function of its batch, so that it can be compiled."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any

from benchmarks.cases import Inputs, Run
from benchmarks.cases.steps import initial
from benchmarks.cases.steps.library import Library
from benchmarks.cases.steps.models import MODELS, discriminator, generator

OPTIMIZERS: dict[str, tuple[str, dict[str, Any]]] = {
    "sgd": ("SGD", {"lr": 0.03}),
    "adam": ("Adam", {"lr": 1e-3}),
    "adversarial": ("Adam", {"lr": 2e-4, "betas": (0.5, 0.999)}),
}


def make(lib: Library, inputs: Inputs, model: str, batch: int, optimizer: str, dropout: bool) -> Run:
    tensors = [lib.place(lib.base.tensor(value)) for value in inputs.values()]
    if model == "dcgan":
        step = adversarial(lib)
    else:
        network = with_weights(lib, MODELS[model](lib, dropout))
        step = supervised(network, loss_for(lib, inputs), optimizer_of(lib, network, optimizer))
    return partial(lib.compiled(step), *tensors)


def with_weights(lib: Library, network: Any) -> Any:
    """The network, with the weights that every side starts from."""
    with lib.base.no_grad():
        weights = initial([tuple(p.shape) for p in network.parameters()])
        for parameter, value in zip(network.parameters(), weights, strict=True):
            parameter.copy_(lib.base.tensor(value))
    return lib.place(network)


def loss_for(lib: Library, inputs: Inputs) -> Any:
    labels = inputs["target"].dtype.kind == "i"
    return lib.nn.CrossEntropyLoss() if labels else lib.nn.MSELoss()


def optimizer_of(lib: Library, network: Any, name: str) -> Any:
    algorithm, options = OPTIMIZERS[name]
    return getattr(lib.optim, algorithm)(network.parameters(), **options)


def supervised(network: Any, loss_of: Any, update: Any) -> Callable[..., Any]:
    def step(*batch: Any) -> Any:
        *given, target = batch
        update.zero_grad()
        loss = loss_of(network(*given), target)
        loss.backward()
        update.step()
        return loss

    return step


def adversarial(lib: Library) -> Callable[..., Any]:
    """D on real and on generated images, then G against D: the step of PyTorch's DCGAN example."""
    g, d = with_weights(lib, generator(lib)), with_weights(lib, discriminator(lib))
    update_g, update_d = (optimizer_of(lib, network, "adversarial") for network in (g, d))
    loss_of = lib.nn.BCEWithLogitsLoss()

    def step(x: Any, noise: Any, ones: Any, zeros: Any) -> Any:
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
