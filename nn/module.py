"""Module: a tree of parameters with a forward.

A module is a plain Python object. Its parameters are the attributes that are Parameters, its children
those that are Modules, its buffers those named in register_buffer(); whoever wants them walks the
attributes. So reading `self.weight` costs no more than on any object, and there is nothing to keep in step.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterator, Mapping
from typing import Any, NamedTuple, Self

import numpy as np

from autograd import Tensor
from autograd.ops.update import assign
from autograd.tape import TRACE, Value, bindings, mode, no_grad
from nn.parameter import Parameter

__all__ = ["Module"]


class LoadReport(NamedTuple):
    """What load_state_dict() returns: keys that the module has and the dict lacks, and the reverse."""

    missing_keys: list[str]
    unexpected_keys: list[str]


class HookHandle:
    """What registering a hook returns: `remove()` takes the hook off again."""

    def __init__(self, hooks: dict[int, Callable[..., Any]], hook: Callable[..., Any]) -> None:
        self.hooks = hooks
        self.key = next(HookHandle.keys)
        hooks[self.key] = hook
        bindings.count += 1

    keys = itertools.count()

    def remove(self) -> None:
        self.hooks.pop(self.key, None)
        bindings.count += 1


class Module:
    """The base of all layers and models: write `__init__` and `forward`, call the module.

    >>> import autograd, nn
    >>> class Affine(nn.Module):
    ...     def __init__(self):
    ...         super().__init__()
    ...         self.scale = nn.Parameter(autograd.tensor([2.0, 3.0]))
    ...     def forward(self, x):
    ...         return self.scale * x + 1
    >>> model = Affine()
    >>> model(autograd.tensor([1.0, 1.0])).tolist()
    [3.0, 4.0]
    >>> list(model.state_dict())
    ['scale']
    """

    training = True
    # Name of each buffer -> whether it belongs to the state_dict. Replaced, never changed in place.
    _buffer_names: Mapping[str, bool] = {}
    # Forward hooks, once there are any; __call__ tests this one attribute.
    _hooks: tuple[dict[int, Callable[..., Any]], dict[int, Callable[..., Any]]] | None = None

    def forward(self, *args: Any, **kwargs: Any) -> Any:
        raise NotImplementedError(f"{type(self).__name__} has no forward(); write one")

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        if mode.word & TRACE:
            mode.trace.modules.append(self)
        if self._hooks is None:
            return self.forward(*args, **kwargs)
        before, after = self._hooks
        for hook in list(before.values()):
            replaced = hook(self, args)
            if replaced is not None:
                args = replaced if isinstance(replaced, tuple) else (replaced,)
        out = self.forward(*args, **kwargs)
        for hook in list(after.values()):
            replaced = hook(self, args, out)
            if replaced is not None:
                out = replaced
        return out

    def register_forward_pre_hook(self, hook: Callable[..., Any]) -> HookHandle:
        """Call hook(module, args) before forward; what it returns, if not None, replaces the arguments."""
        if self._hooks is None:
            self._hooks = ({}, {})
        return HookHandle(self._hooks[0], hook)

    def register_forward_hook(self, hook: Callable[..., Any]) -> HookHandle:
        """Call hook(module, args, output) after forward; what it returns, if not None, replaces output."""
        if self._hooks is None:
            self._hooks = ({}, {})
        return HookHandle(self._hooks[1], hook)

    # Attributes ----------------------------------------------------------------------------------

    def __setattr__(self, name: str, value: Any) -> None:
        # The trap: `layer.weight = new_tensor` would silently take the weight out of the model.
        old = self.__dict__.get(name)
        if old is not None and value is not None and not isinstance(value, Parameter | Module):
            if isinstance(old, Parameter):
                raise TypeError(
                    f"{type(self).__name__}.{name} is a parameter: assign an nn.Parameter or None, not a "
                    f"{type(value).__name__} (to change its values, use {name}.copy_() under no_grad)"
                )
            if name in self._buffer_names and not isinstance(value, Tensor):
                raise TypeError(f"{type(self).__name__}.{name} is a buffer: assign a tensor or None")
        if mode.word & TRACE:
            mode.trace.attributes.note(self, name)
        self.__dict__[name] = value
        bindings.count += 1

    def checked_name(self, what: str, name: str) -> None:
        if not isinstance(name, str) or not name or "." in name:
            raise KeyError(f"{what}: want a name without dots, got {name!r}")
        if name not in self.__dict__ and hasattr(self, name):
            raise KeyError(
                f"{what}: {type(self).__name__} has an attribute {name!r} already; choose another name"
            )

    def register_parameter(self, name: str, param: Parameter | None) -> None:
        """As `self.name = param`, for names that are computed."""
        self.checked_name("register_parameter", name)
        if param is not None and not isinstance(param, Parameter):
            raise TypeError(f"register_parameter: want an nn.Parameter or None, got a {type(param).__name__}")
        setattr(self, name, param)

    def register_buffer(self, name: str, tensor: Tensor | None, persistent: bool = True) -> None:
        """A tensor that belongs to the module's state but is not learned (running statistics, say). One
        that is not `persistent` stays out of the state_dict."""
        self.checked_name("register_buffer", name)
        if tensor is not None and (not isinstance(tensor, Tensor) or isinstance(tensor, Parameter)):
            raise TypeError(f"register_buffer: want a tensor or None, got a {type(tensor).__name__}")
        self._buffer_names = {**self._buffer_names, name: persistent}
        setattr(self, name, tensor)

    def add_module(self, name: str, module: Module | None) -> None:
        """As `self.name = module`, for names that are computed."""
        self.checked_name("add_module", name)
        if module is not None and not isinstance(module, Module):
            raise TypeError(f"add_module: want an nn.Module or None, got a {type(module).__name__}")
        setattr(self, name, module)

    register_module = add_module

    # The tree ------------------------------------------------------------------------------------

    def named_children(self) -> Iterator[tuple[str, Module]]:
        for name, value in list(self.__dict__.items()):
            if isinstance(value, Module):
                yield name, value

    def children(self) -> Iterator[Module]:
        return (child for _, child in self.named_children())

    def named_modules(self, memo: set[int] | None = None, prefix: str = "") -> Iterator[tuple[str, Module]]:
        """This module (named "") and all below it, each once, parents first."""
        memo = set() if memo is None else memo
        if id(self) in memo:
            return
        memo.add(id(self))
        yield prefix, self
        for name, child in self.named_children():
            yield from child.named_modules(memo, f"{prefix}.{name}" if prefix else name)

    def modules(self) -> Iterator[Module]:
        return (module for _, module in self.named_modules())

    def own_parameters(self) -> Iterator[tuple[str, Parameter]]:
        for name, value in list(self.__dict__.items()):
            if isinstance(value, Parameter):
                yield name, value

    def own_buffers(self, persistent_only: bool = False) -> Iterator[tuple[str, Tensor]]:
        for name, persistent in self._buffer_names.items():
            value = self.__dict__.get(name)
            if value is not None and (persistent or not persistent_only):
                yield name, value

    def named_parameters(self, prefix: str = "", recurse: bool = True) -> Iterator[tuple[str, Parameter]]:
        """(dotted name, parameter) of this module and those below; a shared one once."""
        yield from self.named_tensors(Module.own_parameters, prefix, recurse)

    def parameters(self, recurse: bool = True) -> Iterator[Parameter]:
        return (value for _, value in self.named_parameters(recurse=recurse))

    def named_buffers(self, prefix: str = "", recurse: bool = True) -> Iterator[tuple[str, Tensor]]:
        yield from self.named_tensors(Module.own_buffers, prefix, recurse)

    def buffers(self, recurse: bool = True) -> Iterator[Tensor]:
        return (value for _, value in self.named_buffers(recurse=recurse))

    def named_tensors(
        self, own: Callable[[Module], Iterator[tuple[str, Any]]], prefix: str, recurse: bool
    ) -> Iterator[tuple[str, Any]]:
        seen: set[int] = set()
        for path, module in self.named_modules(prefix=prefix) if recurse else [(prefix, self)]:
            for name, value in own(module):
                if id(value) not in seen:
                    seen.add(id(value))
                    yield (f"{path}.{name}" if path else name), value

    def get_submodule(self, target: str) -> Module:
        """The module of a dotted name, as named_modules() gives it."""
        found = dict(self.named_modules()).get(target)
        if found is None:
            raise AttributeError(f"{type(self).__name__} has no submodule {target!r}")
        return found

    def apply(self, fn: Callable[[Module], Any]) -> Self:
        """Call fn on every module, children first; returns self."""
        for child in self.children():
            child.apply(fn)
        fn(self)
        return self

    # State ---------------------------------------------------------------------------------------

    def state_tensors(self, prefix: str = "") -> Iterator[tuple[str, Tensor]]:
        """Parameters and persistent buffers under PyTorch's keys; shared ones under each of their names."""
        for name, parameter in self.own_parameters():
            yield prefix + name, parameter
        for name, buffer in self.own_buffers(persistent_only=True):
            yield prefix + name, buffer
        for name, child in self.named_children():
            yield from child.state_tensors(f"{prefix}{name}.")

    def state_dict(self) -> dict[str, Tensor]:
        """All parameters and persistent buffers by dotted name: detached tensors on the same memory."""
        return {name: value.detach() for name, value in self.state_tensors()}

    def load_state_dict(self, state_dict: Mapping[str, Any], strict: bool = True) -> LoadReport:
        """Copy the values of `state_dict` (tensors or arrays) in; nothing is written if anything is wrong.

        A RuntimeError lists shapes that differ and, if `strict`, missing and unexpected keys.
        """
        own = dict(self.state_tensors())
        report = LoadReport(
            [name for name in own if name not in state_dict], [name for name in state_dict if name not in own]
        )
        problems = []
        if strict and report.unexpected_keys:
            problems.append(f"Unexpected key(s) in state_dict: {quoted(report.unexpected_keys)}.")
        if strict and report.missing_keys:
            problems.append(f"Missing key(s) in state_dict: {quoted(report.missing_keys)}.")
        arrays = {name: array_of(state_dict[name]) for name in own if name in state_dict}
        for name, array in arrays.items():
            target = own[name].data
            if array.shape != target.shape:
                problems.append(
                    f"size mismatch for {name}: copying a param with shape {array.shape} from the "
                    f"state_dict, the shape in the current model is {target.shape}."
                )
            elif not np.can_cast(array.dtype, target.dtype, casting="same_kind"):
                problems.append(f"type mismatch for {name}: {array.dtype} can't be stored as {target.dtype}.")
        if problems:
            raise RuntimeError(
                f"Error(s) in loading state_dict for {type(self).__name__}:\n\t" + "\n\t".join(problems)
            )
        with no_grad():
            for name, array in arrays.items():
                assign(own[name], array)
        return report

    # Modes and types -----------------------------------------------------------------------------

    def train(self, mode: bool = True) -> Self:
        """Training behaviour (dropout drops, batch norm uses the batch) on or off; returns self."""
        for module in self.modules():
            module.training = mode
        return self

    def eval(self) -> Self:
        """As train(False)."""
        return self.train(False)

    def requires_grad_(self, requires_grad: bool = True) -> Self:
        """Ask for the gradients of all parameters, or stop asking (frozen)."""
        for parameter in self.parameters():
            parameter.requires_grad_(requires_grad)
        return self

    def zero_grad(self, set_to_none: bool = True) -> None:
        """Forget the gradients of all parameters, or (set_to_none=False) fill them with zeros."""
        for parameter in self.parameters():
            forget_gradient(parameter, set_to_none)

    def to(self, dtype: Any) -> Self:
        """Floating parameters, their gradients and buffers as `dtype`; returns self. Make optimizers after.
        "cpu", the one device there is, changes nothing.

        >>> import nn
        >>> nn.Linear(2, 2).double().weight.dtype
        dtype('float64')
        """
        if isinstance(dtype, str) and dtype == "cpu":
            return self
        dtype = np.dtype(dtype)
        if dtype not in (np.float32, np.float64):
            raise TypeError(f"to: want a floating type, float32 or float64, got {dtype}")
        for tensor in itertools.chain(self.parameters(), self.buffers()):
            if tensor.data.dtype.kind == "f":
                tensor.data = tensor.data.astype(dtype, copy=False)
                if tensor.grad is not None:
                    tensor.grad.data = tensor.grad.data.astype(dtype, copy=False)
        return self

    def double(self) -> Self:
        return self.to(np.float64)

    def float(self) -> Self:
        return self.to(np.float32)

    # Printing ------------------------------------------------------------------------------------

    def extra_repr(self) -> str:
        """What stands between the parentheses of the module's line."""
        return ""

    def __repr__(self) -> str:
        extra = self.extra_repr()
        lines = extra.split("\n") if extra else []
        children = [f"({name}): {indented(repr(child))}" for name, child in self.named_children()]
        return framed(type(self).__name__, lines, children)


def framed(name: str, extra: list[str], children: list[str]) -> str:
    """Name(extra) on one line, or with children one a line, as PyTorch prints."""
    if not children and len(extra) < 2:
        return f"{name}({''.join(extra)})"
    return f"{name}(\n  " + "\n  ".join([*extra, *children]) + "\n)"


def indented(text: str) -> str:
    return text.replace("\n", "\n  ")


def quoted(names: list[str]) -> str:
    return ", ".join(f'"{name}"' for name in names)


def array_of(value: Any) -> np.ndarray:
    """The array of a Tensor, or of anything NumPy takes (an array, a detached PyTorch tensor)."""
    return value.data if isinstance(value, Value) else np.asarray(value)


def forget_gradient(parameter: Tensor, set_to_none: bool) -> None:
    if parameter.grad is None and not mode.word & TRACE:
        return
    if set_to_none:  # in a program too where there is none: at the next call there may be one
        parameter.grad = None
    elif parameter.grad is not None:
        with no_grad():
            parameter.grad = parameter.grad.detach().zero_()
