"""autograd.explain: what it shows must be what backward() does."""

from __future__ import annotations

import doctest
import importlib
import itertools
import math
import re
import xml.etree.ElementTree as ET

import numpy as np
import pytest

import autograd
from autograd import Scalar, explain, kernels, tape
from autograd.explain import layout
from autograd.explain.rules import rule_text
from autograd.fused import fused
from autograd.op import REGISTRY
from autograd.ops.conv import conv2d
from autograd.ops.pool import max_pool2d

SVG = "{http://www.w3.org/2000/svg}"


def tensor(*shape, grad=True, seed=0):
    return autograd.tensor(np.random.default_rng(seed).normal(size=shape).tolist(), requires_grad=grad)


def network():
    """A watched loss with a broadcast bias, a split, a tied input and a product of matrices."""
    with explain.watching():
        x, w, b = tensor(4, 3, grad=False), tensor(3, 2, seed=1), tensor(2, seed=2)
        h = (x @ w + b).tanh()
        p, q = h.split(1, 1)
        loss = (p * q + h * h).mean()
    return loss, dict(x=x, w=w, b=b, h=h)


MODULES = ["layout", "naming", "numbers", "picture", "records", "rules", "traverse", "walk"]


@pytest.mark.parametrize("module", MODULES)
def test_docstring_examples_run(module):
    assert doctest.testmod(importlib.import_module(f"autograd.explain.{module}")).failed == 0


# steps -------------------------------------------------------------------------------------------


def test_scalar_steps_give_the_numbers_of_backward():
    a, b = Scalar(2.0), Scalar(-3.0)
    loss = (a * b + a.tanh()) ** 3 / (b - 4.0) + max(a, b) * 2.0
    found = explain.steps(loss, a=a, b=b)
    assert (a.grad, b.grad) == (0.0, 0.0)
    loss.backward()
    assert found.gradients["a"] == a.grad
    assert found.gradients["b"] == b.grad
    assert found.gradients["loss"] == 1.0
    assert found.values["loss"] == loss.data


def test_tensor_steps_give_the_numbers_of_backward():
    loss, names = network()
    found = explain.steps(loss, names)
    loss.backward()
    for name in "wb":
        np.testing.assert_array_equal(found.gradients[name], names[name].grad.data)
    np.testing.assert_array_equal(found.values["h"], names["h"].data)
    assert "x" not in found.gradients  # it wants none


def test_steps_leave_the_graph_as_it_was():
    loss, names = network()
    calls = []
    names["h"].register_hook(calls.append)
    before = [(node, node.saved, node.grad) for node in explain.traverse.ancestors(loss.node)]
    explain.steps(loss, names)
    explain.graph(loss, names).svg()
    assert calls == []
    assert all(node.saved is saved and node.grad is grad for node, saved, grad in before)
    assert tape.is_grad_enabled()
    loss.backward()
    assert len(calls) == 1


EXPRESSIONS = {
    "reductions": lambda x, w: (x.var(0) * x.mean(1, keepdim=True)).sum() + x.max() - x.min(1).values.sum(),
    "softmax": lambda x, w: x.log_softmax(1)[:, 1].sum() * x.softmax(0).amax() + x.logsumexp(1).sum(),
    "choice": lambda x, w: autograd.where(x > w, x, w).clamp(-0.5, 0.5).abs().sum() + x.relu().norm(),
    "joins": lambda x, w: (autograd.cat([x, w, x], 1) ** 3.0).sum() + autograd.stack([x, w]).flip(0)[0].sum(),
    "views": lambda x, w: (x.T.reshape(2, 6) @ w.flatten()[:6]).sum() + w.unsqueeze(1).expand(3, 5, 4).sum(),
    "indices": lambda x, w: (x[[0, 0, 2]] * x[x > 0].sum()).gather(1, np.array([[1], [0], [3]])).sum(),
    "linear": lambda x, w: autograd.linear(x, w, w[:, 0]).sigmoid().sum(),
    "rows": lambda x, w: (autograd.embedding(w, np.array([[0, 1], [1, 1]])) / (x[:2, None] ** 2 + 1.0)).sum(),
    "padding": lambda x, w: (autograd.pad(x, (1, 1, 0, 2)) * 2.0).square().sum() + w.double().sum().float(),
}  # fmt: skip


