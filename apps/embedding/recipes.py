"""What training takes where nothing is said, and the model it makes of it.

For files, the defaults of the models, which are those of word2vec's, fastText's and GloVe's programs but for
CBOW's rate (its error is divided); for tiny Shakespeare, 200,000 words, more epochs, other rates and fewer
buckets.
"""

from __future__ import annotations

from typing import Any

from apps.command import UserError
from nn.models.fasttext import FastText
from nn.models.glove import GloVe
from nn.models.training import WordModel
from nn.models.word2vec import Word2Vec

__all__ = ["CLASSES", "MODELS", "make", "settings_of"]

Model = Word2Vec | FastText | GloVe

CLASSES: dict[str, type[WordModel]] = {
    "cbow": Word2Vec, "skipgram": Word2Vec, "fasttext": FastText, "glove": GloVe,
}  # fmt: skip
MODELS = tuple(CLASSES)

WINDOWED: dict[str, Any] = {
    "dim": 100, "window": 5, "epochs": 5, "min_count": 5, "negative": 5, "hs": False, "sample": 1e-3,
}  # fmt: skip
RECIPES: dict[str, dict[str, Any]] = {
    "cbow": {**WINDOWED, "alpha": 0.15},
    "skipgram": {**WINDOWED, "alpha": 0.035},
    "fasttext": {**WINDOWED, "alpha": 0.03, "minn": 3, "maxn": 6, "bucket": 2_000_000},
    "glove": {"dim": 100, "window": 15, "epochs": 25, "min_count": 5, "alpha": 0.05, "x_max": 100.0},
}
SMALL: dict[str, dict[str, Any]] = {
    "cbow": {"epochs": 25, "alpha": 0.05},
    "skipgram": {"epochs": 20, "alpha": 0.05},
    "fasttext": {"epochs": 10, "alpha": 0.05, "bucket": 50_000},
    "glove": {"x_max": 10.0},
}


def settings_of(model: str, small: bool, given: dict[str, Any]) -> dict[str, Any]:
    """All settings of a run: what was given, else what the recipe says. UserError: one that the model has
    no use for."""
    recipe = RECIPES[model] | (SMALL[model] if small else {})
    given = {name: value for name, value in given.items() if value is not None}
    for name in given:
        if name not in recipe and name not in ("workers", "seed", "max_vocab_size"):
            raise UserError(f"--{name.replace('_', '-')}: --model {model} has no such setting")
    settings = {"seed": 0, "workers": None, "max_vocab_size": None, **recipe, **given}
    if "hs" in recipe and settings["hs"] and "negative" not in given:
        settings["negative"] = 0  # one of the two, unless both are asked for
    if settings.get("negative") == 0 and not settings["hs"]:
        raise UserError("--negative 0 needs --hs: something must tell true words from others")
    return settings


def make(model: str, settings: dict[str, Any], tokenizer: str) -> WordModel:
    """The model, untrained. UserError: settings that make no sense together."""
    extra: dict[str, Any] = {}
    if model in ("cbow", "skipgram", "fasttext"):
        extra["sg"] = model != "cbow"
    if model == "fasttext" and tokenizer == "jamo":
        extra["spelling"] = "jamo"
    elif tokenizer == "jamo":
        raise UserError(f"--tokenizer jamo: only --model fasttext looks into words, {model} does not")
    try:
        return CLASSES[model](**settings, **extra)
    except ValueError as error:
        raise UserError(str(error)) from None
