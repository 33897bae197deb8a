"""The kernel of GloVe's step: the numbers of its NumPy reference (which are the tape's: test_models_tape.py);
the same bits however cells are cut; nothing written but its rows; clear refusals."""

from __future__ import annotations

import numpy as np
import pytest

from autograd import kernels
from autograd.ops.glove import reference, table_and_squares, train_cells

WORDS, CONTEXTS = 9, 12
OPTIONS = {"alpha": 0.1, "x_max": 10.0, "power": 0.75}


def tables(dtype=np.float32, dim=20, scale=0.3):
    rng = np.random.default_rng(0)
    (words, word_squares), (contexts, context_squares) = (
        table_and_squares(n, dim, dtype) for n in (WORDS, CONTEXTS)
    )
    for a in (words, contexts):
        a[...] = rng.normal(0, scale, a.shape)
    for a in (word_squares, context_squares):
        a[...] = rng.uniform(1, 2, a.shape)
    return [words, contexts, word_squares, context_squares]


def cells(n=333, dtype=np.float32):
    rng = np.random.default_rng(1)
    rows, columns = (rng.integers(0, high, n).astype(np.int32) for high in (WORDS, CONTEXTS))
    return [rows, columns, rng.uniform(0.2, 30, n).astype(dtype)]


@pytest.mark.parametrize("isa", kernels.isas())
@pytest.mark.parametrize("dim", [1, 3, 7, 15, 16, 31, 100])
def test_kernel_does_as_the_reference(dim, isa, on):
    on(isa)
    for dtype, tolerance in ((np.float32, 1e-4), (np.float64, 1e-11)):
        ours, wanted = tables(dtype, dim), tables(dtype, dim)
        begun = wanted[0].copy()
        want = reference(*wanted, *cells(dtype=dtype), batch=1, **OPTIONS)
        assert train_cells(*ours, *cells(dtype=dtype), **OPTIONS) == pytest.approx(want, rel=tolerance)
        assert abs(wanted[0] - begun).max() > 0.1
        for got, expected in zip(ours, wanted, strict=True):
            np.testing.assert_allclose(got, expected, rtol=tolerance, atol=tolerance)


@pytest.mark.parametrize("isa", kernels.isas())
@pytest.mark.parametrize("options", [{"power": 0.0}, {"x_max": 0.01}, {"alpha": 0.0}, {"scale": 30.0}])
def test_it_does_so_at_the_ends_of_its_settings(options, isa, on):
    """scale: errors in the thousands, whose gradients are cut."""
    on(isa)
    ours, wanted = ([a.astype(np.float64) for a in tables(scale=options.get("scale", 0.3))] for _ in range(2))
    settings = OPTIONS | {name: value for name, value in options.items() if name != "scale"}
    want = reference(*wanted, *cells(40, np.float64), batch=1, **settings)
    assert train_cells(*ours, *cells(40, np.float64), **settings) == pytest.approx(want)
    for got, expected in zip(ours, wanted, strict=True):
        np.testing.assert_allclose(got, expected, rtol=1e-9)


def test_loss_is_that_of_the_formula():
    words, contexts = np.array([[0.5, 2.0, 0.25]]), np.array([[3.0, -1.0, 0.5]])
    one = np.zeros(1, np.int32)
    squares = np.ones((1, 3)), np.ones((1, 3))
    loss = train_cells(words, contexts, *squares, one, one, np.array([5.0]), alpha=0.1, x_max=20.0, power=0.5)
    difference = 0.5 * 3 - 2 + 0.25 + 0.5 - np.log(5)
    assert loss == pytest.approx(0.5 * 0.5 * difference**2)
    step = 0.1 * 0.5 * difference * np.array([3.0, -1.0, 1.0])
    np.testing.assert_allclose(words[0], [0.5, 2.0, 0.25] - step)
    np.testing.assert_allclose(squares[0][0], 1 + step**2)


def test_one_thread_gives_the_same_bits_however_cells_are_cut(on):
    if not kernels.active:
        pytest.skip("NumPy takes cells in batches")
    on(kernels.isa())
    whole, parts = tables(), tables()
    train_cells(*whole, *cells(), **OPTIONS)
    for start, stop in ((0, 1), (1, 18), (18, 18), (18, 333)):
        train_cells(*parts, *(a[start:stop] for a in cells()), **OPTIONS)
    assert all(np.array_equal(a, b) for a, b in zip(whole, parts, strict=True))


