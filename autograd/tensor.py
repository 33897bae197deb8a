"""Tensor: the array face of the ops. A NumPy array in `data`, PyTorch's names around it."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import Any

import numpy as np

from autograd import dtypes, gradients, tape
from autograd.op import cast, copy_
from autograd.ops import elementwise as e
from autograd.ops import index, order, reduce, softmax, update
from autograd.ops import matmul as mm
from autograd.ops import shape as views
from autograd.ops.random import default_generator
from autograd.tape import FACES, RECORD, TRACE, Extra, Node, Value, bindings, mode

__all__ = ["Tensor"]


def lengths(given: tuple[Any, ...]) -> tuple[int, ...]:
    """f(2, 3) and f((2, 3)) alike."""
    return tuple(given[0]) if len(given) == 1 and isinstance(given[0], tuple | list) else given


class Tensor(Value):
    """An array that can be differentiated.

    data           the numpy.ndarray (float32 unless made otherwise); views share memory as NumPy's do
    requires_grad  whether gradients with respect to it are wanted
    grad           what backward() accumulated, a Tensor of the same shape, or None

    >>> import autograd
    >>> x = autograd.tensor([[1.0, 2.0], [3.0, 4.0]], requires_grad=True)
    >>> (x * x).sum().backward()
    >>> x.grad
    tensor([[2., 4.],
            [6., 8.]])
    """

    __slots__ = ()
    data: np.ndarray
    # NumPy's operators hand over to ours: ndarray * Tensor is Tensor.__rmul__.
    __array_ufunc__ = None

    def __init__(self, data: Any, requires_grad: bool = False) -> None:
        self.data = data if data.__class__ is np.ndarray else np.asarray(data)
        dtypes.category(self.data.dtype)
        self.node = None
        if requires_grad:
            self.begin_leaf()

    # What it is ----------------------------------------------------------------------------------

    @property
    def shape(self) -> tuple[int, ...]:
        return self.data.shape

    @property
    def dtype(self) -> np.dtype[Any]:
        return self.data.dtype

    @property
    def ndim(self) -> int:
        return self.data.ndim

    def dim(self) -> int:
        return self.data.ndim

    def size(self, dim: int | None = None) -> Any:
        """The shape, or the length of one dimension."""
        return self.data.shape if dim is None else self.data.shape[dim]

    def stride(self, dim: int | None = None) -> Any:
        """How many elements lie between neighbours along each dimension, or along one."""
        steps = tuple([step // self.data.itemsize for step in self.data.strides])
        return steps if dim is None else steps[dim]

    def is_contiguous(self) -> Any:
        return self.data.flags.c_contiguous

    def numel(self) -> int:
        return self.data.size

    def __len__(self) -> int:
        if not self.data.ndim:
            raise TypeError("len() of a 0-d tensor")
        return len(self.data)

    def __iter__(self) -> Iterator[Tensor]:
        if not self.data.ndim:
            raise TypeError("iteration over a 0-d tensor")
        return iter([self[i] for i in range(len(self.data))])

    def __repr__(self) -> str:
        if mode.word & TRACE:
            mode.trace.refuse_value("printing a tensor")
        text = np.array2string(self.data, precision=4, separator=", ", prefix="tensor(", threshold=1000)
        notes = []
        if self.dtype not in (dtypes.default_dtype, dtypes.int64, dtypes.bool_):
            notes.append(f"dtype={self.dtype}")
        if self.node is not None:
            leaf = self.node.plan is None
            notes.append("requires_grad=True" if leaf else f"grad_fn=<{self.node.plan.op.name}>")
        return f"tensor({', '.join([text, *notes])})"

    # To plain Python and NumPy -------------------------------------------------------------------

    def item(self) -> Any:
        """The only element, as a Python number."""
        if mode.word & TRACE:
            mode.trace.refuse_value("item()")
        if self.data.size != 1:
            raise ValueError(f"item: want one element, got shape {self.shape}; use .tolist()")
        return self.data.item()

    def tolist(self) -> Any:
        if mode.word & TRACE:
            mode.trace.refuse_value("tolist()")
        return self.data.tolist()

    def numpy(self) -> np.ndarray:
        """The array itself (no copy); detach() first if a gradient is wanted of this tensor."""
        if mode.word & TRACE:
            mode.trace.refuse_value("numpy()")
        if self.node is not None:
            raise RuntimeError("numpy: this tensor requires a gradient; use .detach().numpy()")
        return self.data

    def __array__(self, dtype: Any = None, copy: bool | None = None) -> np.ndarray:
        return np.array(self.numpy(), dtype=dtype, copy=copy)

    def __float__(self) -> float:
        return float(self.item())

    def __int__(self) -> int:
        return int(self.item())

    def __index__(self) -> int:
        if self.dtype.kind not in "iu":
            raise TypeError(f"a tensor of {self.dtype} can't be an index")
        return int(self.item())

    def __bool__(self) -> bool:
        if mode.word & TRACE:
            mode.trace.refuse_value("bool()")
        if self.data.size != 1:
            raise ValueError(
                f"the truth of a tensor of shape {self.shape} is ambiguous; use .any() or .all()"
            )
        return bool(self.data.item())

    def __format__(self, spec: str) -> str:
        return format(self.item(), spec) if self.data.ndim == 0 else format(repr(self), spec)

    # Gradients -----------------------------------------------------------------------------------

    @property
    def requires_grad(self) -> bool:
        return self.node is not None

    @requires_grad.setter
    def requires_grad(self, flag: bool) -> None:
        self.requires_grad_(flag)

    def requires_grad_(self, flag: bool = True) -> Tensor:
        """Ask for (or, on a leaf, stop asking for) gradients; returns self."""
        if flag and self.node is None:
            self.begin_leaf()
            bindings.count += 1
        elif not flag and self.node is not None:
            if self.node.plan is not None:
                raise RuntimeError("requires_grad_(False) on a value on the tape; use .detach()")
            self.node = None
            bindings.count += 1
        return self

    def begin_leaf(self) -> None:
        if self.data.dtype.kind != "f":
            raise TypeError(f"requires_grad: only float tensors have gradients, this one is {self.dtype}")
        self.node = tape.leaf(self.data.shape)

    @property
    def is_leaf(self) -> bool:
        return self.node is None or self.node.plan is None

    @property
    def grad_fn(self) -> Any:
        """The op that made this tensor, or None."""
        return None if self.is_leaf else self.node.plan.op  # type: ignore[union-attr]

    @property
    def grad(self) -> Tensor | None:
        node = self.node
        if node is None or node.grad is None:
            return None
        if node.grad.__class__ is np.ndarray:  # retained: the loop keeps the bare array
            node.grad = Tensor(gradients.writeable(node.grad))
        return node.grad  # type: ignore[no-any-return]

    @grad.setter
    def grad(self, value: Tensor | None) -> None:
        if value is not None:
            if not isinstance(value, Tensor) or value.shape != self.shape:
                raise ValueError(f"grad: want None or a tensor of shape {self.shape}, got {value!r}")
            if self.node is None:
                raise RuntimeError("grad: this tensor does not require a gradient")
        if self.node is not None:
            if mode.word & TRACE:
                mode.trace.set_grad(self.node, value)
            self.node.grad = value

    def backward(
        self,
        gradient: Any = None,
        retain_graph: bool | None = None,
        create_graph: bool = False,
        inputs: Any = None,
    ) -> None:
        """Add the gradient of this tensor to `.grad` of every leaf it was computed from (see
        `autograd.backward`)."""
        gradients.backward(self, gradient, retain_graph, create_graph, inputs)

    def detach(self) -> Tensor:
        """The same memory, off the tape."""
        return Tensor(self.data)

    def retain_grad(self) -> None:
        """Keep the gradient of this tensor, though it is not a leaf, in `.grad`."""
        node = self.on_tape("retain_grad")
        if node.plan is not None:
            self.extra(node).retain = True

    def register_hook(self, hook: Callable[[Tensor], Tensor | None]) -> RemovableHook:
        """Call hook(gradient) when the gradient of this tensor is known; what it returns replaces it."""
        node = self.on_tape("register_hook")
        shape, dtype = self.shape, self.dtype  # not self: the hook would keep the tensor alive

        def call(g: Any) -> Any:
            result = hook(as_tensor(g))
            if result is None:
                return None
            if not isinstance(result, Tensor) or result.shape != shape:
                raise TypeError(f"a hook must return None or a tensor of shape {shape}, got {result!r}")
            return result if isinstance(g, Value) else result.data.astype(dtype, copy=False)

        return RemovableHook(self.extra(node).hooks, call)

    def on_tape(self, name: str) -> Node:
        if self.node is None:
            raise RuntimeError(f"{name}: this tensor does not require a gradient")
        return self.node

    @staticmethod
    def extra(node: Node) -> Extra:
        if node.extra is None:
            node.extra = Extra()
        return node.extra

    # Copies and types ----------------------------------------------------------------------------

    def clone(self) -> Tensor:
        """A copy; gradients flow back through it."""
        return copy_(self)  # type: ignore[no-any-return]

    def contiguous(self) -> Tensor:
        return self if self.data.flags.c_contiguous else self.clone()

    def to(self, dtype: Any) -> Tensor:
        """The same values as another type; of "cpu", the one device there is, the tensor itself."""
        if dtype.__class__ is str and dtype == "cpu":
            return self
        return self if self.dtype == dtype else cast(self, dtype)

    def float(self) -> Tensor:
        return self.to(dtypes.float32)

    def double(self) -> Tensor:
        return self.to(dtypes.float64)

    def long(self) -> Tensor:
        return self.to(dtypes.int64)

    def int(self) -> Tensor:
        return self.to(dtypes.int32)

    def bool(self) -> Tensor:
        return self.to(dtypes.bool_)

    def new_zeros(self, *size: Any, dtype: Any = None) -> Tensor:
        """Zeros of this shape, and its type unless given."""
        return Tensor(tape.traced_constant(np.zeros(lengths(size), dtype or self.dtype)))

    def new_ones(self, *size: Any, dtype: Any = None) -> Tensor:
        return Tensor(tape.traced_constant(np.ones(lengths(size), dtype or self.dtype)))

    def type_as(self, other: Tensor) -> Tensor:
        return self.to(other.dtype)

    def __deepcopy__(self, memo: dict[Any, Any]) -> Tensor:
        if not self.is_leaf:
            raise RuntimeError("only leaves can be deep-copied; use .detach() or .clone()")
        result = object.__new__(type(self))
        result.data = self.data.copy()
        result.node = None
        if self.node is not None:
            result.requires_grad_()
        memo[id(self)] = result
        return result

    def __reduce__(self) -> tuple[Any, ...]:
        if not self.is_leaf:
            raise RuntimeError("only leaves can be pickled; use .detach()")
        return type(self), (self.data, self.requires_grad)

    # Writes --------------------------------------------------------------------------------------

    def __getitem__(self, key: Any) -> Tensor:
        return index.getitem(self, key)  # type: ignore[no-any-return]

    def __setitem__(self, key: Any, value: Any) -> None:
        update.assign(self, value, key)

    def copy_(self, source: Any) -> Tensor:
        """Overwrite the elements; shapes broadcast."""
        update.assign(self, source)
        return self

    def fill_(self, value: Any) -> Tensor:
        update.assign(self, value)
        return self

    def zero_(self) -> Tensor:
        return self.fill_(0)

    def add_(self, other: Any, *, alpha: Any = 1) -> Tensor:
        return self.in_place(self.detach() + (other if alpha == 1 else alpha * other))

    def sub_(self, other: Any, *, alpha: Any = 1) -> Tensor:
        return self.in_place(self.detach() - (other if alpha == 1 else alpha * other))

    def mul_(self, other: Any) -> Tensor:
        return self.in_place(self.detach() * other)

    def div_(self, other: Any) -> Tensor:
        return self.in_place(self.detach() / other)

    def uniform_(self, low: Any = 0.0, high: Any = 1.0) -> Tensor:
        """Overwrite the elements with numbers uniform in [low, high)."""
        return self.copy_(Tensor(default_generator.uniform(self.shape, self.dtype)) * (high - low) + low)

    def normal_(self, mean: Any = 0.0, std: Any = 1.0) -> Tensor:
        """Overwrite the elements with normal numbers."""
        return self.copy_(default_generator.normal(self.shape, self.dtype, mean, std))

    def clamp_(self, min: Any = None, max: Any = None) -> Tensor:
        return self.in_place(e.clamp(self.detach(), min, max))

    def in_place(self, result: Tensor) -> Tensor:
        """Write `result`, computed from this tensor, back into it."""
        update.assign(self, result)
        return self

    def augmented(self, result: Tensor) -> Tensor:
        """`x += y`: in place where nothing is recorded, as NumPy does; a new value on the tape where it is.
        A leaf that wants a gradient refuses, for its gradient would be lost."""
        if mode.word & RECORD and (self.node is not None or result.node is not None):
            if self.node is not None and self.node.plan is None:
                update.refuse_recorded(self)
            return result
        return self.in_place(result.detach())

    def __iadd__(self, other: Any) -> Tensor:  # type: ignore[misc]
        return self.augmented(self + other)

    def __isub__(self, other: Any) -> Tensor:  # type: ignore[misc]
        return self.augmented(self - other)

    def __imul__(self, other: Any) -> Tensor:  # type: ignore[misc]
        return self.augmented(self * other)

    def __itruediv__(self, other: Any) -> Tensor:  # type: ignore[misc]
        return self.augmented(self / other)

    # Operators are the doors themselves ----------------------------------------------------------

    __add__ = e.add
    __sub__ = e.sub
    __mul__ = e.mul
    __truediv__ = e.div
    __pow__ = e.pow
    __floordiv__ = e.floor_divide
    __mod__ = e.remainder
    __matmul__ = mm.matmul
    __neg__ = e.neg
    __abs__ = e.abs
    __eq__ = e.compared(e.eq)
    __ne__ = e.compared(e.ne)
    __lt__ = e.lt
    __le__ = e.le
    __gt__ = e.gt
    __ge__ = e.ge
    __and__ = e.logical_and
    __or__ = e.logical_or
    __invert__ = e.logical_not
    __hash__ = object.__hash__

    def __radd__(self, other: Any) -> Any:
        return e.add(other, self)

    def __rsub__(self, other: Any) -> Any:
        return e.sub(other, self)

    def __rmul__(self, other: Any) -> Any:
        return e.mul(other, self)

    def __rtruediv__(self, other: Any) -> Any:
        return e.div(other, self)

    def __rfloordiv__(self, other: Any) -> Any:
        return e.floor_divide(other, self)

    def __rmod__(self, other: Any) -> Any:
        return e.remainder(other, self)

    def __rpow__(self, other: Any) -> Any:
        return e.pow(other, self)

    def __rmatmul__(self, other: Any) -> Any:
        return mm.matmul(other, self)

    add, sub, mul, div, pow, neg = e.add, e.sub, e.mul, e.div, e.pow, e.neg
    abs, sign, square, sqrt, rsqrt = e.abs, e.sign, e.square, e.sqrt, e.rsqrt
    exp, expm1, log, log1p, sin, cos = e.exp, e.expm1, e.log, e.log1p, e.sin, e.cos
    tanh, sigmoid, erf, relu = e.tanh, e.sigmoid, e.erf, e.relu
    floor, ceil, round, clamp = e.floor, e.ceil, e.round, e.clamp
    maximum, minimum, eq, ne, lt, le, gt, ge = e.maximum, e.minimum, e.eq, e.ne, e.lt, e.le, e.gt, e.ge
    isnan, isinf, isfinite = e.isnan, e.isinf, e.isfinite
    silu, gelu, floor_divide, remainder = e.silu, e.gelu, e.floor_divide, e.remainder
    sum, mean, var, std = reduce.sum, reduce.mean, reduce.var, reduce.std
    max, min, amax, amin = reduce.max, reduce.min, reduce.amax, reduce.amin
    argmax, argmin, logsumexp, norm = reduce.argmax, reduce.argmin, reduce.logsumexp, reduce.norm
    softmax, log_softmax = softmax.softmax, softmax.log_softmax
    matmul, mm, bmm = mm.matmul, mm.mm, mm.bmm
    transpose, squeeze, unsqueeze, flatten = views.transpose, views.squeeze, views.unsqueeze, views.flatten
    split, chunk, unbind, narrow = views.split, views.chunk, views.unbind, views.narrow
    gather, scatter_add = index.gather, index.scatter_add
    sort, argsort, topk, tril, triu = order.sort, order.argsort, order.topk, order.tril, order.triu

    def where(self, condition: Any, other: Any) -> Any:
        """Its elements where `condition`, those of `other` elsewhere."""
        return e.where(condition, self, other)

    def masked_fill(self, mask: Any, value: Any) -> Any:
        """`value` where `mask`, its elements elsewhere."""
        return e.where(mask, value, self)

    def allclose(self, other: Any, rtol: Any = 1e-5, atol: Any = 1e-8, equal_nan: Any = False) -> Any:
        """Whether all |x - other| <= atol + rtol |other|."""
        if mode.word & TRACE:
            mode.trace.refuse_value("allclose()")
        other = other.data if isinstance(other, Value) else other
        return np.allclose(self.data, other, rtol, atol, equal_nan)

    def all(self) -> Tensor:
        if mode.word & TRACE:
            return (self == 0).float().sum() == 0.0  # type: ignore[no-any-return]
        return Tensor(np.asarray(np.all(self.data)))

    def any(self) -> Tensor:
        if mode.word & TRACE:
            return (self != 0).float().sum() > 0.0  # type: ignore[no-any-return]
        return Tensor(np.asarray(np.any(self.data)))

    def reshape(self, *shape_: Any) -> Tensor:
        return views.reshape(self, lengths(shape_))  # type: ignore[no-any-return]

    def view(self, *shape_: Any) -> Tensor:
        """As reshape, but never a copy."""
        result = views.reshape(self, lengths(shape_))
        if not np.shares_memory(result.data, self.data) and self.data.size:
            raise RuntimeError("view: the strides of this tensor don't allow it; use .reshape()")
        return result  # type: ignore[no-any-return]

    def permute(self, *dims: Any) -> Tensor:
        return views.permute(self, lengths(dims))  # type: ignore[no-any-return]

    def expand(self, *shape_: Any) -> Tensor:
        return views.expand(self, lengths(shape_))  # type: ignore[no-any-return]

    def expand_as(self, other: Tensor) -> Tensor:
        return views.expand(self, other.shape)  # type: ignore[no-any-return]

    def repeat(self, *sizes: Any) -> Tensor:
        return views.repeat(self, lengths(sizes))  # type: ignore[no-any-return]

    def flip(self, *dims: Any) -> Tensor:
        return views.flip(self, lengths(dims))  # type: ignore[no-any-return]

    def t(self) -> Tensor:
        """A matrix transposed; a vector or a 0-d tensor as it is."""
        return self if self.ndim < 2 else self.T

    @property
    def T(self) -> Tensor:
        """A matrix transposed."""
        if self.ndim != 2:
            raise ValueError(f"T: want 2 dimensions, got shape {self.shape}; use .mT or .permute()")
        return views.transpose(self, 0, 1)  # type: ignore[no-any-return]

    @property
    def mT(self) -> Tensor:
        """The last two dimensions swapped."""
        return views.swap_last(self)  # type: ignore[no-any-return]


class RemovableHook:
    """What register_hook returns: `remove()` takes the hook off again."""

    def __init__(self, hooks: dict[int, Callable[[Any], Any]], call: Callable[[Any], Any]) -> None:
        self.hooks = hooks
        self.key = max(hooks, default=0) + 1
        hooks[self.key] = call
        bindings.count += 1

    def remove(self) -> None:
        self.hooks.pop(self.key, None)
        bindings.count += 1


def as_tensor(g: Any) -> Tensor:
    """A gradient, as the backward loop has it, as a Tensor."""
    return g if isinstance(g, Tensor) else Tensor(np.asarray(g))


def shape_of(size: Sequence[Any]) -> tuple[int, ...]:
    """The shape meant by f(2, 3) or f((2, 3)), checked."""
    if len(size) == 1 and size[0].__class__ is int and size[0] >= 0:
        return (size[0],)
    result = lengths(tuple(size))
    if any(not isinstance(n, int | np.integer) or n < 0 for n in result):
        raise ValueError(f"want lengths that are integers >= 0, got {result}")
    return tuple(int(n) for n in result)


FACES[np.ndarray] = Tensor
