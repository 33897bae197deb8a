"""apps/embedding as its users run it: training, interruption, questions, scores, formats, mistakes."""

from __future__ import annotations

import gzip
import os
import re
import signal
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

import autograd
from apps.embedding import recipes
from apps.embedding.__main__ import main
from apps.texts import tiny_shakespeare
from nn.progress import Progress
from nn.text import formats

ROOT = Path(__file__).resolve().parent.parent
LAST = re.compile(r"([\d,]+) words/s, loss (\d+\.\d{4}), ([\d,]+) words, (.+)")
MARK = ".unfinished"


def train(*arguments: object) -> int:
    return main(["train", "--workers", "1", *map(str, arguments)])


def refused(capsys: pytest.CaptureFixture[str], *arguments: object) -> str:
    """The one line that a command which can't work prints; its exit code is 2."""
    threads = autograd.get_num_threads()
    try:
        code = main([str(a) for a in arguments])
    except SystemExit as stop:  # argparse
        code = stop.code
    finally:
        autograd.set_num_threads(threads)
    error = capsys.readouterr().err.splitlines()
    assert code == 2 and "error: " in error[-1], error
    return error[-1]


@pytest.fixture(scope="module")
def text(tmp_path_factory) -> Path:
    """Kings and queens, cats and dogs: words of two circles that never meet."""
    path = tmp_path_factory.mktemp("text") / "text.txt"
    circles = ["king queen crown throne".split(), "cat dog mouse bird".split()]
    rng = np.random.default_rng(0)
    path.write_text("\n".join(" ".join(rng.choice(circles[i % 2], 8)) for i in range(3000)) + "\n")
    return path


@pytest.fixture(scope="module")
def vectors(text) -> Path:
    path = text.with_name("words.safetensors")
    flags = ["--dim", 16, "--epochs", 3, "--sample", 0, "--output", path]
    assert train("--corpus", text, *flags) == 0
    return path


# Training ----------------------------------------------------------------------------------------


