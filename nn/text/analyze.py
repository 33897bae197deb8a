"""From a document to the parts whose n-grams are counted: scikit-learn's text options, and what they do."""

from __future__ import annotations

import re
import unicodedata
import warnings
from collections.abc import Callable, Collection
from typing import Any

from nn.text.stop_words import ENGLISH
from nn.text.tokenize import regex

__all__ = ["TOKEN_PATTERN", "Analyzer", "strip_accents_ascii", "strip_accents_unicode"]

TOKEN_PATTERN = r"(?u)\b\w\w+\b"
WHITE_SPACES = re.compile(r"\s\s+")


def strip_accents_unicode(text: str) -> str:
    """Letters without their marks (NFKD): é becomes e, and 가 the letters ᄀ, ᅡ that join.

    >>> strip_accents_unicode("Ångström café")
    'Angstrom cafe'
    """
    if text.isascii():
        return text
    return "".join(c for c in unicodedata.normalize("NFKD", text) if not unicodedata.combining(c))


def strip_accents_ascii(text: str) -> str:
    """Letters without their marks, and without all that is not ASCII then: Korean goes altogether.

    >>> strip_accents_ascii("café 도서")
    'cafe '
    """
    return unicodedata.normalize("NFKD", text).encode("ascii", "ignore").decode("ascii")


class Analyzer:
    """The text options of the vectorizers, checked; `parts(document)` applies them.

    ValueError: an option of no known value. Options that have no effect beside others give a warning.
    """

    def __init__(
        self,
        *,
        input: str = "content",
        encoding: str = "utf-8",
        decode_error: str = "strict",
        strip_accents: str | Callable[[str], str] | None = None,
        lowercase: bool = True,
        preprocessor: Callable[[Any], Any] | None = None,
        tokenizer: Callable[[str], list[str]] | None = None,
        stop_words: str | Collection[str] | None = None,
        token_pattern: str | None = TOKEN_PATTERN,
        ngram_range: tuple[int, int] = (1, 1),
        analyzer: str | Callable[[Any], list[str]] = "word",
    ) -> None:
        one_of("input", input, ("content", "filename", "file"))
        one_of("decode_error", decode_error, ("strict", "ignore", "replace"))
        if not callable(analyzer):
            one_of("analyzer", analyzer, ("word", "char", "char_wb"))
        if not callable(strip_accents):
            one_of("strip_accents", strip_accents, ("ascii", "unicode", None))
        if isinstance(stop_words, str):
            one_of("stop_words", stop_words, ("english",))
        self.low, self.high = check_range(ngram_range)
        self.input, self.encoding, self.decode_error = input, encoding, decode_error
        self.lowercase, self.preprocessor, self.analyzer = lowercase, preprocessor, analyzer
        self.strip = strip_accents_of(strip_accents)
        self.stop_words = ENGLISH if stop_words == "english" else frozenset(stop_words or ())
        self.tokenize = tokenizer
        if analyzer == "word" and tokenizer is None:
            if token_pattern is None:
                raise ValueError("analyzer 'word' needs a token_pattern or a tokenizer")
            self.tokenize = regex(token_pattern)
        if callable(analyzer):
            self.low = self.high = 1
            pairs = tuple(ngram_range) != (1, 1)
            self.warn("the analyzer is a function", preprocessor=preprocessor, ngram_range=pairs)
        if analyzer != "word":
            changed = token_pattern not in (None, TOKEN_PATTERN)
            self.warn("the analyzer is not 'word'", stop_words=stop_words, token_pattern=changed)
            self.warn("the analyzer is not 'word'", tokenizer=tokenizer)
        self.check_stop_words()

    @staticmethod
    def warn(why: str, **unused: Any) -> None:
        for name, value in unused.items():
            if value:
                warnings.warn(f"{name} has no effect: {why}", stacklevel=4)

    def check_stop_words(self) -> None:
        """Warn of stop words that documents never show, as they are split or changed first."""
        if self.tokenize is None or self.preprocessor is not None or self.analyzer != "word":
            return
        tokens = {token for word in self.stop_words for token in self.tokenize(self.preprocess(word))}
        if strange := sorted(tokens - self.stop_words):
            warnings.warn(
                f"stop_words: documents are split and changed first, and so are these words, which then give "
                f"{strange}, not among them",
                stacklevel=4,
            )

    def decode(self, document: Any) -> Any:
        if self.input == "filename":
            with open(document, "rb") as file:
                document = file.read()
        elif self.input == "file":
            document = document.read()
        if isinstance(document, bytes):
            return document.decode(self.encoding, self.decode_error)
        return document

    def preprocess(self, text: Any) -> Any:
        if self.preprocessor is not None:
            return self.preprocessor(text)
        if not isinstance(text, str):
            raise ValueError(f"a document must be text, got {text!r:.80}")
        if self.lowercase:
            text = text.lower()
        return text if self.strip is None else self.strip(text)

    def parts(self, document: Any) -> list[Any]:
        """What no n-gram crosses the borders of: lists of words, or, for n-grams of characters, texts.

        >>> Analyzer(stop_words=["the"]).parts("The cat sat")
        [['cat', 'sat']]
        >>> Analyzer(analyzer="char").parts("The  cat"), Analyzer(analyzer="char_wb").parts("The  cat")
        (['the cat'], [' the ', ' cat '])
        """
        document = self.decode(document)
        if callable(self.analyzer):
            return [list(self.analyzer(document))]
        text = self.preprocess(document)
        if self.analyzer == "word":
            tokens = self.tokenize(text)  # type: ignore[misc]
            return [[t for t in tokens if t not in self.stop_words] if self.stop_words else tokens]
        if self.analyzer == "char":
            return [WHITE_SPACES.sub(" ", text)]
        return [f" {word} " for word in text.split()]

    @property
    def spelling(self) -> bool:
        """Whether parts are texts."""
        return self.analyzer in ("char", "char_wb")


def one_of(name: str, value: Any, allowed: tuple[Any, ...]) -> None:
    if value not in allowed:
        raise ValueError(f"{name} must be one of {allowed}, got {value!r}")


def check_range(ngram_range: tuple[int, int]) -> tuple[int, int]:
    if len(ngram_range) != 2 or not 1 <= ngram_range[0] <= ngram_range[1]:
        raise ValueError(f"ngram_range must be (low, high) with 1 <= low <= high, got {ngram_range}")
    return ngram_range


def strip_accents_of(option: str | Callable[[str], str] | None) -> Callable[[str], str] | None:
    named = {"ascii": strip_accents_ascii, "unicode": strip_accents_unicode}
    return named[option] if isinstance(option, str) else option
