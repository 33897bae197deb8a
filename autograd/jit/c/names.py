"""What the memory that a program found is called: by the modules and optimisers that it was found in."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from autograd.jit.c.text import identifier

if TYPE_CHECKING:
    from autograd.jit.program import Program

__all__ = ["names_of_tensors"]


def names_of_tensors(program: Program) -> dict[int, str]:
    """By address: layer0_weight, layer0_weight_exp_avg ... The outermost module that ran tells the name."""
    found: dict[int, str] = {}
    for module, _ in program.watch.modules:
        for tensors in (module.named_parameters(), module.named_buffers()):
            for path, tensor in tensors:
                name = path if "." in path else f"{type(module).__name__.lower()}.{path}"
                place = address(tensor)
                if place not in found or found[place].count(".") < name.count("."):
                    found[place] = name
                    if tensor.grad is not None:
                        found[address(tensor.grad)] = name + "_grad"
    names = {place: identifier(name) for place, name in found.items()}
    for entry in program.host:
        if entry[0] == "update":
            batch = entry[3]
            for p, state in zip(batch.params, batch.states, strict=True):
                for key, value in state.items():
                    if hasattr(value, "data") and hasattr(value.data, "__array_interface__"):
                        names.setdefault(address(value), f"{names.get(address(p), 'parameter')}_{key}")
    return names


def address(tensor: Any) -> int:
    return int(tensor.data.__array_interface__["data"][0])
