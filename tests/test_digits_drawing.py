"""apps/digits draws: each model that draws is trained a little, drawn with, and filmed."""

from __future__ import annotations

import contextlib
import doctest
import importlib
import io
import json
import re
import shutil
import signal
import warnings
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

pytest.importorskip("matplotlib", reason="the apps extra")
pytest.importorskip("PIL", reason="the apps extra")

from PIL import Image  # noqa: E402

import autograd  # noqa: E402
import nn  # noqa: E402
from apps.digits import datasets  # noqa: E402
from apps.digits.__main__ import main  # noqa: E402
from apps.digits.drawing import animate, films, grids, networks, painters, recipes, train  # noqa: E402
from nn.models.collapse import CollapseWarning  # noqa: E402
from nn.models.diffusion import Schedule  # noqa: E402

SMALL = {  # recipes that take a second
    "autoencoder": {"widths": (32,), "code": 4},
    "vae": {"widths": (32,), "code": 4},
    "gan": {"widths": (16, 32), "latent": 4},
    "dcgan": {"widths": (8, 16), "latent": 4},
    "wgan-gp": {"widths": (8, 16), "latent": 4, "lr": 1e-2},  # one update of the generator in two epochs
    "diffusion": {"widths": (8, 16), "timesteps": 20, "steps": 3},
}
ASKED = ("autoencoder", "dcgan", "wgan-gp", "diffusion")  # draw the classes that they are told
FILMS = {"autoencoder": "learning walk", "vae": "learning walk", "diffusion": "learning ink-drop"}
LINE = re.compile(
    r"frechet \d+\.\d\d \(floor \d+\.\d\d, 100 samples\) precision [01]\.\d+ recall [01]\.\d+, \d+\.\d min"
)


def run(*arguments: object) -> int:
    threads = autograd.get_num_threads()
    try:
        return main([str(a) for a in (*arguments, "--threads", "1")])
    except SystemExit as stop:  # argparse
        return stop.code
    finally:
        autograd.set_num_threads(threads)


@pytest.fixture(autouse=True, scope="module")
def small():
    """A few images, and small recipes."""
    whole = datasets.load

    def few(name: str, folder: Path | None, train: bool) -> nn.data.Digits:
        return datasets.part(whole(name, folder, train), slice(0, 200 if train else 100))

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(datasets, "load", few)
        for model, sizes in SMALL.items():
            usual = recipes.RECIPES["optdigits", model]
            patch.setitem(recipes.RECIPES, ("optdigits", model), replace(usual, epochs=2, **sizes))
        yield


@pytest.fixture(scope="module")
def trained(tmp_path_factory):
    """The folder of a model, trained when it is first asked for."""
    folders: dict[str, Path] = {}

    def folder_of(model: str) -> Path:
        if model not in folders:
            folders[model] = tmp_path_factory.mktemp("runs") / model
            with contextlib.redirect_stdout(io.StringIO()) as said:
                assert run("train", "--model", model, "--seed", 3, "--output", folders[model]) == 0
            (folders[model] / "stdout.txt").write_text(said.getvalue())
        return folders[model]

    return folder_of


def refused(capsys, *arguments: object) -> str:
    capsys.readouterr()
    code = run(*arguments)
    said = capsys.readouterr().err
    assert code == 2 and said.count("\n") == 1 and "error: " in said, said
    return said


# Training ----------------------------------------------------------------------------------------


