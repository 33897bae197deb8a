"""`plot`: maps of words as PNG, and a page to search in."""

from __future__ import annotations

import sys
import time
from argparse import Namespace
from pathlib import Path

from apps.command import UserError, writable_folder
from apps.embedding.files import ENDINGS, open_vectors, word_error
from nn.progress import Progress
from nn.text import WordVectors, formats
from nn.text.stop_words import ENGLISH

__all__ = ["chosen_words", "run"]

NEIGHBOURS = 25  # drawn around each word that was asked for


def run(options: Namespace) -> int:
    try:
        from apps.embedding import page, pictures, projection
    except ImportError as error:
        raise UserError(f'pictures need {error.name}: run pip install "kernelgrad[apps]"') from None

    vectors = open_vectors(options.vectors)
    words = chosen_words(vectors, options)
    asked = set(options.chosen)
    title = f"{options.vectors.name}: {len(words):,} of {len(vectors):,} words"
    folder = writable_folder(options.output or default_folder(options.vectors))
    if any("가" <= letter <= "힣" for word in words for letter in word) and not pictures.hangul_font():
        print("no font with Hangul was found: the PNGs show boxes in its place", file=sys.stderr)

    x = vectors[words]
    flat, share = projection.pca(x)
    note = f"PCA: {share:.0%} of the variance is in these two directions"
    named = pictures.draw(flat, words, asked, title, note, folder / "pca.png")
    print(f"wrote {folder / 'pca.png'}: {len(words):,} words, {named:,} with their names; {note}", flush=True)
    begun = time.perf_counter()
    with Progress(projection.STEPS, 0, True, "steps") as bar:  # thousands of words take minutes
        near, divergence = projection.tsne(
            x, options.perplexity, tell=lambda n: bar.batch("t-SNE", {}, n / (time.perf_counter() - begun))
        )
    note = f"t-SNE: divergence {divergence:.2f}; neighbours count, large distances don't"
    named = pictures.draw(near, words, asked, title, note, folder / "tsne.png")
    print(f"wrote {folder / 'tsne.png'}: {named:,} names; {note}")
    page.write(folder / "map.html", title, words, x, {"t-SNE": near, "PCA": flat}, options.chosen)
    print(f"wrote {folder / 'map.html'}: open it in a browser; it needs no server and no network")
    return 0


def chosen_words(vectors: WordVectors, options: Namespace) -> list[str]:
    """The words asked for and their neighbours; else the most frequent, without English words that say
    little and single letters. All with a vector that is not zeros."""
    for word in options.chosen:
        if word not in vectors:
            raise word_error(options.vectors, vectors, word)
    if options.chosen:
        found = list(options.chosen)
        for word in options.chosen:
            found += [near for near, _ in vectors.most_similar(word, topn=NEIGHBOURS)]
        return list(dict.fromkeys(found))
    plain = [
        word
        for word, scale in zip(vectors.words, vectors.inverse_norms, strict=True)
        if scale and word.lower() not in ENGLISH and not (len(word) == 1 and word.isascii())
    ]
    if len(plain) < 3:
        raise UserError(f"{options.vectors}: want at least three words that say something, got {len(plain)}")
    return plain[: options.words]


def default_folder(vectors: Path) -> Path:
    """words-map for words.vec.gz."""
    name = vectors.name
    while Path(name).suffix.lower() in (*ENDINGS, *formats.PACKED):
        name = Path(name).stem
    return vectors.with_name(f"{name}-map")
