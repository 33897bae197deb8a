"""The tape: what backward does, refuses, frees, and how deep it goes."""

from __future__ import annotations

import gc
import threading
import types
import weakref

import numpy as np
import pytest

import autograd
from autograd import Scalar, Tensor, tape, tensor


def leaf(*values: float) -> autograd.Tensor:
    return tensor(list(values), dtype=autograd.float64, requires_grad=True)


def test_gradients_accumulate_in_leaves() -> None:
    x = leaf(1.0, 2.0)
    (x * x).sum().backward()
    (x * 3).sum().backward()
    assert x.grad.tolist() == [5.0, 7.0]


def test_a_value_used_twice_gets_both_gradients() -> None:
    x = leaf(3.0)
    y = x * x
    (y * y + y).sum().backward()
    assert x.grad.tolist() == [4 * 27.0 + 6.0]


def test_second_backward_is_a_clear_error() -> None:
    y = (leaf(1.0) * 2).sum()
    y.backward()
    with pytest.raises(RuntimeError, match="a second time.*retain_graph=True"):
        y.backward()


def test_retain_graph_keeps_saved_values() -> None:
    x = leaf(3.0)
    y = (x * x).sum()
    y.backward(retain_graph=True)
    y.backward()
    assert x.grad.tolist() == [12.0]


def test_shared_part_freed_by_another_output_is_an_error() -> None:
    x = leaf(2.0)
    shared = x * x
    (shared * 2).sum().backward()
    with pytest.raises(RuntimeError, match="mul a second time"):
        (shared * 3).sum().backward()


def test_grad_touches_no_leaf_and_runs_only_what_is_needed() -> None:
    ran = []

    class Loud(autograd.Function):
        @staticmethod
        def forward(ctx, x):
            return x * 1.0

        @staticmethod
        def backward(ctx, g):
            ran.append(True)
            return g

    x, w = leaf(1.0), leaf(5.0)
    loss = (Loud.apply(x) * w).sum()
    (gw,) = autograd.grad(loss, w, retain_graph=True)
    assert gw.tolist() == [1.0] and not ran and x.grad is None and w.grad is None
    autograd.grad(loss, x)
    assert ran


def test_grad_of_an_inner_value() -> None:
    x = leaf(2.0)
    h = x * x
    loss = (h * h).sum()
    gh, gx = autograd.grad(loss, [h, x])
    assert gh.tolist() == [8.0] and gx.tolist() == [32.0]


def test_unused_input() -> None:
    x, other = leaf(1.0), leaf(1.0)
    y = (x * 2).sum()
    with pytest.raises(RuntimeError, match="allow_unused=True"):
        autograd.grad(y, other, retain_graph=True)
    assert autograd.grad(y, other, allow_unused=True) == (None,)


def test_output_without_gradient_is_an_error() -> None:
    with pytest.raises(RuntimeError, match="doesn't depend on anything"):
        tensor([1.0]).sum().backward()


def test_backward_of_many_elements_needs_a_seed() -> None:
    x = leaf(1.0, 2.0)
    with pytest.raises(RuntimeError, match="no single gradient"):
        (x * x).backward()
    (x * x).backward(tensor([1.0, 10.0]))
    assert x.grad.tolist() == [2.0, 40.0]


def test_no_grad_and_enable_grad() -> None:
    x = leaf(1.0)
    with autograd.no_grad():
        assert not (x * 2).requires_grad
        with autograd.enable_grad():
            assert (x * 2).requires_grad

    @autograd.no_grad()
    def double(value):
        return value * 2 if value.data.size < 2 else double(value)

    assert not double(x).requires_grad and (x * 2).requires_grad


def test_recording_is_per_thread() -> None:
    seen = []
    with autograd.no_grad():
        thread = threading.Thread(target=lambda: seen.append(autograd.is_grad_enabled()))
        thread.start()
        thread.join()
    assert seen == [True]


def test_detach_stops_gradients() -> None:
    x = leaf(3.0)
    (x * x.detach()).sum().backward()
    assert x.grad.tolist() == [3.0]


def test_hooks_and_retain_grad() -> None:
    x = leaf(1.0, 2.0)
    y = x * 2
    y.retain_grad()
    seen = []
    handle = y.register_hook(lambda g: seen.append(g.tolist()))
    doubled = x.register_hook(lambda g: g * 10)
    (y * y).sum().backward()
    assert seen == [[4.0, 8.0]] and y.grad.tolist() == [4.0, 8.0] and x.grad.tolist() == [80.0, 160.0]
    handle.remove()
    doubled.remove()
    x.grad = None
    (x * 1.0).sum().backward()
    assert x.grad.tolist() == [1.0, 1.0] and len(seen) == 1