@pytest.mark.parametrize("model", SMALL)
def test_train_ends_with_the_meters_line_and_leaves_what_it_made(trained, model):
    folder = trained(model)
    lines = (folder / "stdout.txt").read_text().splitlines()
    assert lines[1].startswith(f"{model} ") and lines[1].endswith("on 200 images of optdigits (8x8)")
    assert LINE.fullmatch(lines[-1]), lines[-1]
    histogram = next(line for line in lines if line.startswith("drawn classes "))
    assert histogram in lines[-3:-1] and ("as asked" in histogram) == (model in ASKED)
    assert ("by way of their codes" in "".join(lines)) == (model in ("autoencoder", "vae"))

    record = json.loads((folder / "history.json").read_text())
    assert [epoch["epoch"] for epoch in record["epochs"]] == [1, 2]
    assert f"frechet {record['drawings']['frechet']:.2f} " in lines[-1]
    for name in ("curves", "samples", "neighbours", "samples-001", "samples-002"):
        with Image.open(folder / f"{name}.png") as picture:
            assert picture.width > 400 and picture.convert("L").getextrema()[0] < 200  # there is ink
    film = films.Film.load(folder / "film.npz")
    assert film.epochs.tolist() == [0, 1, 2] and film.images.shape == (3, films.TILES, 8, 8)
    assert np.ptp(film.images[2].astype(int)) > 0 and not np.array_equal(film.images[0], film.images[2])
    assert film.scores.any() == (model in ("gan", "dcgan", "wgan-gp"))
    if film.scores.any():  # the curves are of what is in the frames
        np.testing.assert_allclose(film.fake, film.scores.mean(1), rtol=1e-5)
        assert np.isfinite(film.real).all() and not np.allclose(film.real, film.fake)
    assert not (folder / "unfinished").exists()


@pytest.mark.parametrize("model", ["autoencoder", "dcgan", "diffusion"])
def test_an_interrupted_run_resumes_to_the_same_bits(capsys, monkeypatch, tmp_path, trained, model):
    keep = films.keep

    def stopping(folder: Path, epoch: int, *rest: object) -> None:
        keep(folder, epoch, *rest)
        if epoch == 1:
            signal.raise_signal(signal.SIGINT)

    whole, parts = trained(model), tmp_path / "parts"
    monkeypatch.setattr(films, "keep", stopping)
    assert run("train", "--model", model, "--seed", 3, "--output", parts) == 130
    assert f"go on with: python -m apps.digits train --resume --output {parts}" in capsys.readouterr().err
    assert [path.name for path in parts.iterdir()] == ["unfinished"]
    assert "can't change in the middle" in refused(
        capsys, "train", "--resume", "--output", parts, "--epochs", 9
    )
    assert "was interrupted: finish it" in refused(capsys, "sample", parts)

    monkeypatch.undo()
    assert run("train", "--resume", "--output", parts) == 0
    assert LINE.fullmatch(capsys.readouterr().out.splitlines()[-1])
    first, second = (nn.load(folder / "model.safetensors") for folder in (whole, parts))
    assert first.keys() == second.keys()
    for name in first:
        assert np.array_equal(first[name].data, second[name].data), name
    one, other = (films.Film.load(folder / "film.npz") for folder in (whole, parts))
    assert np.array_equal(one.images, other.images)


def test_ctrl_c_while_the_pictures_are_drawn_loses_nothing(capsys, monkeypatch, tmp_path, trained):
    def interrupted(*_: object) -> None:
        raise KeyboardInterrupt

    folder = tmp_path / "gan"
    shutil.copytree(trained("gan"), folder)
    (folder / "samples-040.png").write_bytes(b"of a longer run")
    before = {path.name: path.read_bytes() for path in folder.iterdir()}
    monkeypatch.setattr(grids, "neighbours", interrupted)
    assert run("train", "--model", "gan", "--seed", 4, "--output", folder) == 130
    assert "go on with: python -m apps.digits train --resume" in capsys.readouterr().err
    shutil.rmtree(folder / "unfinished" / "film")  # nor is the film needed
    assert {path.name: path.read_bytes() for path in folder.iterdir() if path.is_file()} == before

    monkeypatch.undo()
    assert "go on with it (train --resume" in refused(capsys, "train", "--model", "gan", "--output", folder)
    assert run("train", "--resume", "--output", folder) == 0
    said = capsys.readouterr().out
    assert ", all epochs done\ndrawing 100 to measure them\nwrote " in said
    after = {path.name: path.read_bytes() for path in folder.iterdir()}
    assert after.keys() == before.keys() - {"samples-040.png"}
    assert [name for name in after if after[name] == before[name]] == ["stdout.txt"]
    assert films.Film.load(folder / "film.npz").epochs.tolist() == [2]
    assert run("animate", folder, "--output", tmp_path / "films") == 0


