"""The largest error of each elementary function over every float32 there is, on every instruction set.

make ulp                        exp, log, tanh and sigmoid: about six minutes on two idle cores
make ulp ULP="erf gelu"         these
make slow                       all (half an hour), for the table of docs/kernels.md
"""

from __future__ import annotations

import pytest
import ulp

from autograd import kernels

pytestmark = [pytest.mark.slow, pytest.mark.skipif(not kernels.active, reason="no compiled kernels")]


@pytest.mark.parametrize("op", ulp.UNARY)
def test_every_float32(op: str) -> None:
    before, row = kernels.isa(), []
    try:
        for isa in kernels.isas():
            kernels.set_isa(isa)
            row.append((isa, *ulp.worst_float32(op)))
    finally:
        kernels.set_isa(before)
    print(f"{op:10s}" + "".join(f"  {isa} {worst:.3f} at {where:.9g}" for isa, worst, where in row))
    assert max(worst for _, worst, _ in row) <= ulp.LIMITS[op][0]
