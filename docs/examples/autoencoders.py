"""What thirty numbers say of a digit: autoencoders of MNIST beside principal components.

codes      784-1000-500-250-30 and back (Hinton and Salakhutdinov 2006, who reported a squared error of 3.00
           an image, and 13.87 for PCA), and a convolutional net, against PCA with as many numbers; then,
           which digit is it? by logistic regression on the codes of each
denoising  nets that were shown spoiled images, against one that never was
sparse     400 numbers of which few may be used at a time

--rate and --activation are those of a choice made with --validation, which holds out the last sixth of the
training images and measures on these. Test images are for numbers, not for choices.
"""

from __future__ import annotations

import sys
from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np

import autograd
import nn
from apps.command import number
from autograd import Tensor
from docs.examples import training
from docs.examples.training import Run, parameters, seconds, table
from nn.data import DataLoader, TensorDataset, mnist, optdigits
from nn.models.autoencoder import (
    ACTIVATIONS,
    Autoencoder,
    ConvAutoencoder,
    GaussianNoise,
    Masking,
    SaltAndPepper,
    Sparse,
    kl_penalty,
    l1_penalty,
)

Array = np.ndarray[Any, Any]

PARTS = ("codes", "denoising", "sparse")
NETS = ("deep", "convolutional")
BATCH, EPOCHS, RATE = 128, 30, 3e-3
UPDATES = EPOCHS * (60_000 // BATCH)  # of the nets of `codes`; the others need fewer
LESS = {"convolutional": 3, "denoising": 4, "sparse": 4}
SPOILED = {
    "noise": GaussianNoise(0.5),
    "masking": Masking(0.5),
    "salt and pepper": SaltAndPepper(0.4),
}


class Images(NamedTuple):
    """pixels (N, 1, H, W) in [0, 1] and classes (N,)."""

    pixels: Array
    classes: Array


def images(train: bool, quick: bool) -> Images:
    """MNIST's, or with `quick` those of optdigits, which are 8x8."""
    return Images(*(optdigits(train) if quick else mnist(train=train)).arrays())


def held_out(run: Run) -> tuple[Images, Images, str]:
    """What is learned, what is measured, and what to call the latter."""
    data = images(True, run.quick)
    test, name = images(False, run.quick), "test images"
    if run.options.validation:
        left = len(data.pixels) * 5 // 6
        test, name = Images(data.pixels[left:], data.classes[left:]), "images held out"
        data = Images(data.pixels[:left], data.classes[:left])
    most = run.steps * BATCH
    return Images(data.pixels[:most], data.classes[:most]), test, name


def trained(run: Run, name: str, model: Any, data: Images, updates: int) -> nn.Trainer:
    """Adam, one cycle of the rate, up and down (Smith and Topin 2018)."""
    rate, more = run.options.rate, "-validation" if run.options.validation else ""
    name = f"{name}-{run.options.activation}-{rate:g}{more}"
    loader = DataLoader(
        TensorDataset(data.pixels, data.pixels), BATCH, shuffle=True, drop_last=True, seed=run.seed + 1
    )
    epochs = -(-updates // len(loader))
    optimizer = nn.optim.Adam(model.parameters(), lr=rate)
    cycle = nn.optim.lr_scheduler.OneCycleLR(
        optimizer, rate, epochs=epochs, steps_per_epoch=len(loader), pct_start=0.1, cycle_momentum=False
    )
    return run.train(name, model, model.loss, optimizer, (loader, epochs), scheduler=cycle)


def through(function: Any, x: Array, batch: int = 1000) -> Array:
    """function(x) of a large array, without recording."""
    with autograd.no_grad():
        return np.concatenate([function(Tensor(x[i : i + batch])).data for i in range(0, len(x), batch)])


def squared_error(a: Array, b: Array) -> float:
    """Summed over the pixels of an image, mean over images."""
    return float(np.square(a.astype(np.float64) - b).sum() / len(a))


# Codes -------------------------------------------------------------------------------------------


class Components(NamedTuple):
    """Principal components: the directions of the largest variances, the best linear code there is."""

    mean: Array  # (d,)
    axes: Array  # (k, d)

    def encode(self, x: Array) -> Array:
        return (x.reshape(len(x), -1) - self.mean) @ self.axes.T

    def decode(self, code: Array) -> Array:
        return code @ self.axes + self.mean


def components(x: Array, k: int) -> Components:
    """Of images (N, ...), by the eigenvectors of their covariance.

    >>> x = np.random.default_rng(0).normal(size=(500, 2)) @ [[3.0, 3.0], [0.1, -0.1]]
    >>> found = components(x, 1)
    >>> np.abs(found.axes).round(1).tolist(), found.encode(x).shape
    ([[0.7, 0.7]], (500, 1))
    """
    flat = x.reshape(len(x), -1).astype(np.float64)
    mean = flat.mean(0)
    _, vectors = np.linalg.eigh(np.cov(flat - mean, rowvar=False))
    return Components(mean, vectors[:, : -k - 1 : -1].T)


def probe(code: Array, classes: Array, test_code: Array, test_classes: Array) -> float:
    """Right answers of logistic regression on codes (standardised), as a share of the test images."""
    mean, std = code.mean(0), code.std(0) + 1e-6
    known, asked = (((c - mean) / std).astype(np.float32) for c in (code, test_code))
    head = nn.Linear(code.shape[1], int(classes.max()) + 1)
    optimizer = nn.optim.Adam(head.parameters(), lr=0.02)
    loader = DataLoader(TensorDataset(known, classes), 500, shuffle=True, seed=0)
    cycle = nn.optim.lr_scheduler.OneCycleLR(
        optimizer, 0.02, epochs=30, steps_per_epoch=len(loader), cycle_momentum=False
    )
    nn.Trainer(head, nn.CrossEntropyLoss(), optimizer, cycle, jit=True, progress=False).fit(loader, 30)
    return float((through(head, asked).argmax(1) == test_classes).mean())


def codes(run: Run, data: Images, test: Images, measured: str) -> None:
    shape, activation = data.pixels.shape[1:], run.options.activation
    size, widths = (8, (128, 64, 32)) if run.quick else (30, (1000, 500, 250))
    found = components(data.pixels, size)
    drawn = {f"PCA-{size}": found.decode(found.encode(test.pixels)).reshape(test.pixels.shape)}
    share = probe(found.encode(data.pixels), data.classes, found.encode(test.pixels), test.classes)
    rows = [row(f"PCA-{size}", drawn, test, share, found.mean.size + found.axes.size)]
    deep = "-".join(map(str, (shape[1] * shape[2], *widths, size)))
    nets = {
        "deep": (deep, Autoencoder(shape, widths, size, activation)),
        "convolutional": (
            "convolutions 32-64",
            ConvAutoencoder(shape, (32, 64), size, activation=activation),
        ),
    }
    for file, (name, net) in nets.items():
        if file not in run.options.net:
            continue
        trainer = trained(run, file, net, data, max(1, run.steps // LESS.get(file, 1)))
        drawn[name] = through(net.eval(), test.pixels)
        share = probe(through(net.encode, data.pixels), data.classes,
                      through(net.encode, test.pixels), test.classes)  # fmt: skip
        rows.append(row(name, drawn, test, share, parameters(net), trainer))
    print(f"codes of {size} numbers, {measured}, seed {run.seed}")
    print(table(["code", "parameters", "squared error", "logistic regression", "epochs", "training"], rows))
    draw(run, "codes", {"image": test.pixels, **drawn}, firsts(test.classes))


def row(name: str, drawn: dict[str, Array], test: Images, share: float, numbers: int,
        trainer: nn.Trainer | None = None) -> list[Any]:  # fmt: skip
    error = squared_error(drawn[name], test.pixels)
    effort = ["", ""] if trainer is None else [trainer.epoch, f"{seconds(trainer):.0f} s"]
    return [name, f"{numbers:,}", f"{error:.2f}", f"{100 * share:.2f}%", *effort]


# Denoising ---------------------------------------------------------------------------------------


def denoising(run: Run, data: Images, test: Images, measured: str) -> None:
    shape = data.pixels.shape[1:]
    updates = max(1, run.steps // LESS["denoising"])

    def cleaner(name: str, corruption: Any) -> Any:
        net = Autoencoder(shape, (500,), 200, run.options.activation, corruption=corruption)
        trained(run, name.replace(" ", "-"), net, data, updates)
        return net.eval()

    plain = cleaner("plain", None)
    rows, pictures = [], {"image": [], "spoiled": [], "learned on clean images": [], "learned to clean": []}
    chosen = firsts(test.classes)
    for i, (name, corruption) in enumerate(SPOILED.items()):
        net = cleaner(name, corruption)
        autograd.manual_seed(run.seed + 17)
        spoiled = corruption(Tensor(test.pixels)).data
        answers = [spoiled, through(plain, spoiled), through(net, spoiled)]
        rows.append([name, *(f"{squared_error(answer, test.pixels):.2f}" for answer in answers)])
        few = chosen[3 * i : 3 * i + 3]
        for line, shown in zip(pictures.values(), [test.pixels, *answers], strict=True):
            line.append(shown[few])
    print(f"spoiled {measured}: squared error against the clean ones, seed {run.seed}")
    print(table(["spoiled by", "as it is", "learned on clean images", "learned to clean"], rows))
    draw(run, "denoising", {name: np.concatenate(line) for name, line in pictures.items()}, np.arange(9))


# Sparse ------------------------------------------------------------------------------------------


def sparse(run: Run, data: Images, test: Images, measured: str) -> None:
    shape = data.pixels.shape[1:]
    updates = max(1, run.steps // LESS["sparse"])
    prices = {
        "free": ("relu", l1_penalty, 0.0),
        "L1": ("relu", l1_penalty, 0.1),
        "KL to 0.05": ("sigmoid", kl_penalty, 0.5),
    }
    rows, features = [], {}
    for name, (activation, penalty, weight) in prices.items():
        inner = Autoencoder(shape, (), 400, code_activation=activation)
        net = Sparse(inner, penalty, weight)
        trained(run, f"sparse-{name.split()[0].lower()}", net, data, updates)
        code = through(net.eval().encode, test.pixels)
        used = (code > 0.1 * code.max()).mean()
        error = squared_error(through(inner, test.pixels), test.pixels)
        share = probe(through(net.encode, data.pixels), data.classes, code, test.classes)
        rows.append([name, f"{100 * used:.1f}%", f"{error:.2f}", f"{100 * share:.2f}%"])
        # What each number of the code adds to the image: those used most.
        columns = inner.decoder[0].weight.data.T[np.argsort(-code.sum(0))]
        features[name] = (columns / np.abs(columns).max(1, keepdims=True)).reshape(-1, *shape)
    print(f"codes of 400 numbers: how many are used (> a tenth of the largest), {measured}, seed {run.seed}")
    print(table(["price", "used", "squared error", "logistic regression"], rows))
    draw(run, "sparse", features, np.arange(10), low=-1.0)


# Pictures ----------------------------------------------------------------------------------------


def firsts(classes: Array) -> Array:
    """Where the first image of each class is."""
    return np.unique(classes, return_index=True)[1]


def draw(run: Run, name: str, rows: dict[str, Array], chosen: Array, low: float = 0.0) -> None:
    """Images (N, 1, H, W) in named rows: those at `chosen`."""
    from docs.examples import pictures  # matplotlib takes a second

    margin, width, height = 0.15 + 0.07 * max(map(len, rows)), 0.5 * len(chosen), 0.5 * len(rows)
    figure, axes = pictures.figure(margin + width, height)
    figure.set_layout_engine("none")
    axes.set_position([margin / (margin + width), 0, width / (margin + width), 1])
    side = next(iter(rows.values())).shape[-1]
    lines = [
        np.concatenate([np.pad(x[0], 1, constant_values=low) for x in row[chosen]], 1)
        for row in rows.values()
    ]
    axes.imshow(np.concatenate(lines), cmap="gray_r", vmin=low, vmax=1, interpolation="nearest")
    axes.set_yticks([(side + 2) * (i + 0.5) for i in range(len(rows))], list(rows))
    axes.set_xticks([])
    axes.tick_params(length=0)
    axes.spines[:].set_visible(False)
    pictures.write(figure, run.folder / f"{name}.png")


def run(run: Run) -> None:
    data, test, measured = held_out(run)
    for part in run.options.part or PARTS:
        autograd.manual_seed(run.seed)
        {"codes": codes, "denoising": denoising, "sparse": sparse}[part](run, data, test, measured)


def flags(parser: Any) -> None:
    parser.add_argument("--part", nargs="+", choices=PARTS, help="only these (default: all)")
    parser.add_argument("--net", nargs="+", choices=NETS, default=NETS, help="of `codes` (default: both)")
    parser.add_argument("--rate", type=number(float, 1e-6, 1), default=RATE, metavar="R",
                        help=f"at its highest (default: {RATE})")  # fmt: skip
    parser.add_argument("--activation", choices=ACTIVATIONS, default="silu", metavar="NAME",
                        help=f"{', '.join(ACTIVATIONS)} (default: silu; `sparse` has its own)")  # fmt: skip
    parser.add_argument("--validation", action="store_true",
                        help="measure on training images that are held out, to choose by")  # fmt: skip


def main(arguments: Sequence[str] | None = None) -> int:
    return training.main(run, "autoencoders", UPDATES, arguments, doc=__doc__, flags=flags, quick=40)


if __name__ == "__main__":
    sys.exit(main())