def test_an_interrupted_run_is_dropped_if_it_is_said(capsys, monkeypatch, tmp_path):
    def interrupted(*_: object) -> None:
        raise KeyboardInterrupt

    start = ["train", "--model", "vae", "--output", tmp_path]
    monkeypatch.setattr(grids, "curves", interrupted)
    assert run(*start) == 130
    monkeypatch.undo()
    kept = (tmp_path / "unfinished" / "checkpoint.safetensors").read_bytes()
    assert "start over (--over)" in refused(capsys, *start, "--seed", 1)
    assert "not allowed with" in refused(capsys, *start, "--resume", "--over")
    for flag in ("--no-augment", "--dropout=0.1"):
        said = refused(capsys, "train", "--resume", "--output", tmp_path, flag)
        assert "is for models that read" in said
    assert (tmp_path / "unfinished" / "checkpoint.safetensors").read_bytes() == kept
    assert run(*start, "--seed", 1, "--over") == 0
    record = json.loads((tmp_path / "history.json").read_text())
    assert record["settings"]["seed"] == 1 and not (tmp_path / "unfinished").exists()


@pytest.mark.parametrize("model", ["vae", "wgan-gp"])
def test_op_by_op_it_learns_the_same(tmp_path, trained, model):
    assert run("train", "--model", model, "--seed", 3, "--no-jit", "--output", tmp_path) == 0
    first, second = (
        json.loads((folder / "history.json").read_text())["epochs"] for folder in (trained(model), tmp_path)
    )
    key = "loss" if model == "vae" else "d_loss"
    for one, other in zip(first, second, strict=True):
        assert one[key] == pytest.approx(other[key], rel=1e-3)


def test_the_floor_is_that_of_a_held_out_part_instead_of_the_test_images(capsys, tmp_path):
    assert run("train", "--model", "gan", "--validation", 0.4, "--output", tmp_path) == 0
    said = capsys.readouterr().out
    assert "on 120 images" in said and "the floor by validation images: 80 drawings" in said


def test_a_collapse_is_told_in_one_line(capsys):
    with train.collapse_in_a_line():
        warnings.warn("the generator collapses: all are 1", CollapseWarning, stacklevel=1)
    assert capsys.readouterr().err == "warning: the generator collapses: all are 1\n"


def test_a_run_that_diverges_leaves_nothing(capsys, monkeypatch, tmp_path):
    monkeypatch.setattr(train, "mean_of", lambda losses, target: losses.mean() * float("nan"))
    said = refused(capsys, "train", "--model", "diffusion", "--output", tmp_path / "run")
    assert "the training diverged: the loss is nan" in said
    assert not (tmp_path / "run").exists()


# Drawing and filming -----------------------------------------------------------------------------


@pytest.mark.parametrize("model", SMALL)
def test_sample_draws_a_grid_and_its_neighbours(capsys, tmp_path, trained, model):
    folder = trained(model)
    capsys.readouterr()
    assert run("sample", folder, "--count", 20, "--output", tmp_path) == 0
    lines = capsys.readouterr().out.splitlines()
    assert lines[-1].startswith("drawn 20: classes ") and lines[-1].endswith("as asked") == (model in ASKED)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["neighbours.png", "samples.png"]
    pictures = [(tmp_path / "samples.png").read_bytes()]
    for seed in (0, 1):
        assert run("sample", folder, "--count", 20, "--seed", seed, "--output", tmp_path) == 0
        pictures.append((tmp_path / "samples.png").read_bytes())
    assert pictures[0] == pictures[1] != pictures[2]


def test_sample_leaves_the_sheets_of_the_training(trained):
    folder = trained("gan")
    before = (folder / "samples.png").read_bytes()
    assert run("sample", folder, "--seed", 8) == 0
    assert (folder / "samples.png").read_bytes() == before != (folder / "drawn" / "samples.png").read_bytes()


def test_a_sheet_in_colour_shows_ink_dark_on_white():
    page = grids.sheet(np.stack([np.zeros((3, 2, 2)), np.ones((3, 2, 2)), np.full((3, 2, 2), 0.5)]), 2)
    assert page.shape == (5, 5, 3)
    assert (page[:2, :2] == 1).all() and (page[:2, 3:] == 0).all() and (page[3:, :2] == 0.5).all()
    assert (page[3:, 3:] == 1).all()