@pytest.mark.parametrize("expression", EXPRESSIONS)
def test_every_kind_of_op_can_be_explained(expression):
    x, w = tensor(3, 4, seed=3), tensor(3, 4, seed=4)
    with explain.watching():
        loss = EXPRESSIONS[expression](x, w)
    found = explain.steps(loss, x=x, w=w)
    graph = explain.graph(loss, x=x, w=w)
    loss.backward()
    for name, leaf in (("x", x), ("w", w)):
        if leaf.grad is not None:
            np.testing.assert_array_equal(found.gradients[name], leaf.grad.data)
    text = str(found)
    assert "lambda" not in text and "slice" not in text
    ET.fromstring(graph.svg())
    assert f"= {graph.boxes[-1].formula}" in graph.text()


def test_into_finds_the_steps_of_a_value():
    a = Scalar(3.0)
    found = explain.steps(a * a, a=a)
    assert found.into("a") == found.backward
    with pytest.raises(KeyError, match="no gradient flows into 'b'; names here: loss, a"):
        found.into("b")


def test_forward_steps_are_in_order_and_backward_steps_follow():
    a = Scalar(2.0)
    found = explain.steps((a * 3.0).exp(), a=a)
    assert [(s.number, s.kind, s.op) for s in found] == [
        (1, "forward", "mul"), (2, "forward", "exp"), (3, "backward", "exp"), (4, "backward", "mul"),
    ]  # fmt: skip
    assert found.forward == found[:2] and found.backward == found[2:]
    mul = found.forward[0]
    assert [(x.name, x.value) for x in mul.inputs] == [("a", 2.0), ("", 3.0)]
    assert (mul.output.name, mul.output.value) == ("v1", 6.0)


def test_a_backward_step_says_all():
    a, b = Scalar(2.0), Scalar(-3.0)
    tanh, mul_a = [s for s in explain.steps(a * b + a.tanh(), a=a, b=b).backward if s.input.name == "a"]
    assert (tanh.op, tanh.rule, tanh.incoming, tanh.before) == ("tanh", "g * (1 - z * z)", 1.0, None)
    assert tanh.saved["z"].name == "v2" and tanh.saved["z"].value == math.tanh(2.0)
    assert tanh.result == tanh.total == 1 - math.tanh(2.0) ** 2
    assert (mul_a.rule, mul_a.result, mul_a.before) == ("g * y", -3.0, tanh.total)
    assert mul_a.saved["y"].name == "b"
    assert mul_a.total == tanh.total - 3.0
    assert str(mul_a) == "mul -> a:  g * y = 1 * (-3) = -3,  added up: 0.07065 + (-3) = -2.929"


def test_a_tied_input_gets_both_parts():
    a = Scalar(3.0)
    first, second = explain.steps(a * a, a=a).backward
    assert (first.total, second.before, second.total) == (3.0, 3.0, 6.0)


def test_broadcasting_is_told():
    loss, names = network()
    (into_b,) = explain.steps(loss, names).into("b")
    assert into_b.summed == (0,)
    assert into_b.result.shape == (2,)
    assert "summed over dim 0, because b was repeated there" in str(into_b)
    column = tensor(4, 1)
    with explain.watching():
        total = (column * tensor(2, 4, 3, grad=False)).sum()
    (step,) = explain.steps(total, column=column).into("column")
    assert step.summed == (0, 2)
    assert "dim 0, 2" in str(step)


def test_a_double_scaled_after_a_sum_is_told():
    """Its gradient is a NumPy double, which is a float; the sum's rule has a shape beside it."""
    with explain.watching():
        w = autograd.tensor([1.0, 2.0], dtype="float64", requires_grad=True)
        loss = w.sum() * 0.5
    assert explain.steps(loss, w=w).gradients["w"].tolist() == [0.5, 0.5]