def test_threads_learn_together_what_one_learns(on):
    if not kernels.active:
        pytest.skip("threads are the kernel's")
    losses = []
    for threads in (1, 2):
        on(kernels.isa(), threads)
        mine = tables()
        losses.append([train_cells(*mine, *cells(20_000), **OPTIONS) for _ in range(3)][-1])
    assert losses[1] == pytest.approx(losses[0], rel=0.1)


@pytest.mark.parametrize("isa", kernels.isas())
@pytest.mark.parametrize("dim", [2, 18])
def test_nothing_beside_the_rows_is_written(dim, isa, on):
    on(isa)
    memory = np.full((4, CONTEXTS, dim + 7), 7, np.float32)
    views = [memory[i, :n, 3 : dim + 4] for i, n in enumerate((WORDS, CONTEXTS, WORDS, CONTEXTS))]
    train_cells(*views, *cells(), **OPTIONS)
    assert all((a != 7).all() for a in views)
    for a in views:
        a[...] = 7
    assert (memory == 7).all()


def test_tables_lie_at_cache_lines_side_by_side():
    table, squares = table_and_squares(5, 100)
    assert table.shape == squares.shape == (5, 101) and not table.any() and (squares == 1).all()
    assert table.ctypes.data % 64 == 0 and squares.ctypes.data - table.ctypes.data == 448


def changed(place, value):
    """The arguments of train_cells with one of them another."""
    arguments = [*tables(), *cells()]
    arguments[place] = value(arguments[place])
    return arguments


@pytest.mark.parametrize(
    "place, value, error, says",
    [
        (0, lambda a: a.astype(np.float64), TypeError, "all of one type"),
        (0, lambda a: a.tolist(), TypeError, "words must be an array"),
        (1, lambda a: a[:, 1:], ValueError, r"contexts has shape \(12, 20\)"),
        (2, lambda a: a[1:], ValueError, r"word_squares has shape \(8, 21\), want \(9, 21\)"),
        (3, lambda a: np.asfortranarray(a), ValueError, "context_squares must be writeable, with rows"),
        (4, lambda a: a.astype(np.int64), TypeError, "rows must be a contiguous 1-D array of int32"),
        (4, lambda a: a - 1, IndexError, "rows from -1 to 7, but there are 9"),
        (5, lambda a: a + 1, IndexError, "columns from 1 to 12, but there are 12"),
        (5, lambda a: a[1:], ValueError, "333 rows, 332 columns, 333 counts"),
        (6, lambda a: a.astype(np.float64), TypeError, "counts must be a contiguous 1-D array of float32"),
        (6, lambda a: a - a[5], ValueError, "counts must be finite and > 0"),
        (6, lambda a: a * np.float32("nan"), ValueError, "counts must be finite and > 0"),
    ],
)
def test_bad_input_is_refused(place, value, error, says):
    with pytest.raises(error, match=says):
        train_cells(*changed(place, value), **OPTIONS)


def test_bad_settings_are_refused():
    for options in ({"alpha": -1.0}, {"x_max": 0.0}, {"power": float("nan")}):
        with pytest.raises(ValueError, match="want finite alpha >= 0, x_max > 0, power >= 0"):
            train_cells(*tables(), *cells(), **OPTIONS | options)
    words, contexts, squares, _ = tables()
    with pytest.raises(ValueError, match="must be four arrays"):
        train_cells(words, words, squares, squares, *cells(), **OPTIONS)
    assert train_cells(*tables(), *cells(0), **OPTIONS) == 0


@pytest.mark.skipif(not kernels.active, reason="of the kernel itself")
def test_the_kernel_refuses_what_it_could_not_read():
    for place, worst, error in ((4, WORDS, IndexError), (5, -1, IndexError), (6, 0, ValueError)):
        arguments = [*tables(), *cells(), np.zeros(1)]
        begun = arguments[0].copy()
        arguments[place][-1] = worst
        with pytest.raises(error):
            strides = [a.strides[0] // a.itemsize for a in arguments[:4]]
            kernels.call(kernels.GLOVE, arguments, [333, 21, WORDS, CONTEXTS, *strides], [0.1, 10.0, 0.75])
        assert np.array_equal(arguments[0], begun)
