"""Datasets and the loader: what they give, and what they refuse."""

import os
import signal
import subprocess
import sys
import threading
import time
import traceback
from pathlib import Path

import numpy as np
import pytest

import autograd
from autograd import Tensor
from autograd.ops.random import Generator
from nn.data import (
    Augment,
    DataLoader,
    Dataset,
    Subset,
    TensorDataset,
    collate,
    optdigits,
    random_split,
)

# Datasets ----------------------------------------------------------------------------------------


class Squares(Dataset):
    def __len__(self):
        return 7

    def __getitem__(self, index):
        return {"x": np.full(2, index, np.float32), "y": index * index, "name": f"no. {index}"}


def test_tensor_dataset_of_arrays_and_tensors():
    data = TensorDataset(np.arange(12.0).reshape(4, 3), autograd.arange(4))
    assert len(data) == 4
    x, y = data[2]
    assert x.tolist() == [6, 7, 8] and isinstance(y, Tensor) and y.item() == 2
    xs, ys = data.batch(np.array([3, 0]))
    assert xs.tolist() == [[9, 10, 11], [0, 1, 2]] and ys.tolist() == [3, 0]
    with pytest.raises(ValueError, match=r"lengths \[4, 3\]"):
        TensorDataset(np.zeros(4), np.zeros(3))


def test_collate_stacks_by_entry():
    batch = Squares().batch(np.array([1, 3]))
    assert batch["x"].tolist() == [[1, 1], [3, 3]] and batch["y"].tolist() == [1, 9]
    assert batch["name"] == ["no. 1", "no. 3"]
    (nested,) = collate([([autograd.ones(2), 1.5],), ([autograd.zeros(2), 2.5],)])
    assert nested[0].tolist() == [[1, 1], [0, 0]] and nested[1].tolist() == [1.5, 2.5]
    with pytest.raises(ValueError, match=r"different shapes \[\(2,\), \(3,\)\]"):
        collate([np.zeros(2), np.zeros(3)])


def test_subset_and_random_split():
    data = TensorDataset(np.arange(10))
    part = Subset(Subset(data, [9, 7, 5, 3]), [3, 0])
    assert [part[i][0] for i in range(2)] == [3, 9] and part.batch(np.array([1, 0]))[0].tolist() == [9, 3]
    with pytest.raises(IndexError, match="index 10 is out of range for a dataset of 10"):
        Subset(data, [0, 10])
    parts = random_split(data, [6, 3, 1], seed=1)
    assert [len(p) for p in parts] == [6, 3, 1]
    assert sorted(i for p in parts for i in p.indices) == list(range(10))
    again = random_split(data, [6, 3, 1], generator=Generator(1))
    assert [p.indices.tolist() for p in again] == [p.indices.tolist() for p in parts]
    other = random_split(data, [6, 3, 1], seed=2)
    assert [p.indices.tolist() for p in other] != [p.indices.tolist() for p in parts]
    assert [len(p) for p in random_split(data, [0.5, 0.25, 0.25], seed=0)] == [6, 2, 2]
    assert [len(p) for p in random_split(data, [0.7, 0.2, 0.1], seed=0)] == [7, 2, 1]


@pytest.mark.parametrize(
    ("lengths", "message"),
    [([6, 3], r"\[6, 3\] sum to 9, the dataset has 10"), ([0.5, 0.6], "sum to 1"), ([11, -1], ">= 0")],
)
def test_random_split_refuses(lengths, message):
    with pytest.raises(ValueError, match=message):
        random_split(TensorDataset(np.arange(10)), lengths)


# The loader --------------------------------------------------------------------------------------


def epoch(loader):
    return [x.tolist() for (x,) in loader]


def test_batches_in_order():
    data = TensorDataset(np.arange(7))
    assert epoch(DataLoader(data, 3)) == [[0, 1, 2], [3, 4, 5], [6]]
    assert epoch(DataLoader(data, 3, drop_last=True)) == [[0, 1, 2], [3, 4, 5]]
    assert [len(DataLoader(data, 3, drop_last=drop)) for drop in (False, True)] == [3, 2]
    assert epoch(DataLoader(TensorDataset(np.zeros(0)), 3)) == []


def test_batches_are_tensors_of_any_structure():
    (x, y) = next(iter(DataLoader(optdigits(), 5)))
    assert isinstance(x, Tensor) and x.shape == (5, 1, 8, 8) and x.dtype == np.float32
    assert isinstance(y, Tensor) and y.dtype == np.int64
    (batch,) = DataLoader(Squares(), 7)
    assert isinstance(batch["x"], Tensor) and batch["name"][6] == "no. 6"
    (numbers,) = DataLoader([3.0, 1.0, 4.0], 3)  # anything with a length and items
    assert numbers.tolist() == [3, 1, 4]


def noisy(x, *, generator):
    return (x + generator.uniform(x.shape, np.float64),)


