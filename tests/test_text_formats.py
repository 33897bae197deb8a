"""Files of word vectors: what is written is read back exactly; what is malformed says where and why."""

from __future__ import annotations

import gzip
import lzma
import struct

import numpy as np
import pytest

from nn.data import DataError
from nn.text import formats, korean
from nn.text.formats import fasttext, files, glove, safetensors, word2vec
from nn.text.vectors import SubwordVectors, WordVectors

WORDS = ["the", "도서", "naïve", "a\u00a0b", "c\u0085d", "😀", "x\ty", "-1.5"]
RANDOM = np.random.default_rng(0)
MATRIX = (RANDOM.normal(size=(len(WORDS), 3)) * 10.0 ** RANDOM.integers(-30, 30, (len(WORDS), 3))).astype(
    np.float32
)
TEXT = b"2 3\nthe 1 2 3\ncat -4.5 5e-1 6\n"
ENDINGS = ["vec", "txt", "bin", "glove", "safetensors"]


@pytest.fixture
def v():
    return WordVectors(WORDS, MATRIX, np.arange(len(WORDS), 0, -1))


def subword_vectors(**options):
    table = np.random.default_rng(1).normal(size=(4 + 20, 5)).astype(np.float32)
    return SubwordVectors(["where", "도서", "</s>", "a"], table, 2, 4, [4, 3, 2, 1], **options)


def labelled():
    """A supervised model."""
    args = fasttext.FastTextArgs(dim=2, model="sup", loss="softmax", bucket=0, minn=0, maxn=0)
    table, output = np.ones((2, 2), np.float32), np.zeros((3, 2), np.float32)
    labels = ["__label__좋다", "__label__나쁘다", "__label__?"]
    return fasttext.FastTextFile(
        args, ["ab", "c"], np.array([3, 2]), 5, table, output, labels, np.array([3, 1, 1])
    )


def write(tmp_path, data, name="vectors.txt"):
    path = tmp_path / name
    path.write_bytes(data)
    return path


@pytest.mark.parametrize(
    "ending",
    ENDINGS
    + [f"{ending}.{packed}" for ending, packed in zip(ENDINGS, ["gz", "xz", "bz2", "gz"], strict=False)],
)
def test_what_is_saved_is_loaded_exactly(v, tmp_path, ending):
    path = tmp_path / f"v.{ending}"
    formats.save(path, v)
    again = formats.load(path)
    assert again.words == WORDS
    np.testing.assert_array_equal(again.matrix, MATRIX)
    assert formats.load(path, limit=3).words == WORDS[:3]
    assert [file.name for file in tmp_path.iterdir()] == [path.name]


def test_the_format_is_seen_by_its_content(v, tmp_path):
    for format in ("word2vec", "word2vec-binary", "glove", "safetensors"):
        path = tmp_path / "without-ending"
        formats.save(path, v, format)
        assert formats.detect(path) == format and formats.load(path).words == WORDS


def test_many_rows_come_in_blocks(tmp_path, monkeypatch):
    monkeypatch.setattr(files, "BLOCK", 1000)
    matrix = np.random.default_rng(0).normal(size=(1000, 7)).astype(np.float32)
    v = WordVectors([f"w{i}" for i in range(1000)], matrix)
    for ending in ENDINGS:
        formats.save(tmp_path / f"v.{ending}", v)
        for limit in (None, 1, 999, 5000):
            again = formats.load(tmp_path / f"v.{ending}", limit=limit)
            assert again.words == v.words[:limit]
            np.testing.assert_array_equal(again.matrix, matrix[:limit])


@pytest.mark.parametrize(
    "text", [TEXT, TEXT.replace(b"\n", b" \n"), TEXT.replace(b"\n", b"\r\n"), TEXT[:-1], TEXT + b"\n \n"]
)
def test_ends_of_lines_as_others_write_them(tmp_path, text):
    v = formats.load(write(tmp_path, text))
    assert v.words == ["the", "cat"] and v.matrix.tolist() == [[1, 2, 3], [-4.5, 0.5, 6]]