def test_a_hook_that_returns_another_shape_is_an_error() -> None:
    x = leaf(1.0, 2.0)
    x.register_hook(lambda g: g.sum())
    with pytest.raises(TypeError, match=r"None or a tensor of shape \(2,\)"):
        (x * 2).sum().backward()


def test_a_saved_array_written_since_is_an_error_that_names_the_op() -> None:
    x, w = leaf(1.0), leaf(2.0)
    y = (x * w).sum()
    with autograd.no_grad():
        w.add_(1.0)
    with pytest.raises(RuntimeError, match="mul saved.*written in place"):
        y.backward()


def test_writing_a_view_counts_as_writing_its_base() -> None:
    w = leaf(1.0, 2.0, 3.0)
    h = w * 1.0
    y = h.exp().sum() + (h * h).sum()
    h[1:].detach()[0] = 9.0
    with pytest.raises(RuntimeError, match="written in place"):
        y.backward()


def test_leaves_refuse_writes_while_recording() -> None:
    w = leaf(1.0, 2.0)
    for write in (lambda: w.add_(1), lambda: w.zero_(), lambda: w.__setitem__(0, 5.0), lambda: w.__iadd__(1)):
        with pytest.raises(RuntimeError, match="no_grad"):
            write()
    with autograd.no_grad():
        w -= 0.5
    assert w.tolist() == [0.5, 1.5] and w.requires_grad


def test_gradients_share_no_memory() -> None:
    a, b = leaf(1.0, 2.0), leaf(3.0, 4.0)
    (a + b).sum().backward()
    a.grad.mul_(100)
    assert b.grad.tolist() == [1.0, 1.0]


def test_a_graph_dies_by_reference_count_alone() -> None:
    gc.collect()
    gc.disable()
    try:
        x = leaf(1.0)
        y = (x * 2).tanh().exp()
        node = weakref.ref(y)
        y = y.sum()
        assert node() is None
        big = np.ones(3)
        z = tensor(big) * x
        alive = weakref.ref(z)
        del z
        assert alive() is None
    finally:
        gc.enable()


def test_what_no_rule_names_is_freed_at_once() -> None:
    x = leaf(*[1.0] * 8)
    h = x + 1
    array = weakref.ref(h.data)
    y = h + 2
    del h
    assert array() is None and y.requires_grad


@pytest.mark.parametrize("kind", ["tensor", "scalar"])
def test_a_long_chain_neither_recurses_nor_leaks(kind: str) -> None:
    """A million ops for Scalars; a tenth for tensors, each of which costs more."""
    x = Scalar(1.0) if kind == "scalar" else tensor(1.0, requires_grad=True)
    h = x
    for _ in range(1_000_000 if kind == "scalar" else 100_000):
        h = h + 1.0
    h.backward()
    assert float(x.grad) == 1.0
    alive = weakref.ref(h)
    del h
    assert alive() is None


def test_training_steps_leave_memory_flat() -> None:
    """Objects and array memory after 2,000 steps as after 100: any object that a step left behind would count
    100,000 bytes. (Python's free lists of small tuples fill up to some 30,000.)"""
    import tracemalloc

    autograd.manual_seed(0)
    w = autograd.randn(8, 8, requires_grad=True)
    x = autograd.randn(4, 8)

    def step() -> None:
        loss = (x @ w).tanh().square().mean()
        w.grad = None
        loss.backward()
        with autograd.no_grad():
            w.sub_(w.grad, alpha=0.01)

    for _ in range(100):
        step()
    tracemalloc.start()
    before = tracemalloc.get_traced_memory()[0]
    for _ in range(2000):
        step()
    gc.collect()
    after = tracemalloc.get_traced_memory()[0]
    tracemalloc.stop()
    assert after - before < 50_000, after - before


def test_anomaly_names_op_and_line_of_a_forward_nan() -> None:
    x = leaf(-1.0)
    with (
        autograd.detect_anomaly(),
        pytest.raises(tape.AnomalyError, match=r"sqrt made the first NaN.*test_tape"),
    ):
        x.sqrt()


