"""The examples that train GANs: each runs, draws, measures, stops and goes on."""

from __future__ import annotations

import os
import re
import signal

import numpy as np
import pytest

import nn
from docs.examples import dcgan, stacked_mnist
from nn.models import GANTrainer

NUMBER = re.compile(r"(?<![\w.-])\d[\d,]*\.?\d*|\bnan\b|\binf\b")


def flags(folder, *more):
    return ["--quick", "--silent", "--out", str(folder), *more]


@pytest.mark.parametrize(
    ("example", "nets"),
    [(dcgan, ["gan", "wgan-gp", "conditional"]), (stacked_mnist, ["DCGAN", "no norm, packed by 2"])],
)
def test_each_prints_numbers_and_draws_a_picture(example, nets, tmp_path, capsys):
    assert example.main(flags(tmp_path, "--steps", "4", "--net", *nets)) == 0
    printed = capsys.readouterr().out
    found = [float(text.replace(",", "")) for text in NUMBER.findall(printed)]
    assert len(found) > 8 and np.isfinite(found).all(), printed
    assert all(net in printed for net in nets)
    name = example.__name__.split(".")[-1]
    assert (tmp_path / f"{name}.png").read_bytes().startswith(b"\x89PNG")


def test_an_interrupted_training_goes_on_to_the_same_bits(tmp_path, capsys, monkeypatch):
    whole, parts = tmp_path / "whole", tmp_path / "parts"
    steps = ("--steps", "6", "--net", "WGAN-GP")
    assert stacked_mnist.main(flags(whole, *steps)) == 0
    update, made = GANTrainer.step, []

    def interrupted(self, *batch):
        made.append(0)
        if len(made) == 5:
            os.kill(os.getpid(), signal.SIGINT)
        return update(self, *batch)

    monkeypatch.setattr(GANTrainer, "step", interrupted)
    assert stacked_mnist.main(flags(parts, *steps)) == 130 and len(made) == 5
    assert "after 5 batches; saved" in capsys.readouterr().err
    assert stacked_mnist.main(flags(parts, *steps, "--resume")) == 0
    ends = [nn.load(folder / "wgan-gp-seed0-steps6.safetensors") for folder in (whole, parts)]
    assert [end["steps"] for end in ends] == [6, 6]
    for name, weights in ends[0]["models"].items():
        for key, value in weights.items():
            np.testing.assert_array_equal(value.data, ends[1]["models"][name][key].data, err_msg=key)


def test_the_same_latents_are_shown_again(tmp_path):
    dcgan.main(flags(tmp_path, "--steps", "6", "--net", "gan"))
    history = nn.load(tmp_path / "gan-seed0-steps6.safetensors")["history"]
    assert [record["step"] for record in history] == [1, 2, 3, 4, 5, 6]
    assert all(record["samples"].shape == (10, 1, 8, 8) for record in history)
