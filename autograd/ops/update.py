"""`assign`: the only write of state. Optimisers, initialisers, running statistics and indexed assignment
all pass here, so a write is noted once and refused once."""

from __future__ import annotations

from typing import Any

import numpy as np

from autograd import tape
from autograd.ops.index import plain_key
from autograd.tape import RECORD, TRACE, Value, mode


def refuse_recorded(target: Value) -> None:
    """A value that takes part in recording must not be written."""
    if target.node is None or not mode.word & RECORD:
        return
    what = "a leaf that wants a gradient" if target.node.plan is None else "a value on the tape"
    raise RuntimeError(
        f"writing in place to {what} would make its gradient wrong; do it under autograd.no_grad(), or make "
        "a new value (where, cat, x.clone())"
    )


def assign(target: Value, source: Any, key: Any = Ellipsis) -> None:
    """target[key] = source, in place. Shapes broadcast; types must be castable without changing kind."""
    refuse_recorded(target)
    if isinstance(source, Value):
        if source.node is not None and mode.word & RECORD:
            raise RuntimeError(
                "assigning a value that has a gradient into a tensor would cut it from the tape; build the "
                "result with autograd.where, cat or scatter_add, or assign x.detach()"
            )
        source = source.data
    array, given = target.data, source
    if isinstance(source, bool | int) and array.dtype.kind in "biuf":
        source = np.asarray(source).astype(array.dtype)  # a Python int suits every type
    if not array.flags.writeable:
        raise ValueError("assign: this tensor's memory is read-only (an expanded view?); write to x.clone()")
    if not np.can_cast(np.result_type(source), array.dtype, casting="same_kind"):
        raise TypeError(
            f"assign: cannot write {np.result_type(source)} into a tensor of {array.dtype}; cast it first"
        )
    key = key if key is Ellipsis else plain_key(key)
    if mode.word & TRACE:
        mode.trace.assign(array, key, given)
    try:
        array[key] = source
    except ValueError:
        raise ValueError(
            f"assign: a value of shape {np.shape(source)} doesn't fit the place of shape {array[key].shape}"
        ) from None
    tape.written(array)
