"""Holding the convolution kernels to their NumPy references: every ISA, thread count and algorithm."""

import numpy as np

from autograd import kernels
from autograd.ops import conv_choice, conv_kernel

TOLERANCE = {np.float32: 1e-5, np.float64: 1e-12}


def every_way(run, algorithms=conv_choice.ALGORITHMS):
    """(name, result) of `run()` for each ISA with 1 and 2 threads, by each algorithm."""
    before = conv_choice.get_conv_algorithm()
    for isa in kernels.isas():
        kernels.set_isa(isa)
        for threads in (1, 2):
            kernels.set_num_threads(threads)
            for algorithm in algorithms:
                conv_choice.set_conv_algorithm(algorithm)
                yield f"{isa}, {threads} threads, {algorithm}", run()
    conv_choice.set_conv_algorithm(before)


def on_numpy(run):
    active, kernels.active = kernels.active, False
    try:
        return run()
    finally:
        kernels.active = active


def close(actual, expected, terms, dtype, name):
    assert actual.shape == expected.shape and actual.dtype == dtype, name
    scale = np.abs(expected).max(initial=1)  # products of normal numbers round like 1, also small sums
    error = np.abs(actual - expected).max(initial=0) / scale
    assert error <= TOLERANCE[dtype] * max(1, np.sqrt(terms) / 4), f"{name}: relative error {error:.1e}"


def check_all(x_shape, w_shape, stride, padding, dilation, groups, dtype, algorithms=conv_choice.ALGORITHMS):
    """The three kernels against the three references."""
    rng = np.random.default_rng(0)
    x, w, bias = (rng.standard_normal(s).astype(dtype) for s in (x_shape, w_shape, w_shape[:1]))
    rest = (stride, padding, dilation, groups)
    y = on_numpy(lambda: conv_kernel.forward(x, w, bias, *rest))
    g = rng.standard_normal(y.shape).astype(dtype)
    cases = [
        ("forward", w[0].size, lambda: conv_kernel.forward(x, w, bias, *rest)),
        ("input", w.size // max(1, w_shape[1]), lambda: conv_kernel.input_gradient(g, w, x_shape[2:], *rest)),
        ("weight", g[:, 0].size, lambda: conv_kernel.weight_gradient(x, g, w_shape[2:], *rest)),
    ]
    for name, terms, run in cases:
        expected = on_numpy(run)
        for way, actual in every_way(run, algorithms):
            close(actual, expected, terms, dtype, f"{name}, {way}")
