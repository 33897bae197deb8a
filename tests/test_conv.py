"""Convolution: C against NumPy on every ISA, for any stride, padding, dilation and groups; the family's
derivatives to order 2; the shapes that are refused."""

import math
from collections.abc import Iterator

import numpy as np
import pytest
from conv_checks import TOLERANCE, check_all, close, every_way, on_numpy
from examples import examples
from hypothesis import given
from hypothesis import strategies as st

import autograd
from autograd import kernels
from autograd.check import gradcheck
from autograd.ops import conv_choice, conv_kernel
from autograd.ops.conv import conv2d, conv_transpose2d


@pytest.fixture(autouse=True)
def settings_kept() -> Iterator[None]:
    isa, threads = kernels.isa(), kernels.get_num_threads()
    yield
    if isa:
        kernels.set_isa(isa)
        kernels.set_num_threads(threads)


@st.composite
def convolutions(draw, largest=20, depthwise=False):
    """Sizes of a convolution that fits: x and w shapes, stride, padding, dilation, groups."""
    pairs = st.tuples(st.integers(1, 3), st.integers(1, 3))
    stride, dilation = draw(pairs), draw(pairs)
    taps = draw(st.tuples(st.integers(1, 5), st.integers(1, 5)))
    padding = draw(st.tuples(st.integers(0, 4), st.integers(0, 4)))
    groups = draw(st.sampled_from([1, 1, 1, 2, 3, 5]))
    per_group = draw(st.integers(1, 9)) if draw(st.booleans()) else 1
    outputs = draw(st.sampled_from([1, 2, 3, 4, 7, 8, 9, 16, 17, 35]))
    if depthwise:
        per_group = outputs = 1
    size = []
    for i in (0, 1):
        smallest = max(1, dilation[i] * (taps[i] - 1) + 1 - 2 * padding[i])
        size.append(draw(st.integers(smallest, smallest + largest)))
    batch = draw(st.integers(0, 3))
    x_shape, w_shape = (batch, per_group * groups, *size), (outputs * groups, per_group, *taps)
    return x_shape, w_shape, stride, padding, dilation, groups


@pytest.mark.parametrize("dtype", TOLERANCE)
@given(sizes=convolutions())
@examples(60)
def test_kernels_agree_with_the_reference(sizes, dtype):
    check_all(*sizes, dtype)


@pytest.mark.parametrize("dtype", TOLERANCE)
@given(sizes=convolutions(depthwise=True))
@examples(60)
def test_depthwise_kernels_agree_with_the_reference(sizes, dtype):
    check_all(*sizes, dtype)