def test_an_op_of_several_outputs_is_one_step():
    with explain.watching():
        x = tensor(2, 3)
        a, _unused, c = x.unbind(1)
        loss = (a * c).sum()
    found = explain.steps(loss, x=x)
    (split,) = [s for s in found.forward if s.op == "split"]
    assert len(split.outputs) == 3
    (back,) = [s for s in found.backward if s.op == "split"]
    assert [g.shape for g in back.incoming] == [(2, 1)] * 3
    assert not back.incoming[1].any()  # nothing used it
    loss.backward()
    np.testing.assert_array_equal(found.gradients["x"], x.grad.data)


def test_named_outputs_and_kernels_of_images():
    with explain.watching():
        x, w = tensor(2, 1, 4, 4, grad=False), tensor(3, 1, 3, 3)
        pooled, _ = max_pool2d(conv2d(x, w, padding=1), 2, return_indices=True)
        loss = (pooled * pooled).sum()
    found = explain.steps(loss, x=x, w=w, pooled=pooled)
    (pool,) = [s for s in found.forward if s.op == "max_pool2d"]
    assert [out.name for out in pool.outputs] == ["pooled", f"{pool.outputs[1].name.split('.')[0]}.index"]
    (into_w,) = found.into("w")
    assert into_w.rule == "conv2d_weight(x, g, size=w_shape[2:])"
    assert into_w.saved["stride"].value == (1, 1)
    loss.backward()
    np.testing.assert_array_equal(found.gradients["w"], w.grad.data)


@pytest.mark.skipif(not kernels.active, reason="no compiled kernels")
def test_a_fused_op_says_what_it_is():
    door = fused(
        "twice_for_test",
        lambda x, y: x * 2.0 + y,
        lambda x, y: (x * 2.0 + y, (2.0,)),
        lambda g, saved, needs: (g * saved[0], None),
        inputs=("x", "y"),
        shape=lambda x, y: x,
    )
    try:
        with explain.watching():
            w, k = tensor(3), tensor(3, grad=False)
            loss = door(w, k).sum()
        found = explain.steps(loss, w=w, k=k)
    finally:
        del REGISTRY["twice_for_test"]
    step = found.backward[-1]
    assert (step.input.name, step.rule) == ("w", "the backward kernel of twice_for_test")
    assert [x.name for x in found.forward[0].inputs] == ["w", "k"]
    np.testing.assert_array_equal(found.gradients["w"], [2.0, 2.0, 2.0])


class Swap(autograd.Function):
    """(2 y, 3 x): two outputs, and an input that is not a tensor."""

    @staticmethod
    def forward(ctx, x, factor, y):
        ctx.save_for_backward(x, y)
        return y * factor, x * 3.0

    @staticmethod
    def backward(ctx, g, h):
        return h * 3.0, None, g * 2.0


class Cube(autograd.Function):
    @staticmethod
    def forward(ctx, x):
        ctx.save_for_backward(x)
        return x * x * x

    @staticmethod
    def backward(ctx, g):
        (x,) = ctx.saved_tensors
        return g * 3.0 * x * x


def test_a_function_of_the_user_names_its_backward():
    with explain.watching():
        x, y = tensor(3, seed=1), tensor(3, seed=2)
        p, q = Swap.apply(x, 2.0, y)
        loss = (p * Cube.apply(q)).sum()
    found = explain.steps(loss, x=x, y=y, p=p, q=q)
    (swap,) = [s for s in found.forward if s.op == "Swap"]
    assert [str(i) for i in swap.inputs] == ["x", "2", "y"]
    assert [o.name for o in swap.outputs] == ["p", "q"]
    assert [s.rule for s in found.backward if s.op == "Cube"] == ["Cube.backward(ctx, g)"]
    assert {s.input.name for s in found.backward if s.op == "Swap"} == {"x", "y"}
    assert "q" in explain.graph(loss, x=x, y=y, p=p, q=q).svg()
    loss.backward()
    np.testing.assert_array_equal(found.gradients["x"], x.grad.data)
    np.testing.assert_array_equal(found.gradients["y"], y.grad.data)
    assert "Swap(x, y)" in explain.graph(loss, x=x, y=y).text()  # freed: which input was which is gone