def test_a_byte_order_mark_is_no_part_of_the_first_word(tmp_path):
    for text in (TEXT, TEXT[4:]):
        v = formats.load(write(tmp_path, b"\xef\xbb\xbf" + text))
        assert v.words == ["the", "cat"] and v["the"].tolist() == [1, 2, 3]


def test_a_brace_among_the_words_is_no_safetensors(tmp_path):
    assert formats.load(write(tmp_path, b"00002 2\n{ 1 2\n} 3 4\n")).words == ["{", "}"]


def test_glove_of_one_dimension(tmp_path):
    formats.save(tmp_path / "v.glove", WordVectors(["a", "b"], np.ones((2, 1), np.float32)))
    assert formats.load(tmp_path / "v.glove").words == ["a", "b"]


def test_glove_has_words_with_spaces(tmp_path):
    v = glove.read(write(tmp_path, b"the 1 2\n. . . 3 4\nat name@domain.com 5 6\n"))
    assert v.words == ["the", ". . .", "at name@domain.com"] and v.matrix.tolist() == [[1, 2], [3, 4], [5, 6]]


def test_binary_of_gensim_has_no_newlines(tmp_path):
    row = np.array([1, 2], "<f4").tobytes()
    v = formats.load(write(tmp_path, b"2 2\na " + row + b"b " + row, "v.bin"))
    assert v.words == ["a", "b"] and v["b"].tolist() == [1, 2]


# --- what is malformed


@pytest.mark.parametrize(
    ("text", "error"),
    [
        (b"2 3\nthe 1 2 3\n", "cut off after 1 vectors; its first line says 2"),
        (b"2 3\nthe 1 2 3\ncat 4 5", "line 3 has 3 fields; a word and 3 numbers are 4"),
        (b"2 3\nthe 1 2 3\n\ncat 4 5 6\n", "line 3 is empty"),
        (TEXT + b"dog 1 2 3\n", "goes on after the 2 vectors of its first line, at byte 30"),
        (b"2 3\nthe 1 2 3\ncat 4 5 6 7\n", "line 3 has 5 fields"),
        (b"2 3\nthe 1 2 x3\ncat 4 5 6\n", "line 2 has 'x3' where a number should be"),
        (b"2 3\nthe 1  3\ncat 4 5 6\n", "line 2 has '' where a number should be"),
        (b"2 3\nthe 1 2\t3 4\ncat 4 5 6\n", r"line 2 has '2\\t3' where a number should be"),
        (b"2 3\nthe 1 2 nan\ncat 4 5 6\n", "line 2 has nan, which is not a finite float32"),
        (b"2 3\nthe 1 2 3\ncat 4 1e39 6\n", "line 3 has 1e39, which is not a finite float32"),
        (b"2 3\nthe 1 2 3\nthe 4 5 6\n", "line 3: the word 'the' was there before, at line 2"),
        (b"2 3\nthe 1 2 3\n\xff 4 5 6\n", r"line 3: the word b'\\xff' is not UTF-8"),
        (b"2 3\nthe 1 2 3\n 4 5 6\n", "line 3: the word is empty"),
        (b"2 3\nthe 1 2 1_0\ncat 4 5 6\n", "line 2 has '1_0' where a number should be"),
        (b"2 0\nthe\n", "line 1 promises 2 words of 0 dimensions"),
        (b"2 -3\nthe 1 2 3\n", "line 1 should say how many words and dimensions there are, not '2 -3'"),
    ],
)
def test_malformed_text(tmp_path, text, error):
    path = write(tmp_path, text)
    with pytest.raises(DataError, match=error) as raised:
        formats.load(path)
    assert str(raised.value).startswith(f"{path}: ") and "\n" not in str(raised.value)


def test_the_line_is_right_in_later_blocks(tmp_path, monkeypatch):
    monkeypatch.setattr(files, "BLOCK", 100)
    rows = [b"w%d 1 2" % i for i in range(100)]
    rows[70] = b"w70 1 -"
    with pytest.raises(DataError, match="line 71 has '-'"):
        glove.read(write(tmp_path, b"\n".join(rows)))


