"""Modules that hold modules: in sequence, in a list, under names."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Any, Self

from nn.module import Module, framed, indented

__all__ = ["ModuleDict", "ModuleList", "Sequential"]


def position(name: str, index: int, length: int) -> int:
    if not -length <= index < length:
        raise IndexError(f"{name}: index {index} is out of range for {length} modules")
    return index % length


class ModuleList(Module):
    """A list of modules whose parameters are the list's; it has no forward of its own.

    >>> import nn
    >>> layers = nn.ModuleList([nn.ReLU(), nn.Tanh()])
    >>> len(layers), list(layers.state_dict())
    (2, [])
    """

    def __init__(self, modules: Iterable[Module] = ()) -> None:
        super().__init__()
        self.extend(modules)

    def __len__(self) -> int:
        return sum(1 for _ in self.children())

    def __iter__(self) -> Iterator[Module]:
        return self.children()

    def __getitem__(self, index: int | slice) -> Any:
        found = list(self.children())
        if isinstance(index, slice):
            return self.of(found[index])
        return found[position(type(self).__name__, index, len(found))]

    def __setitem__(self, index: int, module: Module) -> None:
        self.add_module(str(position(type(self).__name__, index, len(self))), module)

    def __delitem__(self, index: int | slice) -> None:
        kept = list(self.children())
        del kept[index]
        for name in [name for name, _ in self.named_children()]:
            delattr(self, name)
        self.extend(kept)

    def append(self, module: Module) -> Self:
        self.add_module(str(len(self)), module)
        return self

    def extend(self, modules: Iterable[Module]) -> Self:
        for module in modules:
            self.append(module)
        return self

    def insert(self, index: int, module: Module) -> None:
        modules = list(self.children())
        modules.insert(index, module)
        for i, item in enumerate(modules):
            self.add_module(str(i), item)

    def of(self, modules: list[Module]) -> Any:
        """A container of the same kind."""
        return type(self)(modules)

    def __repr__(self) -> str:
        """Equal neighbours are printed once: (0-2): 3 x ReLU()."""
        runs: list[tuple[int, int, str]] = []
        for i, child in enumerate(self.children()):
            text = repr(child)
            if runs and runs[-1][2] == text:
                runs[-1] = (runs[-1][0], i, text)
            else:
                runs.append((i, i, text))
        lines = [
            f"({first}): {indented(text)}"
            if first == last
            else f"({first}-{last}): {last - first + 1} x {indented(text)}"
            for first, last, text in runs
        ]
        return framed(type(self).__name__, [], lines)


class Sequential(ModuleList):
    """Modules called one after the other, each on the output of the one before.

    Takes modules, or one dict of named modules.

    >>> import autograd, nn
    >>> model = nn.Sequential(nn.Linear(2, 3), nn.ReLU())
    >>> model
    Sequential(
      (0): Linear(in_features=2, out_features=3, bias=True)
      (1): ReLU()
    )
    >>> model(autograd.ones(5, 2)).shape
    (5, 3)
    """

    def __init__(self, *modules: Any) -> None:
        named = len(modules) == 1 and isinstance(modules[0], Mapping)
        super().__init__(() if named else modules)
        if named:
            for name, module in modules[0].items():
                self.add_module(name, module)

    def forward(self, x: Any) -> Any:
        for value in list(self.__dict__.values()):  # self.children(), without generators in between
            if isinstance(value, Module):
                x = value(x)
        return x

    def __setitem__(self, index: int, module: Module) -> None:
        names = [name for name, _ in self.named_children()]
        self.add_module(names[position("Sequential", index, len(names))], module)

    def of(self, modules: list[Module]) -> Any:
        return Sequential(*modules)

    __repr__ = Module.__repr__


class ModuleDict(Module):
    """Modules under names; it has no forward of its own.

    >>> import nn
    >>> nn.ModuleDict({"act": nn.ReLU()})["act"]
    ReLU()
    """

    def __init__(self, modules: Mapping[str, Module] | None = None) -> None:
        super().__init__()
        self.update(modules or {})

    def update(self, modules: Mapping[str, Module]) -> None:
        for name, module in modules.items():
            self[name] = module

    def __len__(self) -> int:
        return sum(1 for _ in self.children())

    def __iter__(self) -> Iterator[str]:
        return iter(self.keys())

    def __contains__(self, name: object) -> bool:
        return name in self.keys()

    def __getitem__(self, name: str) -> Module:
        return dict(self.named_children())[name]

    def __setitem__(self, name: str, module: Module) -> None:
        self.add_module(name, module)

    def __delitem__(self, name: str) -> None:
        del self.__dict__[name]

    def keys(self) -> list[str]:
        return [name for name, _ in self.named_children()]

    def values(self) -> list[Module]:
        return list(self.children())

    def items(self) -> list[tuple[str, Module]]:
        return list(self.named_children())
