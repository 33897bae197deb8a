"""Random numbers: Philox's published vectors, C equal to NumPy on every ISA and thread count, and the
distributions. Seeds are fixed, so no test is a matter of luck: the bounds are those of a 1 in 10^4 chance."""

import itertools
import os
import threading
from collections.abc import Iterator

import numpy as np
import pytest

from autograd import kernels
from autograd.ops import philox, random
from autograd.ops.random import Generator

needs_kernels = pytest.mark.skipif(not kernels.active, reason="no compiled kernels")
U32, U64 = np.dtype(np.uint32), np.dtype(np.uint64)
REALS = [np.dtype(np.float32), np.dtype(np.float64)]
COUNTS = (1, 2, 3, 4, 5, 15, 16, 17, 31, 32, 33, 63, 64, 65, 1000)
PLACES = [(0, 0, 0), (2**64 - 1, 2**64 - 3, 2**64 - 1), (0x299F31D0A4093822, 2**32 - 2, 1 << 33)]


@pytest.fixture(params=["numpy", *kernels.isas()])
def backend(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    before = kernels.isa()
    if request.param == "numpy":
        monkeypatch.setattr(kernels, "active", False)
    else:
        kernels.set_isa(request.param)
    yield request.param
    if before:
        kernels.set_isa(before)


@pytest.fixture(params=[1, 2, 5])
def threads(request: pytest.FixtureRequest) -> Iterator[int]:
    before = kernels.get_num_threads()
    kernels.set_num_threads(request.param)
    yield request.param
    kernels.set_num_threads(before)


# The stream ---------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("place", "block"),
    [  # key, counter and result of Random123's kat_vectors for philox4x32-10
        ((0, 0, 0), "6627e8d5 e169c58d bc57ac4c 9b00dbd8"),
        ((2**64 - 1, 2**64 - 1, 2**64 - 1), "408f276d 41c83b0e a20bc7c6 6d5451fd"),
        ((0x299F31D0A4093822, 0x85A308D3243F6A88, 0x0370734413198A2E), "d16cfe09 94fdcceb 5001e420 24126ea1"),
    ],
)
def test_known_answers(backend, place, block):
    expected = [int(word, 16) for word in block.split()]
    assert philox.words(4, U32, place).tolist() == expected
    low, high = expected[0] | expected[1] << 32, expected[2] | expected[3] << 32
    assert philox.words(2, U64, place).tolist() == [low, high]


@needs_kernels
@pytest.mark.parametrize("place", PLACES)
def test_words_uniforms_masks_and_integers_equal_the_reference(backend, place):
    for count in COUNTS:
        for word in (U32, U64):
            assert_same(philox.words(count, word, place), philox.reference_words(count, word, place))
        for dtype in REALS:
            u = philox.reference_uniform(count, dtype, place)
            assert_same(philox.uniform(count, dtype, place), u)
            kept = np.where(u < dtype.type(0.3), dtype.type(2.5), dtype.type(0))
            assert_same(philox.mask(count, dtype, place, 0.3, 2.5), kept)
        small = [(0, 1), (-5, 10), (2, 2**32 - 1)]
        for low, span in [*small, (7, 2**32), (-3, 2**33 + 5), (0, 3 << 62), (-(2**63), 2**64 - 1)]:
            got = philox.integers(count, low, span, place)
            assert_same(got, philox.reference_integers(count, low, span, place))
            exact = [int(word) * span >> 64 for word in philox.reference_words(count, U64, place)]
            if 2**64 % span < 2**34:  # next to no rejections: Python's integers can be the judge
                assert got.tolist() == [low + value for value in exact]


@needs_kernels
@pytest.mark.parametrize("dtype", REALS, ids=str)
def test_normals_agree_with_the_reference(backend, dtype):
    tolerance = 1e-5 if dtype.itemsize == 4 else 1e-12
    for count in (*COUNTS, 100_000):
        for place in PLACES:
            got = philox.normal(count, dtype, place, 3.0, 2.0)
            assert got.dtype == dtype
            reference = philox.reference_normal(count, dtype, place, 3.0, 2.0)
            np.testing.assert_allclose(got, reference, rtol=tolerance, atol=tolerance)


@needs_kernels
def test_thread_count_does_not_matter(threads):
    place = (3, 5, 0)
    assert_same(philox.words(300_001, U32, place), philox.reference_words(300_001, U32, place))
    np.testing.assert_array_equal(
        philox.integers(100_001, 0, 3 << 62, place), philox.reference_integers(100_001, 0, 3 << 62, place)
    )


def test_an_unaligned_output_is_written_whole_and_no_further():
    if not kernels.active:
        pytest.skip("no compiled kernels")
    for count in COUNTS:
        buffer = np.full(count + 3, 9, np.float32)
        philox.run(buffer[1 : count + 1], REALS[0], philox.UNIFORM, (1, 2, 0))
        assert buffer[0] == 9 and (buffer[count + 1 :] == 9).all()
        assert_same(buffer[1 : count + 1], philox.reference_uniform(count, REALS[0], (1, 2, 0)))


