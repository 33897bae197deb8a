"""Training steps again, ours compiled too: the rows and peers of the case `steps`, and its modules.

There our side is eager, as PyTorch is by default. Here it is `autograd.jit(step)`, beside peers that compile
a step as well and peers that do not.
"""

from __future__ import annotations

from dataclasses import replace

from benchmarks.cases import steps

CASE = replace(steps.CASE, name="jit")
