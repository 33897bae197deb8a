"""The kernel of the classifier's step: the numbers of its NumPy reference (which are the tape's:
test_models_tape.py); the same bits however texts are cut; nothing written but its rows; clear refusals."""

from __future__ import annotations

import numpy as np
import pytest

from autograd import kernels
from autograd.ops.labels import Bags, reference, train_labels, without_labels

WORDS, ROWS, BUCKET = 30, 60, 40
SETTINGS = {"total": 900, "before": 50, "turn": 1, "alpha": 0.3}


def bags(ngrams=3):
    rng = np.random.default_rng(0)
    starts = np.concatenate([[0], np.cumsum(rng.integers(0, 5, WORDS))])
    starts[1:] += 1  # word 0, the end, has a row
    rows = rng.integers(0, ROWS, starts[-1]).astype(np.int32)
    hashes = rng.integers(-(2**31), 2**31, WORDS).astype(np.int32)
    return Bags(starts, rows, 0, hashes if ngrams > 1 else None, ngrams, ROWS, BUCKET)


def texts(labels, lines=120):
    """Lines of up to eight words and labels, some empty, some without label, some with several."""
    rng = np.random.default_rng(1)
    ends = np.cumsum(rng.integers(0, 9, lines))
    tokens = rng.integers(0, WORDS, ends[-1])
    is_label = rng.random(len(tokens)) < 0.2
    tokens[is_label] = WORDS + rng.integers(0, labels, is_label.sum())
    return tokens.astype(np.int32), ends


def tables(labels, dim, dtype=np.float32):
    rng = np.random.default_rng(2)
    return [rng.normal(size=(n, dim)).astype(dtype) for n in (ROWS + BUCKET, labels)]


@pytest.mark.parametrize("isa", kernels.isas())
@pytest.mark.parametrize(
    "labels, dim, ngrams", [(2, 1, 1), (1, 5, 2), (3, 16, 9), (17, 20, 2), (300, 100, 3)]
)
def test_kernel_does_as_the_reference(labels, dim, ngrams, isa, on):
    on(isa)
    for dtype, tolerance in ((np.float32, 2e-4), (np.float64, 1e-11)):
        ours, wanted = tables(labels, dim, dtype), tables(labels, dim, dtype)
        want = reference(*wanted, bags(ngrams), *texts(labels), **SETTINGS)
        found = train_labels(*ours, bags(ngrams), *texts(labels), **SETTINGS)
        assert found.texts == want.texts > 50 and found.loss == pytest.approx(want.loss, rel=tolerance)
        for got, expected in zip(ours, wanted, strict=True):
            np.testing.assert_allclose(got, expected, rtol=tolerance, atol=tolerance)
        assert labels == 1 or abs(wanted[1] - tables(labels, dim, dtype)[1]).max() > 0.05


def test_a_step_is_that_of_the_formula():
    """Two rows, one of them twice; two labels; the second of two labels; half of the rate is left."""
    inputs, outputs = np.array([[3.0, 0], [0, 6], [9, 9]]), np.array([[1.0, 0], [0, 1]])
    one = Bags(np.array([0, 1, 3]), np.array([1, 0, 0], np.int32), end=0)
    tokens, ends = np.array([1, 2, 3], np.int32), np.array([3])
    found = train_labels(inputs, outputs, one, tokens, ends, total=10, before=5, turn=3, alpha=0.2)
    assert found.loss == pytest.approx(np.log(2)) and found.texts == 1  # both scores are 2
    np.testing.assert_allclose(outputs, [[1 - 0.05 * 2, -0.05 * 2], [0.05 * 2, 1 + 0.05 * 2]])
    change = 0.05 * np.array([-1, 1]) / 3
    np.testing.assert_allclose(inputs, [[3, 0] + 2 * change, [0, 6] + change, [9, 9]])


def test_rows_of_words_in_a_row_are_those_of_fasttext():
    """By Python's own integers: signed hashes, products modulo 2^64."""
    of = bags(ngrams=3)
    line = [4, 7, 7, 2]
    _, rows = of.of(np.array(line, np.int32), np.array([4]))
    h = [int(of.hashes[word]) for word in [*line, 0]]
    want = [row for word in [*line, 0] for row in of.rows[of.starts[word] : of.starts[word + 1]]]
    for n in (2, 3):
        for i in range(len(h) - n + 1):
            value = h[i]
            for following in h[i + 1 : i + n]:
                value = (value * 116049371 + following) % 2**64
            want.append(ROWS + value % BUCKET)
    assert sorted(rows) == sorted(want)


@pytest.mark.parametrize("few", [0, 1 << 16])
def test_there_is_room_for_the_longest_text(few, monkeypatch):
    """Counted, or not; words that have no rows; longer than any other."""
    monkeypatch.setattr("autograd.ops.labels.FEW", few)
    for ngrams in (1, 2, 50):
        of, (tokens, ends) = bags(ngrams), texts(3)
        most_words, most_rows = of.most(tokens, ends)
        words, word_ends = without_labels(tokens, ends, WORDS)
        assert most_words >= 1 + np.diff(word_ends).max()
        assert most_rows >= np.diff(of.of(words, word_ends)[0]).max()
        train_labels(*tables(3, 5), of, tokens, ends, **SETTINGS)


def test_one_thread_gives_the_same_bits_however_texts_are_cut(on):
    if not kernels.active:
        pytest.skip("NumPy sums texts in other orders")
    on(kernels.isa())
    whole, parts = tables(3, 20), tables(3, 20)
    tokens, ends = texts(3)
    train_labels(*whole, bags(), tokens, ends, **SETTINGS)
    for first, last in ((0, 1), (1, 40), (40, 40), (40, 120)):
        begin = ends[first - 1] if first else 0
        place = SETTINGS | {"before": 50 + int(begin)}
        train_labels(*parts, bags(), tokens[begin : ends[last - 1]], ends[first:last] - begin, **place)
    assert all(np.array_equal(a, b) for a, b in zip(whole, parts, strict=True))


