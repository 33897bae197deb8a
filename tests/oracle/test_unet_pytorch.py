"""The U-Net equals the same network written in PyTorch, with the same weights (float64): its output and the
gradients of the image, the time and every parameter; and the steps of the benchmark `drawing`."""

from __future__ import annotations

import importlib
from typing import Any

import numpy as np
import pytest
from torch_oracle import close, torch

import autograd
from benchmarks.cases import drawing
from benchmarks.cases.drawing.pytorch_unet import UNet as Twin
from benchmarks.worker import to_numpy
from nn.models.unet import UNet

random = np.random.default_rng(5)


@pytest.mark.parametrize(
    ("side", "options", "labels"),
    [
        (28, {"dim": 8, "dim_mults": (1, 2, 4)}, None),
        (8, {"dim": 8, "dim_mults": (1, 2), "channels": 3, "blocks": 2}, None),
        (8, {"dim": 8, "dim_mults": (1, 2), "attention": 0, "classes": 10}, [3, 10]),
        (8, {"dim": 8, "dim_mults": (1, 2), "classes": 10}, None),
    ],
)
def test_unet(side: int, options: dict[str, Any], labels: list[int] | None) -> None:
    theirs = Twin(side, **options, groups=4, heads=2).double()
    with torch.no_grad():
        for parameter in theirs.parameters():
            scale = parameter[0].numel() ** -0.5
            parameter.copy_(torch.tensor(random.normal(size=parameter.shape) * scale))
    ours = UNet(side, **options, groups=4, heads=2).double()
    assert list(ours.state_dict()) == list(theirs.state_dict())
    ours.load_state_dict(theirs.state_dict())
    x, t = random.normal(size=(2, options.get("channels", 1), side, side)), np.array([0.5, 700.0])

    mine = [autograd.tensor(value, requires_grad=True) for value in (x, t)]
    other = [torch.tensor(value, requires_grad=True) for value in (x, t)]
    y = ours(*mine, None if labels is None else autograd.tensor(labels))
    wanted = theirs(*other, None if labels is None else torch.tensor(labels))
    close(y, wanted, "output")
    (y * y).sum().backward()
    (wanted * wanted).sum().backward()
    for name, a, b in zip(("x", "t"), mine, other, strict=True):
        close(a.grad, b.grad, f"gradient of {name}", 1e-9)
    for (name, a), b in zip(ours.named_parameters(), theirs.parameters(), strict=True):
        close(a.grad, b.grad, f"gradient of {name}", 1e-9)


@pytest.mark.parametrize("model", [row.sizes["model"] for row in drawing.CASE.rows])
def test_sides_take_the_same_steps(model: str) -> None:
    """WGAN-GP's loss is the gradient of a gradient: it agrees after updates only if that does."""
    sizes = {"model": model, "batch": 2}
    losses = []
    for side in ("ours", "pytorch", "pytorch_channels_last"):
        make = importlib.import_module(f"benchmarks.cases.drawing.side_{side}").make
        run = make(drawing.CASE.draw(sizes), **sizes)
        losses.append([float(to_numpy(run())) for _ in range(4)])
    assert losses[0] == pytest.approx(losses[1], rel=1e-3)
    assert losses[0] == pytest.approx(losses[2], rel=1e-3)
