"""Saving and loading: tensors, and nested dicts, lists and plain values around them, as safetensors.

A state_dict becomes a plain safetensors file with its own keys, which other programs read. Of anything
nested, tensors are stored under dotted paths and the structure as JSON in the file's metadata. Nothing in
such a file is ever executed. A write goes to a temporary file and is renamed, so an interrupted one leaves
the old file whole.
"""

from __future__ import annotations

import json
import math
import os
import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
from safetensors import SafetensorError, safe_open
from safetensors.numpy import save_file

from autograd import Tensor
from autograd.tape import Value

__all__ = ["load", "save"]

STRUCTURE = "kernelgrad.structure"


class Packer:
    """Takes a nested value apart into tensors and JSON."""

    def __init__(self) -> None:
        self.tensors: dict[str, np.ndarray] = {}

    def pack(self, value: Any, path: str) -> Any:
        if isinstance(value, Value):
            value = value.data
        if isinstance(value, np.ndarray):
            return {"tensor": self.store(value, path)}
        if value is None or isinstance(value, bool | int | str):
            return value
        if isinstance(value, float):
            # JSON has no infinities and no NaN.
            return value if math.isfinite(value) else {"float": str(value)}
        if isinstance(value, np.generic):
            return self.pack(value.item(), path)
        if isinstance(value, list | tuple):
            items = [self.pack(item, f"{path}.{i}" if path else str(i)) for i, item in enumerate(value)]
            return {"tuple": items} if isinstance(value, tuple) else items
        if isinstance(value, Mapping):
            # Pairs, for keys may be integers, which JSON would turn into text.
            return {
                "dict": [
                    [self.key(k, path), self.pack(v, f"{path}.{k}" if path else str(k))]
                    for k, v in value.items()
                ]
            }
        raise TypeError(f"save: can't store a {type(value).__name__} (at {path or 'the top'!r})")

    def key(self, key: Any, path: str) -> Any:
        if not isinstance(key, str | int):
            raise TypeError(
                f"save: keys must be strings or integers, not a {type(key).__name__} (at {path!r})"
            )
        return key

    def store(self, array: np.ndarray, path: str) -> str:
        name = path or "tensor"
        while name in self.tensors:
            name += "_"
        self.tensors[name] = np.asarray(array, order="C")
        return name


def unpack(value: Any, tensors: Mapping[str, np.ndarray]) -> Any:
    """The inverse of Packer.pack."""
    if isinstance(value, list):
        return [unpack(item, tensors) for item in value]
    if isinstance(value, dict):
        ((kind, content),) = value.items()
        if kind == "tensor":
            return Tensor(tensors[content])
        if kind == "float":
            return float(content)
        if kind == "tuple":
            return tuple(unpack(item, tensors) for item in content)
        return {key: unpack(item, tensors) for key, item in content}
    return value


def is_flat(obj: Any) -> bool:
    """Whether this is a state_dict: names and tensors, nothing else."""
    return isinstance(obj, Mapping) and all(
        isinstance(k, str) and isinstance(v, Tensor | np.ndarray) for k, v in obj.items()
    )


def save(obj: Any, path: str | os.PathLike[str], metadata: Mapping[str, str] | None = None) -> None:
    """Write a state_dict, or any nesting of dicts, lists, tuples, numbers, strings and tensors, to `path`.

    metadata  further strings for the file's header (say, the model's name)

    >>> import autograd, nn, tempfile, pathlib
    >>> path = pathlib.Path(tempfile.mkdtemp()) / "state.safetensors"
    >>> nn.save({"epoch": 3, "weights": [autograd.ones(2)]}, path)
    >>> nn.load(path)
    {'epoch': 3, 'weights': [tensor([1., 1.])]}
    """
    header = dict(metadata or {})
    if any(not isinstance(text, str) for item in header.items() for text in item):
        raise TypeError("save: metadata must be strings under strings")
    packer = Packer()
    if is_flat(obj):
        for name, value in obj.items():
            packer.store(value.data if isinstance(value, Value) else value, name)
    else:
        header[STRUCTURE] = json.dumps(packer.pack(obj, ""))
    write_whole(Path(path), packer.tensors, header)


def write_whole(path: Path, tensors: dict[str, np.ndarray], header: dict[str, str]) -> None:
    """Write a file so that, at any moment, `path` is the old file or the new one. It is never in memory."""
    handle, temporary = tempfile.mkstemp(dir=path.parent or ".", prefix=f".{path.name}.")
    try:
        with os.fdopen(handle, "wb") as file:
            try:
                save_file(tensors, temporary, header or None)
            except SafetensorError as error:  # a full disk
                raise OSError(f"{path}: {error}") from None
            os.fsync(file.fileno())
        os.chmod(temporary, 0o666 & ~umask())
        os.replace(temporary, path)
    except BaseException:
        os.unlink(temporary)
        raise


def umask() -> int:
    """The permissions that new files don't get (mkstemp gives none to others)."""
    mask = os.umask(0)
    os.umask(mask)
    return mask


def load(path: str | os.PathLike[str]) -> Any:
    """What save() wrote; of any other safetensors file a dict of its tensors.

    A file that is missing is a FileNotFoundError, one that is damaged or something else a ValueError.
    """
    tensors, header = read(path)
    if STRUCTURE not in header:
        return {name: Tensor(array) for name, array in tensors.items()}
    try:
        return unpack(json.loads(header[STRUCTURE]), tensors)
    except (KeyError, ValueError) as error:
        raise ValueError(f"{path}: its structure does not fit its tensors ({error})") from None


def load_metadata(path: str | os.PathLike[str]) -> dict[str, str]:
    """The strings that save(metadata=...) put into the header."""
    return {k: v for k, v in read(path)[1].items() if k != STRUCTURE}


def read(path: str | os.PathLike[str]) -> tuple[dict[str, np.ndarray], dict[str, str]]:
    if not os.path.exists(path):
        raise FileNotFoundError(f"{path}: no such file")
    try:
        with safe_open(path, framework="numpy") as file:
            return {name: file.get_tensor(name) for name in file.keys()}, dict(file.metadata() or {})  # noqa: SIM118
    except (SafetensorError, OSError) as error:
        reason = " ".join(str(error).split())
        raise ValueError(f"{path}: not a whole safetensors file ({reason})") from None