def test_a_painter_draws_what_it_is_asked_for(capsys, tmp_path, trained):
    assert run("sample", trained("dcgan"), "--classes", "3,7", "--count", 5, "--output", tmp_path) == 0
    assert "drawn 6: " in capsys.readouterr().out  # two rows of three
    painter = painters.load(trained("diffusion"))
    ways = [
        painter.draw(4, autograd.Generator(0), np.array([1, 1, 1, 1]), **way)
        for way in ({}, {"steps": 0}, {"guidance": 3.0})
    ]
    assert all(x.shape == (4, 1, 8, 8) and x.min() >= 0 and x.max() <= 1 for x in ways)
    assert not any(np.array_equal(ways[0], other) for other in ways[1:])


@pytest.mark.parametrize("model", SMALL)
def test_animate_writes_films_that_loop(tmp_path, trained, model):
    assert run("animate", trained(model), "--output", tmp_path) == 0
    names = FILMS.get(model, "forger walk").split()
    assert sorted(path.stem for path in tmp_path.glob("*.gif")) == sorted(names)
    for name in names:
        assert (tmp_path / f"{name}.gif").stat().st_size < 2e6
        with Image.open(tmp_path / f"{name}.gif") as film:
            assert film.n_frames >= 3 and film.info["loop"] == 0 and film.width > 300


