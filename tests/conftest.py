"""What every test run shares: the table of ops at its end, and what may not be skipped."""

from __future__ import annotations

import os
import signal
from typing import Any

import hypothesis
import pytest

# How long an example takes says nothing on a machine that does other things too.
hypothesis.settings.register_profile("steady", deadline=None)
hypothesis.settings.register_profile("few", deadline=None, max_examples=15)
hypothesis.settings.load_profile("steady")

# A shell ignores SIGINT for what it starts in the background; the programs that tests interrupt must not.
if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
    signal.signal(signal.SIGINT, signal.default_int_handler)

# What a reason to skip may not say, and where: with the data folder at hand, no test skips for want of data;
# where the build of the kernels is required, none for want of kernels; the same with Chromium and Node.js.
REQUIRED = {"AUTOGRAD_DATA": "AUTOGRAD_DATA" in os.environ,
            "no compiled kernels": os.environ.get("KERNELGRAD_BUILD") == "require",
            "no Chromium": os.environ.get("PLAYGROUND_BROWSER") == "require",
            "no Node.js": os.environ.get("PLAYGROUND_BROWSER") == "require"}  # fmt: skip


@pytest.hookimpl(hookwrapper=True)
def pytest_runtest_makereport(item: pytest.Item, call: Any) -> Any:
    """Collect the results of the registry's tests, by op and by column of the table."""
    outcome = yield
    report = outcome.get_result()
    if report.skipped and isinstance(report.longrepr, tuple):
        reason = report.longrepr[2]
        if any(required and what in reason for what, required in REQUIRED.items()):
            report.outcome, report.longrepr = "failed", f"may not skip here: {reason}"
    if report.when == "call" and item.fspath.basename == "test_registry.py" and hasattr(item, "callspec"):
        parameters = item.callspec.params  # type: ignore[attr-defined]
        case = parameters.get("case")
        if case is None:
            return
        name = item.originalname  # type: ignore[attr-defined]
        if name == "test_gradients":
            column = f"orders 1, 2 ({parameters['backend']})"
        elif name == "test_c_against_numpy":
            column = f"C = NumPy ({parameters['isa']})"
        else:
            column = "shape rule"
        report.user_properties.append(("op", f"{case.op}|{column}"))


def pytest_terminal_summary(terminalreporter: Any) -> None:
    """A row an op: how many cases passed in each column; why, where there is no derivative."""
    rows: dict[str, dict[str, list[int]]] = {}
    for outcome in ("passed", "failed"):
        for report in terminalreporter.stats.get(outcome, []):
            for key, value in getattr(report, "user_properties", []):
                if key == "op":
                    op, column = value.split("|")
                    cell = rows.setdefault(op, {}).setdefault(column, [0, 0])
                    cell[0] += outcome == "passed"
                    cell[1] += 1
    if not rows:
        return
    from op_cases import REGISTRY  # with every op of the cases

    columns = sorted({column for row in rows.values() for column in row}, key=lambda c: (c[0] != "s", c))
    write = terminalreporter.write_line
    terminalreporter.section("ops of the registry: cases passed / tried")
    write(f"{'op':14s}" + "".join(f"{column:>24s}" for column in columns))
    for op, row in rows.items():
        cells = "".join(f"{'{}/{}'.format(*row[c]) if c in row else '-':>24s}" for c in columns)
        why = REGISTRY[op].why
        write(f"{op:14s}{cells}" + (f"   no derivative: {why}" if why else ""))


@pytest.fixture
def on() -> Any:
    """on(isa, threads): run with these."""
    from autograd import kernels

    before = kernels.isa(), kernels.get_num_threads()

    def choose(isa: str, threads: int = 1) -> None:
        kernels.set_isa(isa), kernels.set_num_threads(threads)

    yield choose
    if before[0]:
        kernels.set_isa(before[0]), kernels.set_num_threads(before[1])