def test_steps_hold_copies():
    loss, names = network()
    found = explain.steps(loss, names)
    before = found.values["w"].copy()
    with autograd.no_grad():
        names["w"].zero_()
    np.testing.assert_array_equal(found.values["w"], before)
    with pytest.raises(RuntimeError, match="written in place since"):
        explain.steps(loss, names)


def test_names_of_lists_dicts_and_the_rest():
    w, c = [[Scalar(1.0), Scalar(2.0)]], Scalar(4.0)
    found = explain.steps(w[0][0] * w[0][1] * c * Scalar(5.0), {"layer": {"w": w}}, c=c)
    assert set(found.values) == {"layer.w[0][0]", "layer.w[0][1]", "c", "x1", "v1", "v2", "loss"}


def test_a_number_without_gradient_can_have_a_name():
    x, w = Scalar(0.1234, requires_grad=False), Scalar(2.0)
    step = explain.steps(w * x, w=w, x=x).forward[0]
    assert str(step) == "loss = w * x = 2 * 0.1234 = 0.2468"


def test_a_view_of_a_named_array_is_recognised():
    x, w = tensor(2, 3, grad=False), tensor(6)
    with explain.watching():
        loss = (x.reshape(6) * w).sum() + (x[0] * w[:3]).sum()
    found = explain.steps(loss, x=x, w=w)
    assert [str(s.inputs[0]) for s in found.forward if s.op == "mul"] == ["x.view", "x[...]"]


def test_errors_name_the_way_out():
    w = tensor(3)
    with pytest.raises(RuntimeError, match=r"the numbers of mul were not kept.*watching\(\)"):
        explain.steps((w * w).sum())
    with explain.watching():
        squares = w * w
    with pytest.raises(RuntimeError, match="no single gradient"):
        explain.steps(squares)
    with pytest.raises(RuntimeError, match="requires a gradient"):
        explain.steps(Scalar(1.0, requires_grad=False))
    with pytest.raises(TypeError, match="'w' is given to a str"):
        explain.steps(Scalar(1.0) * 2.0, w="w")
    a = Scalar(2.0)
    loss = a * a
    loss.backward()
    with pytest.raises(RuntimeError, match=r"was freed by backward\(\); explain before it"):
        explain.steps(loss)


def test_large_arrays_are_summarised():
    with explain.watching():
        w = tensor(100, 10)
        loss = (w * w).sum()
    text = str(explain.steps(loss, w=w))
    assert re.search(r"w = \(100, 10\): mean \S+, from \S+ to \S+", text)
    assert max(map(len, text.splitlines())) < 120


# Rules -------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("op", "argument", "text"),
    [
        ("add", "x", "g"),
        ("sub", "y", "-g"),
        ("mul", "x", "g * y"),
        ("mul", "y", "g * x"),
        ("div", "y", "-g * z / y"),
        ("tanh", "x", "g * (1 - z * z)"),
        ("sigmoid", "x", "g * z * (1 - z)"),
        ("where", "x", "where(condition, g, 0)"),
        ("where", "y", "where(condition, 0, g)"),
        ("matmul", "x", "g @ y.mT"),
        ("matmul", "y", "x.mT @ g"),
        ("log_softmax", "x", "g - exp(z) * sum(g, dim, keepdim=True)"),
        ("amax", "x", "Elements equal to the extreme share the gradient evenly"),
        ("linear", "bias", "sum(g, 0)"),
        ("cat", "*", "narrow(g, dim, start, shapes[i][dim])"),
    ],
)
def test_rule_text(op, argument, text):
    assert rule_text(REGISTRY[op].rules[argument]) == text


def test_every_rule_of_the_registry_has_a_text():
    for op in REGISTRY.values():
        for argument, rule in op.rules.items():
            if rule is not None:
                text = rule_text(rule)
                assert text and "lambda" not in text, (op, argument)


