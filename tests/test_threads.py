"""Threads: the child of a fork computes and does not hang, products that run at the same time do not disturb
each other, small ones stay on the caller's thread, and programs end."""

import itertools
import multiprocessing
import os
import subprocess
import sys
import threading
import time
from collections.abc import Iterator

import numpy as np
import pytest

from autograd import kernels
from autograd.ops.matmul_kernel import dot_pays, matmul

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
def test_a_forked_child_has_threads_of_its_own():
    """Only the forking thread lives on in a child: it must not wait for its parent's workers."""
    a, b = matrices(256)
    want = matmul(a, b)  # the parent has used its threads

    def child():
        same = all(np.array_equal(matmul(a, b), want) for _ in range(20))
        os._exit(0 if same and kernels.get_num_threads() == 2 else 1)

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


def test_thread_counts_set_during_products():
    """A call keeps to the count that it began with; its workspace has room for no other."""
    a, b = matrices(160)
    want, done = a.astype(np.int64) @ b.astype(np.int64), threading.Event()

    def change():
        for count in itertools.cycle([1, 2, 5, 3]):
            kernels.set_num_threads(count)
            if done.wait(1e-5):
                return

    thread = threading.Thread(target=change)
    thread.start()
    try:
        assert all(np.array_equal(matmul(a, b), want) for _ in range(300))
    finally:
        done.set()
        thread.join()


def test_more_threads_than_cores():
    a, b = matrices(300)
    kernels.set_num_threads(7)
    assert np.array_equal(matmul(a, b), a.astype(np.int64) @ b.astype(np.int64))


def test_a_program_ends_with_workers_awake_and_asleep():
    program = """
import sys, time
import numpy as np
from autograd import kernels
from autograd.ops.matmul_kernel import matmul
kernels.set_num_threads(3)
a = np.ones((256, 256), np.float32)
matmul(a, a)
time.sleep(float(sys.argv[1]))
"""
    for pause in "0", "0.1":
        done = subprocess.run([sys.executable, "-c", program, pause], capture_output=True, timeout=60)
        assert done.returncode == 0 and not done.stderr


@pytest.mark.skipif(not hasattr(time, "thread_time"), reason="no clock of one thread's time")
def test_small_products_stay_on_the_callers_thread():
    """Waking a thread costs more than a product of 74: the process has used no other thread's time."""
    a, b = (x.T for x in matrices(74))
    assert not dot_pays(a.size * 74, a, b)
    time.sleep(0.05)  # threads of earlier products stop waiting
    kernels.set_num_threads(2)
    process, own = time.process_time(), time.thread_time()
    for _ in range(2000):
        matmul(a, b)
    process, own = time.process_time() - process, time.thread_time() - own
    assert process < 1.2 * own + 0.002
