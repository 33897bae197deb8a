"""What apps/digits shows of drawings: sheets of few and of many, how far it is, and when they are poor."""

from __future__ import annotations

import re
import warnings

import numpy as np
import pytest

pytest.importorskip("matplotlib", reason="the apps extra")
pytest.importorskip("PIL", reason="the apps extra")

from PIL import Image  # noqa: E402

import autograd  # noqa: E402
from apps.digits import datasets  # noqa: E402
from apps.digits.__main__ import main  # noqa: E402
from apps.digits.drawing import meter, painters, recipes  # noqa: E402
from apps.digits.drawing.sample import Sample  # noqa: E402

CLASSES = tuple("0123456789")
SMALL = {
    "vae": {"widths": (16,), "code": 4},
    "dcgan": {"widths": (8, 16), "latent": 4},
    "diffusion": {"widths": (8, 16), "timesteps": 20, "steps": 4},
}


def painter(model: str) -> painters.Painter:
    """One that has learned nothing."""
    autograd.manual_seed(0)
    recipe = recipes.recipe("optdigits", model, **SMALL[model])
    card = painters.Card(model, "optdigits", 8, CLASSES, 5, 1, recipe)
    return painters.Painter(card, card.build())


@pytest.mark.parametrize(
    "count, classes, columns, rows",
    [
        (100, [3], 20, "3____"),
        (100, [3, 7], 17, "3__7__"),
        (40, [3, 7], 20, "37"),
        (5, [3, 3, 7], 2, "337"),
        (100, None, 10, "0123456789"),
    ],
)
def test_many_of_a_class_have_several_rows(count, classes, columns, rows):
    drawn = Sample(painter("dcgan"), count, 0, classes)
    assert drawn.columns == columns and "".join(name or "_" for name in drawn.rows) == rows
    assert len(drawn.labels) == len(rows) * columns >= count
    asked = drawn.labels.reshape(-1, columns)
    for name, row in zip(rows, asked, strict=True):
        assert len(set(row)) == 1 and name in ("_", str(row[0]))


@pytest.mark.parametrize("model, count", [("vae", 1), ("vae", 3), ("dcgan", 1)])
def test_a_few_drawings_are_shown_without_a_warning(capsys, tmp_path, model, count):
    painter(model).save(tmp_path)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert main(["sample", str(tmp_path), "--count", str(count)]) == 0
    with Image.open(tmp_path / "drawn" / "neighbours.png") as picture:
        assert picture.width > 900


def test_drawings_are_compared_with_what_was_asked_for(capsys, monkeypatch, tmp_path):
    from apps.digits.drawing import grids

    told = {}
    monkeypatch.setattr(
        grids, "samples",
        lambda drawings, columns, rows, counts, shares, classes, title, path, whose: told.update(
            shares=shares.tolist(), title=title, whose=whose
        ),
    )  # fmt: skip
    painter("dcgan").save(tmp_path)
    assert main(["sample", str(tmp_path), "--classes", "3,7", "--count", "8"]) == 0
    assert "(KL inf)" not in capsys.readouterr().out
    assert told["shares"] == [0, 0, 0, 0.5, 0, 0, 0, 0.5, 0, 0] and told["whose"] == "asked for"
    assert "dcgan of seed 5, drawn with seed 0" in told["title"]
    painter("vae").save(tmp_path)
    assert main(["sample", str(tmp_path), "--count", "8"]) == 0
    assert told["whose"] == "in the data" and min(told["shares"]) > 0.09


def test_a_diffusion_tells_how_far_it_is(capsys, monkeypatch):
    monkeypatch.setattr("nn.progress.QUIET", 0.0)
    monkeypatch.setattr(painters, "TOGETHER", 2)
    drawer, labels = painter("diffusion"), np.array([1, 2, 3])
    quiet = drawer.draw(3, autograd.Generator(1), labels)
    assert capsys.readouterr().err == ""
    assert np.array_equal(drawer.draw(3, autograd.Generator(1), labels, show=True), quiet)
    lines = capsys.readouterr().err.splitlines()
    assert len(lines) == 8  # of two batches, four steps each
    assert all(re.fullmatch(r"drawing 3 +[\d,]+ steps/s(  left \d+:\d\d)?", line) for line in lines), lines


def test_the_way_out_of_noise_has_as_many_steps_as_are_asked_for(capsys, monkeypatch, tmp_path):
    monkeypatch.setattr("nn.progress.QUIET", 0.0)
    painter("diffusion").save(tmp_path)
    assert main(["animate", str(tmp_path), "--steps", "5"]) == 0
    printed = capsys.readouterr()
    assert printed.err.count("drawing 10") == 5 and "ink-drop.gif: 46 frames" in printed.out


def test_poor_drawings_are_told():
    classes, data = datasets.load("optdigits", None, True).classes, np.full(10, 380)
    assert meter.lopsided(np.full(10, 200), data, classes) is None
    assert meter.lopsided(np.array([0, *[3] * 9]), data, classes) is None  # too few to say
    lost = meter.lopsided(np.array([3, *[200] * 9]), data, classes)
    assert lost.startswith("warning: hardly any drawings are taken for 0: ")
    same = meter.lopsided(np.array([*[10] * 8, 1900, 20]), data, classes)
    assert same.startswith("warning: 95% of the drawings are taken for 8, hardly any for 0 1 2 3 4 5 6 7: ")
