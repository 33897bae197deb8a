"""The random programs of test_jit_programs, by the thousand."""

from __future__ import annotations

import pytest
from hypothesis import HealthCheck, given, settings
from test_jit_programs import gradients_agree, numbers, programs, ways, writes_agree

from autograd import kernels

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(not kernels.active, reason="programs are made of kernels"),
]

many = settings(max_examples=3000, deadline=None, suppress_health_check=list(HealthCheck))
test_writes_among_ops = many(given(programs, numbers)(writes_agree))
test_gradients = many(given(programs, numbers, ways)(gradients_agree))