def assert_same(a: np.ndarray, b: np.ndarray) -> None:
    assert a.dtype == b.dtype and a.shape == b.shape
    assert a.tobytes() == b.tobytes()


# The generator -----------------------------------------------------------------------------------


def test_a_draw_moves_the_offset_by_its_blocks():
    g = Generator(1)
    steps = [
        (lambda: g.uniform((5,)), 2),  # 20 bytes
        (lambda: g.uniform((5,), np.float64), 3),  # 40 bytes
        (lambda: g.normal((2, 2)), 1),
        (lambda: g.integers(-(2**63), 2**62, (3,)), 2),  # whatever is rejected
        (lambda: g.permutation(7), 4),
        (lambda: g.bernoulli(np.full(4, 0.5, np.float32)), 1),
        (lambda: g.dropout_mask((9,), 0.5), 3),
        (lambda: g.uniform((0, 4)), 0),
    ]
    for draw, blocks in steps:
        before = g.offset
        draw()
        assert g.offset - before == blocks


def test_shape_does_not_matter_and_full_blocks_can_be_cut(backend):
    whole = Generator(7).uniform((3, 8))
    g = Generator(7)
    np.testing.assert_array_equal(whole.ravel(), np.concatenate([g.uniform((4,)), g.uniform((2, 10))], None))
    g = Generator(7)
    cut = np.concatenate([g.uniform((6,)), g.uniform((18,))])  # 6 is not a multiple of 4
    assert not np.array_equal(whole.ravel(), cut)


def test_seed_and_state():
    g = random.manual_seed(5)
    assert g is random.default_generator and random.initial_seed() == 5
    first = g.normal((3,))
    state = random.get_rng_state()
    second = g.normal((3,))
    assert not np.array_equal(first, second)
    random.set_rng_state(state)
    np.testing.assert_array_equal(g.normal((3,)), second)
    np.testing.assert_array_equal(Generator(5).normal((3,)), first)
    assert Generator(-1).initial_seed() == 2**64 - 1
    assert Generator().seed() != Generator().seed()
    assert not np.array_equal(Generator(1).uniform((4,)), Generator(2).uniform((4,)))


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda g: g.manual_seed(2**64), "want an int in"),
        (lambda g: g.manual_seed(0.5), "got 0.5"),
        (lambda g: g.set_state(np.zeros(2)), "dtype float64"),
        (lambda g: g.uniform((2, -1)), r"got \(2, -1\)"),
        (lambda g: g.integers(3, 3, (2,)), "low=3, high=3"),
        (lambda g: g.normal((2,), std=-1.0), "std >= 0, got -1"),
        (lambda g: g.dropout_mask((2,), 1.5), "got 1.5"),
        (lambda g: g.bernoulli(np.array([0.5, 1.5])), "0.5 to 1.5"),
    ],
)
def test_refusals_name_what_was_given(call, message):
    with pytest.raises(ValueError, match=message):
        call(Generator())


def test_other_dtypes_are_refused():
    with pytest.raises(TypeError, match="float16"):
        Generator().uniform((2,), np.float16)


def test_threads_never_draw_the_same_blocks():
    g, drawn = Generator(3), []

    def work() -> None:
        drawn.extend(tuple(g.integers(0, 2**62, (2,)).tolist()) for _ in range(300))

    workers = [threading.Thread(target=work) for _ in range(4)]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join()
    assert len(set(drawn)) == 1200 and g.offset == 1200


@pytest.mark.skipif(not hasattr(os, "fork"), reason="no fork here")
def test_a_forked_child_goes_on_from_a_copy():
    g = Generator(11)
    g.uniform((200_000,))  # the parent's threads have run
    read, write = os.pipe()
    child = os.fork()
    if child == 0:
        os.write(write, g.uniform((200_000,)).tobytes()[-16:])
        os._exit(0)
    os.close(write)
    with os.fdopen(read, "rb") as pipe:
        theirs = pipe.read()
    assert os.waitpid(child, 0)[1] == 0
    assert theirs == g.uniform((200_000,)).tobytes()[-16:]


# The distributions -------------------------------------------------------------------------------


@pytest.mark.parametrize("dtype", REALS, ids=str)
def test_uniform(dtype):
    u = Generator(1).uniform((400_000,), dtype)
    assert u.dtype == dtype and u.min() >= 0 and u.max() < 1
    assert abs(u.mean() - 0.5) < 4 * np.sqrt(1 / 12 / u.size)
    assert abs(u.var() - 1 / 12) < 4 * np.sqrt(1 / 180 / u.size)
    assert chi_square(np.bincount((u * 64).astype(int), minlength=64)) < 109  # 63 degrees
    pairs = (u[0::2] * 8).astype(int) * 8 + (u[1::2] * 8).astype(int)  # neighbours are independent
    assert chi_square(np.bincount(pairs, minlength=64)) < 109


