"""The IDX format of MNIST: a magic number, the lengths of the axes, the numbers (all big-endian).

    byte 0, 1   zero
    byte 2      type: 08 uint8, 09 int8, 0B int16, 0C int32, 0D float32, 0E float64
    byte 3      number of axes, then 4 bytes for the length of each

(Y. LeCun, C. Cortes, C. Burges, "The MNIST database of handwritten digits".) A gzip around it is seen by
its own magic number, not by the file's name. A file is believed only if its length is what its header says.
"""

from __future__ import annotations

import gzip
import math
import os
import zlib
from pathlib import Path
from typing import Any

import numpy as np

__all__ = ["DataError", "parse_idx", "read_idx", "unpack", "unpacked", "write_atomically", "write_idx"]

Array = np.ndarray[Any, Any]

TYPES = {8: ">u1", 9: ">i1", 11: ">i2", 12: ">i4", 13: ">f4", 14: ">f8"}
CODES = {np.dtype(name).newbyteorder("="): code for code, name in TYPES.items()}


class DataError(ValueError):
    """A data file that is missing, damaged or not what it should be; the message is one line."""


def read_idx(path: str | os.PathLike[str]) -> Array:
    """The array of an IDX file, plain or gzipped.

    Raises DataError, with the path and what is wrong, for a file that can't be read, has another magic
    number, or is shorter or longer than its header says.
    """
    return parse_idx(unpacked(path), str(path))


def unpacked(path: str | os.PathLike[str]) -> bytes:
    """The bytes of a file, out of their gzip if they are in one."""
    try:
        data = Path(path).read_bytes()
    except OSError as error:
        raise DataError(f"{path}: cannot be read: {error.strerror}") from None
    return unpack(data, str(path))


def unpack(data: bytes, name: str) -> bytes:
    if data[:2] != b"\x1f\x8b":
        return data
    try:
        return gzip.decompress(data)
    except EOFError:
        raise DataError(f"{name}: the gzip file is cut off after {len(data)} bytes") from None
    except (OSError, zlib.error) as error:
        raise DataError(f"{name}: the gzip file is damaged: {error}") from None


def parse_idx(data: bytes, name: str = "IDX data") -> Array:
    """The array in `data`; errors name it `name`.

    >>> parse_idx(bytes([0, 0, 8, 2, 0, 0, 0, 1, 0, 0, 0, 3, 7, 8, 9]))
    array([[7, 8, 9]], dtype=uint8)
    """
    if len(data) < 4 or data[:2] != b"\0\0" or data[2] not in TYPES:
        raise DataError(f"{name}: not an IDX file: its magic number is {data[:4].hex(' ') or 'missing'}")
    dtype, axes = np.dtype(TYPES[data[2]]), data[3]
    start = 4 + 4 * axes
    if len(data) < start:
        raise DataError(f"{name}: cut off within the header: {len(data)} of {start} bytes")
    shape = tuple(int(n) for n in np.frombuffer(data, ">u4", axes, 4))
    expected = start + math.prod(shape) * dtype.itemsize
    if len(data) != expected:
        fault = "cut off" if len(data) < expected else "longer than its header says"
        raise DataError(f"{name}: {fault}: {len(data)} bytes, want {expected} for shape {shape}")
    array: Array = np.frombuffer(data, dtype, offset=start).reshape(shape)
    return array.astype(dtype.newbyteorder("="))


def write_idx(path: str | os.PathLike[str], array: Array) -> None:
    """Write an IDX file, gzipped if the name ends with ".gz". It appears whole or not at all."""
    array = np.asarray(array)
    if array.dtype not in CODES:
        raise ValueError(f"write_idx: IDX has no {array.dtype}; want one of {', '.join(map(str, CODES))}")
    if array.ndim > 255 or any(n >= 2**32 for n in array.shape):
        raise ValueError(f"write_idx: shape {array.shape} does not fit into an IDX header")
    code = CODES[array.dtype]
    header = bytes([0, 0, code, array.ndim]) + np.array(array.shape, ">u4").tobytes()
    data = header + array.astype(TYPES[code]).tobytes()
    write_atomically(path, gzip.compress(data, mtime=0) if str(path).endswith(".gz") else data)


def write_atomically(path: str | os.PathLike[str], data: bytes) -> None:
    """Write to a temporary file beside `path`, then rename: nobody ever sees half a file."""
    path = Path(path)
    temporary = path.with_name(f".{path.name}.{os.getpid()}.tmp")
    try:
        temporary.write_bytes(data)
        temporary.replace(path)
    finally:
        temporary.unlink(missing_ok=True)