# The graph ---------------------------------------------------------------------------------------


def test_graph_text_names_shared_values_once():
    a, b = Scalar(2.0), Scalar(-3.0)
    c = a * b
    text = explain.graph(c + c.tanh(), a=a, b=b, c=c).text()
    assert text.count("c = a * b") == 1
    assert "c (above)" in text
    assert "grad" in text and "a   2" in text


def test_graph_gradients_are_those_of_backward():
    loss, names = network()
    boxes = {box.name: box for box in explain.graph(loss, names).boxes}
    loss.backward()
    np.testing.assert_array_equal(boxes["w"].gradient, names["w"].grad.data)
    assert boxes["x"].kind == "constant" and boxes["x"].gradient is None
    after = {box.name: box for box in explain.graph(loss, names).boxes}  # freed: the leaves' .grad
    np.testing.assert_array_equal(after["w"].gradient, names["w"].grad.data)
    assert after["h"].gradient is None


def test_graph_of_unwatched_tensors_shows_shapes():
    w = tensor(3, 2)
    graph = explain.graph((tensor(4, 3, grad=False) @ w).tanh(), w=w)
    assert "v1 = … @ w   4×2" in graph.text()
    assert "v1 = … @ w" in graph.svg()


def test_svg_is_well_formed_with_a_box_per_value_and_an_edge_per_use():
    loss, names = network()
    names["<&>"] = names.pop("b")
    graph = explain.graph(loss, names)
    root = ET.fromstring(graph.svg())
    drawn = [g.get("data-name") for g in root.iter(f"{SVG}g") if g.get("class") == "node"]
    assert drawn == [box.name for box in graph.boxes]
    assert {"w", "x", "<&>", "h", "loss"} <= set(drawn)
    edges = [p for p in root.iter(f"{SVG}path") if p.get("class") == "edge"]
    assert len(edges) == len({(i, j) for j, box in enumerate(graph.boxes) for i in box.inputs})


def test_boxes_do_not_overlap_and_fit_the_picture():
    values = [Scalar(float(i)) for i in range(1, 7)]
    total = sum((a * b).tanh() for a, b in itertools.combinations(values, 2))
    root = ET.fromstring(explain.graph(total).svg())
    rects = [[float(r.get(k)) for k in ("x", "y", "width", "height")] for r in root.iter(f"{SVG}rect")]
    assert len(rects) == 6 + 15 * 2 + 15
    for (x, y, w, h), (u, v, s, t) in itertools.combinations(rects, 2):
        assert x + w <= u or u + s <= x or y + h <= v or v + t <= y
    width, height = float(root.get("width")), float(root.get("height"))
    assert all(x >= 0 and y >= 0 and x + w <= width and y + h <= height for x, y, w, h in rects)


def test_huge_graphs_are_refused_or_cut():
    x = Scalar(1.0)
    for _ in range(20_000):
        x = x * 1.0001
    graph = explain.graph(x)
    with pytest.raises(ValueError, match="20001 values can't be read"):
        graph.svg()
    lines = graph.text(limit=50).splitlines()
    assert len(lines) == 51 and lines[-1].startswith("... (")


def test_layout_puts_inputs_just_before_their_first_use():
    # 0 -> 1 -> 2 -> 3, and 4 (an input) -> used at 5 = f(3, 4)
    assert layout.layers(6, [(0, 1), (1, 2), (2, 3), (3, 5), (4, 5)]) == [0, 1, 2, 3, 3, 4]


def test_layout_removes_a_crossing():
    rows = [[0, 1], [2, 3]]
    layout.ordered(rows, [(0, 3), (1, 2)])
    assert layout.crossings(rows, [[3], [2], [], []]) == 0


def test_settle_keeps_order_and_gaps_and_moves_least():
    place = [0.0] * 3
    layout.settle([0, 1, 2], [10.0, 0.0, 100.0], [1.0] * 3, place, [4.0] * 3, 6.0)
    assert place == [0.0, 10.0, 100.0]  # 0 and 1 collide around 5, ten apart; 2 has its wish
