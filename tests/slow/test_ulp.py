"""The largest error of each elementary function over the float32 numbers, on every instruction set.

make ulp                        every float32; exp, log, tanh and sigmoid: about six minutes on two idle cores
make ulp ULP="erf gelu"         these; all, for the table of docs/kernels.md, take half an hour
make slow                       all functions, all edges and every ULP_STEP-th float32: 80 000 of an exponent
"""

from __future__ import annotations

import os

import pytest
import ulp

from autograd import kernels

STEP = int(os.environ.get("ULP_STEP", 101))  # prime: it falls on every pattern of the low bits
pytestmark = [pytest.mark.slow, pytest.mark.skipif(not kernels.active, reason="no compiled kernels")]


@pytest.mark.parametrize("op", ulp.UNARY)
def test_float32(op: str) -> None:
    before, row = kernels.isa(), []
    try:
        for isa in kernels.isas():
            kernels.set_isa(isa)
            row.append((isa, *ulp.worst_float32(op, STEP)))
    finally:
        kernels.set_isa(before)
    print(f"{op:10s}" + "".join(f"  {isa} {worst:.3f} at {where:.9g}" for isa, worst, where in row))
    assert max(worst for _, worst, _ in row) <= ulp.LIMITS[op][0]
