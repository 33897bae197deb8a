"""Words become vectors: see how, train them, ask them, judge them, draw them.

commands:
  onehot     from words to numbers: one-hot vectors, CBOW and skip-gram
  tfidf      texts as weighted counts of their words
  train      learn vectors from a text
  similar    the words nearest to a word
  analogy    man is to king as woman is to ...
  evaluate   scores on pairs judged by people, and on analogies
  plot       maps of words as PNG, and a page to search in
  convert    one format of vectors into another

try:
  python -m apps.embedding onehot
  python -m apps.embedding train        tiny Shakespeare, some seconds
  python -m apps.embedding similar runs/embedding-cbow.safetensors king father
  python -m apps.embedding plot runs/embedding-cbow.safetensors

Each command explains itself: python -m apps.embedding train --help
"""

from __future__ import annotations

import argparse
import importlib
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from apps.command import MOST_THREADS, Parser, number, run
from apps.embedding import explained

FORMATS = ("word2vec", "word2vec-binary", "fasttext", "glove", "safetensors")
MODELS = ("cbow", "skipgram", "fasttext", "glove")
TOKENIZERS = ("words", "whitespace", "characters", "syllables", "particles", "jamo")

Commands = Any  # argparse's _SubParsersAction


def main(arguments: Sequence[str] | None = None) -> int:
    return run(make_parser(), arguments)


def make_parser() -> argparse.ArgumentParser:
    parser = Parser(prog="python -m apps.embedding", description=__doc__, usage="%(prog)s COMMAND ...")
    commands = parser.add_subparsers(
        dest="command", required=True, metavar="COMMAND", help=argparse.SUPPRESS, prog=parser.prog
    )
    add_lessons(commands)
    add_train(commands)
    add_similar(commands)
    add_analogy(commands)
    add_evaluate(commands)
    add_plot(commands)
    add_convert(commands)
    return parser


def late(module: str, function: str = "run") -> Callable[[argparse.Namespace], int]:
    """A command whose module is imported when it runs, so that --help and mistakes are quick."""

    def command(options: argparse.Namespace) -> int:
        return int(getattr(importlib.import_module(f"apps.embedding.{module}"), function)(options))

    return command


def add_command(commands: Commands, name: str, description: str, examples: str, **options: Any) -> Parser:
    lines = "\n".join(f"  python -m apps.embedding {line}" for line in examples.splitlines())
    parser: Parser = commands.add_parser(
        name, description=description, epilog=f"examples:\n{lines}", **options
    )
    return parser


def add_lessons(commands: Commands) -> None:
    for name, description in (("onehot", explained.ONEHOT), ("tfidf", explained.TFIDF)):
        parser = add_command(commands, name, description, f"{name}\n{name} --data ~/data")
        parser.set_defaults(run=late(name))
        parser.add_argument("--data", type=Path, metavar="DIR",
                            help="folder with kowiki/ or nsmc/ (default: $AUTOGRAD_DATA)")  # fmt: skip
        if name == "onehot":
            parser.add_argument("--lines", type=number(int, 1000), metavar="N",
                                help="of the Korean text that are read (default: all)")  # fmt: skip
            add_seed(parser)
            add_workers(parser)


def add_train(commands: Commands) -> None:
    parser = add_command(commands, "train", explained.TRAIN, explained.TRAIN_EXAMPLES)
    parser.epilog += explained.TRAIN_END
    parser.set_defaults(run=late("train"))
    add = parser.add_argument
    count = number(int, 1, 10_000_000)
    add("--model", choices=MODELS, metavar="NAME", help=f"{', '.join(MODELS)} (default: cbow)")
    add("--corpus", type=Path, nargs="+", metavar="FILE",
        help="text files, plain or .gz .xz .bz2, a sentence a line (default: tiny Shakespeare)")  # fmt: skip
    add("--tokenizer", choices=TOKENIZERS, metavar="NAME", help="see above (default: words)")
    add("--output", type=Path, metavar="FILE",
        help="the ending picks the format (default: runs/TEXT-MODEL.safetensors; of tiny Shakespeare "
        "runs/embedding-MODEL.safetensors)")  # fmt: skip
    add("--pairs", type=Path, metavar="FILE",
        help="pairs judged by people, as evaluate takes them: a score after each epoch")  # fmt: skip
    add("--patience", type=number(int, 1, 10_000), metavar="N",
        help="stop after N epochs without a better score, and take the best (needs --pairs)")  # fmt: skip
    add("--resume", action="store_true", help="go on with the run that was interrupted")
    add_seed(parser)
    add_workers(parser)
    group = parser.add_argument_group("settings of the models (defaults above)")
    add = group.add_argument
    add("--dim", type=number(int, 1, 10_000), metavar="N", help="numbers in a vector")
    add("--window", type=number(int, 1, 1000), metavar="N", help="words looked at to each side, at most")
    add("--negative", type=number(int, 0, 1000), metavar="N", help="random words for each true one")
    add("--epochs", type=number(int, 1, 10_000), metavar="N", help="passes over the text")
    add("--min-count", type=count, metavar="N", help="rarer words are left out")
    add("--max-vocab-size", type=count, metavar="N", help="words held while counting (default: all)")
    add("--sample", type=number(float, 0, 1), metavar="X", help="thin out words of a larger share; 0: none")
    add("--alpha", type=number(float, 0, 10, above=True), metavar="X", help="rate of learning at the start")
    add("--hs", action="store_true", default=None, help="hierarchical softmax instead of negative samples")
    add("--minn", type=number(int, 1, 100), metavar="N", help="fasttext: shortest sub-words")
    add("--maxn", type=number(int, 0, 100), metavar="N", help="fasttext: longest sub-words; 0: none")
    add("--bucket", type=number(int, 1, 100_000_000), metavar="N", help="fasttext: rows for sub-words")
    add("--x-max", type=number(float, 0, 1e9, above=True), metavar="X", help="glove: count of full weight")


