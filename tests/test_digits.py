"""apps/digits as its users run it: commands, their output and files, and what happens if things are wrong."""

from __future__ import annotations

import doctest
import gzip
import importlib
import json
import signal
import struct
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

pytest.importorskip("matplotlib", reason="the apps extra")
pytest.importorskip("PIL", reason="the apps extra")

from digit_drawings import drawn  # noqa: E402
from PIL import Image  # noqa: E402

import autograd  # noqa: E402
import nn  # noqa: E402
from apps.digits import explore  # noqa: E402
from apps.digits.__main__ import main  # noqa: E402

ROOT = Path(__file__).resolve().parent.parent
PICTURES = ["curves.png", "confusion.png", "mistakes.png", "filters.png"]
TRAIN = ["train", "--model", "dnn", "--widths", "64", "--threads", "1"]


def command(*arguments: object) -> list[str]:
    return [sys.executable, "-m", "apps.digits", *map(str, arguments)]


def run(*arguments: object, **options: object) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        command(*arguments), cwd=ROOT, capture_output=True, text=True, timeout=300, **options
    )


def refused(capsys: pytest.CaptureFixture[str], *arguments: object) -> str:
    """The one line that a command which can't work prints; its exit code is 2."""
    threads = autograd.get_num_threads()
    try:
        code = main([str(a) for a in arguments])
    except SystemExit as stop:  # argparse
        code = stop.code
    finally:
        autograd.set_num_threads(threads)
    output = capsys.readouterr()
    assert code == 2, output
    assert output.err.count("\n") == 1 and "error: " in output.err, output.err
    return output.err


