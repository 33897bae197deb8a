"""The GANs on Gaussians of docs/examples: they train, print, draw, stop and go on; their rates fall to 0."""

from __future__ import annotations

import re
from argparse import Namespace

import numpy as np
import pytest

import nn
from docs.examples import gaussians_gan
from docs.examples.gaussians_gan import NETS, RATE, TASKS, Trial, row


def flags(folder, *more):
    return ["--steps", "12", "--quick", "--silent", "--out", str(folder), *more]


def test_all_nets_print_and_draw(tmp_path, capsys):
    assert gaussians_gan.main(flags(tmp_path, "--data", "grid")) == 0
    printed = capsys.readouterr().out
    assert "after 12 updates, 1 trial from seed 0" in printed
    assert len(re.findall(r"of 25", printed)) == len(NETS) and "24.8, 93.6%" in printed
    assert (tmp_path / "gaussians_gan_grid.png").read_bytes().startswith(b"\x89PNG")
    assert (tmp_path / "gaussians_gan_grid.gif").read_bytes().startswith(b"GIF")


def test_a_finished_trial_is_not_trained_again(tmp_path, capsys):
    chosen = ["--data", "ring", "--net", "GAN"]
    assert gaussians_gan.main(flags(tmp_path, *chosen)) == 0
    first = capsys.readouterr().out
    (file,) = tmp_path.glob("*.safetensors")
    before = file.read_bytes()
    assert gaussians_gan.main(flags(tmp_path, *chosen, "--resume")) == 0
    columns = [re.sub(r" \d+$", "", line.rstrip()) for line in first.splitlines() if line.startswith("GAN")]
    assert columns[0] in capsys.readouterr().out and file.read_bytes() == before


def test_rates_fall_to_nothing(tmp_path):
    options = Namespace(resume=False, silent=True)
    run = Namespace(seed=0, steps=10, options=options, file=lambda name: tmp_path / f"{name}.safetensors")
    trial = Trial(run, "ring", "PacGAN2", 1)
    covered, quality, kl, warned = trial.result()
    assert 0 <= covered <= 8 and 0 <= quality <= 1 and not warned
    rates = [record["g_lr"] for record in trial.trainer.history]
    assert rates[0] == pytest.approx(RATE) and sorted(rates, reverse=True) == rates
    assert trial.trainer.g_optimizer.param_groups[0]["lr"] == 0


def test_the_data_itself_would_pass():
    for name, task in TASKS.items():
        points = task.points(2500, seed=0)
        found = nn.metrics.modes_and_quality(points, task.centres, task.std)
        shown = row(
            "GAN", name, len(task.centres), [(found.covered, found.quality, found.kl, False)] * 2, 1.0
        )
        assert found.covered == len(task.centres) and found.quality == pytest.approx(0.989, abs=0.01)
        assert shown[1] == f"{found.covered}.0 +- 0.0 of {found.covered}" and np.isfinite(float(shown[5]))
