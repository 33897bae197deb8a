"""IDX files and the digits: what is read, where it is looked for, and what is refused. MNIST itself is read
where AUTOGRAD_DATA names a folder that has it."""

import gzip
import hashlib
import os
import shutil
from pathlib import Path

import numpy as np
import pytest

from nn.data import (
    DataError,
    digits,
    fashion_mnist,
    mnist,
    optdigits,
    read_idx,
    write_idx,
)

FOLDER = Path(os.environ.get("AUTOGRAD_DATA", ""))


def data_file(*parts: str) -> Path:
    path = FOLDER.joinpath(*parts)
    if "AUTOGRAD_DATA" not in os.environ or not path.exists():
        pytest.skip(f"{'/'.join(parts)} is not in the folder AUTOGRAD_DATA")
    return path


# IDX ---------------------------------------------------------------------------------------------


@pytest.mark.parametrize("dtype", ["u1", "i1", "i2", "i4", "f4", "f8"])
@pytest.mark.parametrize("name", ["a.idx", "a.gz"])
@pytest.mark.parametrize("shape", [(), (0, 3), (5,), (2, 3, 4)])
def test_idx_round_trip(tmp_path, dtype, name, shape):
    array = (np.random.default_rng(0).standard_normal(shape) * 50).astype(dtype)
    write_idx(tmp_path / name, array)
    back = read_idx(tmp_path / name)
    assert back.dtype == array.dtype and back.dtype.isnative
    np.testing.assert_array_equal(back, array)
    assert [path.name for path in tmp_path.iterdir()] == [name]  # no temporary file is left


def test_idx_bytes_are_those_of_the_format(tmp_path):
    write_idx(tmp_path / "a", np.array([[1, -2]], np.int16))
    expected = bytes([0, 0, 0x0B, 2, 0, 0, 0, 1, 0, 0, 0, 2, 0, 1, 0xFF, 0xFE])
    assert (tmp_path / "a").read_bytes() == expected
    with pytest.raises(ValueError, match="IDX has no int64"):
        write_idx(tmp_path / "b", np.arange(3))
    assert not (tmp_path / "b").exists()


HEADER = bytes([0, 0, 8, 1, 0, 0, 0, 4])


@pytest.mark.parametrize(
    ("data", "message"),
    [
        (b"", "not an IDX file: its magic number is missing"),
        (b"\x89PNG\r\n", "not an IDX file: its magic number is 89 50 4e 47"),
        (bytes([0, 0, 7, 1]), "00 00 07 01"),
        (HEADER[:6], "cut off within the header: 6 of 8 bytes"),
        (HEADER + b"abc", r"cut off: 11 bytes, want 12 for shape \(4,\)"),
        (HEADER + b"abcde", "longer than its header says: 13 bytes, want 12"),
        (bytes([0, 0, 14, 3]) + b"\xff" * 12, "cut off: 16 bytes"),
        (gzip.compress(HEADER + b"abcd", mtime=0)[:-9], "the gzip file is cut off after"),
        (gzip.compress(HEADER + b"abcd", mtime=0)[:-8] + b"\0" * 8, "the gzip file is damaged"),
        (b"\x1f\x8b" + b"\0" * 30, "the gzip file is damaged"),
        (gzip.compress(HEADER + b"abc", mtime=0), "cut off: 11 bytes, want 12"),
    ],
)
def test_damaged_idx_files_are_refused_in_one_line(tmp_path, data, message):
    path = tmp_path / "file"
    path.write_bytes(data)
    with pytest.raises(DataError, match=message) as caught:
        read_idx(path)
    assert str(path) in str(caught.value) and "\n" not in str(caught.value)


def test_a_missing_file_is_named(tmp_path):
    with pytest.raises(DataError, match=r"none\.gz: cannot be read: No such file"):
        read_idx(tmp_path / "none.gz")
    with pytest.raises(DataError, match="cannot be read: Is a directory"):
        read_idx(tmp_path)


# The digits --------------------------------------------------------------------------------------


def test_optdigits_is_embedded():
    train, test = optdigits(), optdigits(train=False)
    assert (len(train), len(test)) == (3823, 1797)
    assert train.images.shape == (3823, 8, 8) and train.images.max() == train.levels == 16
    assert np.bincount(train.labels).tolist() == [376, 389, 380, 389, 387, 376, 377, 387, 380, 382]
    x, y = test[3]
    assert x.shape == (1, 8, 8) and x.dtype == np.float32 and y == 3
    np.testing.assert_array_equal(x[0] * 16, test.images[3])
    xs, ys = test.arrays()
    assert xs.shape == (1797, 1, 8, 8) and 0 == xs.min() < xs.max() == 1
    np.testing.assert_array_equal(test.batch(np.array([3]))[0], xs[3:4])
    np.testing.assert_array_equal(ys, test.labels)


@pytest.mark.parametrize(("train", "file"), [(True, "optdigits.tra"), (False, "optdigits.tes")])
def test_optdigits_equals_the_published_files(train, file):
    rows = np.loadtxt(data_file("optdigits", file), dtype=np.uint8, delimiter=",")
    data = optdigits(train)
    np.testing.assert_array_equal(data.images, rows[:, :64].reshape(-1, 8, 8))
    np.testing.assert_array_equal(data.labels, rows[:, 64])


def test_damage_to_the_embedded_file_is_noticed(monkeypatch):
    monkeypatch.setattr(digits, "OPTDIGITS_SHA256", "0" * 64)
    with pytest.raises(DataError, match="optdigits.npz: is damaged"):
        optdigits()