@pytest.mark.parametrize("dtype", TOLERANCE)
@pytest.mark.parametrize(
    "sizes",
    [
        ((2, 32, 26, 26), (64, 32, 3, 3), (1, 1), (0, 0), (1, 1), 1),  # the input itself serves as planes
        ((1, 40, 57, 57), (24, 40, 3, 3), (1, 1), (1, 1), (1, 1), 1),  # bands of rows of one image
        ((3, 3, 61, 67), (20, 3, 7, 7), (2, 2), (3, 3), (1, 1), 1),  # phases, few channels
        ((2, 160, 7, 7), (130, 160, 3, 3), (1, 1), (1, 1), (1, 1), 1),  # more weights than cache
        ((5, 24, 7, 7), (40, 24, 3, 3), (1, 1), (1, 1), (1, 1), 1),  # short rows: channels in the lanes
        ((3, 30, 14, 15), (50, 30, 4, 4), (2, 2), (1, 1), (1, 1), 1),  # the same, with phases
        ((2, 64, 7, 7), (96, 32, 3, 2), (1, 1), (1, 1), (1, 2), 2),  # the same, with groups
        ((2, 33, 28, 28), (33, 1, 3, 3), (1, 1), (1, 1), (1, 1), 33),  # depthwise
        ((2, 3, 150, 61), (3, 1, 5, 5), (1, 1), (2, 2), (1, 1), 3),  # in bands of rows
        ((2, 21, 29, 40), (21, 1, 4, 3), (2, 2), (1, 1), (1, 1), 21),  # with phases
        ((2, 3, 150, 61), (3, 1, 3, 3), (2, 2), (1, 1), (1, 1), 3),  # columns parted in registers
        ((2, 3, 70, 67), (3, 1, 5, 5), (2, 2), (2, 1), (1, 1), 3),
        ((2, 5, 33, 35), (5, 1, 3, 3), (2, 2), (0, 0), (1, 1), 5),  # the same, in place
        ((3, 9, 8, 5), (9, 1, 3, 3), (2, 2), (4, 6), (1, 1), 9),
        ((3, 9, 7, 7), (9, 1, 7, 7), (1, 1), (3, 3), (1, 1), 9),  # rows shorter than a vector
        ((3, 9, 7, 5), (9, 1, 3, 3), (1, 1), (1, 1), (1, 1), 9),
        ((1, 5, 21, 35), (5, 1, 3, 3), (1, 1), (3, 0), (1, 1), 5),  # more padding than the window is wide
        ((4, 70, 9, 9), (21, 70, 1, 1), (1, 1), (0, 0), (1, 1), 1),  # a matrix product
        (
            (70, 3, 9, 8),
            (13, 3, 5, 5),
            (1, 1),
            (2, 1),
            (1, 1),
            1,
        ),  # vectors of images, the last not full
        (
            (35, 6, 8, 8),
            (20, 3, 3, 5),
            (2, 3),
            (1, 4),
            (2, 1),
            2,
        ),  # the same, channels of a page
        ((2, 6, 12, 12), (4, 6, 1, 1), (3, 2), (0, 0), (1, 1), 1),  # inputs that no tap meets
        ((1, 3, 7, 1), (4, 3, 1, 1), (2, 2), (1, 1), (1, 1), 1),  # rows, and a column of nothing else
        ((2, 6, 11, 13), (4, 3, 1, 2), (3, 3), (1, 1), (1, 1), 2),
        ((1, 2, 32, 32), (9, 2, 3, 3), (1, 1), (0, 0), (1, 1), 1),  # planes of 4 KB
        ((1, 2, 9, 3), (4, 2, 3, 3), (1, 1), (0, 0), (1, 1), 1),  # in place, bands shorter than a vector
        ((1, 4, 7, 1), (2, 4, 3, 3), (1, 1), (2, 2), (1, 1), 1),  # the same for the gradient
        ((9, 5, 1, 1), (3, 5, 1, 1), (1, 1), (0, 0), (1, 1), 1),
        ((0, 3, 8, 8), (4, 3, 3, 3), (1, 1), (1, 1), (1, 1), 1),
        ((2, 0, 8, 8), (4, 0, 3, 3), (1, 1), (1, 1), (1, 1), 1),
    ],
)
def test_kernels_on_the_ways_they_distinguish(sizes, dtype):
    check_all(*sizes, dtype)


@pytest.mark.parametrize(("batch", "taps"), [(3, 3), (35, 5)])
def test_the_thread_count_does_not_change_a_bit(batch, taps):
    rng = np.random.default_rng(3)
    x, w = rng.standard_normal((batch, 12, 15, 15)), rng.standard_normal((20, 12, taps, taps))
    rest = ((1, 1), (1, 1), (1, 1), 1)
    y = conv_kernel.forward(x, w, None, *rest)
    for run in (
        lambda: conv_kernel.forward(x, w, None, *rest),
        lambda: conv_kernel.input_gradient(y, w, (15, 15), *rest),
        lambda: conv_kernel.weight_gradient(x, y, (taps, taps), *rest),
    ):
        results = []
        for threads in (1, 2, 5):
            kernels.set_num_threads(threads)
            results.append(run())
        for other in results[1:]:
            np.testing.assert_array_equal(results[0], other)


@pytest.mark.skipif(not kernels.active, reason="no compiled kernels")
@pytest.mark.parametrize("stride", [1, 2])
def test_images_in_the_lanes_do_not_change_a_bit(stride):
    """They add in the order of the direct algorithms, so that "auto" may choose by the number of threads."""
    rng = np.random.default_rng(3)
    x, w = rng.standard_normal((35, 6, 14, 14)), rng.standard_normal((16, 6, 5, 5))
    rest = ((stride, stride), (1, 1), (1, 1), 1)
    y = conv_kernel.forward(x, w, None, *rest)
    for run in (
        lambda: conv_kernel.forward(x, w, None, *rest),
        lambda: conv_kernel.input_gradient(y, w, (14, 14), *rest),
    ):
        of_isa = {}
        for way, result in every_way(run, ["direct", "images"]):
            expected = of_isa.setdefault(way.split(",")[0], result)
            np.testing.assert_array_equal(result, expected, err_msg=way)


LOCAL = [name for name in conv_choice.ALGORITHMS if name != "winograd"]  # it computes tiles as a whole


