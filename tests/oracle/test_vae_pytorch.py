"""Autoencoders and VAEs: losses, gradients and trainings are PyTorch's, with the same weights and draws."""

from typing import Any

import numpy as np
import pytest
from torch_oracle import close, torch

import autograd
import nn
from nn.models.autoencoder import Autoencoder, ConvAutoencoder
from nn.models.vae import IWAE, VAE, ConvVAE

SHAPE = (1, 7, 6)


def twin(module: nn.Module) -> Any:
    """The same layers in PyTorch, with the same keys and weights."""
    name = type(module).__name__
    if name == "Sequential":
        made = torch.nn.Sequential(*map(twin, module.children()))
    elif name == "Linear":
        made = torch.nn.Linear(module.in_features, module.out_features)
    elif name in ("Conv2d", "ConvTranspose2d"):
        out, inner, *kernel = module.weight.shape
        channels = (inner, out) if name == "Conv2d" else (out, inner)
        more = {} if name == "Conv2d" else {"output_padding": module.output_padding}
        made = getattr(torch.nn, name)(*channels, kernel, module.stride, module.padding, **more)
    elif name == "Unflatten":
        made = torch.nn.Unflatten(1, module.unflattened_size)
    else:
        made = getattr(torch.nn, name)()
    made.load_state_dict({key: torch.tensor(value.data) for key, value in module.state_dict().items()})
    return made.double()


class Twin(torch.nn.Module):
    """A VAE as it is written in PyTorch; `noise` is what ours drew."""

    def __init__(self, ours: VAE) -> None:
        super().__init__()
        for name, child in ours.named_children():
            setattr(self, name, twin(child))
        if ours.likelihood == "gaussian":
            self.log_std = torch.nn.Parameter(torch.tensor(ours.log_std.data))
        self.beta, self.gaussian = ours.beta, ours.likelihood == "gaussian"

    def parts(self, x: Any, noise: Any) -> tuple[Any, Any, Any]:
        features = self.encoder(x)
        q = torch.distributions.Normal(self.mean(features), torch.exp(self.logvar(features) / 2))
        z = q.loc + q.scale * noise
        drawn = self.decoder(z.flatten(0, -2)).reshape(*z.shape[:-1], *x.shape[1:])
        wanted = x.expand_as(drawn)
        if self.gaussian:
            log_p = torch.distributions.Normal(drawn, torch.exp(self.log_std)).log_prob(wanted)
        else:
            log_p = -torch.nn.functional.binary_cross_entropy(drawn.sigmoid(), wanted, reduction="none")
        return q, z, log_p.flatten(z.dim() - 1).sum(-1)

    def loss(self, x: Any, noise: Any) -> Any:
        q, _, log_p = self.parts(x, noise)
        prior = torch.distributions.Normal(torch.zeros_like(q.loc), torch.ones_like(q.scale))
        return (self.beta * torch.distributions.kl_divergence(q, prior).sum(1) - log_p).mean()

    def importance_loss(self, x: Any, noise: Any) -> Any:
        q, z, log_p = self.parts(x, noise)
        prior = torch.distributions.Normal(torch.zeros_like(z), torch.ones_like(z))
        log_w = log_p + (prior.log_prob(z) - q.log_prob(z)).sum(-1)
        return -(torch.logsumexp(log_w, 0) - np.log(len(z))).mean()


MODELS = {
    "vae": lambda: VAE(SHAPE, (9, 5), 3),
    "beta": lambda: VAE(SHAPE, (9,), 3, beta=4.0, activation="tanh"),
    "gaussian": lambda: VAE(SHAPE, (9,), 3, "gaussian"),
    "convolutional": lambda: ConvVAE(SHAPE, (3, 4), 3, activation="silu"),
    "iwae": lambda: IWAE(SHAPE, (9,), 3, samples=5),
    "gaussian iwae": lambda: IWAE(SHAPE, (9,), 3, samples=4, likelihood="gaussian"),
}


def pair(name: str) -> tuple[VAE, Any, np.ndarray]:
    autograd.manual_seed(1)
    ours = MODELS[name]().double()
    return ours, Twin(ours), np.random.default_rng(0).uniform(size=(4, *SHAPE))


def both_losses(ours: VAE, theirs: Any, x: np.ndarray, seed: int) -> tuple[Any, Any]:
    shape = (ours.samples, 4, 3) if isinstance(ours, IWAE) else (4, 3)
    autograd.manual_seed(seed)
    noise = torch.tensor(autograd.randn(*shape, dtype=autograd.float64).data)
    autograd.manual_seed(seed)
    given = autograd.tensor(x)
    loss = ours.loss(ours(given), given)
    formula = theirs.importance_loss if isinstance(ours, IWAE) else theirs.loss
    return loss, formula(torch.tensor(x), noise)


@pytest.mark.parametrize("name", MODELS)
def test_losses_and_gradients(name):
    ours, theirs, x = pair(name)
    assert set(ours.state_dict()) == set(theirs.state_dict())
    loss, expected = both_losses(ours, theirs, x, seed=3)
    close(loss, expected, "loss")
    loss.backward()
    expected.backward()
    gradients = dict(theirs.named_parameters())
    for key, p in ours.named_parameters():
        close(p.grad, gradients[key].grad, key)


@pytest.mark.parametrize("name", MODELS)
def test_trainings_follow_each_other(name):
    ours, theirs, x = pair(name)
    adam = nn.optim.Adam(ours.parameters(), lr=1e-2)
    other = torch.optim.Adam(theirs.parameters(), lr=1e-2)
    for seed in range(20):
        loss, expected = both_losses(ours, theirs, x, seed)
        close(loss, expected, f"loss of step {seed}", 1e-8)
        for optimizer, value in ((adam, loss), (other, expected)):
            optimizer.zero_grad()
            value.backward()
            optimizer.step()


@pytest.mark.parametrize("make", [Autoencoder, ConvAutoencoder])
@pytest.mark.parametrize("output", ["sigmoid", "linear"])
def test_autoencoders(make, output):
    autograd.manual_seed(1)
    ours = make(SHAPE, (9, 5), 3, activation="gelu", code_activation="tanh", output=output).double()
    encoder, decoder = twin(ours.encoder), twin(ours.decoder)
    x = np.random.default_rng(0).uniform(size=(4, *SHAPE))
    drawn = decoder(encoder(torch.tensor(x)))
    drawn = torch.sigmoid(drawn) if output == "sigmoid" else drawn
    expected = ((drawn - torch.tensor(x)) ** 2).sum() / 4
    expected.backward()
    given = autograd.tensor(x)
    loss = ours.loss(ours(given), given)
    close(loss, expected, "loss")
    loss.backward()
    for mine, other in ((ours.encoder, encoder), (ours.decoder, decoder)):
        for (key, p), q in zip(mine.named_parameters(), other.parameters(), strict=True):
            close(p.grad, q.grad, key)