def test_anomaly_names_op_and_line_of_a_backward_nan() -> None:
    x = leaf(0.0)
    with autograd.detect_anomaly():
        y = (x * 0.0).sqrt() * 0.0  # sqrt's slope at 0 is infinite, and 0 times that is NaN
        with pytest.raises(tape.AnomalyError, match=r"backward rule of \w+ made the first NaN.*test_tape"):
            y.sum().backward()


def test_multiple_outputs_need_not_all_be_used() -> None:
    x = leaf(1.0, 2.0, 3.0)
    first, _, third = x.split(1)
    (first * 2 + third * third).sum().backward()
    assert x.grad.tolist() == [2.0, 0.0, 6.0]


def test_create_graph_gives_gradients_of_gradients_in_grad() -> None:
    x = leaf(2.0)
    (x**3).sum().backward(create_graph=True)
    assert x.grad.tolist() == [12.0] and x.grad.requires_grad
    (g2,) = autograd.grad(x.grad.sum(), x)
    assert g2.tolist() == [12.0]


def test_threads_may_run_backward_into_one_leaf() -> None:
    w = autograd.zeros(50_000, requires_grad=True)

    def work() -> None:
        for _ in range(50):
            (w * 1.0).sum().backward()

    threads = [threading.Thread(target=work) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert (w.grad.data == 200.0).all()


def test_a_gradient_that_nobody_else_holds_is_not_copied(monkeypatch: pytest.MonkeyPatch) -> None:
    """And one that add gave to both inputs is."""
    taken = []
    kept = autograd.gradients.add_to

    def spy(node: tape.Node, g: object) -> None:
        kept(node, g)
        taken.append(node.grad.data is g)

    monkeypatch.setattr(autograd.gradients, "HOLDERS", autograd.gradients.HOLDERS + 1)  # the spy's own
    monkeypatch.setattr(autograd.gradients, "add_to", spy)
    x = leaf(1.0, 2.0)
    x.exp().sum().backward()
    a, b = leaf(1.0), leaf(1.0)
    (a + b).backward(np.ones(1))
    assert taken[0] is True and not all(taken[1:])


def test_a_gradient_in_a_kept_buffer_is_copied_only_if_its_memory_is_seen_elsewhere(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    copied = []

    def spy(array: np.ndarray, order: str) -> np.ndarray:
        copied.append(array.shape)
        return np.copy(array, order)

    numpy = types.SimpleNamespace(**{**vars(np), "array": spy})
    monkeypatch.setattr(autograd.gradients, "np", numpy)
    alone, seen = (Tensor(np.ones(n), requires_grad=True) for n in (30_000, 40_000))
    views = []
    seen.register_hook(lambda g: views.append(g.data[1:]))
    for x in (alone, seen):
        x.tanh().sum().backward()
    assert copied == [seen.shape]
    assert not np.may_share_memory(seen.grad.data, views[0])


def test_saved_tensors_of_a_function_are_checked_too() -> None:
    class Square(autograd.Function):
        @staticmethod
        def forward(ctx, x):
            ctx.save_for_backward(x)
            return x * x

        @staticmethod
        def backward(ctx, g):
            return g * 2 * ctx.saved_tensors[0]

    h = leaf(3.0) * 1
    y = Square.apply(h).sum()
    with autograd.no_grad():
        h.fill_(100.0)
    with pytest.raises(RuntimeError, match="Square saved.*written in place"):
        y.backward()


def test_an_index_written_since_is_an_error() -> None:
    x, i = leaf(1.0, 2.0), tensor([1, 1])
    y = x[i,].sum()
    i.zero_()
    with pytest.raises(RuntimeError, match="written in place"):
        y.backward()


def test_set_grad_enabled_as_a_call_and_as_a_block() -> None:
    x = leaf(1.0)
    with autograd.set_grad_enabled(False):
        assert not (x * 2).requires_grad
    autograd.set_grad_enabled(False)
    try:
        assert not (x * 2).requires_grad
    finally:
        autograd.set_grad_enabled(True)
    assert (x * 2).requires_grad


def test_a_mode_decorates_with_and_without_parentheses() -> None:
    x = leaf(1.0)

    @autograd.no_grad
    def bare(y: autograd.Tensor) -> bool:
        return bool((y * 2).requires_grad)

    @autograd.no_grad()
    def called(y: autograd.Tensor) -> bool:
        return bool((y * 2).requires_grad)

    assert not bare(x) and not called(x) and (x * 2).requires_grad
    assert bare.__name__ == "bare"