def test_an_epoch_does_not_depend_on_prefetch_or_on_how_the_last_one_ended():
    data = TensorDataset(np.arange(50.0))

    def second_epoch(prefetch, leave_early):
        loader = DataLoader(data, 4, shuffle=True, seed=3, transform=noisy, prefetch=prefetch)
        for _ in loader:
            if leave_early:
                break
        return epoch(loader)

    expected = second_epoch(0, False)
    for prefetch in (0, 1, 5, 100):
        for leave_early in (False, True):
            assert second_epoch(prefetch, leave_early) == expected
    flat = np.sort(np.concatenate(expected))
    assert np.floor(flat).tolist() == list(range(50))
    assert np.unique(flat % 1).size == 50  # no two batches were given the same noise


def test_seeds_and_generators():
    data = TensorDataset(np.arange(50))

    def shuffled(**options):
        return epoch(DataLoader(data, 50, shuffle=True, **options))

    assert shuffled(seed=1) == shuffled(generator=Generator(1)) != shuffled(seed=2)
    autograd.manual_seed(1)
    assert shuffled() == shuffled(seed=1)
    loader = DataLoader(data, 50, shuffle=True, seed=1)
    state = loader.generator.get_state()
    first = epoch(loader)
    assert epoch(loader) != first
    loader.generator.set_state(state)
    assert epoch(loader) == first
    with pytest.raises(ValueError, match="not both"):
        DataLoader(data, seed=1, generator=Generator(1))


@pytest.mark.parametrize(
    ("options", "message"), [({"batch_size": 0}, "batch_size >= 1, got 0"), ({"prefetch": -1}, "got -1")]
)
def test_the_loader_refuses(options, message):
    with pytest.raises(ValueError, match=message):
        DataLoader(TensorDataset(np.arange(3)), **options)


class Broken(TensorDataset):
    def batch(self, indices):
        if 5 in indices:
            self.explode()
        return super().batch(indices)

    def explode(self):
        raise OSError("the disk is gone")


@pytest.mark.parametrize("prefetch", [0, 1, 3])
def test_an_exception_arrives_in_its_turn_with_its_traceback(prefetch):
    seen = []
    with pytest.raises(OSError, match="the disk is gone") as caught:
        for (x,) in DataLoader(Broken(np.arange(10)), 2, prefetch=prefetch):
            seen.append(x.tolist())
    assert seen == [[0, 1], [2, 3]]
    assert "explode" in [frame.name for frame in traceback.extract_tb(caught.value.__traceback__)]
    assert_no_loader_thread()


def test_leaving_early_stops_the_thread():
    loader = DataLoader(TensorDataset(np.arange(1000)), 1, prefetch=2)
    for _ in range(20):
        for _ in loader:
            break
    iterator = iter(loader)
    next(iterator)
    assert any(thread.name == "DataLoader" for thread in threading.enumerate())
    del iterator
    assert_no_loader_thread()


def assert_no_loader_thread():
    assert not [thread for thread in threading.enumerate() if thread.name == "DataLoader"]


def test_prefetching_runs_ahead_while_the_consumer_works():
    made = []

    class Slow(TensorDataset):
        def batch(self, indices):
            made.append(int(indices[0]))
            return super().batch(indices)

    iterator = iter(DataLoader(Slow(np.arange(10)), 1, prefetch=3))
    next(iterator)
    deadline = time.monotonic() + 5
    while len(made) < 5 and time.monotonic() < deadline:
        time.sleep(0.001)
    time.sleep(0.02)
    assert made == [0, 1, 2, 3, 4]  # the one given, three kept, and one waiting for room


@pytest.mark.skipif(os.name != "posix", reason="sends a POSIX signal")
def test_ctrl_c_ends_the_program_at_once():
    program = """
import signal, time
import numpy as np
signal.signal(signal.SIGINT, signal.default_int_handler)  # a background job inherits that it is ignored
from nn.data import DataLoader, TensorDataset
class Slow(TensorDataset):
    def batch(self, indices):
        time.sleep(0.05)
        return super().batch(indices)
for (x,) in DataLoader(Slow(np.arange(1000)), 1):
    print("going", flush=True)
"""
    root = Path(__file__).resolve().parent.parent
    process = subprocess.Popen(
        [sys.executable, "-c", program], cwd=root, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    )
    assert process.stdout is not None and process.stdout.readline() == "going\n"
    process.send_signal(signal.SIGINT)
    _, errors = process.communicate(timeout=10)
    assert process.returncode != 0 and errors.rstrip().endswith("KeyboardInterrupt")


def test_augmented_batches_through_the_loader():
    loader = DataLoader(optdigits(), 64, shuffle=True, seed=0, transform=Augment(shift=0.1, rotate=10))
    first, second = ([x.numpy().sum() for x, _ in loader] for _ in range(2))
    assert len(first) == 60 and first != second