@pytest.mark.parametrize(("name", "read"), [("mnist", mnist), ("fashion-mnist", fashion_mnist)])
def test_the_real_files(name, read):
    folder = data_file(name)
    train, test = read(folder.parent), read(folder, train=False)  # the folder above will do as well
    assert train.images.shape == (60000, 28, 28) and test.images.shape == (10000, 28, 28)
    assert np.bincount(test.labels).size == len(test.classes) == 10 and train.images.max() == 255
    assert train.classes[train.labels[0]] == {"mnist": "5", "fashion-mnist": "Ankle boot"}[name]
    assert len(read(train=False)) == 10000  # by AUTOGRAD_DATA


@pytest.fixture
def small_mnist(tmp_path, monkeypatch):
    """A little MNIST with its own hashes, in tmp_path/mnist, and nothing else to be found."""
    monkeypatch.delenv("AUTOGRAD_DATA", raising=False)
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    monkeypatch.setitem(digits.MIRRORS, "mnist", "http://127.0.0.1:9/")  # nobody answers there
    folder = tmp_path / "mnist"
    folder.mkdir()
    rng = np.random.default_rng(0)
    for part in digits.FILES.values():
        write_idx(folder / f"{part[0]}.gz", rng.integers(0, 256, (6, 4, 4)).astype(np.uint8))
        write_idx(folder / f"{part[1]}.gz", rng.integers(0, 10, 6).astype(np.uint8))
    hashes = {file: sha256(folder / f"{file}.gz") for part in digits.FILES.values() for file in part}
    monkeypatch.setitem(digits.SHA256, "mnist", hashes)
    return folder


def sha256(path):
    return hashlib.sha256(gzip.decompress(path.read_bytes())).hexdigest()


def test_where_files_are_looked_for(small_mnist, tmp_path, monkeypatch):
    images = mnist(small_mnist).images
    np.testing.assert_array_equal(mnist(tmp_path).images, images)  # DIR/mnist/file.gz
    monkeypatch.setenv("AUTOGRAD_DATA", str(tmp_path))
    np.testing.assert_array_equal(mnist().images, images)
    plain = tmp_path / "plain"
    plain.mkdir()
    for path in small_mnist.iterdir():
        (plain / path.stem).write_bytes(gzip.decompress(path.read_bytes()))
    np.testing.assert_array_equal(mnist(plain).images, images)  # unpacked
    monkeypatch.setenv("AUTOGRAD_DATA", str(tmp_path / "nowhere"))
    shutil.copytree(small_mnist, tmp_path / "cache" / "kernelgrad" / "mnist")
    np.testing.assert_array_equal(mnist().images, images)  # the cache


def test_a_folder_without_the_files_is_told_which_to_put_there(small_mnist, tmp_path):
    empty = tmp_path / "empty"
    empty.mkdir()
    with pytest.raises(DataError) as caught:
        mnist(empty)
    for text in ("train-images-idx3-ubyte.gz", "t10k-labels-idx1-ubyte.gz", f"into {empty / 'mnist'}"):
        assert text in str(caught.value)
    assert "\n" not in str(caught.value)


def test_no_network(small_mnist, tmp_path):
    with pytest.raises(DataError) as caught:
        mnist()
    assert "cannot download http://127.0.0.1:9/train-images-idx3-ubyte.gz" in str(caught.value)
    assert "put the four files train-images-idx3-ubyte.gz, train-labels" in str(caught.value)
    assert str(tmp_path / "cache" / "kernelgrad" / "mnist") in str(caught.value)
    assert "\n" not in str(caught.value)


def test_a_download_is_kept_only_if_its_hash_is_right(small_mnist, tmp_path, monkeypatch):
    served = tmp_path / "served"
    shutil.copytree(small_mnist, served)
    monkeypatch.setitem(digits.MIRRORS, "mnist", f"{served.as_uri()}/")
    assert len(mnist()) == 6
    kept = tmp_path / "cache" / "kernelgrad" / "mnist"
    assert sorted(path.name for path in kept.iterdir()) == [f"{file}.gz" for file in digits.FILES[True]]
    shutil.rmtree(served)
    assert len(mnist()) == 6  # now from the cache
    shutil.rmtree(kept)
    shutil.copytree(small_mnist, served)
    write_idx(served / "train-images-idx3-ubyte.gz", np.zeros((6, 4, 4), np.uint8))
    with pytest.raises(DataError, match="cannot download .*: SHA-256 .*put the four files"):
        mnist()
    assert not list(kept.glob("*"))


def test_a_file_with_another_hash_is_refused(small_mnist):
    write_idx(small_mnist / "t10k-labels-idx1-ubyte.gz", np.zeros(6, np.uint8))
    assert len(mnist(small_mnist)) == 6
    with pytest.raises(
        DataError, match=r"labels-idx1-ubyte.gz: not the t10k-labels-idx1-ubyte of mnist: SHA"
    ):
        mnist(small_mnist, train=False)


def test_images_and_labels_must_go_together():
    with pytest.raises(DataError, match=r"\(3, 4, 4\) images do not go with \(2,\) labels"):
        digits.Digits("x", np.zeros((3, 4, 4), np.uint8), np.zeros(2, np.uint8), 255, digits.DIGITS)
    with pytest.raises(DataError, match="label 12 is not one of 10"):
        digits.Digits("x", np.zeros((1, 4, 4), np.uint8), np.array([12]), 255, digits.DIGITS)