def test_threads_learn_together_what_one_learns(on):
    if not kernels.active:
        pytest.skip("threads are the kernel's")
    losses = []
    for threads in (1, 2):
        on(kernels.isa(), threads)
        mine = tables(3, 20)
        learned = [train_labels(*mine, bags(), *texts(3, 3000), **SETTINGS) for _ in range(3)]
        assert learned[0].texts == learned[2].texts
        losses.append(learned[2].loss)
    assert losses[1] == pytest.approx(losses[0], rel=0.1)


@pytest.mark.parametrize("isa", kernels.isas())
@pytest.mark.parametrize("dim", [2, 18])
def test_nothing_beside_the_rows_is_written(dim, isa, on):
    on(isa)
    memory = np.full((2, ROWS + BUCKET, dim + 7), 7, np.float32)
    views = [memory[i, :n, 3 : dim + 3] for i, n in enumerate((ROWS + BUCKET, 3))]
    train_labels(*views, bags(), *texts(3), **SETTINGS | {"alpha": 1e-3})
    assert (views[1] != 7).all()
    for a in views:
        a[...] = 7
    assert (memory == 7).all()


@pytest.mark.parametrize(
    "place, value, error, says",
    [
        (0, lambda a: a.astype(np.float64), TypeError, "both of one type"),
        (0, lambda a: a.tolist(), TypeError, "inputs must be an array"),
        (0, lambda a: a[:-1], IndexError, "bags name rows 0 to 99, but there are 99"),
        (1, lambda a: a[:, 1:], ValueError, r"outputs has shape \(3, 4\)"),
        (1, lambda a: a[:0], ValueError, "outputs has shape"),
        (1, lambda a: np.asfortranarray(a), ValueError, "outputs must be writeable"),
        (3, lambda a: a.astype(np.int64), TypeError, "tokens must be a contiguous 1-D array of int32"),
        (3, lambda a: a - 1, IndexError, "tokens from -1 to 31, but words and labels are 33"),
        (3, lambda a: a + 1, IndexError, "tokens from 1 to 33"),
        (4, lambda a: a[:-1], ValueError, "ends must rise to the number of tokens"),
        (4, lambda a: a[::-1].copy(), ValueError, "ends must rise"),
    ],
)
def test_bad_input_is_refused(place, value, error, says):
    arguments = [*tables(3, 5), bags(), *texts(3)]
    arguments[place] = value(arguments[place])
    with pytest.raises(error, match=says):
        train_labels(*arguments, **SETTINGS)


def test_bad_settings_are_refused():
    for wrong in ({"total": 0}, {"before": -1}, {"turn": -1}, {"alpha": -1.0}, {"alpha": float("nan")}):
        with pytest.raises(ValueError, match="train_labels: want total"):
            train_labels(*tables(3, 5), bags(), *texts(3), **SETTINGS | wrong)
    starts, rows = np.array([0, 1, 2]), np.array([0, 1], np.int32)
    for wrong, error, says in (
        ((starts, rows.astype(np.int64), 0), TypeError, "rows must be int32"),
        ((starts[:2], rows, 0), ValueError, "starts must rise from 0"),
        ((starts, rows, 2), IndexError, "the end is word 2, but there are 2"),
        ((np.array([0, 0, 2]), rows, 0), ValueError, "the end must have a row"),
        ((starts, rows, 0, None, 2), ValueError, "want ngrams >= 1"),
        ((starts, rows, 0, rows, 2, 2**31 - 9, 9), ValueError, r"less than 2\^31 rows"),
        ((starts, rows, 0, rows.astype(np.int64), 2, 0, 9), TypeError, "hashes must be 2 numbers of int32"),
    ):
        with pytest.raises(error, match=says):
            Bags(*wrong)
    nothing = np.zeros(0, np.int32), np.zeros(0, np.int64)
    assert train_labels(*tables(3, 5), bags(), *nothing, **SETTINGS) == (0, 0)


@pytest.mark.skipif(not kernels.active, reason="of the kernel itself")
@pytest.mark.parametrize(
    "name, worst, error",
    [("token", WORDS + 3, IndexError), ("token", -1, IndexError), ("row", ROWS + BUCKET, IndexError),
     ("bucket", BUCKET + 1, IndexError), ("most words", 2, ValueError), ("most rows", 20, ValueError)],
)  # fmt: skip
def test_the_kernel_refuses_what_it_could_not_read(name, worst, error):
    of, (inputs, outputs), (tokens, ends) = bags(), tables(3, 5), texts(3)
    arguments = [tokens, ends, of.starts, of.rows, of.hashes, inputs, outputs, np.zeros(2)]
    sizes = [len(ends), WORDS, 3, 5, len(inputs), 5, 5, 3, BUCKET, ROWS, 0, 99, 999, 0, 0, 900]
    kernels.call(kernels.LABELS, arguments, sizes, [0.1], dtype=inputs.dtype)
    begun = inputs.copy()
    if name in ("token", "row"):
        arguments[0 if name == "token" else 3][-1] = worst
    else:
        sizes[{"bucket": 8, "most words": 11, "most rows": 12}[name]] = worst
    with pytest.raises(error):
        kernels.call(kernels.LABELS, arguments, sizes, [0.1], dtype=inputs.dtype)
    assert np.array_equal(inputs, begun)
