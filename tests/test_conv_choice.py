"""The choice of a convolution's algorithm: by estimate, by measuring, by name; what is refused."""

import os
import subprocess
import sys

import numpy as np
import pytest

import autograd
from autograd import kernels
from autograd.ops import conv_choice, conv_kernel

SHAPE = ((2, 5, 9, 8), (7, 5, 3, 3), (1, 1), (1, 1), (1, 1), 1)
pytestmark = pytest.mark.skipif(not kernels.active, reason="no compiled kernels")


@pytest.fixture(autouse=True)
def choice_kept():
    before, found = autograd.get_conv_algorithm(), dict(conv_choice.found)
    yield
    autograd.set_conv_algorithm(before)
    conv_choice.found.clear()
    conv_choice.found.update(found)


def directions():
    x_shape, w_shape, *rest = SHAPE
    rng = np.random.default_rng(0)
    x, w, b = (rng.standard_normal(s) for s in (x_shape, w_shape, w_shape[:1]))
    y = conv_kernel.forward(x, w, b, *rest)
    return [
        lambda: conv_kernel.forward(x, w, b, *rest),
        lambda: conv_kernel.input_gradient(y, w, x_shape[2:], *rest),
        lambda: conv_kernel.weight_gradient(x, y, w_shape[2:], *rest),
    ]


def test_the_names_are_those_of_the_library():
    pairs = {tuple(name.rsplit("_", 1)) for name in kernels.conv_algorithms()}
    assert {kernel for kernel, _ in pairs} == {"conv2d", "conv2d_input", "conv2d_weight"}
    assert {algorithm for _, algorithm in pairs} == set(conv_choice.ALGORITHMS)
    assert all((kernel, "direct") in pairs for kernel, _ in pairs)  # it suits every shape


@pytest.mark.parametrize("name", conv_choice.WORDS)
def test_every_choice_gives_the_convolution(name):
    expected = [run() for run in directions()]
    autograd.set_conv_algorithm(name)
    for run, want in zip(directions(), expected, strict=True):
        np.testing.assert_allclose(run(), want, rtol=1e-11, atol=1e-11)


def test_benchmark_times_each_suiting_algorithm_once_a_shape(monkeypatch):
    timed = []
    real = conv_choice.time_of

    def time_of(kernel, args, sizes):
        timed.append((kernel, sizes[-1]))
        return real(kernel, args, sizes)

    monkeypatch.setattr(conv_choice, "time_of", time_of)
    autograd.set_conv_algorithm("benchmark")
    conv_choice.found.clear()
    for _ in range(2):
        for run in directions():
            run()
    names = kernels.conv_algorithms()
    assert len(timed) == len(set(timed)) == len(names) and {n for _, n in timed} == set(
        range(1, len(names) + 1)
    )


def test_benchmark_takes_the_fastest(monkeypatch):
    monkeypatch.setattr(kernels, "conv_algorithms", lambda: ["conv2d_slow", "conv2d_none", "conv2d_fast"])
    times = {1: 3.0, 3: 2.0}

    def time_of(kernel, args, sizes):
        if sizes[-1] not in times:
            raise ValueError("it doesn't suit")
        return times[sizes[-1]]

    monkeypatch.setattr(conv_choice, "time_of", time_of)
    autograd.set_conv_algorithm("benchmark")
    assert conv_choice.find(kernels.CONV2D, [], ()) == 3
    monkeypatch.setattr(conv_choice, "chosen", "none")
    assert conv_choice.find(kernels.CONV2D, [], ()) == 0


def test_what_is_no_algorithm_is_refused():
    with pytest.raises(ValueError, match="'fft' is not one of auto, benchmark, direct"):
        autograd.set_conv_algorithm("fft")
    assert autograd.get_conv_algorithm() != "fft"
    code = "import autograd; print(autograd.get_conv_algorithm())"
    for name, status in (("direct", 0), ("fft", 1)):
        run = subprocess.run(
            [sys.executable, "-c", code],
            env={**os.environ, "AUTOGRAD_CONV": name},
            capture_output=True,
            text=True,
        )
        assert run.returncode == status and "direct" in run.stdout + run.stderr


def test_c_refuses_an_algorithm_that_does_not_exist():
    x, w, y = np.ones((1, 1, 3, 3)), np.ones((1, 1, 3, 3)), np.empty((1, 1, 1, 1))
    sizes = (1, 1, 3, 3, 1, 3, 3, 1, 1, 1, 1, 0, 0, 1, 1, 1)
    with pytest.raises(ValueError, match="conv2d: bad argument"):
        kernels.call(kernels.CONV2D, [x, w, y, None], (*sizes, len(kernels.conv_algorithms()) + 1))
    kernels.call(kernels.CONV2D, [x, w, y, None], (*sizes, 0))
    assert y == 9
