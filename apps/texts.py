"""Tiny Shakespeare, the text that comes with the apps.

It is Karpathy's selection of Shakespeare's plays (40,000 lines, 1,115,394 characters; his char-rnn of 2015),
in the public domain.
"""

from __future__ import annotations

import lzma
import os
from pathlib import Path

__all__ = ["PACKED", "tiny_shakespeare"]

PACKED = Path(__file__).parent / "data" / "tinyshakespeare.txt.xz"


def tiny_shakespeare() -> str:
    """The text: AUTOGRAD_DATA/tinyshakespeare/input.txt where that is, else the same from apps/data."""
    folder = os.environ.get("AUTOGRAD_DATA")
    file = Path(folder) / "tinyshakespeare" / "input.txt" if folder else None
    if file is not None and file.is_file():
        return file.read_text(encoding="utf-8")
    return lzma.decompress(PACKED.read_bytes()).decode()
