"""What a function did beside its ops while it was captured, and would not do again at a replay."""

from __future__ import annotations

from typing import Any

from autograd.jit.reach import MISSING, plain
from autograd.jit.sealed import JitError, user_line

__all__ = ["Attributes"]


class Attributes:
    """The attributes of modules that were set, with what they were before."""

    def __init__(self) -> None:
        self.before: dict[tuple[int, str], tuple[Any, Any, str]] = {}

    def note(self, module: Any, name: str) -> None:
        """An attribute is about to be set."""
        old = vars(module).get(name, MISSING)
        self.before.setdefault((id(module), name), (module, old, user_line()))

    def refuse_changes(self, known: set[int]) -> None:
        """Refuse those that are others now, of modules (by id) that were there before."""
        for (key, name), (module, old, where) in self.before.items():
            now = vars(module).get(name, MISSING)
            if key in known and now is not old and not (plain(now) and plain(old) and now == old):
                raise JitError(
                    f"{type(module).__name__}.{name} was set to {now!r:.60} inside a jitted function, at "
                    f"{where}: a replay would not do it again; do it outside, or keep numbers that change in "
                    "a buffer and write that in place (add_, copy_)"
                )
