"""The character models of docs/examples: what they read, that they learn, stop, go on, and write."""

from __future__ import annotations

import itertools
import os
import re
import signal
from types import SimpleNamespace

import numpy as np
import pytest

import autograd
import nn
from autograd import Tensor
from docs.examples import characters
from docs.examples.language import Attentive, Reader, WindowReader
from docs.examples.text import Alphabet, Readers, passages, split, tiny_shakespeare

SIZE = 7


@pytest.fixture(autouse=True)
def the_text_that_comes_with_us(monkeypatch):
    monkeypatch.delenv("AUTOGRAD_DATA", raising=False)


def flags(folder, *more):
    return ["--quick", "--silent", "--length", "40", "--out", str(folder), *more]


def checkpoint(folder, name="lstm-seed0-steps20"):
    return nn.load(folder / f"{name}.safetensors")


def codes_of(count, seed=0):
    return np.random.default_rng(seed).integers(0, SIZE, count)


def models():
    autograd.manual_seed(0)
    return {
        "lstm": Reader(nn.LSTM, SIZE, 6, lanes=3, embedded=4, dropout=0.0),
        "gru": Reader(nn.GRU, SIZE, 6, lanes=3, embedded=4, dropout=0.0),
        "transformer": Attentive(SIZE, 8, heads=2, layers=2, context=8, dropout=0.0),
        "window": WindowReader(SIZE, 6, reach=4, embedded=3, dropout=0.0),
    }


# The text ----------------------------------------------------------------------------------------


def test_the_text_is_karpathys_and_its_last_tenth_is_held_back():
    text = tiny_shakespeare()
    assert len(text) == 1_115_394 and text.startswith("First Citizen:\nBefore we proceed")
    letters = Alphabet(text)
    assert letters.size == 65 and letters.decode(letters.encode("ROMEO:\n")) == "ROMEO:\n"
    train, validation = split(letters.encode(text))
    assert (len(train), len(validation)) == (1_003_854, 111_540)


def test_readers_read_on():
    codes = np.arange(1000)
    batches = list(Readers(codes, lanes=4, length=5, steps=30, seed=3))
    assert len(batches) == 30
    lane = np.concatenate([x.data for x, _ in batches])
    assert (np.diff(lane, axis=0) % 1000 == 1).all()
    assert (np.diff(lane[0]) % 1000 == 250).all()
    for x, following in batches:
        assert (following.data.reshape(5, 4) == (x.data + 1) % 1000).all()


def test_passages_come_from_everywhere():
    found = passages(np.arange(20), 500, 4, autograd.Generator(0))
    assert (np.diff(found) == 1).all() and set(found[:, 0]) == set(range(17))


# The models --------------------------------------------------------------------------------------


@pytest.mark.parametrize("kind", ["lstm", "gru"])
def test_a_reader_remembers_what_it_read_in_the_last_batch(kind):
    model, x = models()[kind], Tensor(codes_of(30).reshape(10, 3))
    parts = [model(x[:4]), model(x[4:])]
    whole, _ = model.layer(model.embedding(x))
    assert autograd.cat(parts).allclose(model.head(whole), atol=1e-5)
    parts[1].sum().backward()  # through the second batch alone
    assert (model.embedding.weight.grad.data[np.setdiff1d(x.data[:4], x.data[4:])] == 0).all()


@pytest.mark.parametrize("kind", ["lstm", "gru", "transformer", "window"])
def test_steps_go_on_from_the_state(kind):
    model, tokens = models()[kind].eval(), Tensor(codes_of(16).reshape(2, 8))
    with autograd.no_grad():
        whole, _ = model.step(tokens, None)
        first, state = model.step(tokens[:, :5], None)
        parts = [first]
        for t in range(5, 8):
            logits, state = model.step(tokens[:, t : t + 1], state)
            parts.append(logits)
    # A window answers for the last character alone.
    found = parts[-1] if kind == "window" else autograd.cat(parts, 1)
    assert found.allclose(whole, atol=1e-5)


def test_a_transformer_beyond_its_context_reads_the_later_half_again():
    model, tokens = models()["transformer"].eval(), Tensor(codes_of(11).reshape(1, 11))
    with autograd.no_grad():
        state = None
        for t in range(9):
            logits, state = model.step(tokens[:, t : t + 1], state)
        assert logits[:, -1].allclose(model(tokens[:, 5:9])[:, -1], atol=1e-5)
        logits, state = model.step(tokens[:, 9:10], state)
        assert logits[:, -1].allclose(model(tokens[:, 5:10])[:, -1], atol=1e-5)
        logits, _ = model.step(tokens, None)  # a prompt longer than the context
        assert logits[:, -1].allclose(model(tokens[:, 3:])[:, -1], atol=1e-5)


def log_p(logits, following):
    scores = logits.data.astype(np.float64).reshape(len(following), -1)
    scores -= np.log(np.exp(scores).sum(1, keepdims=True))
    return -scores[np.arange(len(following)), following].mean()