def test_without_a_corpus_tiny_shakespeare_is_learned(tmp_path, capsys, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert train("--epochs", 8, "--dim", 40) == 0
    lines = capsys.readouterr().out.splitlines()
    assert lines[0].startswith("backend: ") and lines[1].startswith(
        "cbow on tiny Shakespeare (words): dim 40"
    )
    rate, loss, words, file = LAST.fullmatch(lines[-1]).groups()
    assert (
        int(rate.replace(",", "")) > 1000
        and 1 < float(loss) < 3
        and file == "runs/embedding-cbow.safetensors"
    )
    learned = formats.load(file)
    assert words == f"{len(learned):,}" and "king" in learned
    assert (
        learned.counts.sum() < len(tiny_shakespeare().split()) and learned.counts[0] == learned.counts.max()
    )
    nearest = [word for word, _ in learned.most_similar("brother", topn=20)]
    assert {"father", "uncle", "sister", "husband", "son", "cousin"} & set(nearest)


@pytest.mark.parametrize("model", ["cbow", "skipgram", "fasttext", "glove"])
@pytest.mark.parametrize("ending", [".vec", ".bin", ".glove", ".safetensors", ".txt.gz"])
def test_every_model_goes_into_every_format(text, tmp_path, model, ending):
    file = tmp_path / f"words{ending}"
    extra = ["--bucket", 100] if model == "fasttext" else []
    assert train("--corpus", text, "--model", model, "--dim", 6, "--epochs", 1, *extra, "--output", file) == 0
    learned = formats.load(file)
    assert sorted(learned.words) == sorted("king queen crown throne cat dog mouse bird".split())
    assert learned.dim == 6 and [path.name for path in tmp_path.iterdir()] == [file.name]


def test_files_are_trained_at_the_models_own_rates():
    for name, kind in recipes.CLASSES.items():
        own = kind() if name == "glove" else kind(sg=name != "cbow")
        made = recipes.make(name, recipes.settings_of(name, False, {}), "words")
        assert made.settings["alpha"] == own.settings["alpha"], name


def test_the_circles_of_the_text_are_learned(vectors):
    learned = formats.load(vectors)
    royal = learned.similarity("king", "queen")
    assert royal > 0.5 and royal > learned.similarity("king", "cat") + 0.4


def test_several_packed_files_are_one_text(text, tmp_path):
    lines = text.read_bytes().splitlines(keepends=True)
    parts = [tmp_path / "a.txt", tmp_path / "b.txt.gz"]
    parts[0].write_bytes(b"".join(lines[:1000]))
    parts[1].write_bytes(gzip.compress(b"".join(lines[1000:])))
    flags = ["--dim", 4, "--epochs", 2, "--output"]
    assert train("--corpus", text, *flags, tmp_path / "one.vec") == 0
    assert train("--corpus", *parts, *flags, tmp_path / "two.vec") == 0
    assert (tmp_path / "one.vec").read_bytes() == (tmp_path / "two.vec").read_bytes()


def test_each_text_has_a_file_of_its_own_where_none_is_named(text, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert train("--corpus", text, "--dim", 4, "--epochs", 1) == 0
    assert [path.name for path in (tmp_path / "runs").iterdir()] == [f"{text.stem}-cbow.safetensors"]


def test_jamo_are_sub_words_of_korean(tmp_path):
    korean = tmp_path / "ko.txt"
    korean.write_text("철수는 도서를 구매했다\n영희는 도서관에 갔다\n" * 50)
    file = tmp_path / "ko.safetensors"
    flags = ["--model", "fasttext", "--bucket", 200, "--dim", 8, "--epochs", 1]
    assert train("--corpus", korean, "--tokenizer", "jamo", *flags, "--output", file) == 0
    learned = formats.load(file)
    assert "도서를" in learned.words and "도서는" not in learned.index and "도서는" in learned
    assert train("--corpus", korean, "--tokenizer", "particles", "--output", tmp_path / "p.vec") == 0
    assert {"도서", "를"} <= set(formats.load(tmp_path / "p.vec").words)


def test_pairs_score_each_epoch_and_patience_stops_at_the_best(text, tmp_path, capsys):
    pairs, file = tmp_path / "pairs.txt", tmp_path / "words.vec"
    pairs.write_text("king queen 9\ncrown throne 8\ncat dog 8.5\nking cat 1\nqueen mouse 1.5\n")
    flags = ["--dim", 8, "--epochs", 50, "--sample", 0, "--pairs", pairs, "--patience", 2]
    assert train("--corpus", text, *flags, "--output", file) == 0
    output = capsys.readouterr()
    scores = [float(score) for score in re.findall(r"score (-?\d\.\d+)", output.err)]
    epochs = len(scores) - 1  # the last names the best again
    assert epochs < 50 and f"{epochs} times" in output.out
    assert scores.index(max(scores[:-1])) == epochs - 3 and scores[-1] == max(scores)
    learned = formats.load(file).evaluate_pairs(pairs).spearman
    assert learned == pytest.approx(scores[-1], abs=1e-4)
    assert "needs --pairs" in refused(capsys, "train", "--patience", 2)
    assert "cannot be read" in refused(capsys, "train", "--pairs", tmp_path / "no.txt", "--output", file)


# Interruption ------------------------------------------------------------------------------------


def test_interrupted_by_ctrl_c_and_resumed_it_is_the_same_to_the_bit(tmp_path):
    file, whole = tmp_path / "words.vec", tmp_path / "whole.vec"
    flags = ["--dim", "10", "--epochs", "40", "--workers", "1", "--output"]
    command = [sys.executable, "-m", "apps.embedding", "train", *flags, str(file)]
    process = subprocess.Popen(
        command, cwd=ROOT, stderr=subprocess.PIPE, stdout=subprocess.DEVNULL, text=True
    )
    for line in process.stderr:
        if line.startswith("epoch 3/"):
            process.send_signal(signal.SIGINT)
            break
    rest = process.stderr.read()
    assert process.wait(60) == 130
    assert f"go on with: python -m apps.embedding train --resume --output {file}" in rest
    assert not file.exists() and (tmp_path / f"words.vec{MARK}").is_dir()

    assert main(["train", *flags, str(whole)]) == 0
    assert main(["train", "--resume", "--output", str(file)]) == 0
    assert file.read_bytes() == whole.read_bytes()
    assert sorted(path.name for path in tmp_path.iterdir()) == ["whole.vec", "words.vec"]


def test_what_was_given_at_the_start_cannot_change_in_the_middle(text, tmp_path, capsys, monkeypatch):
    from nn.models.word2vec import Word2Vec

    file = tmp_path / "words.vec"

    def stop(self: Word2Vec) -> bool:
        raise KeyboardInterrupt

    begun = Word2Vec.fit
    monkeypatch.setattr(
        Word2Vec, "fit", lambda self, *a, **k: begun(self, *a, **k, on_epoch=lambda *_: stop(self))
    )
    assert train("--corpus", text, "--dim", 4, "--output", file) == 130  # before the first checkpoint
    assert not list(tmp_path.iterdir())

    monkeypatch.setattr(Word2Vec, "fit", begun)
    save = Word2Vec.save

    def saved(self: Word2Vec, path: object) -> None:
        save(self, path)
        raise KeyboardInterrupt

    monkeypatch.setattr(Word2Vec, "save", saved)
    assert train("--corpus", text, "--dim", 4, "--output", file) == 130
    monkeypatch.setattr(Word2Vec, "save", save)
    for flags in (["--dim", 5], ["--model", "glove"], ["--corpus", file.with_name("other.txt")]):
        assert "can't change in the middle" in refused(capsys, "train", "--resume", *flags, "--output", file)
    text_was = text.read_bytes()
    try:
        text.write_bytes(text_was + b"king\n")
        assert "the run began with" in refused(capsys, "train", "--resume", "--output", file)
    finally:
        text.write_bytes(text_was)
    assert main(["train", "--resume", "--output", str(file)]) == 0


# Questions, scores, formats ----------------------------------------------------------------------


def test_similar_prints_an_aligned_table_for_each_word(vectors, capsys):
    assert main(["similar", str(vectors), "king", "cat", "--top", "3"]) == 0
    first, second = capsys.readouterr().out.split("\n\n")
    lines = first.splitlines()
    assert lines[0] == "king" and lines[1].split() == ["word", "cosine", "count"] and len(lines) == 5
    assert {line.split()[1] for line in lines[2:]} == {"queen", "crown", "throne"}
    assert len({len(line) for line in lines[1:]}) == 1 and second.startswith("cat\n")


def test_analogy_by_addition_and_by_multiplication(vectors, capsys):
    for flags in ([], ["--multiply"]):
        assert main(["analogy", str(vectors), "king", "queen", "cat", "--top", "2", *flags]) == 0
        lines = capsys.readouterr().out.splitlines()
        assert lines[0] == "king : queen = cat : ?" and len(lines) == 4


def test_evaluate_says_how_much_it_could_ask(vectors, tmp_path, capsys):
    pairs, questions = tmp_path / "people.txt", tmp_path / "questions.txt"
    pairs.write_text("king queen 9\ncat dog 8.5\nking cat 1\nqueen mouse 1.5\nking zebra 3\n")
    questions.write_text(": animals\ncat dog cat dog\n: gram1\nking queen zebra x\n")
    assert main(["evaluate", str(vectors), "--pairs", str(pairs), "--analogies", str(questions)]) == 0
    said = capsys.readouterr().out
    score = re.search(r"people +(-?\d\.\d{3}) +(-?\d\.\d{3}) +4 of 5 \(80\.0%\)", said)
    assert float(score[1]) >= 0.8
    names = [line.split()[0] for line in said.splitlines()[-6:] if line]
    assert names == ["animals", "gram1", "semantic", "syntactic", "total"]
    assert re.search(r"gram1 +- +0 +1\n", said) and "among the first 8 words" in said


def test_convert_keeps_the_numbers_and_says_what_it_cannot_keep(vectors, tmp_path, capsys):
    text, binary = tmp_path / "a.vec.gz", tmp_path / "b.bin"
    assert main(["convert", str(vectors), str(text)]) == 0
    assert "(safetensors)" in (said := capsys.readouterr().out) and "not kept in this format: counts" in said
    assert main(["convert", str(text), str(binary), "--limit", "5"]) == 0
    there, back = formats.load(vectors), formats.load(binary)
    assert back.words == there.words[:5] and np.array_equal(back.matrix, there.matrix[:5])


# What is wrong -----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "flags, reason",
    [
        (["--corpus", "no.txt"], "no.txt: no such file"),
        (["--corpus", "."], ": is a folder"),
        (["--corpus", "-"], "--corpus -: is no file"),
        (["--output", "words.doc"], "the ending picks the format"),
        (["--output", "words.safetensors.xz"], "are not packed"),
        (["--model", "glove", "--negative", 3], "--negative: --model glove has no such setting"),
        (["--tokenizer", "jamo"], "only --model fasttext looks into words"),
        (["--negative", 0], "--negative 0 needs --hs"),
        (["--model", "fasttext", "--minn", 5, "--maxn", 3], "1 <= minn <= maxn"),
        (["--model", "fasttext", "--hs", "--output", "words.bin"], "take .safetensors"),
        (["--min-count", 1_000_000], "want at least two"),
        (["--resume"], "nothing to resume"),
        (["--dim", "many"], "--dim: want a whole number"),
        (["--epochs", 1, "--alpha", 10], "the steps are too large; lower alpha"),
    ],
)
def test_train_refuses_in_one_line_and_leaves_nothing(tmp_path, capsys, monkeypatch, flags, reason):
    monkeypatch.chdir(tmp_path)
    assert reason in refused(capsys, "train", *flags)
    assert not [path for path in tmp_path.rglob("*") if path.is_file()]


def test_a_pipe_is_refused_as_a_text_is_read_more_than_once(tmp_path, capsys):
    os.mkfifo(tmp_path / "pipe")
    said = refused(capsys, "train", "--corpus", tmp_path / "pipe", "--output", tmp_path / "a.vec")
    assert f"{tmp_path / 'pipe'}: is no file" in said


def test_a_text_too_short_to_learn_from_is_said(tmp_path, capsys):
    text = tmp_path / "one.txt"
    text.write_text("the cat sat\n")
    flags = ["--corpus", text, "--min-count", 1, "--output", tmp_path / "a.vec"]
    assert "--sample" in refused(capsys, "train", *flags)
    assert train(*flags, "--sample", 0, "--epochs", 1) == 0
    assert "read 3 words once" in capsys.readouterr().out


def test_others_may_read_the_vectors(vectors):
    mask = os.umask(0)
    os.umask(mask)
    assert vectors.stat().st_mode & 0o777 == 0o666 & ~mask


def test_a_file_that_cannot_be_written_is_named_once(vectors, capsys):
    said = refused(capsys, "convert", vectors, "/proc/words.vec")
    assert said.count("/proc/words.vec") == 1 and "cannot be written" in said


def test_the_time_left_is_not_guessed_from_nothing():
    with Progress(100, 40, show=False, unit="words") as bar:
        assert bar.left() == "?"
        bar.batch("epoch 1", {}, 1.0, 10)
        assert re.fullmatch(r"\d+:\d\d", bar.left())


def test_a_text_that_is_no_text_is_refused(tmp_path, capsys):
    path = tmp_path / "bytes.txt"
    path.write_bytes(b"good words\n\xff\xfe\n")
    assert "byte 11 is not UTF-8" in refused(
        capsys, "train", "--corpus", path, "--output", tmp_path / "a.vec"
    )
    assert [file.name for file in tmp_path.iterdir()] == ["bytes.txt"]


def test_questions_that_have_no_answer(vectors, tmp_path, capsys):
    assert "perhaps king" in refused(capsys, "similar", vectors, "kings")
    assert "perhaps king" in refused(capsys, "analogy", vectors, "KING", "queen", "cat")
    assert "WORD" in refused(capsys, "analogy", vectors, "king", "queen")
    assert "nothing to evaluate by" in refused(capsys, "evaluate", vectors)
    assert "cannot be read" in refused(capsys, "similar", tmp_path / "no.vec", "king")
    assert "is a folder" in refused(capsys, "similar", tmp_path, "king")
    broken = tmp_path / "broken.vec"
    broken.write_text("2 2\na 1 2\nb 1\n")
    assert "line 3" in refused(capsys, "similar", broken, "a")
    assert "sub-words" in refused(capsys, "convert", vectors, tmp_path / "x.bin", "--to", "fasttext")
    assert not (tmp_path / "x.bin").exists()