@pytest.mark.parametrize("text", [b"", b"word\n"])
def test_no_glove(tmp_path, text):
    with pytest.raises(DataError, match="the file is empty|is not a word and its numbers"):
        formats.load(write(tmp_path, text))


def test_a_header_alone_is_not_believed(tmp_path):
    with pytest.raises(DataError, match="cut off after 1 vectors"):
        formats.load(write(tmp_path, b"99999999999 2\nthe 1 2\n"))


ROW = np.array([1, 2], "<f4").tobytes()


@pytest.mark.parametrize(
    ("data", "error"),
    [
        (b"2 2\na " + ROW + b"\n", "cut off in word 2 of 2, at byte 15"),
        (b"2 2\na " + ROW + b"\nb " + ROW[:5], "cut off in the vector of word 2 of 2, at byte 22"),
        (b"1 2\na " + ROW + b"\nb " + ROW, "goes on after the 1 vectors of its first line, at byte 15"),
        (b"2 2\na " + ROW + b"\na " + ROW, "byte 15: the word 'a' was there before, at byte 4"),
        (b"1 2\n\xff " + ROW, "byte 4: the word b'.xff' is not UTF-8"),
        (b"1 2\na " + ROW[:4] + b"\0\0\xc0\x7f", "byte 4: the vector of 'a' is not finite"),
        (b"1 two\n", "line 1 should say how many words and dimensions there are"),
    ],
)
def test_malformed_binary(tmp_path, data, error):
    with pytest.raises(DataError, match=error):
        word2vec.read_binary(write(tmp_path, data, "v.bin"))


@pytest.mark.parametrize("ending", ["vec.gz", "bin.xz", "glove.bz2"])
def test_cut_off_packing(v, tmp_path, ending):
    path = tmp_path / f"v.{ending}"
    formats.save(path, v)
    path.write_bytes(path.read_bytes()[:-20])
    with pytest.raises(DataError, match="damaged or cut off"):
        formats.load(path)


def test_every_cut_of_every_format_is_seen(tmp_path):
    """Nothing shorter than a file is taken for it, but text without its last newline."""
    v = subword_vectors()
    for ending, form in [
        ("vec", "word2vec"),
        ("bin", "fasttext"),
        ("b", "word2vec-binary"),
        ("safetensors", None),
    ]:
        path = tmp_path / f"v.{ending}"
        formats.save(path, v, form)
        whole = path.read_bytes()
        for size in [*range(0, len(whole), 37), len(whole) - 2]:
            path.write_bytes(whole[:size])
            if ending == "vec" and size >= len(whole) - 9:
                continue  # a shorter number is a number
            with pytest.raises(DataError):
                formats.load(path, form)


# --- writing


@pytest.mark.parametrize("word", ["two words", "new\nline", "", "end\t", "cr\r"])
def test_words_that_a_format_cannot_hold(tmp_path, word):
    v = WordVectors(["a", word], np.ones((2, 2), np.float32))
    for form in ("word2vec", "word2vec-binary", "glove"):
        with pytest.raises(ValueError, match="can't hold the word"):
            formats.save(tmp_path / "v", v, form)
    assert not list(tmp_path.iterdir())
    formats.save(tmp_path / "v.safetensors", v)
    assert formats.load(tmp_path / "v.safetensors").words == ["a", word]


def test_vectors_that_no_file_can_hold(tmp_path):
    for row, form in enumerate(("word2vec", "word2vec-binary", "glove", "safetensors")):
        matrix = np.ones((5, 2), np.float32)
        matrix[row] = np.nan
        with pytest.raises(ValueError, match=f"row {row} of the vectors is not finite"):
            formats.save(tmp_path / "v", WordVectors([*"abcde"], matrix), form)
    for words in ([], ["\ufeffa"]):
        with pytest.raises(ValueError, match="can't begin with"):
            formats.save(tmp_path / "v.glove", WordVectors(words, np.ones((len(words), 2), np.float32)))
    assert not list(tmp_path.iterdir())