def test_a_film_that_would_be_too_large_has_fewer_frames(monkeypatch, tmp_path):
    noise = np.random.default_rng(0).random((9, 20, 1, 8, 8))
    frames = [films.captioned(images, 5, f"{i}") for i, images in enumerate(noise)]
    assert films.write_gif(frames, [100] * 9, tmp_path / "all.gif") == 9
    size = (tmp_path / "all.gif").stat().st_size
    monkeypatch.setattr(films, "LIMIT", size // 2)
    assert films.write_gif(frames, [100] * 9, tmp_path / "few.gif") == 3
    with Image.open(tmp_path / "few.gif") as film:
        times = []
        for i in range(film.n_frames):
            film.seek(i)
            times.append(film.info["duration"])
    assert sum(times) == 900


def test_the_way_into_noise_is_that_of_diffusion():
    schedule, times = Schedule.named("cosine", 50), np.array([-1, 10, 30, 49])
    x = np.full((40_000,), 0.7, np.float32)
    for t, noisy in zip(times, animate.into_noise(schedule, x, times, autograd.Generator(0)), strict=True):
        signal, noise = (1.0, 0.0) if t < 0 else (schedule.signal[t], schedule.noise[t])
        assert noisy.mean() == pytest.approx(0.7 * signal, abs=0.02)
        assert noisy.std() == pytest.approx(noise, abs=0.02)


def test_codes_are_drawn_from_where_those_of_their_class_lie():
    rng = np.random.default_rng(0)
    mixing = rng.normal(size=(2, 3, 3))
    labels = rng.integers(0, 2, 4000)
    codes = np.einsum("nij,nj->ni", mixing[labels], rng.normal(size=(4000, 3))) + 10 * labels[:, None]
    clouds = networks.Clouds(2, 3)
    clouds.settle(codes, labels)
    for k in range(2):
        drawn = clouds.draw(np.full(8000, k), autograd.Generator(1))
        own = codes[labels == k]
        np.testing.assert_allclose(drawn.mean(0), own.mean(0), atol=0.15)
        np.testing.assert_allclose(np.cov(drawn.T), np.cov(own.T), atol=0.1 * np.abs(np.cov(own.T)).max())


# What goes wrong ---------------------------------------------------------------------------------


def test_a_network_of_the_other_family_is_refused(capsys, tmp_path, trained):
    reader = tmp_path / "reader"
    assert run("train", "--model", "dnn", "--widths", 8, "--epochs", 1, "--output", reader) == 0
    for command in ("sample", "animate"):
        assert "this dnn reads images, it draws none" in refused(capsys, command, reader)
    for command in (["evaluate"], ["predict"]):
        said = refused(capsys, *command, trained("vae"), *(["x.png"] if command == ["predict"] else []))
        assert "this vae draws images, it reads none" in said


@pytest.mark.parametrize(
    "model, flags, reason",
    [
        ("vae", ["--classes", "3"], "draws what it likes"),
        ("gan", ["--steps", "10"], "--steps is for a diffusion"),
        ("dcgan", ["--guidance", "2"], "--guidance is for a diffusion"),
        ("diffusion", ["--steps", "21"], "has 20 steps"),
        ("diffusion", ["--classes", "3,10"], "from 0 to 9"),
        ("diffusion", ["--classes", "three"], "want numbers of classes"),
        ("diffusion", ["--count", "0"], ">= 1"),
        ("diffusion", ["--guidance", "nan"], "want a number"),
        ("vae", ["--dataset", "mnist"], "trained on optdigits (8x8), not on mnist"),
    ],
)
def test_sample_refuses_what_a_painter_can_not(capsys, tmp_path, trained, model, flags, reason):
    assert reason in refused(capsys, "sample", trained(model), "--output", tmp_path / "out", *flags)
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize(
    "model, flags, reason",
    [
        ("vae", ["--dropout", "0.1"], "--dropout is for models that read"),
        ("gan", ["--augment"], "--augment is for models that read"),
        ("dcgan", ["--widths", "8,8,8,8"], "can't be halved 4 times"),
        ("diffusion", ["--widths", "16,24"], "multiples of the first"),
        ("diffusion", ["--widths", "10,20"], "multiple of groups"),
    ],
)
def test_train_refuses_what_a_model_has_not(capsys, tmp_path, model, flags, reason):
    assert reason in refused(capsys, "train", "--model", model, "--output", tmp_path / "out", *flags)
    assert not (tmp_path / "out").exists()


def test_widths_beyond_the_memory_are_refused(capsys, monkeypatch, tmp_path):
    def too_many(*_: object) -> None:
        raise MemoryError

    monkeypatch.setattr(networks, "build", too_many)
    said = refused(capsys, "train", "--model", "diffusion", "--widths", 99_000, "--output", tmp_path / "out")
    assert "--widths: 99000 are too large for the memory" in said
    assert not (tmp_path / "out").exists()


def test_damaged_files_are_refused(capsys, tmp_path, trained):
    folder = trained("vae")
    assert "no such checkpoint" in refused(capsys, "animate", tmp_path / "nothing")
    weights = (folder / "model.safetensors").read_bytes()
    (tmp_path / "model.safetensors").write_bytes(weights)
    (tmp_path / "film.npz").write_bytes(b"no film")
    assert "film.npz: not a film" in refused(capsys, "animate", tmp_path)
    whole = (folder / "film.npz").read_bytes()
    flipped = bytearray(whole)
    flipped[len(whole) // 3] ^= 1
    for damaged in (whole[: len(whole) // 2], bytes(flipped)):
        (tmp_path / "film.npz").write_bytes(damaged)
        assert "film.npz: not a film" in refused(capsys, "animate", tmp_path)
    (tmp_path / "model.safetensors").write_bytes(weights[:3000])
    said = refused(capsys, "sample", tmp_path)
    assert "not a whole safetensors file" in said and said.count(str(tmp_path)) == 1

    header = nn.serialize.load_metadata(folder / "model.safetensors")
    card = json.loads(header["card"])
    for change, reason in [
        ({"recipe": card["recipe"] | {"widths": [16]}}, "encoder"),
        ({"recipe": {"layers": 3}}, "layers"),
        ({"side": 28}, "an unknown network: vae for optdigits, 28x28"),
        ({"family": "sings"}, "of an unknown family"),
    ]:
        state = nn.load(folder / "model.safetensors")
        nn.save(state, tmp_path / "other.safetensors", header | {"card": json.dumps(card | change)})
        assert reason in refused(capsys, "sample", tmp_path / "other.safetensors")


# Help --------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", ["sample", "animate"])
def test_help_teaches_by_example(capsys, name):
    assert run(name, "--help") == 0
    text = capsys.readouterr().out
    assert f"python -m apps.digits {name} runs/digits-optdigits-" in text and "example" in text


@pytest.mark.parametrize("name", ["grids", "meter", "networks"])
def test_docstring_examples(name):
    module = importlib.import_module(f"apps.digits.drawing.{name}")
    assert doctest.testmod(module, extraglobs={"autograd": autograd}).failed == 0
