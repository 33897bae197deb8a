"""Module: the tree, the state, hooks, refusals."""

import copy
import pickle
from typing import Any

import numpy as np
import pytest

import autograd
import nn


class Net(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.first = nn.Linear(3, 4)
        self.norm = nn.BatchNorm1d(4)
        self.scale = nn.Parameter(autograd.ones(4))
        self.last = nn.ModuleList([nn.Linear(4, 4), nn.Linear(4, 2)])
        self.register_buffer("seen", autograd.zeros(1))
        self.register_buffer("scratch", autograd.zeros(1), persistent=False)

    def forward(self, x: Any) -> Any:
        x = self.norm(self.first(x)) * self.scale
        for layer in self.last:
            x = layer(x)
        return x


KEYS = [
    "scale", "seen", "first.weight", "first.bias", "norm.weight", "norm.bias", "norm.running_mean",
    "norm.running_var", "norm.num_batches_tracked", "last.0.weight", "last.0.bias", "last.1.weight",
    "last.1.bias",
]  # fmt: skip


def test_state_dict_has_dotted_keys_and_shares_memory() -> None:
    net = Net()
    state = net.state_dict()
    assert list(state) == KEYS
    assert state["first.weight"].data is net.first.weight.data
    assert not state["first.weight"].requires_grad


def test_parameters_buffers_and_modules_are_found_once() -> None:
    net = Net()
    net.tied = net.last[0]
    assert len(list(net.parameters())) == 9
    assert [name for name, _ in net.named_buffers()][:2] == ["seen", "scratch"]
    assert [name for name, _ in net.named_modules()] == ["", "first", "norm", "last", "last.0", "last.1"]
    assert "tied.weight" in net.state_dict() and "last.0.weight" in net.state_dict()
    assert net.get_submodule("last.1") is net.last[1]


def test_load_state_dict_copies_values() -> None:
    a, b = Net(), Net()
    b.load_state_dict({name: value.data for name, value in a.state_dict().items()})
    x = autograd.tensor(np.random.default_rng(0).normal(size=(5, 3)).astype(np.float32))
    assert np.array_equal(a.eval()(x).data, b.eval()(x).data)
    assert b.first.weight.data is not a.first.weight.data


def test_load_state_dict_lists_everything_wrong_and_writes_nothing() -> None:
    net = Net()
    state = {name: value.data + 1 for name, value in net.state_dict().items()}
    del state["scale"]
    state["extra"] = np.ones(2)
    state["last.1.weight"] = np.ones((5, 4), np.float32)
    state["norm.num_batches_tracked"] = np.array(1.5)
    before = net.first.weight.data.copy()
    with pytest.raises(RuntimeError) as error:
        net.load_state_dict(state)
    message = str(error.value)
    assert 'Missing key(s) in state_dict: "scale"' in message
    assert 'Unexpected key(s) in state_dict: "extra"' in message
    assert "size mismatch for last.1.weight" in message and "(5, 4)" in message and "(2, 4)" in message
    assert "type mismatch for norm.num_batches_tracked" in message
    assert np.array_equal(net.first.weight.data, before)


def test_load_state_dict_not_strict_reports() -> None:
    report = nn.Linear(2, 2).load_state_dict({"weight": np.ones((2, 2)), "more": np.ones(1)}, strict=False)
    assert report.missing_keys == ["bias"] and report.unexpected_keys == ["more"]


def test_train_and_eval_reach_every_module() -> None:
    net = Net().eval()
    assert not any(module.training for module in net.modules())
    assert net.train() is net and all(module.training for module in net.modules())


def test_types_change_with_gradients() -> None:
    net = Net()
    net(autograd.ones(4, 3)).sum().backward()
    net.double()
    assert {p.dtype for p in net.parameters()} == {autograd.float64}
    assert net.scale.grad is not None and net.scale.grad.dtype == autograd.float64
    assert net.norm.running_var.dtype == autograd.float64
    assert net.norm.num_batches_tracked.dtype == autograd.int64
    with pytest.raises(TypeError, match="floating"):
        net.to(np.int64)


def test_zero_grad() -> None:
    net = Net()
    net(autograd.ones(4, 3)).sum().backward()
    net.zero_grad(set_to_none=False)
    assert all(p.grad is not None and not p.grad.data.any() for p in net.parameters())
    net.zero_grad()
    assert all(p.grad is None for p in net.parameters())


def test_frozen_parameters_get_no_gradient() -> None:
    net = Net()
    net.first.requires_grad_(False)
    net(autograd.ones(4, 3)).sum().backward()
    assert net.first.weight.grad is None and net.scale.grad is not None


def test_hooks_see_and_replace() -> None:
    layer = nn.Linear(2, 2)
    seen: list[Any] = []
    before = layer.register_forward_pre_hook(lambda module, args: (args[0] * 0,))
    after = layer.register_forward_hook(lambda module, args, out: seen.append((module, args[0].tolist())))
    out = layer(autograd.ones(2))
    assert np.array_equal(out.data, layer.bias.data)
    assert seen == [(layer, [0.0, 0.0])]
    before.remove()
    after.remove()
    assert not np.array_equal(layer(autograd.ones(2)).data, layer.bias.data) and len(seen) == 1
    layer.register_forward_hook(lambda module, args, out: out * 0)
    assert not layer(autograd.ones(2)).data.any()


def test_copies_and_pickles_keep_parameters() -> None:
    net = Net()
    for twin in (copy.deepcopy(net), pickle.loads(pickle.dumps(net))):
        assert list(twin.state_dict()) == KEYS
        assert all(type(p) is nn.Parameter and p.requires_grad for p in twin.parameters())
        assert np.array_equal(twin.scale.data, net.scale.data) and twin.scale.data is not net.scale.data
        assert [name for name, _ in twin.named_parameters()] == [name for name, _ in net.named_parameters()]


def test_apply_visits_children_first() -> None:
    names: list[str] = []
    nn.Sequential(nn.ReLU(), nn.Sequential(nn.Tanh())).apply(
        lambda module: names.append(type(module).__name__)
    )
    assert names == ["ReLU", "Tanh", "Sequential", "Sequential"]


def test_what_would_lose_a_parameter_is_refused() -> None:
    layer = nn.Linear(2, 2)
    with pytest.raises(TypeError, match="weight is a parameter"):
        layer.weight = autograd.ones(2, 2)
    layer.bias = None
    assert list(layer.state_dict()) == ["weight"]
    with pytest.raises(KeyError, match="already"):
        layer.add_module("forward", nn.ReLU())
    with pytest.raises(KeyError, match="dots"):
        layer.register_buffer("a.b", autograd.ones(1))
    with pytest.raises(TypeError, match="Parameter"):
        layer.register_parameter("extra", autograd.ones(1))  # type: ignore[arg-type]


def test_sequential_indexing() -> None:
    model = nn.Sequential({"a": nn.Linear(2, 3), "b": nn.ReLU()})
    assert model.a is model[0] and isinstance(model[-1], nn.ReLU) and len(model[:1]) == 1
    model.append(nn.Linear(3, 1))
    assert list(model.state_dict()) == ["a.weight", "a.bias", "2.weight", "2.bias"]
    model[1] = nn.Tanh()
    assert isinstance(model.b, nn.Tanh)
    with pytest.raises(IndexError, match="3 modules"):
        model[3]


def test_module_list_and_dict() -> None:
    layers = nn.ModuleList([nn.ReLU(), nn.Tanh()])
    layers.insert(1, nn.SiLU())
    assert [type(layer).__name__ for layer in layers] == ["ReLU", "SiLU", "Tanh"]
    del layers[0]
    assert [name for name, _ in layers.named_children()] == ["0", "1"]
    table = nn.ModuleDict({"x": nn.ReLU()})
    table["y"] = nn.Linear(1, 1)
    assert list(table) == ["x", "y"] and "x" in table and len(table) == 2
    del table["x"]
    assert table.keys() == ["y"]


def test_starting_values_come_from_the_seed() -> None:
    autograd.manual_seed(3)
    a = nn.Linear(4, 3)
    autograd.manual_seed(3)
    b = nn.Linear(4, 3)
    assert np.array_equal(a.weight.data, b.weight.data)
    assert np.abs(a.weight.data).max() <= 0.5 and a.weight.data.std() > 0.1


def test_the_one_device_changes_nothing_and_types_are_float32_or_float64():
    net, x = nn.Linear(2, 3), autograd.ones(2)
    assert net.to("cpu") is net and x.to("cpu") is x
    assert net.to("float64").weight.dtype == np.float64
    with pytest.raises(TypeError, match="float32 or float64, got float16"):
        net.to("float16")