@pytest.fixture(scope="module")
def trained(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("runs") / "dnn"
    done = run(*TRAIN, "--epochs", 4, "--no-augment", "--seed", 3, "--output", folder)
    assert done.returncode == 0, done.stderr
    (folder / "stdout.txt").write_text(done.stdout)
    return folder


# Training ----------------------------------------------------------------------------------------


def test_train_says_what_it_does_and_how_good_the_result_is(trained):
    lines = (trained / "stdout.txt").read_text().splitlines()
    assert lines[0].startswith("backend: ")
    assert lines[1].startswith("dnn 64 (4,938 parameters) on 3,823 images of optdigits (8x8)")
    name, percent = lines[-1].split("% (")[0].rsplit(" ", 1)
    assert (name, lines[-1].split("% (")[1]) == (
        "test accuracy",
        "optdigits, writer-independent, dnn, seed 3)",
    )
    assert 90 < float(percent) < 100


def test_train_writes_weights_history_and_pictures(trained):
    record = json.loads((trained / "history.json").read_text())
    assert [epoch["epoch"] for epoch in record["epochs"]] == [1, 2, 3, 4]
    assert record["epochs"][-1]["loss"] < record["epochs"][0]["loss"]
    assert record["settings"]["recipe"]["widths"] == [64]
    for name in PICTURES:
        with Image.open(trained / name) as picture:
            assert picture.width > 400 and len(picture.convert("L").histogram()) > 1
    assert not (trained / "unfinished").exists()


def test_evaluate_finds_the_accuracy_that_train_printed(trained, tmp_path):
    done = run("evaluate", trained, "--output", tmp_path)
    lines = done.stdout.splitlines()
    assert lines[-1] == (trained / "stdout.txt").read_text().splitlines()[-1]
    table = [line.split() for line in lines[2:12]]
    assert [row[0] for row in table] == list("0123456789")
    assert sum(int(row[1]) for row in table) == 1797
    right = sum(int(row[2]) for row in table)
    assert f"test accuracy {100 * right / 1797:.2f}%" in lines[-1]
    assert (tmp_path / "confusion.png").exists()


def test_the_same_seed_gives_the_same_network_and_another_seed_another(trained, tmp_path):
    for seed in (3, 4):
        run(*TRAIN, "--epochs", 4, "--no-augment", "--seed", seed, "--output", tmp_path / str(seed))
    first, same, other = (
        nn.load(folder / "model.safetensors")["1.weight"].data
        for folder in (trained, tmp_path / "3", tmp_path / "4")
    )
    assert np.array_equal(first, same)
    assert not np.array_equal(first, other)


def test_the_convolutional_network_learns(tmp_path):
    flags = ["--widths", "8,8", "--epochs", 2, "--output", tmp_path, "--threads", "1"]
    done = run("train", "--model", "cnn", *flags)
    assert done.returncode == 0, done.stderr
    last = done.stdout.splitlines()[-1]
    assert last.endswith("(optdigits, writer-independent, cnn, seed 0)")
    assert float(last.split()[2].strip("%")) > 85
    for name in PICTURES:
        assert (tmp_path / name).stat().st_size > 1000


def test_with_a_validation_part_the_test_images_are_not_read(tmp_path):
    done = run(*TRAIN, "--epochs", 1, "--validation", 0.2, "--output", tmp_path)
    assert "on 3,058 images" in done.stdout
    assert done.stdout.splitlines()[-1].startswith("validation accuracy ")
    record = json.loads((tmp_path / "history.json").read_text())
    assert record["validation"]["images"] == 765 and "test" not in record
    assert record["validation"]["accuracy"] == pytest.approx(record["epochs"][-1]["val_accuracy"])


def test_an_interrupted_run_resumes_to_the_same_bits(tmp_path):
    flags = [*TRAIN, "--epochs", 6]
    whole, parts = tmp_path / "whole", tmp_path / "parts"
    assert run(*flags, "--output", whole).returncode == 0
    begun = subprocess.Popen(
        command(*flags, "--output", parts),
        cwd=ROOT,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    for line in begun.stderr:
        if line.startswith("epoch 1/6"):
            begun.send_signal(signal.SIGINT)
            break
    said = begun.communicate(timeout=60)[1]
    assert begun.returncode == 130
    assert f"go on with: python -m apps.digits train --resume --output {parts}" in said
    assert sorted(p.name for p in parts.iterdir()) == ["unfinished"]

    assert "start over (--over)" in run(*flags, "--output", parts).stderr
    refusal = run(*flags, "--output", parts, "--resume", "--seed", 5)
    assert refusal.returncode == 2 and "--seed 5: the run in" in refusal.stderr

    done = run("train", "--resume", "--output", parts)
    assert done.returncode == 0, done.stderr
    assert done.stdout.splitlines()[-1].startswith("test accuracy ")
    for (name, one), (_, other) in zip(
        nn.load(whole / "model.safetensors").items(),
        nn.load(parts / "model.safetensors").items(),
        strict=True,
    ):
        assert np.array_equal(one.data, other.data), name


# Predicting -------------------------------------------------------------------------------------


def test_predict_ranks_the_classes_of_each_file(trained, tmp_path):
    drawn("0", 200, 20, "white", "black").save(tmp_path / "zero.png")
    drawn("0", 700, 50, "black", "yellow").save(tmp_path / "light.jpg")
    done = run("predict", trained, tmp_path / "zero.png", tmp_path / "light.jpg")
    assert done.returncode == 0, done.stderr
    parts = done.stdout.split("as the network sees it")[1:]
    assert len(parts) == 2
    for part in parts:
        ranking = [line.split() for line in part.splitlines()[9:19]]
        chances = [float(row[1].rstrip("%")) for row in ranking]
        assert sorted(row[0] for row in ranking) == list("0123456789")
        assert chances == sorted(chances, reverse=True) and sum(chances) == pytest.approx(100, abs=1)
        assert ranking[0][0] == "0"


# Exploring ---------------------------------------------------------------------------------------


def test_explore_shows_numbers_that_are_right(tmp_path):
    done = run("explore", "--output", tmp_path)
    assert done.returncode == 0, done.stderr
    for part in (
        "1 x 16",
        "one-hot",
        "Forward",
        "The loss",
        "Backward",
        "One update",
        "tanh -> ",
        "log_softmax",
    ):
        assert part in done.stdout
    assert sorted(p.name[:2] for p in tmp_path.iterdir()) == [f"{i}-" for i in range(1, 8)]


def test_the_lesson_is_gradient_descent():
    data = nn.data.optdigits(train=True)
    label = int(data.labels[0])
    lesson = explore.learn(data.images[0], data.levels, label, data.classes, lr=0.5, seed=0)
    assert lesson.values["x"] == pytest.approx(
        data.images[0].reshape(4, 2, 4, 2).mean((1, 3)).reshape(1, 16) / 16
    )
    w = lesson.weights
    h = np.tanh(lesson.values["x"] @ w["W1"] + w["b1"])
    scores = h @ w["W2"] + w["b2"]
    chances = np.exp(scores) / np.exp(scores).sum()
    wrong = chances - np.eye(10)[label]
    assert float(lesson.values["loss"]) == pytest.approx(-np.log(chances[0, label]), rel=1e-5)
    assert lesson.gradients["logits"] == pytest.approx(wrong, abs=1e-6)
    assert lesson.gradients["W2"] == pytest.approx(h.T @ wrong, abs=1e-6)
    assert lesson.updated["W2"] == pytest.approx(w["W2"] - 0.5 * h.T @ wrong, abs=1e-6)
    assert float(lesson.after["loss"]) < float(lesson.values["loss"])


# What goes wrong ---------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "flags",
    [
        ["--epochs", -1], ["--epochs", 0], ["--epochs", "many"], ["--widths", "0"], ["--widths", "8,,8"],
        ["--widths", "-3"], ["--lr", "nan"], ["--lr", "-0.1"], ["--lr", "0"], ["--batch-size", 0],
        ["--dropout", 1], ["--validation", "0.99"], ["--validation", "-1"], ["--seed", -1], ["--threads", 0],
        ["--dataset", "letters"], ["--model", "rnn"], ["--data"], ["--epoch", 3], ["--no-such-flag"],
    ],
    ids=lambda flags: " ".join(map(str, flags)),
)  # fmt: skip
def test_absurd_flags_are_refused(capsys, tmp_path, flags):
    said = refused(capsys, "train", "--output", tmp_path / "out", *flags)
    assert flags[0].lstrip("-").split("-")[0] in said
    assert said.startswith(("python -m apps.digits train: error: ", "python -m apps.digits: error: "))
    assert not (tmp_path / "out").exists()


def test_an_unwritable_output_is_refused_before_any_work(capsys, tmp_path):
    (tmp_path / "file").write_text("mine")
    said = refused(capsys, "train", "--output", tmp_path / "file")
    assert "cannot write into" in said
    assert (tmp_path / "file").read_text() == "mine"


def test_a_run_that_diverges_leaves_the_last_result(capsys, monkeypatch, trained):
    before = {p.name: p.read_bytes() for p in trained.iterdir()}
    monkeypatch.setattr(
        nn, "CrossEntropyLoss", lambda **options: lambda output, target: (output * float("nan")).sum()
    )
    said = refused(capsys, *TRAIN, "--epochs", 1, "--output", trained)
    assert "the training diverged" in said
    assert {p.name: p.read_bytes() for p in trained.iterdir()} == before


def idx(magic: int, *lengths: int, data: bytes = b"") -> bytes:
    return struct.pack(f">{1 + len(lengths)}I", magic, *lengths) + data


@pytest.mark.parametrize(
    "fault, content",
    [
        ("missing", None),
        ("truncated gzip", gzip.compress(idx(0x803, 60000, 28, 28, data=bytes(1000)), mtime=0)[:40]),
        ("truncated", gzip.compress(idx(0x803, 60000, 28, 28, data=bytes(1000)), mtime=0)),
        ("wrong magic", gzip.compress(idx(0x1234, 60000, 28, 28, data=bytes(1000)), mtime=0)),
        ("wrong hash", gzip.compress(idx(0x803, 1, 28, 28, data=bytes(784)), mtime=0)),
        ("empty", b""),
    ],
)
def test_bad_data_files_are_refused(capsys, tmp_path, fault, content):
    folder = tmp_path / "mnist"
    folder.mkdir()
    if content is not None:
        (folder / "train-images-idx3-ubyte.gz").write_bytes(content)
    out = tmp_path / "out"
    said = refused(capsys, "train", "--dataset", "mnist", "--data", tmp_path, "--output", out)
    assert "train-images-idx3-ubyte" in said, fault
    assert not out.exists()


def test_a_missing_data_folder_is_refused(capsys, tmp_path):
    said = refused(capsys, "train", "--dataset", "mnist", "--data", tmp_path / "nowhere")
    assert "no such folder" in said


def test_checkpoints_that_are_none_are_refused(capsys, tmp_path, trained):
    assert "no such checkpoint" in refused(capsys, "evaluate", tmp_path / "nothing")
    assert "trained on optdigits (8x8), not on mnist" in refused(
        capsys, "evaluate", trained, "--dataset", "mnist"
    )

    (tmp_path / "cut.safetensors").write_bytes((trained / "model.safetensors").read_bytes()[:5000])
    assert "not a whole safetensors file" in refused(capsys, "evaluate", tmp_path / "cut.safetensors")

    nn.save({"weight": autograd.ones(2)}, tmp_path / "other.safetensors")
    assert "not the weights of a digits network" in refused(
        capsys, "evaluate", tmp_path / "other.safetensors"
    )

    header = nn.serialize.load_metadata(trained / "model.safetensors")
    card = json.loads(header["card"]) | {"widths": [32]}
    state = nn.load(trained / "model.safetensors")
    nn.save(state, tmp_path / "wide.safetensors", header | {"card": json.dumps(card)})
    said = refused(capsys, "evaluate", tmp_path / "wide.safetensors")
    assert "1.weight" in said

    assert "nothing to resume" in refused(capsys, "train", "--resume", "--output", tmp_path / "fresh")


def test_images_without_a_digit_are_refused(capsys, tmp_path, trained):
    Image.new("L", (50, 50), 200).save(tmp_path / "blank.png")
    noise = np.random.default_rng(0).normal(200, 4, (60, 60)).astype(np.uint8)
    Image.fromarray(noise).save(tmp_path / "grain.png")
    Image.new("L", (1, 1), 0).save(tmp_path / "dot.png")
    (tmp_path / "text.png").write_text("not an image")
    drawn("0", 100, 9, "white", "black").save(tmp_path / "cut.png")
    (tmp_path / "cut.png").write_bytes((tmp_path / "cut.png").read_bytes()[:150])
    drawn("0", 100, 9, "white", "black").save(tmp_path / "good.png")
    for name, reason in [
        ("blank.png", "no ink found"),
        ("grain.png", "no ink found"),
        ("dot.png", "1x1"),
        ("text.png", "not an image"),
        ("cut.png", "cannot be read"),
        ("absent.png", "no such file"),
    ]:
        said = refused(capsys, "predict", trained, tmp_path / "good.png", tmp_path / name)
        assert name in said and reason in said
    assert "no image files" in refused(capsys, "predict", trained)


def test_explore_refuses_an_image_that_is_not_there(capsys, tmp_path):
    said = refused(capsys, "explore", "--image", 3823, "--output", tmp_path / "out")
    assert "training images 0 to 3822" in said
    assert not (tmp_path / "out").exists()


# Help --------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", ["train", "evaluate", "predict", "explore"])
def test_help_teaches_each_command_by_example(capsys, name):
    with pytest.raises(SystemExit) as stop:
        main([name, "--help"])
    text = capsys.readouterr().out
    assert stop.value.code == 0
    assert f"python -m apps.digits {name}" in text and "example" in text


def test_help_lists_the_commands_and_a_bare_call_names_it():
    assert "predict    read photos" in run("--help").stdout
    bare = run()
    assert bare.returncode == 2 and bare.stderr.count("\n") == 1


@pytest.mark.parametrize("name", ["models", "evaluate", "predict", "explore"])
def test_docstring_examples(name):
    module = importlib.import_module(f"apps.digits.{name}")
    assert doctest.testmod(module, extraglobs={"autograd": autograd}).failed == 0
