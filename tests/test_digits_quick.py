"""The digits app's `quick`, a network for 28x28 that is trained for one epoch: chosen, stored, used, refused.

Its images are those of optdigits, enlarged, so that nothing need be downloaded; how well it learns MNIST is
for tests/slow.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

pytest.importorskip("matplotlib", reason="the apps extra")
pytest.importorskip("PIL", reason="the apps extra")

from digit_drawings import drawn  # noqa: E402

import nn  # noqa: E402
from apps.digits import checkpoint, datasets  # noqa: E402
from apps.digits.__main__ import main  # noqa: E402
from nn.data import Digits, optdigits  # noqa: E402


def enlarged(name: str, folder: Path | None, train: bool) -> Digits:
    """optdigits in the place of MNIST: each pixel 3x3, and a margin of 2."""
    data = optdigits(train)
    images = np.pad(data.images.repeat(3, 1).repeat(3, 2), ((0, 0), (2, 2), (2, 2)))
    return Digits(name, images, data.labels, data.levels, data.classes)


@pytest.fixture(scope="module", autouse=True)
def no_mnist() -> Iterator[None]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(datasets, "load", enlarged)
        yield


@pytest.fixture(scope="module")
def trained(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("quick")
    flags = ["--dataset", "mnist", "--model", "quick", "--batch-size", "32"]  # 120 updates
    assert main(["train", *flags, "--output", str(folder)]) == 0
    return folder


def test_it_learns_in_one_epoch(trained):
    record = json.loads((trained / "history.json").read_text())
    assert len(record["epochs"]) == 1
    assert record["test"]["accuracy"] > 0.9


def test_the_checkpoint_says_what_it_is(trained):
    model, card = checkpoint.load_model(trained)
    assert (card.model, card.dataset, card.widths, card.epochs) == ("quick", "mnist", (24, 32, 256), 1)
    shapes = [tuple(layer.weight.shape) for layer in model if isinstance(layer, nn.Conv2d | nn.Linear)]
    assert shapes == [(24, 1, 5, 5), (32, 24, 3, 3), (256, 800), (10, 256)]


def test_evaluate_and_predict_read_with_it(trained, tmp_path, capsys):
    assert main(["evaluate", str(trained), "--output", str(tmp_path)]) == 0
    accuracy = json.loads((trained / "history.json").read_text())["test"]["accuracy"]
    last = capsys.readouterr().out.splitlines()[-1]
    assert last == f"test accuracy {accuracy:.2%} (mnist, quick, seed 0)"

    drawn("0", 200, 20, "white", "black").save(tmp_path / "zero.png")
    assert main(["predict", str(trained), str(tmp_path / "zero.png")]) == 0
    said = capsys.readouterr().out
    assert "as the network sees it (28x28)" in said and said.count("%  ") + said.count("%\n") >= 10


@pytest.mark.parametrize(
    "flags, reason",
    [
        ([], "--model quick reads 28x28 images"),
        (["--dataset", "optdigits"], "--model quick reads 28x28 images"),
        (["--dataset", "mnist", "--widths", "8,8"], "--widths: want three"),
    ],
    ids=["dataset left out", "8x8", "two widths"],
)
def test_what_does_not_go_with_it_is_refused(tmp_path, capsys, flags, reason):
    assert main(["train", "--model", "quick", "--output", str(tmp_path / "out"), *flags]) == 2
    said = capsys.readouterr().err
    assert reason in said and said.count("\n") == 1
    assert not (tmp_path / "out").exists()