@pytest.mark.parametrize("kind", ["lstm", "transformer", "window"])
def test_surprise_is_the_mean_over_the_text(kind):
    model, codes = models()[kind].eval(), codes_of(41, seed=1)
    with autograd.no_grad():
        if kind == "lstm":  # one part, in stretches of 7
            found, (logits, _) = model.surprise(codes, 1, 7), model.step(Tensor(codes[None, :-1]), None)
            expected = log_p(logits, codes[1:])
        elif kind == "transformer":  # five contexts of 8, two at a time
            found, logits = model.surprise(codes, 2), model(Tensor(codes[:-1].reshape(5, 8)))
            expected = log_p(logits, codes[1:])
        else:
            found = model.surprise(codes, 10)
            windows = Tensor(np.stack([codes[t : t + 4] for t in range(37)]))
            expected = log_p(model(windows), codes[4:])
    assert found == pytest.approx(expected, rel=1e-5)


# The program -------------------------------------------------------------------------------------


def test_all_learn_and_write_and_are_drawn(tmp_path, capsys, monkeypatch):
    monkeypatch.setattr(characters, "EPOCH", 40)
    assert characters.main(flags(tmp_path, "--steps", "120", "--model", *characters.NAMES)) == 0
    printed = capsys.readouterr().out
    rows = re.findall(r"^(\w+) +([\d,]+) +([\d.]+) +([\d.]+) +\d+ s$", printed, re.M)
    assert [row[0] for row in rows] == list(characters.NAMES.values())
    for kind, row in zip(characters.NAMES, rows, strict=True):
        losses = [record["val_loss"] for record in checkpoint(tmp_path, f"{kind}-seed0-steps120")["history"]]
        assert len(losses) == 3 and losses[2] < losses[0] < 4.2 and f"{losses[2]:.3f}" == row[3]
    assert (tmp_path / "characters.png").read_bytes().startswith(b"\x89PNG")


@pytest.mark.parametrize("kind", ["lstm", "transformer"])
def test_an_interrupted_training_goes_on_to_the_same_bits(kind, tmp_path, capsys, monkeypatch):
    whole, parts = tmp_path / "whole", tmp_path / "parts"
    monkeypatch.setattr(characters, "EPOCH", 8)
    assert characters.main(flags(whole, "--model", kind)) == 0
    text = capsys.readouterr().out.split("characters:")[0]
    trained, batches = characters.nn.Trainer.step, []

    def interrupted(self, *batch):
        batches.append(batch)
        if len(batches) == 11:  # in the second of three epochs
            os.kill(os.getpid(), signal.SIGINT)
        return trained(self, *batch)

    monkeypatch.setattr(characters.nn.Trainer, "step", interrupted)
    assert characters.main(flags(parts, "--model", kind)) == 130 and len(batches) == 11
    assert characters.main(flags(parts, "--model", kind, "--resume")) == 0
    assert capsys.readouterr().out.split("characters:")[0] == text
    ends = [checkpoint(folder, f"{kind}-seed0-steps20") for folder in (whole, parts)]
    for key, value in ends[0]["model"].items():
        assert (value.data == ends[1]["model"][key].data).all(), key
    assert [r["val_loss"] for r in ends[0]["history"]] == [r["val_loss"] for r in ends[1]["history"]]


def test_training_by_the_clock_ends_with_the_time(tmp_path, monkeypatch):
    ticks = itertools.count()
    monkeypatch.setattr(characters, "time", SimpleNamespace(perf_counter=lambda: 0.1 * next(ticks)))
    monkeypatch.setattr(characters, "EPOCH", 8)
    assert characters.main(flags(tmp_path, "--minutes", "0.1", "--model", "lstm")) == 0
    end = checkpoint(tmp_path, "lstm-seed0-minutes0.1")
    assert 6 <= end["history"][-1]["clock"] < 6.5
    assert end["optimizer"]["param_groups"][0]["lr"] < 5e-5  # the cycle is over, however many updates it had
    seen = [record["val_loss"] for record in end["history"]]
    assert len(seen) > 2 and seen[-1] < seen[0]
    assert characters.main(flags(tmp_path, "--minutes", "0.1", "--model", "lstm", "--resume")) == 0
    again = checkpoint(tmp_path, "lstm-seed0-minutes0.1")["history"]
    assert [record["val_loss"] for record in again] == seen  # nothing was left to do


def test_it_writes_what_the_seed_says_in_the_letters_it_knows(tmp_path, capsys):
    def text(*more):
        assert characters.main(flags(tmp_path, "--model", "lstm", "--write", "O Romeo", *more)) == 0
        return capsys.readouterr().out

    assert characters.main(flags(tmp_path, "--model", "lstm")) == 0
    capsys.readouterr()
    first = text()
    assert first.startswith("O Romeo") and len(first) == len("O Romeo") + 40 + 1
    assert set(first) <= set(tiny_shakespeare()) and first == text()
    assert text("--temperature", "0") == text("--temperature", "2", "--top-k", "1") != first
    assert text("--top-p", "0.5") != first


def test_what_it_cannot_do_is_said(tmp_path, capsys):
    assert characters.main(flags(tmp_path, "--write", "to be")) == 2
    assert "lstm-seed0-steps20.safetensors is not there" in capsys.readouterr().err
    assert characters.main(flags(tmp_path, "--model", "gru", "--steps", "2")) == 0
    assert characters.main(flags(tmp_path, "--model", "gru", "--steps", "2", "--write", "naïve")) == 2
    assert "the text that was learned has no 'ï'" in capsys.readouterr().err
    for wrong in (["--model", "perceptron"], ["--minutes", "0"], ["--temperature", "-1"], ["--top-p", "1.5"]):
        with pytest.raises(SystemExit):
            characters.main(wrong)
