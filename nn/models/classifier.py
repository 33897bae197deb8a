"""FastText's classifier: the mean of a text's rows, and a softmax over classes (Joulin et al. 2017).

model = FastTextClassifier(word_ngrams=2).fit(labelled(texts, labels))
model.predict(["a film that stays with you"])

A text is words, their sub-words, and pairs (n-grams) of words; all but the words are hashed to rows. tape.py
has the same model as an essay.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from typing import Any

import numpy as np

from autograd.ops.random import Generator
from nn.models.fasttext import own_and_subwords
from nn.models.training import Learned, WordModel, packed, unpacked
from nn.text.corpus import Chunk, Corpus
from nn.text.encoded import Encoded
from nn.text.formats.fasttext import FastTextArgs, FastTextFile
from nn.text.subwords import END, SPELLINGS, fnv1a
from nn.text.tokenize import Tokenizer, whitespace
from nn.text.vocabulary import Vocabulary

__all__ = ["LABEL", "FastTextClassifier", "labelled"]

Array = np.ndarray[Any, Any]

LABEL = "__label__"  # how labels begin, among the words of a line
MIX = np.uint64(116049371)  # fastText's multiplier for the hash of several words
BATCH = 32  # at most so many texts are computed before any is written,
SHARE = 1000  # and no more than this part of all: what a few texts repeat would be added up to leaps


def labelled(
    texts: Iterable[str | list[str]], labels: Iterable[Any], tokenizer: Tokenizer = whitespace
) -> Corpus:
    """A corpus to fit: texts (or lists of words), each with a label.

    >>> list(labelled(["good film"], ["positive"]))
    [['__label__positive', 'good', 'film']]
    """
    pairs = zip(texts, labels, strict=True)
    return Corpus.of([[f"{LABEL}{b}", *(tokenizer(a) if isinstance(a, str) else a)] for a, b in pairs])


class FastTextClassifier(WordModel):
    """Classes of short texts. A line of the corpus has its label among its words, as "__label__good".

    dim, min_count, epochs, workers, seed  as in Word2Vec
    minn, maxn, bucket, spelling           sub-words, as in FastText; by default there are none
    word_ngrams  up to so many words in a row are a feature too
    alpha        the rate of learning at the beginning; it falls to 0

    A line of several labels learns them in turn, one an epoch. `labels` are the classes, the most frequent
    first. Up to 32 texts are computed at once, by NumPy, so `workers` does nothing.

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
        if spelling not in SPELLINGS:
            raise ValueError(f"FastTextClassifier: spelling is one of {', '.join(SPELLINGS)}")
        if word_ngrams < 1 or not alpha > 0:
            raise ValueError("FastTextClassifier: want word_ngrams >= 1 and alpha > 0")
        if maxn and not 1 <= minn <= maxn:
            raise ValueError(f"FastTextClassifier: want 1 <= minn <= maxn, got {minn} and {maxn}")
        self.bucket = bucket if maxn or word_ngrams > 1 else 0
        if self.bucket < 1 and (maxn or word_ngrams > 1):
            raise ValueError("FastTextClassifier: sub-words and n-grams need at least one bucket")
        self.counts: Counter[str] | None = None  # of the corpus, from prepare to source
        self.tokens = 0

    # Beginning --------------------------------------------------------------------------------------

    def prepare(self, corpus: Corpus, progress: bool) -> None:
        self.counts = corpus.count()
        labels = {word: n for word, n in self.counts.items() if word.startswith(LABEL)}
        if len(labels) < 2:
            raise ValueError(
                f"FastTextClassifier: {len(labels)} different labels ({LABEL}...); want at least two"
            )
        words = {word: n for word, n in self.counts.items() if word not in labels}
        words[END] = sum(labels.values())
        self.build(Vocabulary(words, self.settings["min_count"]), Vocabulary(labels))
        dim = self.settings["dim"]
        self.inputs[...] = (2 * Generator(self.seed).uniform(self.inputs.shape) - 1) / np.float32(dim)

    def build(self, words: Vocabulary, classes: Vocabulary) -> None:
        self.words, self.classes = words, classes
        self.labels = [label.removeprefix(LABEL) for label in classes.words]
        dim = self.settings["dim"]
        self.inputs = np.zeros((len(words) + self.bucket, dim), np.float32)
        self.outputs = np.zeros((len(classes), dim), np.float32)

    # Training -----------------------------------------------------------------------------------------

    @property
    def total(self) -> int:
        return self.epochs * self.tokens

    def source(self, corpus: Corpus, progress: bool) -> Encoded:
        counts = corpus.count() if self.counts is None else self.counts
        self.counts, self.tokens = None, sum(counts.values())
        # Rare words have no rows of their own, but their sub-words have: so all are encoded.
        words = list(dict.fromkeys([END, *(word for word in counts if word not in self.classes)]))
        self.first_label = len(words)
        self.features = Features(words, self.words, self.settings, self.bucket)
        return Encoded(corpus, Vocabulary.from_words(words + self.classes.words))

    def learn(self, piece: Chunk) -> Learned:
        lines = np.repeat(np.arange(len(piece.ends)), np.diff(piece.ends, prepend=0))
        is_label = piece.tokens >= self.first_label
        counts = np.bincount(lines[is_label], minlength=len(piece.ends))
        first = np.cumsum(counts) - counts
        kept = np.flatnonzero(counts)
        found = piece.tokens[is_label] - self.first_label
        target = found[first[kept] + self.position.epoch % counts[kept]]

        ends = np.cumsum(np.bincount(lines[~is_label], minlength=len(piece.ends)))
        starts, rows = self.features(piece.tokens[~is_label], ends)
        loss = 0.0
        size = min(BATCH, 1 + int(self.classes.counts.sum()) // SHARE)
        for i in range(0, len(kept), size):
            done = (self.position.units + piece.ends[kept[i]]) / self.total
            rate = self.settings["alpha"] * max(1 - done, 0)
            loss += self.descend(starts, rows, kept[i : i + size], target[i : i + size], rate)
        self.position.sentences += len(piece.ends)
        return Learned(loss, len(kept), len(piece.tokens))

    def descend(self, starts: Array, rows: Array, lines: Array, target: Array, rate: float) -> float:
        """One update on some lines; the sum of their losses."""
        begin, end = starts[lines], starts[lines + 1]
        sizes = end - begin
        if len(lines) == lines[-1] - lines[0] + 1:
            mine = rows[begin[0] : end[-1]]
        else:
            mine = np.concatenate([rows[a:b] for a, b in zip(begin, end, strict=True)])
        first = np.cumsum(sizes) - sizes
        hidden = np.add.reduceat(self.inputs.take(mine, axis=0), first, axis=0) / sizes[:, None].astype(
            np.float32
        )
        error = softmax(hidden @ self.outputs.T)
        numbers = np.arange(len(lines))
        loss = -float(np.log(error[numbers, target] + np.float32(1e-30)).sum())
        error[numbers, target] -= 1
        error *= np.float32(rate)
        change = (error @ self.outputs) / sizes[:, None].astype(np.float32)
        self.outputs -= error.T @ hidden
        # Number by number: NumPy's `at` is several times faster on one dimension.
        places = mine.astype(np.int64)[:, None] * change.shape[1] + np.arange(change.shape[1])
        np.subtract.at(self.inputs.reshape(-1), places.ravel(), np.repeat(change, sizes, axis=0).ravel())
        return loss

    # Results ------------------------------------------------------------------------------------------

    def predict_proba(self, texts: Sequence[str | list[str]], tokenizer: Tokenizer = whitespace) -> Array:
        """The probability of each class, float32 (texts, classes), in the order of `labels`."""
        scores = [self.scores(texts[i : i + 4096], tokenizer) for i in range(0, len(texts), 4096)]
        return softmax(np.concatenate([np.zeros((0, len(self.labels)), np.float32), *scores]))

    def scores(self, texts: Sequence[str | list[str]], tokenizer: Tokenizer) -> Array:
        lines = [tokenizer(text) if isinstance(text, str) else text for text in texts]
        words = list(dict.fromkeys([END, *(word for line in lines for word in line)]))
        tokens, ends = Vocabulary.from_words(words).encode_sentences(lines)
        starts, rows = Features(words, self.words, self.settings, self.bucket)(tokens, ends)
        sizes = np.diff(starts)[:, None].astype(np.float32)
        return np.add.reduceat(self.inputs.take(rows, axis=0), starts[:-1], axis=0) / sizes @ self.outputs.T

    def predict(self, texts: Sequence[str | list[str]], tokenizer: Tokenizer = whitespace) -> list[str]:
        """The most probable class of each text."""
        return [self.labels[i] for i in self.predict_proba(texts, tokenizer).argmax(1)]

    def score(
        self, texts: Sequence[str | list[str]], labels: Iterable[Any], tokenizer: Tokenizer = whitespace
    ) -> float:
        """The share of texts whose most probable class is their label."""
        pairs = zip(self.predict(texts, tokenizer), labels, strict=True)
        return float(np.mean([found == str(label) for found, label in pairs]))

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
        tables = self.inputs, self.outputs
        return FastTextFile(args, words.words, words.counts, tokens, *tables, classes.words, classes.counts)

    def tables(self) -> dict[str, Array]:
        return {"inputs": self.inputs, "outputs": self.outputs}

    def state(self) -> dict[str, Any]:
        return {"words": packed(self.words), "classes": packed(self.classes)}

    def restore(self, state: dict[str, Any]) -> None:
        self.build(unpacked(state["words"]), unpacked(state["classes"]))


class Features:
    """The rows of texts whose tokens are numbers of `words`; every line ends with fastText's "</s>".

    known  the vocabulary that has rows of its own; of other words there are only sub-words and n-grams
    """

    def __init__(self, words: list[str], known: Vocabulary, settings: dict[str, Any], bucket: int) -> None:
        self.first, self.bucket, self.most = len(known), bucket, settings["word_ngrams"]
        self.end = words.index(END)
        spell = SPELLINGS[settings["spelling"]]
        self.starts, self.rows = own_and_subwords(
            words, known.numbers(words), len(known), settings["minn"], settings["maxn"], bucket, spell
        )
        hashes = np.array([fnv1a(word.encode()) for word in words] if self.most > 1 else [], np.uint32)
        self.hashes = hashes.view(np.int32).astype(np.int64).view(np.uint64)

    def __call__(self, tokens: Array, ends: Array) -> tuple[Array, Array]:
        """(starts, rows) of lines: rows[starts[i]:starts[i + 1]] are those of line i."""
        tokens = np.insert(tokens, ends, self.end)
        ends = ends + np.arange(1, len(ends) + 1)
        lines = np.repeat(np.arange(len(ends)), np.diff(ends, prepend=0))
        sizes = np.diff(self.starts)[tokens]
        inside = np.arange(sizes.sum()) - np.repeat(np.cumsum(sizes) - sizes, sizes)
        rows = [self.rows[np.repeat(self.starts[tokens], sizes) + inside]]
        owners = [np.repeat(lines, sizes)]
        room = ends[lines] - np.arange(len(tokens))  # words to the line's end
        value = self.hashes[tokens] if self.most > 1 else None
        for n in range(2, self.most + 1):
            begin = np.flatnonzero(room >= n)
            assert value is not None
            value[begin] = value[begin] * MIX + self.hashes[tokens[begin + n - 1]]
            rows.append((value[begin] % np.uint64(self.bucket)).astype(np.int32) + np.int32(self.first))
            owners.append(lines[begin])
        owner = np.concatenate(owners)
        order = np.argsort(owner, kind="stable")
        starts = np.concatenate([[0], np.cumsum(np.bincount(owner, minlength=len(ends)))])
        return starts, np.concatenate(rows)[order]


def softmax(scores: Array) -> Array:
    powers = np.exp(scores - scores.max(1, keepdims=True))
    return np.asarray(powers / powers.sum(1, keepdims=True))