def test_a_failed_write_leaves_the_old_file(tmp_path, v):
    path = write(tmp_path, TEXT)
    with pytest.raises(RuntimeError), files.replacing(path) as stream:
        stream.write(b"half")
        raise RuntimeError
    assert path.read_bytes() == TEXT and [file.name for file in tmp_path.iterdir()] == [path.name]
    with pytest.raises(DataError, match="cannot be written: No such file or directory"):
        formats.save(tmp_path / "none" / "v.vec", v)


def test_the_same_vectors_are_the_same_bytes(tmp_path, v):
    for name in ("a.vec.gz", "b.vec.gz"):
        formats.save(tmp_path / name, v)
    assert (tmp_path / "a.vec.gz").read_bytes() == (tmp_path / "b.vec.gz").read_bytes()


def test_endings_and_names_that_say_no_format(tmp_path, v):
    with pytest.raises(ValueError, match="the ending must be"):
        formats.save(tmp_path / "v.csv", v)
    with pytest.raises(ValueError, match="no format 'csv'"):
        formats.load(tmp_path / "v", "csv")
    with pytest.raises(ValueError, match="these vectors have none"):
        formats.save(tmp_path / "v.bin", v, "fasttext")
    with pytest.raises(DataError, match="cannot be read: No such file"):
        formats.load(tmp_path / "v.vec")


# --- safetensors


def test_safetensors_keep_counts_subwords_spelling_and_notes(tmp_path, v):
    path = tmp_path / "v.safetensors"
    safetensors.write(path, v, {"corpus": "도서관"})
    assert formats.load(path).counts.tolist() == v.counts.tolist()
    assert safetensors.metadata(path) == {"corpus": "도서관"}
    words = subword_vectors(spell=korean.decompose)
    safetensors.write(path, words)
    again = formats.load(path)
    np.testing.assert_array_equal(again["도시"], words["도시"])
    assert again.counts.tolist() == [4, 3, 2, 1] and (again.minn, again.maxn) == (2, 4)
    with pytest.raises(ValueError, match="no name for the spelling"):
        safetensors.write(path, subword_vectors(spell=str.lower))
    with pytest.raises(ValueError, match="can't say how words were spelled"):
        formats.save(tmp_path / "v.bin", words)


def test_other_safetensors_are_no_word_vectors(tmp_path):
    import nn

    nn.save({"weight": np.ones(3, np.float32)}, tmp_path / "v.safetensors")
    with pytest.raises(DataError, match="not one of word vectors"):
        formats.load(tmp_path / "v.safetensors")


# --- fastText's binary


def test_subwords_survive_a_bin(tmp_path):
    v, path = subword_vectors(), tmp_path / "v.bin"
    formats.save(path, v)
    again = formats.load(path)
    np.testing.assert_array_equal(again.matrix, v.matrix)
    np.testing.assert_array_equal(again["unseen"], v["unseen"])
    assert again.counts.tolist() == [4, 3, 2, 1] and again.origin.tokens == 10
    formats.save(tmp_path / "again.bin", again)
    assert path.read_bytes() == (tmp_path / "again.bin").read_bytes()


def test_labels_survive_a_bin(tmp_path):
    fasttext.write(tmp_path / "v.bin", labelled())
    again = fasttext.read(tmp_path / "v.bin")
    assert again.labels == labelled().labels and again.label_counts.tolist() == [3, 1, 1]
    assert again.args == labelled().args and again.output.shape == (3, 2)
    assert formats.load(tmp_path / "v.bin").words == ["ab", "c"]


def test_the_layout_is_facebook_s(tmp_path):
    """Byte by byte: of the magic number, the arguments, the dictionary and the matrices."""
    fasttext.write(tmp_path / "v.bin", labelled())
    data = (tmp_path / "v.bin").read_bytes()
    assert struct.unpack_from("<14id", data) == (793712314, 12, 2, 5, 5, 5, 5, 1, 3, 3, 0, 0, 0, 100, 1e-4)
    assert struct.unpack_from("<3i2q", data, 64) == (5, 2, 3, 5, -1)
    assert data[92:104] == b"ab\0" + struct.pack("<qb", 3, 0)
    size = 1 + 16 + 4 * 2 * 3
    assert data[-size:] == b"\0" + struct.pack("<2q", 3, 2) + bytes(24)


