"""Programs as C files: compiled without warnings, they go on where the program is."""

from __future__ import annotations

import ctypes
import subprocess
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from c_files import called, compiled, library, needed

import autograd
import nn
from autograd import JitError
from nn import optim

pytestmark = needed


def training(algorithm: str = "Adam", dtype: Any = np.float32, **options: Any) -> tuple[Any, Any, Any]:
    """A captured step of a small network with dropout and batch norm, its batches, and its optimizer."""
    autograd.manual_seed(3)
    model = nn.Sequential(
        nn.Conv2d(1, 4, 3, padding=1, bias=False), nn.BatchNorm2d(4), nn.ReLU(), nn.MaxPool2d(2),
        nn.Dropout(0.2), nn.Flatten(), nn.Linear(64, 8), nn.GELU(), nn.LayerNorm(8), nn.Linear(8, 3),
    ).to(dtype)  # fmt: skip
    optimizer = getattr(optim, algorithm)(model.parameters(), **{"lr": 0.01, **options})
    loss_of = nn.CrossEntropyLoss(label_smoothing=0.1)

    @autograd.jit
    def step(x, target):
        optimizer.zero_grad()
        output = model(x)
        loss = loss_of(output, target)
        loss.backward()
        optimizer.step()
        return {"loss": loss, "output": output}

    rng = np.random.default_rng(0)

    def batch() -> list[np.ndarray]:
        return [rng.standard_normal((5, 1, 8, 8)).astype(dtype), rng.integers(0, 3, 5)]

    for _ in range(3):
        step(*map(autograd.tensor, batch()))
    return step, batch, optimizer


@pytest.mark.parametrize(
    ("algorithm", "dtype", "options"),
    [("Adam", np.float32, {}), ("SGD", np.float64, {"momentum": 0.9}), ("RMSprop", np.float32, {})],
)
def test_training_goes_on_in_c(algorithm, dtype, options, tmp_path):
    """Twenty steps: state, step counts and dropout masks are those of the engine."""
    step, batch, optimizer = training(algorithm, dtype, **options)
    lib = library(step.program.to_c(tmp_path / "learn.c"), tmp_path)
    rate = ctypes.c_double.in_dll(lib, "learn_lr")
    for i in range(20):
        if i == 10:
            rate.value = optimizer.param_groups[0]["lr"] = 0.005
        x, target = batch()
        expected = step(autograd.tensor(x), autograd.tensor(target))
        expected = [expected["loss"].data, expected["output"].data]
        loss, output = called(lib.learn, [x, target], expected)
        np.testing.assert_allclose(loss, expected[0], rtol=1e-4 if dtype == np.float32 else 1e-9)
        np.testing.assert_allclose(output, expected[1], rtol=1e-3, atol=1e-4)


def test_a_seed_begins_the_random_numbers_anew(tmp_path):
    noise = autograd.jit(lambda x: x + autograd.randn(5) + autograd.dropout(autograd.ones(5), 0.5))
    x = autograd.zeros(5)
    for _ in range(2):
        noise(x)
    lib = library(noise.program.to_c(name="noise"), tmp_path)
    autograd.manual_seed(8)
    expected = [noise(x).data for _ in range(3)]
    lib.noise_seed(ctypes.c_uint64(8))
    for want in expected:
        np.testing.assert_allclose(called(lib.noise, [x.data], [want])[0], want, rtol=1e-5)


def test_main_is_a_filter(tmp_path):
    """Raw inputs in, raw outputs out, call after call; what is not read is read past."""
    weight = autograd.tensor([[1.0, 2.0], [3.0, 4.0]])
    function = autograd.jit(lambda x, unread, k: ((x @ weight).T, x > 0, k + 1))
    args = [np.array([[1.0, -2.0]], np.float32), np.zeros(3), np.array([7, -9])]
    for _ in range(2):
        function(*map(autograd.tensor, args))
    text = function.program.to_c(name="turn")
    program = compiled(text, tmp_path, "-DMAIN")
    raw = b"".join(x.tobytes() for x in args)
    out = subprocess.run([program], input=raw * 2, capture_output=True, check=True).stdout
    want = function(*map(autograd.tensor, args))
    assert out == b"".join(np.ascontiguousarray(x.data).tobytes() for x in want) * 2
    assert "input1   unread: double (3,), not read: may be NULL" in text


def test_state_is_told_from_weights(tmp_path):
    weight, total = autograd.tensor([2.0, 3.0]), autograd.zeros(2)

    @autograd.jit
    def gather(x):
        total.add_(x * weight)

    for _ in range(2):
        gather(autograd.ones(2))
    text = gather.program.to_c(tmp_path / "gather.c")
    assert (tmp_path / "gather.c").read_text() == text
    assert "static const float weight[2] = {2.0f, 3.0f};" in text
    assert "static float total_2[2] = {4.0f, 6.0f};" in text  # `total` is what reductions call theirs
    assert "void gather(const float *input0)" in text
    assert str(Path.cwd()) not in text


def test_a_step_in_python_is_refused_with_its_line():
    function = autograd.jit(lambda k: k * 3)
    for _ in range(2):
        function(autograd.tensor([1, 2]))
    with pytest.raises(JitError, match=r"mul, captured at .*test_jit_to_c\.py:\d+, runs in Python .*int64"):
        function.program.to_c()


def test_numbers_are_written_to_the_last_bit(tmp_path):
    """All kinds of float32 and float64, integers and bools come back as they were."""
    floats = [0.1, -0.0, 1e-45, 3.4028235e38, np.inf, -np.inf, 1 / 3, 16777216.0]
    constants = [
        np.array(floats, np.float32), np.array([*floats, 5e-324, 1.7976931348623157e308]),
        np.array([2**63 - 1, -(2**63), 0]), np.array([True, False]),
    ]  # fmt: skip
    held = [autograd.tensor(x) for x in constants]
    function = autograd.jit(lambda x: (x + 1, *held))
    for _ in range(2):
        function(autograd.ones(1))
    run = library(function.program.to_c(name="numbers"), tmp_path).numbers
    one = np.ones(1, np.float32)
    found = called(run, [one], [one, *constants])
    assert [x.tobytes() for x in found[1:]] == [x.tobytes() for x in constants]


def test_both_real_types_and_names_that_mean_something_in_c(tmp_path):
    """Helpers of two types stand side by side; what would clash with C is called otherwise."""
    gamma, double = autograd.tensor([1.0, 2.0, 3.0]), autograd.tensor(np.array([0.5, -1.0, 2.0]))

    def softmax(x, y):
        return autograd.softmax(x * gamma, 0), autograd.softmax(y * double, 0), autograd.sigmoid(y)

    function = autograd.jit(softmax)
    args = [np.array([0.1, 0.2, -0.3], np.float32), np.array([1.0, -2.0, 0.0])]
    for _ in range(2):
        function(*map(autograd.tensor, args))
    lib = library(function.program.to_c(), tmp_path)
    want = [x.data for x in function(*map(autograd.tensor, args))]
    for mine, x in zip(called(lib.softmax_program, args, want), want, strict=True):
        np.testing.assert_allclose(mine, x, rtol=1e-6 if x.dtype == np.float32 else 1e-14)
