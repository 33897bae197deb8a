"""Co-occurrence: the counts are those of the definition, however little memory there is."""

from __future__ import annotations

import tracemalloc

import numpy as np
import pytest

from nn.text import cooccurrence
from nn.text.cooccurrence import count_pairs
from nn.text.corpus import Chunk, Place

WORDS = 30
RANDOM = np.random.default_rng(0)
SENTENCES = [RANDOM.zipf(1.3, n) % WORDS for n in RANDOM.integers(1, 40, 60)]


def chunks(sentences):
    tokens = np.concatenate(sentences).astype(np.int32)
    return Chunk(tokens, np.cumsum([len(s) for s in sentences]), Place())


def defined(window, weighting):
    """GloVe's matrix word by word."""
    matrix = np.zeros((WORDS, WORDS))
    for sentence in SENTENCES:
        for i, a in enumerate(sentence):
            for distance, b in enumerate(sentence[i + 1 : i + 1 + window], 1):
                matrix[a, b] += 1 / distance if weighting else 1
                matrix[b, a] += 1 / distance if weighting else 1
    return matrix


@pytest.mark.parametrize("memory", [1 << 10, 1 << 30])
@pytest.mark.parametrize("weighting", [True, False])
@pytest.mark.parametrize("window", [1, 4, 100])
def test_counts_equal_the_definition(monkeypatch, memory, weighting, window):
    runs = []
    real = cooccurrence.sorted_run
    monkeypatch.setattr(cooccurrence, "sorted_run", lambda *a: runs.append(real(*a)) or runs[-1])
    cut = [chunks(SENTENCES[:20]), chunks(SENTENCES[20:21]), chunks(SENTENCES[21:])]
    with count_pairs(cut, WORDS, window, weighting, memory) as pairs:
        want = defined(window, weighting)
        np.testing.assert_allclose(pairs.toarray(), want, rtol=1e-6)
        assert pairs.entries == (want > 0).sum()
    assert memory > 1 << 20 or window == 1 or len(runs) > 1


def test_cells_come_once_in_piles_that_fit_memory_and_in_no_order():
    with count_pairs([chunks(SENTENCES)] * 30, WORDS, 4, memory=1, seed=1) as pairs:
        cells = [pairs.pile(i) for i in range(len(pairs.piles))]
        assert len(cells) > 1 and max(map(len, cells)) <= 1024
        both = np.concatenate(cells)
        keys = both["row"].astype(int) * WORDS + both["column"]
        assert len(np.unique(keys)) == len(keys) and (both["row"] <= both["column"]).all()
        assert abs(np.corrcoef(np.arange(len(keys)), keys)[0, 1]) < 0.5


def test_no_pairs_and_too_many_words():
    with count_pairs([], WORDS) as pairs:
        assert pairs.entries == 0 and not pairs.toarray().any()
    with pytest.raises(ValueError, match="can't count"):
        count_pairs([], 1 << 31, window=100)


def test_memory_is_what_was_allowed():
    """Of pairs that would take four times as much (8 bytes each), and as much again to be added up."""
    memory, window = 2 << 20, 20
    tokens = np.random.default_rng(2).integers(0, 30_000, 50_000).astype(np.int32)
    stream = (Chunk(part, np.array([len(part)]), Place()) for part in np.split(tokens, 50))
    count_pairs([chunks(SENTENCES)], WORDS).close()  # imports what it needs
    tracemalloc.start()
    with count_pairs(stream, 30_000, window, memory=memory) as pairs:
        _, most = tracemalloc.get_traced_memory()
        tracemalloc.stop()
        assert pairs.cells > 970_000 and len(pairs.piles) > 10
    assert most < 1.25 * memory, f"{most / 2**20:.1f} MB"
