"""NSMC, 200,000 reviews of films in Korean, each good (1) or bad (0): what texts are classified on.

    nsmc/ratings_train.txt, ratings_test.txt (or .xz): lines of id, document, label, tabs between them

(github.com/e9t/nsmc). Settings are chosen on a tenth of the training file that is held out, drawn with SEED;
the test file is for what was chosen."""

from __future__ import annotations

import lzma
import os
from pathlib import Path
from typing import NamedTuple

import numpy as np

from benchmarks.results import Unusable

__all__ = ["Reviews", "held_out", "read", "reviews_of"]

SEED = 0  # of the tenth that is held out


class Reviews(NamedTuple):
    """Texts and their labels."""

    texts: list[str]
    labels: list[str]


def reviews_of(data: Path | None) -> Path:
    """nsmc/ of a data folder (None: $AUTOGRAD_DATA). Unusable: it lacks one of the files."""
    folder = (data or Path(os.environ.get("AUTOGRAD_DATA", ""))) / "nsmc"
    for part in ("train", "test"):
        file_of(folder, part)
    return folder


def file_of(folder: Path, part: str) -> Path:
    found = sorted(folder.glob(f"ratings_{part}.txt*"))
    if not found:
        raise Unusable(f"no nsmc/ratings_{part}.txt (or .xz) in --data DIR or $AUTOGRAD_DATA")
    return found[0]


def read(folder: Path, part: str) -> Reviews:
    """The reviews of a part, "train" or "test". Unusable: a line is none, and which."""
    path, found = file_of(folder, part), Reviews([], [])
    opened = lzma.open if path.suffix == ".xz" else open
    with opened(path, "rt", encoding="utf-8", newline="\n") as lines:
        for number, line in enumerate(lines, 1):
            fields = line.rstrip("\r\n").split("\t")
            if len(fields) != 3 or (number > 1 and fields[2] not in ("0", "1")):
                raise Unusable(
                    f"{path}: line {number} is not an id, a text and 0 or 1 with tabs between them"
                )
            if number > 1:  # the first names the columns
                found.texts.append(fields[1])
                found.labels.append(fields[2])
    return found


def held_out(reviews: Reviews) -> tuple[Reviews, Reviews]:
    """Nine tenths, in their order, and the tenth that was drawn."""
    count = len(reviews.texts)
    mask = np.zeros(count, bool)
    mask[np.random.default_rng(SEED).permutation(count)[: count // 10]] = True
    both = [Reviews([], []), Reviews([], [])]
    for text, label, out in zip(*reviews, mask, strict=True):
        both[int(out)].texts.append(text)
        both[int(out)].labels.append(label)
    return both[0], both[1]