@pytest.mark.parametrize(
    ("place", "form", "value", "error"),
    [
        (0, "<i", 1, "is no fastText model"),
        (4, "<i", 13, "is of version 13"),
        (32, "<i", 7, "knows no loss number 7"),
        (8, "<i", -1, "impossible sizes"),
        (68, "<i", 3, "byte 64: 5 entries, of them 3 words and 3 labels"),
        (84, "<q", 0, "byte 84: its sub-words are pruned"),
        (103, "<b", 1, "byte 92: entry 1 has kind 1, count 3"),
        (92, "<B", 0xFF, "byte 92: the word b'.xffb' is not UTF-8"),
        (-41 - 33, "<?", True, "the input matrix is quantised"),
        (-41 - 32, "<q", 9, "input matrix of 9 by 2, not 2 by 2"),
        (-8, "<f", float("nan"), "output row 2 is not finite"),
    ],
)
def test_malformed_bin(tmp_path, place, form, value, error):
    path = tmp_path / "v.bin"
    fasttext.write(path, labelled())
    data = bytearray(path.read_bytes())
    struct.pack_into(form, data, place % len(data), value)
    path.write_bytes(data)
    with pytest.raises(DataError, match=error):
        fasttext.read(path)


def test_a_bin_that_goes_on(tmp_path):
    fasttext.write(tmp_path / "v.bin", labelled())
    path = write(tmp_path, (tmp_path / "v.bin").read_bytes() + b"\n", "w.bin")
    with pytest.raises(DataError, match="goes on after the model's end, at byte"):
        fasttext.read(path)


def test_models_that_do_not_fit_together_are_not_written(tmp_path):
    model = labelled()
    model.output = np.zeros((2, 2), np.float32)
    with pytest.raises(ValueError, match=r"output matrix: \(2, 2\), not \(3, 2\)"):
        fasttext.write(tmp_path / "v.bin", model)


def test_packed_models_of_others_are_read(tmp_path):
    fasttext.write(tmp_path / "v.bin", labelled())
    data = (tmp_path / "v.bin").read_bytes()
    for name, pack in (("w.gz", gzip.compress), ("w.xz", lzma.compress)):
        assert fasttext.read(write(tmp_path, pack(data), name)).words == ["ab", "c"]


def test_safetensors_are_not_packed(v, tmp_path):
    for name, format in (("v.safetensors.gz", None), ("v.xz", "safetensors")):
        with pytest.raises(ValueError, match="safetensors files are not packed; leave out .[gx]z"):
            formats.save(tmp_path / name, v, format)
    assert not list(tmp_path.iterdir())
    formats.save(tmp_path / "v.safetensors", v)
    packed = write(tmp_path, gzip.compress((tmp_path / "v.safetensors").read_bytes()), "v.safetensors.gz")
    with pytest.raises(DataError, match="a packed safetensors file; unpack it first"):
        formats.load(packed)


@pytest.mark.parametrize("name", ["v.vec", "v.bin", "v.glove", "v.safetensors", "words.bin", "v.bin.gz"])
def test_changed_bytes_give_vectors_or_an_error_that_says_so(tmp_path, name):
    random, path = np.random.default_rng(0), tmp_path / name
    formats.save(path, subword_vectors(), "word2vec-binary" if name == "words.bin" else None)
    whole, seen = path.read_bytes(), 0
    for _ in range(60):
        data = bytearray(whole)
        place = int(random.integers(min(len(data), 150) if random.random() < 0.5 else len(data)))
        data[place : place + int(random.integers(4))] = random.integers(0, 256, 2, np.uint8).tobytes()
        path.write_bytes(data)
        try:
            again = formats.load(path)
        except DataError as error:
            assert str(error).startswith(f"{path}: ")
            seen += 1
        else:
            assert np.isfinite(again.matrix).all() and len(set(again.words)) == len(again.matrix)
    assert seen
