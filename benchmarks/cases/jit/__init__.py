"""Training steps again, ours compiled too: the rows and peers of the case `steps`, and its modules.

There our side is eager, as PyTorch is by default. Here it is `autograd.jit(step)`, beside peers that compile
a step as well and peers that do not.
"""

from __future__ import annotations

from dataclasses import replace

from benchmarks.cases import Row, steps

UPDATES = 1000  # of one call, in the row "one-call loop"

playground = steps.CASE.rows[0]
loop = Row(
    f"playground 2-8-8-1, {UPDATES:,} updates in one call",
    {**playground.sizes, "updates": UPDATES},
    ("pytorch", "jax"),
)
CASE = replace(steps.CASE, name="jit", rows=(playground, loop, *steps.CASE.rows[1:]))
