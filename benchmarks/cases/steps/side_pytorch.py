"""PyTorch, eager: zero_grad, forward, loss, backward, step."""

from __future__ import annotations

import torch
from torch import nn

from benchmarks.cases import Inputs, Run
from benchmarks.cases.steps import MODELS, initial


def make(inputs: Inputs, model: str, batch: int, optimizer: str, dropout: bool) -> Run:
    network = MODELS[model][0](nn, dropout)
    with torch.no_grad():
        weights = initial([tuple(p.shape) for p in network.parameters()])
        for parameter, value in zip(network.parameters(), weights, strict=True):
            parameter.copy_(torch.from_numpy(value))
    x, target = torch.from_numpy(inputs["x"]), torch.from_numpy(inputs["target"])
    loss_of = nn.MSELoss() if model == "playground" else nn.CrossEntropyLoss()
    optimizers = {"sgd": (torch.optim.SGD, 0.03), "adam": (torch.optim.Adam, 1e-3)}
    algorithm, rate = optimizers[optimizer]
    update = algorithm(network.parameters(), lr=rate)

    def step() -> torch.Tensor:
        update.zero_grad()
        loss = loss_of(network(x), target)
        loss.backward()
        update.step()
        return loss

    return step
