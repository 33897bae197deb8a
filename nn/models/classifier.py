"""FastText's classifier: the mean of a text's rows, and a softmax over classes (Joulin et al. 2017).

model = FastTextClassifier(word_ngrams=2).fit(labelled(texts, labels))
model.predict(["a film that stays with you"])

A text is words, their sub-words, and pairs (n-grams) of words; all but the words are hashed to rows. What is
computed stands in autograd/ops/labels.py; tape.py has the same model as an essay.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import asdict
from typing import Any, Self

import numpy as np

from autograd.ops.labels import Bags, softmax, train_labels
from autograd.ops.random import Generator
from autograd.ops.words import table
from nn.models.fasttext import own_and_subwords
from nn.models.training import Learned, WordModel, packed, unpacked
from nn.text.corpus import Chunk, Corpus
from nn.text.encoded import Encoded, counted
from nn.text.formats.fasttext import FastTextArgs, FastTextFile
from nn.text.subwords import END, SPELLINGS, fnv1a
from nn.text.tokenize import Tokenizer, whitespace
from nn.text.vocabulary import Vocabulary

__all__ = ["LABEL", "FastTextClassifier", "labelled"]

Array = np.ndarray[Any, Any]

LABEL = "__label__"  # how labels begin, among the words of a line
BATCH = 32  # without kernels, at most so many texts are computed before any is written,
SHARE = 1000  # and no more than this part of all: what a few texts repeat would be added up to leaps
ROWS = 1 << 14  # of a table that are drawn at once
ASKED = 1 << 15  # words, or a few more, that are classified at once


def labelled(
    texts: Iterable[str | list[str]], labels: Iterable[Any], tokenizer: Tokenizer = whitespace
) -> Corpus:
    """A corpus to fit: texts (or lists of words), each with a label.

    Texts are cut into words while they are read. ValueError: there are more of the one than of the other, or
    (then) a text has a word that begins as labels do.

    >>> list(labelled(["good film"], ["positive"]))
    [['__label__positive', 'good', 'film']]
    """
    return Corpus.of(Labelled(list(texts), list(labels), tokenizer))


class Labelled:
    """Lines of words, the label first. Texts are held, not their words, which take many times the memory."""

    def __init__(self, texts: list[str | list[str]], labels: list[Any], tokenizer: Tokenizer) -> None:
        if len(texts) != len(labels):
            raise ValueError(f"labelled: {len(texts)} texts, but {len(labels)} labels")
        self.texts, self.labels, self.tokenizer = texts, labels, tokenizer

    def __len__(self) -> int:
        return len(self.texts)

    def __iter__(self) -> Iterator[list[str]]:
        for i, (text, label) in enumerate(zip(self.texts, self.labels, strict=True)):
            words = self.tokenizer(text) if isinstance(text, str) else text
            suspect = LABEL in text if isinstance(text, str) else True
            if suspect and any(word.startswith(LABEL) for word in words):
                raise ValueError(f"labelled: text {i} has a word that begins with {LABEL}, as a label does")
            yield [f"{LABEL}{label}", *words]


class FastTextClassifier(WordModel):
    """Classes of short texts. A line of the corpus has its label among its words, as "__label__good".

    dim, min_count, epochs, workers, seed  as in Word2Vec
    minn, maxn, bucket, spelling           sub-words, as in FastText; by default there are none
    word_ngrams  up to so many words in a row are a feature too
    alpha        the rate of learning at the beginning; it falls to 0

    A line of several labels learns them in turn, one an epoch. `labels` are the classes, the most frequent
    first. Memory: (words + bucket) dim float32, of which a few classes need little: dim=16 does for two.
    Texts are asked about with the tokenizer that they were learned with.

    >>> texts, wanted = ["so good", "how bad", "good one", "bad one"] * 50, ["+", "-", "+", "-"] * 50
    >>> model = FastTextClassifier(dim=4, bucket=100).fit(labelled(texts, wanted), progress=False)
    >>> model.predict(["good", "bad"]), model.score(texts, wanted)
    (['+', '-'], 1.0)
    """

    def __init__(
        self,
        dim: int = 100,
        min_count: int = 1,
        word_ngrams: int = 1,
        minn: int = 0,
        maxn: int = 0,
        bucket: int = 2_000_000,
        spelling: str = "letters",
        alpha: float = 0.1,
        epochs: int = 5,
        workers: int | None = None,
        seed: int = 1,
    ) -> None:
        settings = {name: value for name, value in locals().items() if name not in ("self", "__class__")}
        super().__init__(**settings)
        for name in ("min_count", "word_ngrams", "minn", "maxn", "bucket"):
            number = settings[name]
            if not isinstance(number, int) or isinstance(number, bool) or number < 0:
                raise ValueError(
                    f"FastTextClassifier: {name} must be a whole number from 0 on, got {number!r}"
                )
        if spelling not in SPELLINGS:
            raise ValueError(f"FastTextClassifier: spelling is one of {', '.join(SPELLINGS)}")
        if word_ngrams < 1 or not 0 < alpha < math.inf:
            raise ValueError(
                "FastTextClassifier: want word_ngrams >= 1 and finite alpha > 0, got "
                f"{word_ngrams} and {alpha}"
            )
        if maxn and not 1 <= minn <= maxn:
            raise ValueError(f"FastTextClassifier: want 1 <= minn <= maxn, got {minn} and {maxn}")
        self.bucket = bucket if maxn or word_ngrams > 1 else 0
        if self.bucket < 1 and (maxn or word_ngrams > 1):
            raise ValueError("FastTextClassifier: sub-words and n-grams need at least one bucket")
        self.counts: dict[str, int] | None = None  # of the corpus, from prepare to source
        self.tokens = 0

    # Beginning --------------------------------------------------------------------------------------

    def prepare(self, corpus: Corpus, progress: bool) -> None:
        self.counts, self.store = counted(corpus)
        labels = {word: n for word, n in self.counts.items() if word.startswith(LABEL)}
        if len(labels) < 2:
            raise ValueError(
                f"FastTextClassifier: {len(labels)} different labels ({LABEL}...); want at least two"
            )
        words = {word: n for word, n in self.counts.items() if word not in labels}
        words[END] = sum(labels.values())
        if words[END] < (least := self.settings["min_count"]):
            raise ValueError(f"FastTextClassifier: min_count {least} is more than the {words[END]} lines")
        self.build(Vocabulary(words, self.settings["min_count"]), Vocabulary(labels))
        random, dim = Generator(self.seed), self.settings["dim"]
        for i in range(0, len(self.inputs), ROWS):
            part = self.inputs[i : i + ROWS]
            part[...] = (2 * random.uniform(part.shape) - 1) / np.float32(dim)

    def build(self, words: Vocabulary, classes: Vocabulary) -> None:
        self.words, self.classes = words, classes
        self.labels = [label.removeprefix(LABEL) for label in classes.words]
        dim = self.settings["dim"]
        self.inputs = table(len(words) + self.bucket, dim)
        self.outputs = table(len(classes), dim)

    # Training -----------------------------------------------------------------------------------------

    @property
    def total(self) -> int:
        return self.epochs * self.tokens

    def source(self, corpus: Corpus, progress: bool) -> Encoded:
        counts = corpus.count() if self.counts is None else self.counts
        self.counts, self.tokens = None, sum(counts.values())
        # Rare words have no rows of their own, but their sub-words have: so all are encoded.
        words = list(dict.fromkeys([END, *(word for word in counts if word not in self.classes)]))
        self.bags = bags_of(words, self.words, self.settings, self.bucket)
        return self.encoded(corpus, Vocabulary.from_words(words + self.classes.words))

    def learn(self, piece: Chunk) -> Learned:
        learned = train_labels(
            self.inputs,
            self.outputs,
            self.bags,
            piece.tokens,
            piece.ends,
            total=self.total,
            before=self.position.units,
            turn=self.position.epoch,
            alpha=self.settings["alpha"],
            batch=min(BATCH, 1 + int(self.classes.counts.sum()) // SHARE),
        )
        self.position.sentences += len(piece.ends)
        return Learned(learned.loss, learned.texts, len(piece.tokens))

    # Results ------------------------------------------------------------------------------------------

    def predict_proba(self, texts: Sequence[str | list[str]], tokenizer: Tokenizer = whitespace) -> Array:
        """The probability of each class, float32 (texts, classes), in the order of `labels`.

        A text of which nothing is known is judged by its end alone: about the classes' shares.
        """
        if isinstance(texts, str):
            raise TypeError(f"FastTextClassifier: want a list of texts, got the text {texts[:40]!r}")
        parts = [self.scores(lines) for lines in batches(texts, tokenizer)]
        return softmax(np.concatenate([np.zeros((0, len(self.labels)), np.float32), *parts]))

    def scores(self, lines: list[list[str]]) -> Array:
        words = list(dict.fromkeys([END, *(word for line in lines for word in line)]))
        tokens, ends = Vocabulary.from_words(words).encode_sentences(lines)
        starts, rows = bags_of(words, self.words, self.settings, self.bucket).of(tokens, ends)
        sizes = np.diff(starts)[:, None].astype(np.float32)
        return np.add.reduceat(self.inputs[rows], starts[:-1], axis=0) / sizes @ self.outputs.T

    def predict(self, texts: Sequence[str | list[str]], tokenizer: Tokenizer = whitespace) -> list[str]:
        """The most probable class of each text."""
        return [self.labels[i] for i in self.predict_proba(texts, tokenizer).argmax(1)]

    def predict_top(
        self, texts: Sequence[str | list[str]], k: int, tokenizer: Tokenizer = whitespace
    ) -> list[list[tuple[str, float]]]:
        """The k most probable classes of each text (all, if there are fewer) and how probable each is."""
        if k < 1:
            raise ValueError(f"predict_top: want k >= 1, got {k}")
        chances = self.predict_proba(texts, tokenizer)
        best = np.argsort(-chances, axis=1, kind="stable")[:, :k]
        return [
            [(self.labels[i], float(row[i])) for i in first] for row, first in zip(chances, best, strict=True)
        ]

    def score(
        self, texts: Sequence[str | list[str]], labels: Iterable[Any], tokenizer: Tokenizer = whitespace
    ) -> float:
        """The share of texts, one at least, whose most probable class is their label."""
        if not len(texts):
            raise ValueError("score: no texts")
        pairs = zip(self.predict(texts, tokenizer), labels, strict=True)
        return float(np.mean([found == str(label) for found, label in pairs]))

    # Files --------------------------------------------------------------------------------------------

    def file(self) -> FastTextFile:
        """What Facebook's program would write, for formats.fasttext.write: a `.bin` that it can read.

        ValueError: jamo, which that program knows nothing of.
        """
        of = self.settings
        if of["spelling"] != "letters":
            raise ValueError("FastTextClassifier: a .bin file does not hold jamo sub-words")
        args = FastTextArgs(
            dim=of["dim"],
            epoch=of["epochs"],
            min_count=of["min_count"],
            word_ngrams=of["word_ngrams"],
            loss="softmax",
            model="sup",
            bucket=self.bucket,
            minn=of["minn"],
            maxn=of["maxn"],
        )
        words, classes = self.words, self.classes
        tokens = int(words.counts.sum() + classes.counts.sum())
        tables = np.ascontiguousarray(self.inputs), np.ascontiguousarray(self.outputs)
        return FastTextFile(args, words.words, words.counts, tokens, *tables, classes.words, classes.counts)

    @classmethod
    def from_file(cls, file: FastTextFile) -> Self:
        """The classifier that formats.fasttext.read has read, with the predictions of Facebook's program.

        ValueError: the file has word vectors, or a loss other than softmax.
        """
        of = file.args
        if of.model != "sup" or of.loss != "softmax":
            raise ValueError(
                f"FastTextClassifier: wants a supervised model with softmax, the file has model {of.model} "
                f"with loss {of.loss}"
            )
        shared = ("dim", "min_count", "word_ngrams", "minn", "maxn", "bucket")
        settings = {name: value for name, value in asdict(of).items() if name in shared}
        settings["minn"] = max(of.minn, min(of.maxn, 1))  # 0 and 1 are the same to Facebook's program
        model = cls(epochs=max(of.epoch, 1), **settings)
        counts = file.counts, file.label_counts
        model.build(*map(Vocabulary.from_words, (file.words, file.labels), counts))
        model.take({"inputs": file.input, "outputs": file.output})
        return model

    def tables(self) -> dict[str, Array]:
        return {"inputs": self.inputs, "outputs": self.outputs}

    def state(self) -> dict[str, Any]:
        return {"words": packed(self.words), "classes": packed(self.classes)}

    def restore(self, state: dict[str, Any]) -> None:
        self.build(unpacked(state["words"]), unpacked(state["classes"]))


def batches(texts: Sequence[str | list[str]], tokenizer: Tokenizer) -> Iterator[list[list[str]]]:
    """The words of texts, without labels among them, about ASKED words at once."""
    lines, count = list[list[str]](), 0
    for text in texts:
        words = tokenizer(text) if isinstance(text, str) else text
        lines.append([word for word in words if not word.startswith(LABEL)])
        count += len(words) + 1
        if count >= ASKED:
            yield lines
            lines, count = [], 0
    if lines:
        yield lines


def bags_of(words: list[str], known: Vocabulary, settings: dict[str, Any], bucket: int) -> Bags:
    """The features of texts whose tokens are numbers of `words`; every one ends with fastText's "</s>".

    known  the vocabulary that has rows of its own; of other words there are only sub-words and n-grams
    """
    spell, ngrams = SPELLINGS[settings["spelling"]], settings["word_ngrams"]
    own = known.numbers(words)
    parts = own_and_subwords(words, own, len(known), settings["minn"], settings["maxn"], bucket, spell)
    hashes = None
    if ngrams > 1:
        hashes = np.array([fnv1a(word.encode()) for word in words], np.uint32).view(np.int32)
    return Bags(*parts, words.index(END), hashes, ngrams, len(known), bucket)
