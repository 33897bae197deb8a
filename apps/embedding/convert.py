"""`convert`: vectors from one format into another."""

from __future__ import annotations

from argparse import Namespace

from apps.command import UserError
from apps.embedding.files import check_ending, losses_of, open_vectors, write
from nn.text import formats

__all__ = ["run"]


def run(options: Namespace) -> int:
    source, target = options.input, options.result
    if options.to is None:
        check_ending(target)
    if target.is_dir():
        raise UserError(f"{target}: is a folder; want the name of a file")
    vectors = open_vectors(source, options.limit)
    write(target, vectors, options.to)
    kinds = [formats.detect(path) for path in (source, target)]
    print(
        f"{source} ({kinds[0]}) -> {target} ({kinds[1]}): {len(vectors):,} words, dim {vectors.dim}"
        + losses_of(target, vectors)
    )
    return 0