def test_the_largest_word_stays_below_one():
    assert philox.unit(np.array([2**32 - 1], np.uint32), REALS[0])[0] == np.float32(1 - 2**-24)
    assert philox.unit(np.array([2**64 - 1], np.uint64), REALS[1])[0] == 1 - 2**-53


@pytest.mark.parametrize("dtype", REALS, ids=str)
def test_normal(dtype):
    z = Generator(2).normal((400_000,), dtype).astype(np.float64)
    n = z.size
    for power, moment, variance in [(1, 0, 1), (2, 1, 2), (3, 0, 15), (4, 3, 96)]:
        assert abs((z**power).mean() - moment) < 4 * np.sqrt(variance / n)
    assert abs((z[0::2] * z[1::2]).mean()) < 4 / np.sqrt(n / 2)  # the two of a pair are independent
    assert abs((z[:-1] * z[1:]).mean()) < 4 / np.sqrt(n)
    assert 4.2 < np.abs(z).max() < 6
    shifted = Generator(2).normal((400_000,), dtype, mean=-3.0, std=0.5)
    np.testing.assert_allclose(shifted, -3 + 0.5 * z, rtol=1e-5, atol=1e-5)


def test_randint_has_no_bias(backend):
    dice = Generator(3).integers(1, 7, (60_000,))
    assert dice.dtype == np.int64
    counts = np.bincount(dice, minlength=7)
    assert counts[0] == 0 and counts.size == 7
    assert chi_square(counts[1:]) < 26  # 5 degrees
    # 2^64 words on 3 2^62 values: without rejection every third value would come twice as often.
    ranks = Generator(4).integers(-(2**63), 2**62, (30_000,)).view(np.uint64) - np.uint64(2**63)
    thirds = np.bincount(ranks % np.uint64(3))
    assert chi_square(thirds) < 19  # 2 degrees
    whole = Generator(5).integers(-(2**63), 2**63, (1000,))
    assert whole.min() < -(2**61) and whole.max() > 2**61


def test_permutations_are_uniform():
    g = Generator(6)
    counts = dict.fromkeys(itertools.permutations(range(4)), 0)
    for _ in range(4800):
        counts[tuple(g.permutation(4).tolist())] += 1
    assert chi_square(np.array(list(counts.values()))) < 54  # 23 degrees
    assert sorted(g.permutation(1000).tolist()) == list(range(1000))
    assert g.permutation(0).tolist() == [] and g.permutation(1).tolist() == [0]


@pytest.mark.parametrize("n", [2, 63, 64, 65, 1000])
def test_a_permutation_is_the_order_of_words(n, monkeypatch):
    words = philox.words(n, U64, (3, 0, 0))
    assert Generator(3).permutation(n).tolist() == np.argsort(words).tolist()
    close = np.arange(n, dtype=np.uint64)[::-1].copy()  # told apart only by bits that places are written over
    monkeypatch.setattr(philox, "words", lambda *arguments: close)
    assert Generator(3).permutation(n).tolist() == list(range(n))[::-1]


def test_equal_words_make_a_permutation_draw_again(monkeypatch):
    asked = []

    def words(count, dtype, place):
        asked.append(place)
        return np.zeros(count, np.uint64) if place[2] == 0 else philox.reference_words(count, dtype, place)

    monkeypatch.setattr(philox, "words", words)
    assert sorted(Generator(1).permutation(6).tolist()) == list(range(6))
    assert asked == [(1, 0, 0), (1, 0, 1)]


def test_bernoulli_and_dropout_mask(backend):
    p = np.array([0.0, 0.25, 1.0]).repeat(20_000).reshape(3, -1)
    hits = Generator(8).bernoulli(p)
    assert hits.dtype == p.dtype and set(np.unique(hits)) == {0.0, 1.0}
    assert hits[0].sum() == 0 and hits[2].all()
    assert abs(hits[1].mean() - 0.25) < 4 * np.sqrt(0.25 * 0.75 / 20_000)
    mask = Generator(9).dropout_mask((100, 200), 0.2)
    assert mask.dtype == np.float32 and set(np.unique(mask)) == {np.float32(0), np.float32(1.25)}
    assert abs((mask > 0).mean() - 0.8) < 4 * np.sqrt(0.16 / 20_000)
    assert Generator(9).dropout_mask((5,), 0.0).tolist() == [1] * 5
    assert Generator(9).dropout_mask((5,), 1.0).tolist() == [0] * 5


def chi_square(counts: np.ndarray) -> float:
    expected = counts.sum() / counts.size
    return float(((counts - expected) ** 2).sum() / expected)
