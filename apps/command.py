"""What all apps share at the command line: flags, numbers that are checked, errors of one line.

A mistake of the user is a UserError: one line on stderr, exit code 2, no traceback. A mistake of ours is
any other exception, and keeps its traceback.
"""

from __future__ import annotations

import argparse
import math
import os
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, NoReturn

import autograd
from autograd import kernels
from nn.data import DataError

__all__ = ["Parser", "UserError", "add_shared_flags", "backend", "number", "run", "writable_folder"]

MOST_THREADS = 1024


class UserError(Exception):
    """What the user gave can't be used; the message is one line that says what and why."""


class Parser(argparse.ArgumentParser):
    """An ArgumentParser whose help keeps its line breaks and whose errors are one line."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        kwargs.setdefault("formatter_class", argparse.RawDescriptionHelpFormatter)
        kwargs.setdefault("allow_abbrev", False)
        super().__init__(*args, **kwargs)

    def error(self, message: str) -> NoReturn:
        self.exit(2, f"{self.prog}: error: {message} (see --help)\n")


def number(
    kind: Callable[[str], Any], least: float = -math.inf, most: float = math.inf, above: bool = False
) -> Any:
    """An argparse type: an int or float from `least` (or above it) to `most`, never NaN or infinite."""

    def parse(text: str) -> Any:
        article = "a whole number" if kind is int else "a number"
        try:
            value = kind(text)
        except ValueError:
            raise argparse.ArgumentTypeError(f"want {article}, got {text!r}") from None
        low = value > least if above else value >= least
        if not (low and value <= most and math.isfinite(value)):
            bounds = f"{'>' if above else '>='} {least:g}"
            if most < math.inf:
                bounds += f" and <= {most:g}"
            raise argparse.ArgumentTypeError(f"want {article} {bounds}, got {text}")
        return value

    return parse


def add_shared_flags(
    parser: argparse.ArgumentParser,
    datasets: Sequence[str],
    dataset: str,
    output: str,
    without: Sequence[str] = (),
) -> None:
    """--dataset, --data, --output, --seed, --threads, as all apps have them. `dataset` and `output` say what
    holds without the flag, which is then None."""
    group = parser.add_argument_group("flags that all commands share")
    flags: dict[str, dict[str, Any]] = {
        "--dataset": dict(choices=datasets, metavar="NAME",
                          help=f"one of {', '.join(datasets)} (default: {dataset})"),
        "--data": dict(type=Path, metavar="DIR",
                       help="folder of data files (default: $AUTOGRAD_DATA, else a download)"),
        "--output": dict(type=Path, metavar="DIR", help=f"folder to write into (default: {output})"),
        "--seed": dict(type=number(int, 0, 2**63 - 1), metavar="S",
                       help="of all random numbers (default: 0)"),
        "--threads": dict(type=number(int, 1, MOST_THREADS), metavar="N",
                          help="that the kernels use (default: one per core)"),
    }  # fmt: skip
    for flag, options in flags.items():
        if flag.strip("-") not in without:
            group.add_argument(flag, **options)


def run(parser: argparse.ArgumentParser, arguments: Sequence[str] | None = None) -> int:
    """Parse, call the command's `run(options)`, and turn mistakes of the user into exit code 2."""
    options = parser.parse_args(arguments)
    try:
        if getattr(options, "threads", None):
            autograd.set_num_threads(options.threads)
        return int(options.run(options) or 0)
    except (UserError, DataError) as error:
        message = str(error)
    except BrokenPipeError:  # the reader of our output has gone: say no more
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 1
    except OSError as error:
        if error.strerror is None:
            raise
        message = f"{error.filename}: {error.strerror}" if error.filename else error.strerror
    except KeyboardInterrupt:
        print("\ninterrupted", file=sys.stderr)
        return 130
    print(f"{parser.prog}: error: {' '.join(message.split())}", file=sys.stderr)
    return 2


def backend() -> str:
    """What computes: "C kernels (avx512), 2 threads" or "NumPy"."""
    if not kernels.active:
        return "backend: NumPy (no compiled kernels)"
    threads = autograd.get_num_threads()
    return f"backend: C kernels ({kernels.isa()}), {threads} thread{'s' * (threads > 1)}"


def writable_folder(path: Path) -> Path:
    """The folder, made if need be; UserError where nothing can be written into it. Checked before the
    work, not after it."""
    try:
        path.mkdir(parents=True, exist_ok=True)
        probe = path / f".writable.{os.getpid()}"
        probe.touch()
        probe.unlink()
    except OSError as error:
        raise UserError(f"cannot write into {path}: {error.strerror}") from None
    return path