def add_similar(commands: Commands) -> None:
    parser = add_command(commands, "similar", explained.SIMILAR, explained.SIMILAR_EXAMPLES)
    parser.set_defaults(run=late("ask", "similar"))
    add_vectors(parser)
    parser.add_argument("words", nargs="+", metavar="WORD", help="words to ask about")
    add_choice(parser)


def add_analogy(commands: Commands) -> None:
    parser = add_command(
        commands,
        "analogy",
        explained.ANALOGY,
        explained.ANALOGY_EXAMPLES,
        usage="%(prog)s VECTORS A B C [flags]",
    )
    parser.set_defaults(run=late("ask", "analogy"))
    add_vectors(parser)
    parser.add_argument("words", nargs=3, metavar="WORD", help="A, B and C")
    parser.add_argument("--multiply", action="store_true", help="multiply likenesses instead of adding them")
    add_choice(parser)


def add_evaluate(commands: Commands) -> None:
    parser = add_command(commands, "evaluate", explained.EVALUATE, explained.EVALUATE_EXAMPLES)
    parser.set_defaults(run=late("evaluate"))
    add_vectors(parser)
    add = parser.add_argument
    add("--pairs", type=Path, nargs="+", metavar="FILE", help="two words and people's score a line")
    add("--analogies", type=Path, metavar="FILE", help="four words a line, in sections")
    add("--restrict", type=number(int, 1), default=30_000, metavar="N",
        help="analogies: only the first (most frequent) N words (default: 30000); pairs: all")  # fmt: skip
    add("--multiply", action="store_true", help="analogies: multiply likenesses instead of adding them")
    add("--unseen", action="store_true", help="pairs: unknown words take vectors of their sub-words")
    add("--case", action="store_true", help="tell upper from lower case")


def add_plot(commands: Commands) -> None:
    parser = add_command(commands, "plot", explained.PLOT, explained.PLOT_EXAMPLES)
    parser.set_defaults(run=late("plot"))
    add_vectors(parser)
    parser.add_argument("chosen", nargs="*", metavar="WORD", help="words to draw, with their neighbours")
    parser.add_argument("--words", type=number(int, 10, 5000), default=600, metavar="N",
                        help="how many of the most frequent words (default: 600)")  # fmt: skip
    parser.add_argument("--perplexity", type=number(float, 2, 500), default=30.0, metavar="X",
                        help="of t-SNE: about how many neighbours count (default: 30)")  # fmt: skip
    parser.add_argument(
        "--output", type=Path, metavar="DIR", help="folder (default: VECTORS-map, without the ending)"
    )


def add_convert(commands: Commands) -> None:
    parser = add_command(commands, "convert", explained.CONVERT, explained.CONVERT_EXAMPLES)
    parser.set_defaults(run=late("convert"))
    parser.add_argument("input", type=Path, metavar="IN", help="file of vectors")
    parser.add_argument("result", type=Path, metavar="OUT", help="file to write; the ending picks the format")
    parser.add_argument("--to", choices=FORMATS, metavar="FORMAT", help="instead: " + ", ".join(FORMATS))
    parser.add_argument("--limit", type=number(int, 2), metavar="N", help="only the first N words")


# Flags that commands share -----------------------------------------------------------------------


def add_vectors(parser: Parser) -> None:
    parser.add_argument("vectors", type=Path, metavar="VECTORS", help="file of vectors, of any format")


def add_choice(parser: Parser) -> None:
    parser.add_argument("--top", type=number(int, 1, 10_000), default=10, metavar="N",
                        help="how many words (default: 10)")  # fmt: skip
    parser.add_argument("--restrict", type=number(int, 1), metavar="N",
                        help="only among the first (most frequent) N words")  # fmt: skip


def add_seed(parser: Parser) -> None:
    parser.add_argument("--seed", type=number(int, 0, 2**63 - 1), metavar="S",
                        help="of all random numbers (default: 0)")  # fmt: skip


def add_workers(parser: Parser) -> None:
    parser.add_argument("--workers", type=number(int, 1, MOST_THREADS), metavar="N",
                        help="threads (default: one per core); with 1, runs repeat to the bit")  # fmt: skip


if __name__ == "__main__":
    sys.exit(main())
