"""The autoencoders and VAEs of docs/examples: they run on small digits and measure what they say."""

from __future__ import annotations

import re
from argparse import Namespace

import numpy as np
import pytest

import autograd
import nn
from docs.examples import autoencoders, vae
from docs.examples.autoencoders import components, held_out, probe, squared_error
from docs.examples.training import Run
from docs.examples.vae import thrown_pairs
from nn.data import DataLoader, TensorDataset, optdigits
from nn.models.vae import VAE


def flags(folder, *more):
    return ["--quick", "--silent", "--steps", "29", "--out", str(folder), *more]


@pytest.mark.parametrize("part", ["codes", "denoising", "sparse"])
def test_the_parts_of_autoencoders_print_and_draw(part, tmp_path, capsys):
    assert autoencoders.main(flags(tmp_path, "--part", part)) == 0
    printed = capsys.readouterr().out
    assert len(re.findall(r"\d+\.\d\d", printed)) >= 6 and "nan" not in printed
    assert (tmp_path / f"{part}.png").read_bytes().startswith(b"\x89PNG")


def test_choices_are_made_on_training_images_that_are_not_learned(tmp_path, capsys):
    asked = ("--part", "codes", "--net", "deep", "--validation", "--activation", "gelu", "--rate", "0.01")
    assert autoencoders.main(flags(tmp_path, *asked)) == 0
    printed = capsys.readouterr().out
    assert "codes of 8 numbers, images held out" in printed and "convolutions" not in printed
    assert [file.name for file in tmp_path.glob("*.safetensors")] == [
        "deep-gelu-0.01-validation-seed0-steps29.safetensors"
    ]


def test_what_is_held_out_is_the_last_sixth_of_the_training_images(tmp_path):
    options = Namespace(out=tmp_path, resume=False, seed=0, steps=1000, quick=True, validation=True)
    learned, measured, _ = held_out(Run(options))
    x = optdigits(train=True).arrays()[0]
    assert (np.concatenate([learned.pixels, measured.pixels]) == x).all() and len(measured.pixels) == 638


@pytest.mark.parametrize(
    ("part", "files"),
    [("grey", ["vae"]), ("binarised", []), ("beta", ["beta"]), ("plane", ["plane", "walks"])],
)
def test_the_parts_of_vae_print_and_draw(part, files, tmp_path, capsys):
    assert vae.main(flags(tmp_path, "--part", part, "--seeds", "2", "--bound", "3")) == 0
    printed = capsys.readouterr().out
    assert re.search(r"\d+\.\d", printed) and "nan" not in printed
    assert [(tmp_path / f"{name}.png").read_bytes()[:4] for name in files] == [b"\x89PNG"] * len(files)


def test_principal_components_leave_the_small_eigenvalues():
    x = optdigits().arrays()[0]
    found = components(x, 10)
    left = squared_error(found.decode(found.encode(x)).reshape(x.shape), x)
    eigenvalues = np.linalg.eigvalsh(np.cov(x.reshape(len(x), -1), rowvar=False, bias=True))
    assert left == pytest.approx(eigenvalues[:-10].sum(), rel=1e-6)


def test_the_probe_reads_what_is_there_and_no_more():
    rng = np.random.default_rng(0)
    classes = rng.integers(0, 3, 3000)
    code = np.stack([5.0 * classes, rng.normal(size=3000)], 1) + rng.normal(size=(3000, 2))
    train, test = slice(0, 2000), slice(2000, None)
    assert probe(code[train], classes[train], code[test], classes[test]) > 0.95
    assert probe(code[train, 1:], classes[train], code[test, 1:], classes[test]) < 0.45


def thrown_batches(pixels, size):
    return DataLoader(TensorDataset(pixels), size, shuffle=True, seed=0, transform=thrown_pairs)


def test_pixels_are_thrown_anew_each_time_by_their_chances():
    loader = thrown_batches(np.full((1, 1, 100, 100), 0.3, np.float32), 1)
    ((a, same),), ((b, _),) = loader, loader
    assert (a.data == same.data).all() and not (a.data == b.data).all()
    assert set(np.unique(a.data)) == {0, 1} and a.data.mean() == pytest.approx(0.3, abs=0.02)


def test_a_training_on_thrown_pixels_goes_on_to_the_same_bits(tmp_path):
    def run(epochs, resumed=False):
        autograd.manual_seed(0)
        model = VAE((1, 8, 8), (8,), 2)
        optimizer = nn.optim.Adam(model.parameters())
        trainer = nn.Trainer(model, model.loss, optimizer, jit=True, progress=False)
        if resumed:
            trainer.load(tmp_path / "one")
        trainer.fit(thrown_batches(optdigits().arrays()[0][:300], 100), epochs)
        return trainer

    run(1).save(tmp_path / "one")
    ends = run(2).model.state_dict(), run(2, resumed=True).model.state_dict()
    for name in ends[0]:
        assert (ends[0][name].data == ends[1][name].data).all(), name
