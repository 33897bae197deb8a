"""Threads: the child of a fork computes on one thread and does not hang, products that run at the same
time do not disturb each other, and small ones stay on the caller's thread."""

import multiprocessing
import os
import threading
import time
from collections.abc import Iterator

import numpy as np
import pytest

from autograd import kernels
from autograd.ops.matmul_kernel import KERNEL_FROM, matmul

pytestmark = pytest.mark.skipif(not kernels.isas(), reason="no compiled kernels")


@pytest.fixture(autouse=True)
def two_threads() -> Iterator[None]:
    before = kernels.get_num_threads()
    kernels.set_num_threads(2)
    yield
    kernels.set_num_threads(before)


def matrices(size, seed=0):
    rng = np.random.default_rng(seed)
    return (rng.integers(-4, 5, (size, size)).astype(np.float32) for _ in range(2))


@pytest.mark.skipif(not hasattr(os, "fork"), reason="no fork here")
@pytest.mark.filterwarnings("ignore:.*fork.*:DeprecationWarning")
def test_a_forked_child_runs_on_one_thread():
    """libgomp would hang a child that enters it after its parent did."""
    a, b = matrices(256)
    want = matmul(a, b)  # the parent has used its threads

    def child():
        kernels.set_num_threads(2)
        same = np.array_equal(matmul(a, b), want)
        os._exit(0 if same and kernels.get_num_threads() == 1 else 1)

    process = multiprocessing.get_context("fork").Process(target=child)
    process.start()
    process.join(timeout=20)
    hung = process.is_alive()
    process.kill()
    process.join()
    assert not hung, "the child hangs"
    assert process.exitcode == 0
    assert kernels.get_num_threads() == 2 and np.array_equal(matmul(a, b), want)


def test_products_at_the_same_time():
    """CFFI releases the interpreter's lock: each Python thread has its own workspace."""
    pairs = [tuple(matrices(96 + 32 * i, seed=i)) for i in range(4)]
    wrong: list[int] = []

    def work(i):
        a, b = pairs[i]
        want = a.astype(np.int64) @ b.astype(np.int64)
        for _ in range(20):
            if not np.array_equal(matmul(a, b), want):
                wrong.append(i)

    team = [threading.Thread(target=work, args=(i,)) for i in range(4)]
    for thread in team:
        thread.start()
    for thread in team:
        thread.join()
    assert not wrong


@pytest.mark.skipif(not hasattr(time, "thread_time"), reason="no clock of one thread's time")
def test_small_products_stay_on_the_callers_thread():
    """Waking a thread costs more than a product of 74: the process has used no other thread's time."""
    a, b = matrices(74)
    assert a.size * 74 >= KERNEL_FROM
    time.sleep(0.05)  # threads of earlier products stop waiting
    kernels.set_num_threads(2)
    process, own = time.process_time(), time.thread_time()
    for _ in range(2000):
        matmul(a, b)
    process, own = time.process_time() - process, time.thread_time() - own
    assert process < 1.2 * own + 0.002
