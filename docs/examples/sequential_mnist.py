"""Handwritten digits pixel by pixel: 784 steps, each one number, and at the end: which digit was it?

The task of Le, Jaitly and Hinton (2015). A stroke begins hundreds of steps before the answer. Bai, Kolter and
Koltun (2018), with networks of one size (about 70,000 parameters), report 96.2% for a GRU, 87.2% for an LSTM
and 21.5% for a plain RNN. A window over the last pixels sees the last rows of the image, nothing of the rest.
"""

from __future__ import annotations

import sys
from collections.abc import Sequence
from typing import Any

import autograd
import nn
from autograd import Tensor
from docs.examples import training
from docs.examples.models import Recurrent, Window, remember, width_for
from docs.examples.training import Run, parameters, seconds, table
from nn.data import DataLoader, TensorDataset, mnist, optdigits

BATCH, WIDTH, EPOCHS, CLIP = 100, 128, 6, 1.0
UPDATES = EPOCHS * (60_000 // BATCH)
RATES = {"GRU": 6e-3, "RNN": 1e-3, "window": 2e-3}  # at their highest


class Pixels(nn.Module):
    """A net that answers after the last step, given images: (N, 784) -> (N, 10)."""

    def __init__(self, net: nn.Module) -> None:
        super().__init__()
        self.net = net

    def forward(self, images: Tensor) -> Any:
        return self.net(autograd.unsqueeze(autograd.transpose(images, 0, 1), -1))


def gated(length: int) -> Recurrent:
    """A GRU that begins with long memories and orthogonal products, and listens: the usual weights, within
    +-0.09, let next to nothing of one number in [0, 1] through, and lose the first epochs."""
    net = Recurrent(nn.GRU, 1, WIDTH, 10, last=True)
    remember(net.layer, length)
    with autograd.no_grad():
        blocks = [nn.init.orthogonal_(autograd.empty(WIDTH, WIDTH)) for _ in range(net.layer.gates)]
        net.layer.weight_hh_l0.copy_(autograd.cat(blocks))
        nn.init.normal_(net.layer.weight_ih_l0, std=4.0)
    return net


def nets(length: int) -> dict[str, nn.Module]:
    """All with about as many parameters as the GRU, but the RNN, which has as many units."""
    gru = gated(length)
    rnn = Recurrent(nn.RNN, 1, WIDTH, 10, last=True)
    reaches = {f"window of {reach}": reach for reach in (length // 4, length // 2)}
    windows = {
        name: Window(reach, 1, width_for(parameters(gru), reach, 10), 10, last=True)
        for name, reach in reaches.items()
    }
    return {"GRU": gru, "RNN": rnn, **windows}


def images(train: bool, quick: bool, most: int) -> TensorDataset:
    """The first `most` digits of MNIST, or with `quick` of optdigits, which are 8x8, in rows of pixels."""
    pixels, labels = (optdigits(train) if quick else mnist(train=train)).arrays()
    return TensorDataset(pixels.reshape(len(pixels), -1)[:most], labels[:most])


def trained(run: Run, name: str, model: nn.Module) -> nn.Trainer:
    """One cycle of the rate, up and down (Smith and Topin 2018)."""
    data = images(True, run.quick, run.steps * BATCH)
    loader = DataLoader(data, BATCH, shuffle=True, drop_last=True, seed=run.seed + 1)
    test = DataLoader(images(False, run.quick, 10_000), 500)
    epochs = -(-run.steps // len(loader))
    rate = RATES[name.split()[0]]
    optimizer = nn.optim.Adam(model.parameters(), lr=rate)
    cycle = nn.optim.lr_scheduler.OneCycleLR(
        optimizer, rate, epochs=epochs, steps_per_epoch=len(loader), pct_start=0.1, cycle_momentum=False
    )
    loss = nn.CrossEntropyLoss()
    return run.train(
        name.lower().replace(" ", "-"),
        model,
        loss,
        optimizer,
        (loader, epochs),
        validation=test,
        scheduler=cycle,
        clip_norm=CLIP,
    )


def run(run: Run) -> None:
    length = 64 if run.quick else 784
    curves, rows = {}, []
    for name, net in nets(length).items():
        if run.options.net and name.split()[0] not in run.options.net:
            continue
        trainer = trained(run, name, Pixels(net))
        curves[name] = [100 * record["val_accuracy"] for record in trainer.history]
        rows.append([name, f"{parameters(net):,}", f"{curves[name][-1]:.2f}%", f"{seconds(trainer):.0f} s"])
    epochs = max(map(len, curves.values()))
    print(f"sequential digits: right answers for the test images after {epochs} epochs, seed {run.seed}")
    print(table(["net", "parameters", "accuracy", "training"], rows))
    draw(curves, run)


def draw(curves: dict[str, list[float]], run: Run) -> None:
    from docs.examples import pictures  # matplotlib takes a second

    figure, axes = pictures.figure(6.6, 2.8)
    for name, curve in curves.items():
        color = pictures.COLORS[name.split()[0]]
        epochs = range(1, len(curve) + 1)
        axes.plot(epochs, curve, color=color, lw=1.8)
        axes.text(len(curve) + 0.15, curve[-1], name, color=color, va="center")
    axes.set(xlabel="epochs", title="Digits pixel by pixel, right answers (%)", ylim=(0, 102))
    pictures.write(figure, run.folder / "sequential_mnist.png")


def flags(parser: Any) -> None:
    parser.add_argument(
        "--net", nargs="+", choices=("GRU", "RNN", "window"), help="only these (default: all)"
    )


def main(arguments: Sequence[str] | None = None) -> int:
    return training.main(run, "sequential_mnist", UPDATES, arguments, doc=__doc__, flags=flags)


if __name__ == "__main__":
    sys.exit(main())
