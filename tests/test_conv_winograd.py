"""Winograd's convolutions: every shape they suit, how far they err, where NaN and infinity go."""

import numpy as np
import pytest
from conv_checks import TOLERANCE, check_all, every_way, on_numpy
from examples import examples
from hypothesis import given
from hypothesis import strategies as st

from autograd import kernels
from autograd.ops import conv_choice, conv_kernel

ONES, TWOS = (1, 1), (2, 2)
KINDS = [(3, 1), (4, 2)]  # taps, stride


@pytest.fixture(autouse=True)
def settings_kept():
    isa, threads, algorithm = kernels.isa(), kernels.get_num_threads(), conv_choice.get_conv_algorithm()
    yield
    conv_choice.set_conv_algorithm(algorithm)
    if isa:
        kernels.set_isa(isa)
        kernels.set_num_threads(threads)


@st.composite
def shapes(draw):
    taps, stride = draw(st.sampled_from(KINDS))
    padding = draw(st.tuples(st.integers(0, taps - 1), st.integers(0, taps - 1)))
    size = [draw(st.integers(max(1, taps - 2 * p), 23)) for p in padding]
    channels, outputs = (draw(st.sampled_from([1, 2, 3, 8, 15, 16, 17, 33, 70])) for _ in range(2))
    x_shape = (draw(st.integers(1, 4)), channels, *size)
    return x_shape, (outputs, channels, taps, taps), (stride, stride), padding, ONES, 1


@pytest.mark.parametrize("dtype", TOLERANCE)
@given(sizes=shapes())
@examples(60)
def test_shapes_of_all_kinds(sizes, dtype):
    check_all(*sizes, dtype, ["winograd"])


@pytest.mark.parametrize("dtype", TOLERANCE)
@pytest.mark.parametrize(
    "sizes",
    [
        ((1, 260, 7, 7), (150, 260, 3, 3), ONES, ONES, ONES, 1),  # more filters than tiles, in pieces
        ((1, 150, 7, 7), (260, 150, 3, 3), ONES, ONES, ONES, 1),
        ((5, 20, 29, 30), (40, 20, 3, 3), ONES, ONES, ONES, 1),  # more tiles than filters, groups of strips
        ((1, 8, 9, 300), (40, 8, 3, 3), ONES, ONES, ONES, 1),  # one strip is more than the cache
        ((6, 150, 29, 30), (140, 150, 3, 3), ONES, ONES, ONES, 1),  # many tiles: in w blocks of channels
        ((17, 300, 15, 15), (8, 300, 3, 3), ONES, ONES, ONES, 1),  # more channels than tiles, groups of these
        ((64, 3, 1, 1), (4, 3, 3, 3), ONES, ONES, ONES, 1),
        ((1, 100, 7, 7), (150, 100, 4, 4), TWOS, ONES, ONES, 1),  # the same, of phases
        ((5, 20, 29, 30), (40, 20, 4, 4), TWOS, ONES, ONES, 1),
        ((6, 70, 29, 30), (140, 70, 4, 4), TWOS, ONES, ONES, 1),
        ((20, 70, 29, 30), (20, 70, 4, 4), TWOS, ONES, ONES, 1),
    ],
)
def test_pieces(sizes, dtype):
    check_all(*sizes, dtype, ["winograd"])


def directions(x_shape, w_shape, stride, dtype):
    rng = np.random.default_rng(0)
    y_shape = (x_shape[0], w_shape[0], *(size // stride for size in x_shape[2:]))
    x, w, y = (rng.standard_normal(s) for s in (x_shape, w_shape, y_shape))
    rest = ((stride, stride), ONES, ONES, 1)
    x, w, y = (a.astype(dtype) for a in (x, w, y))
    return {
        "forward": lambda t: conv_kernel.forward(x.astype(t), w.astype(t), None, *rest),
        "input": lambda t: conv_kernel.input_gradient(y.astype(t), w.astype(t), x_shape[2:], *rest),
        "weight": lambda t: conv_kernel.weight_gradient(x.astype(t), y.astype(t), w_shape[2:], *rest),
    }


@pytest.mark.skipif(not kernels.active, reason="no compiled kernels")
@pytest.mark.parametrize("taps, stride", KINDS)
@pytest.mark.parametrize("channels", [16, 64, 256])
@pytest.mark.parametrize("direction", ["forward", "input", "weight"])
def test_the_error_is_what_the_header_says(channels, direction, taps, stride):
    """As a share of the largest result: 6e-6 in float32 up to 256 channels; 2e-14 in float64."""
    shapes = (2, channels, 13, 13), (channels, channels, taps, taps)
    run = directions(*shapes, stride, np.float32)[direction]
    conv_choice.set_conv_algorithm("direct")
    exact = run(np.longdouble) if channels == 16 else run(np.float64)  # longdouble: by NumPy
    conv_choice.set_conv_algorithm("winograd")
    assert np.abs(run(np.float32) - exact).max() <= 6e-6 * np.abs(exact).max()
    assert np.abs(run(np.float64) - exact).max() <= 2e-14 * np.abs(exact).max()


@pytest.mark.skipif(not kernels.active, reason="no compiled kernels")
@pytest.mark.parametrize("taps, stride", KINDS)
def test_weights_differ_between_thread_counts_by_rounding_alone(taps, stride):
    """Each thread adds up its own tiles. The other two directions give the same bits."""
    conv_choice.set_conv_algorithm("winograd")
    for direction, run in directions((3, 18, 15, 15), (20, 18, taps, taps), stride, np.float32).items():
        results = []
        for threads in (1, 2, 5, 2):
            kernels.set_num_threads(threads)
            results.append(run(np.float32))
        np.testing.assert_array_equal(results[1], results[3])
        for other in results[1:]:
            bound = 5e-6 * np.abs(results[0]).max() if direction == "weight" else 0
            np.testing.assert_allclose(other, results[0], rtol=0, atol=bound)


@pytest.mark.parametrize("taps, stride", KINDS)
def test_a_tile_with_nan_or_infinity_is_lost_whole_and_no_other(taps, stride):
    x = np.ones((1, 17, 12 * stride, 16 * stride), np.float32)
    x[0, 3, 5 * stride, 6 * stride], x[0, 16, 6 * stride, 5 * stride] = np.nan, np.inf
    rest = ((stride, stride), ONES, ONES, 1)
    w = np.ones((3, 17, taps, taps), np.float32)
    run = lambda: conv_kernel.forward(x, w, None, *rest)  # noqa: E731
    expected = on_numpy(run)
    lost = np.zeros((12, 16), bool)
    lost[4:8, 4:8] = True
    for way, actual in every_way(run, ["winograd"]):
        assert not np.isfinite(actual[..., lost]).any(), way
        np.testing.assert_allclose(actual[..., ~lost], expected[..., ~lost], rtol=1e-5, err_msg=way)