@pytest.mark.parametrize("stride", [1, 2])
@pytest.mark.parametrize("columns", [5, 28])
def test_infinity_and_nan_stay_where_they_belong(columns, stride):
    """Lanes that are computed and thrown away, and masked tails, must not leak into real outputs."""
    x = np.ones((1, 2, 6, columns), np.float32)
    x[0, 0, 2, columns - 1], x[0, 1, 4, 0] = np.inf, np.nan
    for outputs, groups in ((3, 1), (2, 2)):
        w = np.ones((outputs, 2 // groups, 3, 3), np.float32)
        rest = ((stride, stride), (1, 1), (1, 1), groups)
        g = np.ones((1, outputs, 6 // stride, (columns + stride - 1) // stride), np.float32)
        size = (6 * stride - stride + 1, columns * stride - stride + 1)
        for run in (
            lambda w=w, rest=rest: conv_kernel.forward(x, w, None, *rest),
            lambda w=w, rest=rest, size=size: (
                conv_kernel.input_gradient(x, w, size, *rest) if w.shape[0] == 2 else None
            ),
            lambda g=g, rest=rest: conv_kernel.weight_gradient(x, g, (3, 3), *rest),
        ):
            expected = on_numpy(run)
            for way, actual in every_way(run, LOCAL):
                if expected is not None:
                    np.testing.assert_allclose(actual, expected, rtol=1e-5, err_msg=way)


@pytest.fixture(params=["numpy", "kernels"])
def backend(request, monkeypatch):
    if request.param == "numpy":
        monkeypatch.setattr(kernels, "active", False)
    elif not kernels.active:
        pytest.skip("no compiled kernels")


def randoms(*shapes):
    rng = np.random.default_rng(0)
    return [autograd.tensor(rng.standard_normal(s), requires_grad=True) for s in shapes]


@pytest.mark.parametrize(
    ("x", "w", "options"),
    [
        ((2, 2, 5, 4), (3, 2, 3, 2), {"padding": 1}),
        ((1, 4, 6, 5), (4, 2, 2, 3), {"stride": (2, 1), "padding": (0, 2), "groups": 2}),
        ((2, 3, 5, 5), (3, 1, 3, 3), {"padding": "same", "groups": 3}),
        ((1, 2, 7, 7), (2, 2, 2, 2), {"stride": 2, "dilation": 3}),
        ((2, 4, 4), (2, 2, 2, 2), {"padding": "same"}),
    ],
)
def test_conv2d_derivatives(backend, x, w, options):
    assert gradcheck(lambda x, w, b: conv2d(x, w, b, **options), randoms(x, w, w[:1]), order=2)
    assert gradcheck(lambda x, w: conv2d(x, w, **options), randoms(x, w), order=2)


@pytest.mark.parametrize(
    ("x", "w", "options"),
    [
        ((2, 3, 3, 2), (3, 2, 3, 3), {"stride": 2, "padding": 1, "output_padding": 1}),
        ((1, 4, 3, 3), (4, 1, 2, 2), {"groups": 2, "dilation": 2}),
        ((2, 3, 3), (2, 2, 2, 2), {"stride": 2, "dilation": 3, "output_padding": 2}),
    ],
)
def test_conv_transpose2d_derivatives(backend, x, w, options):
    bias = (w[1] * options.get("groups", 1),)
    assert gradcheck(lambda x, w, b: conv_transpose2d(x, w, b, **options), randoms(x, w, bias), order=2)


def test_third_order(backend):
    assert gradcheck(
        lambda x, w: conv2d(x, w, stride=2, padding=1), randoms((1, 1, 3, 3), (1, 1, 2, 2)), order=3
    )


def test_by_hand(backend):
    x = autograd.arange(12.0).reshape(1, 1, 3, 4)
    w = autograd.tensor([[[[1.0, 0.0], [0.0, -1.0]]]])
    assert conv2d(x, w).tolist() == [[[[-5.0] * 3] * 2]]
    assert conv2d(x, w, padding=1).shape == (1, 1, 4, 5)
    assert conv2d(x, w, padding="same").shape == x.shape
    assert conv2d(x[0], w).shape == (1, 2, 3)
    assert conv_transpose2d(x, w, stride=2).shape == (1, 1, 6, 8)


def test_a_view_may_be_given(backend):
    rng = np.random.default_rng(0)
    x, w = rng.standard_normal((2, 9, 8, 3)), rng.standard_normal((3, 3, 3, 4))
    expected = conv2d(x.transpose(0, 3, 1, 2).copy(), w.transpose(3, 0, 1, 2).copy())
    np.testing.assert_allclose(conv2d(x.transpose(0, 3, 1, 2), w.transpose(3, 0, 1, 2)), expected, rtol=1e-12)


@pytest.mark.parametrize(
    ("call", "words"),
    [
        (lambda x, w: conv2d(x, w[:, :2]), r"3 channels.*\(4, 2, 3, 3\).*wants 2"),
        (lambda x, w: conv2d(x, w, groups=3), "groups=3"),
        (lambda x, w: conv2d(x[0, 0], w), r"want \(N, C, H, W\)"),
        (lambda x, w: conv2d(x, w, dilation=4), "doesn't fit into an input of 8 x 8"),
        (lambda x, w: conv2d(x, w, w[0]), r"bias of shape \(3, 3, 3\), want \(4,\)"),
        (lambda x, w: conv2d(x, w, stride=0), "stride 0, want"),
        (lambda x, w: conv2d(x, w, padding=(1, 2, 3)), "padding"),
        (lambda x, w: conv2d(x, w, stride=2, padding="same"), "same"),
        (lambda x, w: conv2d(x, w, groups=0), "groups 0"),
        (lambda x, w: conv_transpose2d(x, w), "conv_transpose2d: input"),
        (lambda x, w: conv_transpose2d(x[:, :1], w[:1], output_padding=1), "output_padding"),
        (lambda x, w: conv_transpose2d(x[:, :1], w[:1], padding=5), "leave no output"),
    ],
)
def test_what_does_not_fit_is_refused(call, words):
    with pytest.raises(ValueError, match=words):
        call(autograd.ones(1, 3, 8, 8), autograd.ones(4, 3, 3, 3))


def test_mixed_types_are_refused():
    with pytest.raises(TypeError, match="float32, float64"):
        conv2d(autograd.ones(1, 1, 3, 3), autograd.ones(1, 1, 2, 2, dtype=autograd.float64))


def test_one_window_is_one_product() -> None:
    """A kernel as large as the image, forward and transposed, is what it is through windows and padding."""
    rng = np.random.default_rng(3)
    x, w, bias = (rng.standard_normal(shape) for shape in ((3, 2, 4, 3), (5, 2, 4, 3), (5,)))
    padded, border = np.pad(x, ((0, 0), (0, 0), (1, 1), (1, 1))), np.pad(w, ((0, 0), (0, 0), (1, 1), (1, 1)))
    options = {"stride": (1, 1), "dilation": (1, 1), "groups": 1}
    y = conv_kernel.forward(x, w, bias, padding=(0, 0), **options)
    np.testing.assert_allclose(y, conv_kernel.forward(x, border, bias, padding=(1, 1), **options))
    back = conv_kernel.input_gradient(y, w, (4, 3), padding=(0, 0), **options)
    np.testing.assert_allclose(back, conv_kernel.input_gradient(y, border, (4, 3), padding=(1, 1), **options))
    taps = conv_kernel.weight_gradient(x, y, (4, 3), padding=(0, 0), **options)
    wide = conv_kernel.weight_gradient(padded, y, (6, 5), padding=(0, 0), **options)
    np.testing.assert_allclose(taps, wide[:, :, 1:-1, 1:-1])


ACTIVATIONS = {  # by their numbers in csrc/kernels.h
    1: lambda y: np.maximum(y, 0),
    2: np.tanh,
    3: lambda y: 1 / (1 + np.exp(-y)),
    4: lambda y: y * 0.5 * (1 + np.vectorize(math.erf)(y / math.sqrt(2))),
    5: lambda y: y / (1 + np.exp(-y)),
}


@pytest.mark.skipif(not kernels.active, reason="no compiled kernels")
@pytest.mark.parametrize("dtype", TOLERANCE)
@pytest.mark.parametrize("code", ACTIVATIONS)
@pytest.mark.parametrize(
    ("channels", "groups", "size"),
    [(3, 1, 4), (24, 1, 7), (10, 10, 30), (40, 1, 57)],  # vectors along rows, and across channels; in bands
)
def test_an_activation_is_applied_to_the_sum_with_its_bias(channels, groups, size, code, dtype):
    rng = np.random.default_rng(0)
    x_shape, w_shape = (3, channels, size, size), (10, channels // groups, 3, 3)
    x, w, bias = (rng.standard_normal(s).astype(dtype) for s in (x_shape, w_shape, w_shape[:1]))
    y_shape = (3, w_shape[0], size, size)
    sizes = (*x_shape, w_shape[0], 3, 3, size, size, 1, 1, 1, 1, 1, 1, groups)
    suiting = ["direct", "depthwise" if groups > 1 else "winograd", *(["images"] if size <= 30 else [])]
    for isa in kernels.isas():
        kernels.set_isa(isa)
        for algorithm in suiting:
            number = kernels.conv_algorithms().index(f"conv2d_{algorithm}") + 1
            plain, y = np.empty(y_shape, dtype), np.empty(y_shape, dtype)
            kernels.call(kernels.CONV2D, [x, w, plain, bias], (*sizes, number))
            kernels.call(kernels.CONV2D, [x, w, y, bias], (*sizes, number, code))
            close(y, ACTIVATIONS[code](plain).astype(dtype), 1, dtype, f"{isa}, {algorithm}")
