"""Files of vectors as streams: read forward in blocks, unpacked on the way; written whole or not at all."""

from __future__ import annotations

import bz2
import gzip
import lzma
import os
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, BinaryIO, cast

import numpy as np

from nn.data import DataError

__all__ = ["BOM", "Reader", "reading", "replacing"]

Array = np.ndarray[Any, Any]
Path_ = str | os.PathLike[str]

BLOCK = 1 << 22
BOM = b"\xef\xbb\xbf"  # which some editors set before UTF-8; it is no part of the first word
MAGIC: dict[bytes, Any] = {b"\x1f\x8b": gzip.open, b"\xfd7zXZ\0": lzma.open, b"BZh": bz2.open}
BROKEN = (EOFError, OSError, zlib.error, lzma.LZMAError)


class Reader:
    """A file read forward, which knows at which byte (after unpacking) and line it stands.

    Where it ends too early, or is damaged, there is a DataError with the file's name and the place.
    """

    def __init__(self, stream: BinaryIO, path: Path_) -> None:
        self.stream, self.path = stream, path
        self.buffer, self.at = b"", 0  # what was read, and how much of it was taken
        self.before = 0  # bytes before the buffer
        self.line = 0  # lines taken

    @property
    def position(self) -> int:
        return self.before + self.at

    def error(self, reason: str) -> DataError:
        return DataError(f"{self.path}: {reason}")

    def fill(self) -> bool:
        """Read another block; False at the end of the file."""
        try:
            block = self.stream.read(BLOCK)
        except BROKEN as error:
            reached = self.before + len(self.buffer)
            raise self.error(f"damaged or cut off after {reached:,} bytes of content ({error})") from None
        self.before += self.at
        self.buffer, self.at = self.buffer[self.at :] + block, 0
        return bool(block)

    def peek(self, size: int) -> bytes:
        """The next bytes, fewer at the end, without taking them."""
        while len(self.buffer) - self.at < size and self.fill():
            pass
        return self.buffer[self.at : self.at + size]

    def skip(self, mark: bytes) -> None:
        """Take `mark` if it comes next."""
        if self.peek(len(mark)) == mark:
            self.at += len(mark)

    def take(self, size: int, what: str) -> bytes:
        data = self.peek(size)
        if len(data) < size:
            raise self.error(f"cut off in {what}, at byte {self.position + len(data):,}")
        self.at += size
        return data

    def until(self, mark: bytes, what: str, limit: int = 1 << 16) -> bytes:
        """The bytes before the next `mark`, which is taken too."""
        found = self.buffer.find(mark, self.at)
        while found < 0:
            if len(self.buffer) - self.at > limit:
                raise self.error(f"no end of {what} within {limit:,} bytes, at byte {self.position:,}")
            if not self.fill():
                raise self.error(f"cut off in {what}, at byte {self.before + len(self.buffer):,}")
            found = self.buffer.find(mark, self.at)
        data = self.buffer[self.at : found]
        self.at = found + len(mark)
        return data

    def into(self, array: Array, what: str) -> None:
        """Fill a contiguous array with the next bytes."""
        view = array.reshape(-1).view(np.uint8).data
        done = min(len(view), len(self.buffer) - self.at)
        view[:done] = self.buffer[self.at : self.at + done]
        self.at += done
        while done < len(view):
            if not self.fill():
                raise self.error(f"cut off in {what}, at byte {self.position:,}")
            size = min(len(view) - done, len(self.buffer))
            view[done : done + size] = self.buffer[:size]
            self.at, done = size, done + size

    def lines(self, most: int) -> list[bytes]:
        """The next whole lines, about a block of them, without their ends; none at the end of the file."""
        while (end := self.buffer.rfind(b"\n", self.at)) < 0:
            if len(self.buffer) - self.at > 1 << 26:
                raise self.error(f"line {self.line + 1} has no end within {1 << 26:,} bytes")
            if not self.fill():
                end = len(self.buffer)
                break
        if self.at == len(self.buffer):
            return []
        lines = self.buffer[self.at : end].split(b"\n", most)
        rest = len(lines.pop()) + 1 if len(lines) > most else 0
        self.at = min(end + 1, len(self.buffer)) - rest
        self.line += len(lines)
        return lines


@contextmanager
def reading(path: Path_) -> Iterator[Reader]:
    """A Reader of a file, unpacked if it begins as gzip, xz or bz2 do. DataError: it can't be read."""
    try:
        with open(path, "rb") as file:
            start = file.read(6)
            file.seek(0)
            opener = next((how for magic, how in MAGIC.items() if start.startswith(magic)), None)
            if start.startswith(b"BZh") and not start[3:4].isdigit():
                opener = None
            with cast(BinaryIO, opener(file) if opener else file) as stream:
                yield Reader(stream, path)
    except OSError as error:
        raise DataError(f"{path}: cannot be read: {error.strerror or error}") from None


@contextmanager
def replacing(path: Path_) -> Iterator[BinaryIO]:
    """A stream into a temporary file beside `path` that takes its place once all is written; packed where
    the name ends in .gz, .xz or .bz2. After an error nothing has changed."""
    path = Path(path)
    temporary = path.with_name(f".{path.name}.{os.getpid()}.tmp")
    packers: dict[str, Any] = {".gz": packed_as_gzip, ".xz": lzma.LZMAFile, ".bz2": bz2.BZ2File}
    try:
        with open(temporary, "wb") as file:
            if path.suffix in packers:
                with packers[path.suffix](file, "wb") as stream:
                    yield stream
            else:
                yield file
        temporary.replace(path)
    except OSError as error:
        raise DataError(f"{path}: cannot be written: {error.strerror or error}") from None
    finally:
        temporary.unlink(missing_ok=True)


def packed_as_gzip(file: BinaryIO, mode: str) -> gzip.GzipFile:
    """Without a name and a time, so that the same vectors are the same bytes."""
    return gzip.GzipFile("", mode, 6, file, mtime=0)
