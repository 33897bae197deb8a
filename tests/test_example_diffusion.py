"""The examples of diffusion, on points and digits: they run, measure what they say, and can be resumed."""

import re
from dataclasses import replace

import numpy as np
import pytest

from apps.digits.drawing import recipes
from apps.digits.drawing.painters import Card, Painter
from docs.examples import diffusion_digits, diffusion_points
from nn.data import points


def flags(folder, *more):
    return ["--quick", "--silent", "--out", str(folder), *more]


def test_it_prints_a_table_and_draws_a_picture(tmp_path, capsys):
    assert diffusion_points.main(flags(tmp_path)) == 0
    printed = capsys.readouterr().out
    rows = re.findall(
        r"^(rate \w+, average|rate \w+, last weights|the best net|the data)\b.*\d+/25 .*$",
        printed,
        re.MULTILINE,
    )
    assert rows[::2] == [
        "rate falling, average", "rate falling, last weights", "rate constant, average",
        "rate constant, last weights", "the best net", "the best net", "the data",
    ], printed  # fmt: skip
    assert (tmp_path / "diffusion_points.png").read_bytes().startswith(b"\x89PNG")
    assert (tmp_path / "points0-falling-seed0-steps20.safetensors").exists()
    again = diffusion_points.main(flags(tmp_path, "--resume"))  # all is trained: the same table
    assert again == 0 and capsys.readouterr().out.splitlines()[1:15] == printed.splitlines()[1:15]


def test_the_data_are_measured_as_what_they_are():
    data = points.grid(20000, std=diffusion_points.STD, seed=0)
    covered, quality, kl, width = diffusion_points.measured(data)
    assert covered == 25 and quality == pytest.approx(98.9, abs=0.3) and kl < 0.005
    assert width == pytest.approx(1.0, abs=0.02)
    narrow = points.grid_centres()[np.arange(1000) % 25] + 0.01
    assert diffusion_points.width(narrow) == pytest.approx(0.01 / diffusion_points.STD, rel=1e-3)


def test_it_compares_objectives_and_averages_on_digits(tmp_path, capsys):
    assert diffusion_digits.main(flags(tmp_path)) == 0
    printed = capsys.readouterr().out
    rows = re.findall(r"^(noise|x0|v) +(last weights|average) +[\d.]+ ", printed, re.MULTILINE)
    assert rows == [(o, w) for o in ("noise", "x0", "v") for w in ("last weights", "average")], printed


def test_only_a_diffusion_is_measured_in_its_ways(tmp_path, capsys):
    assert diffusion_digits.main(flags(tmp_path, "--painter", str(tmp_path / "none"))) == 2
    assert "none" in capsys.readouterr().err


def test_a_painter_is_measured_and_shown_in_its_ways(tmp_path, capsys):
    recipe = replace(recipes.recipe("optdigits", "diffusion"), widths=(8, 8), timesteps=60)
    card = Card("diffusion", "optdigits", 8, tuple("0123456789"), 0, 1, recipe)
    Painter(card, card.build()).save(tmp_path)
    few = ["--count", "12", "--all-steps", "--bits", "3", "--painter", str(tmp_path)]
    assert diffusion_digits.main(flags(tmp_path, *few)) == 0
    printed = capsys.readouterr().out
    for way in ("DDIM, 50 steps", "50 steps, eta 1, guidance 2", "DDPM, 60 steps"):
        assert re.search(rf"^{way} +\d+\.\d\d .*\d%", printed, re.MULTILINE), printed
    assert re.search(r"of 3 test images of 17 levels, at most: \d", printed)
    assert (tmp_path / "diffusion_digits.png").read_bytes().startswith(b"\x89PNG")
