"""Recurrent layers and packed sequences against PyTorch with the same weights: outputs, states, first and
second gradients within 1e-10 (float64)."""

from typing import Any

import numpy as np
import pytest
from torch_oracle import both_orders, close, torch

import autograd
import nn
from nn.utils import rnn as ours

theirs = torch.nn.utils.rnn
T, N, WIDTH, H = 5, 3, 4, 2
LENGTHS = [2, 5, 3]


def flat(result: Any) -> list[Any]:
    """The tensors of a result, in order."""
    if hasattr(result, "data") and hasattr(result, "batch_sizes"):
        return [result.data]
    return [t for part in result for t in flat(part)] if isinstance(result, tuple) else [result]


def pair_of(name: str, *args: Any, **options: Any) -> tuple[Any, Any]:
    """The module here and in PyTorch, with PyTorch's values."""
    torch.manual_seed(0)
    mine, other = getattr(nn, name)(*args, **options), getattr(torch.nn, name)(*args, **options).double()
    assert list(mine.state_dict()) == list(other.state_dict())
    mine.double().load_state_dict(other.state_dict())
    assert [n for n, _ in mine.named_parameters()] == [n for n, _ in other.named_parameters()]
    assert repr(mine) == repr(other)
    return mine, other


def agree(
    mine: Any, other: Any, *inputs: np.ndarray, call: Any = None, lib: tuple[Any, Any] = (ours, theirs)
):
    """call(module, packing utilities, inputs...) of both: all outputs, first and second gradients."""
    call = call or (lambda module, utilities, *given: module(*given))
    random = np.random.default_rng(0)
    x = [autograd.tensor(a, requires_grad=True) for a in inputs]
    y = [torch.tensor(a, requires_grad=True) for a in inputs]
    got, want = flat(call(mine, ours, *x)), flat(call(other, theirs, *y))
    assert len(got) == len(want)
    loss, expected = 0.0, 0.0
    for i, (a, b) in enumerate(zip(got, want, strict=True)):
        close(a, b, f"result {i}")
        weights = random.normal(size=tuple(a.shape))
        loss = loss + (autograd.tensor(weights) * a * a).sum()
        expected = expected + (torch.tensor(weights) * b * b).sum()
    x, y = x + list(mine.parameters()), y + list(other.parameters())
    # Without a graph too: that backward pass is the kernels'.
    plain = autograd.grad(loss, x, retain_graph=True, allow_unused=True)
    for i, (g, w) in enumerate(
        zip(plain, torch.autograd.grad(expected, y, retain_graph=True, allow_unused=True), strict=True)
    ):
        close(g, w, f"plain gradient {i}")
    factors = [random.normal(size=tuple(t.shape)) for t in x]
    got = both_orders(autograd.grad, loss, x, [autograd.tensor(f) for f in factors])
    want = both_orders(torch.autograd.grad, expected, y, [torch.tensor(f) for f in factors])
    for i, (g, w) in enumerate(zip(got, want, strict=True)):
        close(g, w, f"gradient {i % len(x)} of order {1 + i // len(x)}")


LAYERS: list[tuple[str, dict[str, Any]]] = [
    ("RNN", {}), ("RNN", {"nonlinearity": "relu"}), ("GRU", {}), ("LSTM", {}), ("LSTM", {"proj_size": 1}),
]  # fmt: skip
OPTIONS: list[dict[str, Any]] = [
    {}, {"bias": False}, {"num_layers": 2, "batch_first": True}, {"bidirectional": True},
    {"num_layers": 3, "bidirectional": True, "batch_first": True},
]  # fmt: skip
FORMS = ["batch", "batch and state", "packed", "packed and state", "unbatched", "unbatched and state"]


def named(options: Any) -> str:
    return (
        ",".join(f"{k}={v}" for k, v in options.items()) or "plain" if isinstance(options, dict) else options
    )


@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize("options", OPTIONS, ids=named)
@pytest.mark.parametrize(("name", "kind"), LAYERS, ids=named)
def test_layer(name: str, kind: dict[str, Any], options: dict[str, Any], form: str) -> None:
    mine, other = pair_of(name, WIDTH, H, **kind, **options)
    random = np.random.default_rng(1)
    batched, first = "unbatched" not in form, options.get("batch_first", False)
    x = random.normal(size=((N, T, WIDTH) if first else (T, N, WIDTH)) if batched else (T, WIDTH))
    depth = options.get("num_layers", 1) * (1 + options.get("bidirectional", False))
    widths = (kind.get("proj_size", H), H)[: 1 + (name == "LSTM")]
    states = [random.normal(size=(depth, N, w) if batched else (depth, w)) for w in widths]

    def call(module: Any, utilities: Any, x: Any, *states: Any) -> Any:
        if "packed" in form:
            x = utilities.pack_padded_sequence(x, LENGTHS, first, enforce_sorted=False)
        return module(x, states if name == "LSTM" else states[0]) if states else module(x)

    agree(mine, other, x, *(states if "state" in form else ()), call=call)


@pytest.mark.parametrize("name", ["RNN", "GRU", "LSTM"])
def test_sorted_packed_and_padded_again(name: str) -> None:
    mine, other = pair_of(name, WIDTH, H, 2, bidirectional=True)

    def call(module: Any, utilities: Any, x: Any) -> Any:
        output, state = module(utilities.pack_padded_sequence(x, [5, 4, 4]))
        padded, lengths = utilities.pad_packed_sequence(output, True, -1.0, 7)
        assert lengths.tolist() == [5, 4, 4]
        return padded, state

    agree(mine, other, np.random.default_rng(2).normal(size=(T, N, WIDTH)), call=call)


@pytest.mark.parametrize("name", ["RNNCell", "GRUCell", "LSTMCell"])
@pytest.mark.parametrize("bias", [True, False])
@pytest.mark.parametrize("form", ["batch", "batch and state", "unbatched", "unbatched and state"])
def test_cell(name: str, bias: bool, form: str) -> None:
    batch = () if "unbatched" in form else (N,)
    random = np.random.default_rng(3)
    states = [random.normal(size=(*batch, H)) for _ in range(1 + (name == "LSTMCell"))]

    def call(module: Any, utilities: Any, x: Any, *states: Any) -> Any:
        return module(x, states if name == "LSTMCell" else states[0]) if states else module(x)

    given = [random.normal(size=(*batch, WIDTH)), *(states if "state" in form else ())]
    for kind in ({}, {"nonlinearity": "relu"}) if name == "RNNCell" else ({},):
        agree(*pair_of(name, WIDTH, H, bias, **kind), *given, call=call)


@pytest.mark.parametrize("name", ["RNN", "LSTM", "GRU"])
def test_state_dict_goes_back(name: str) -> None:
    autograd.manual_seed(0)
    mine, other = (
        getattr(nn, name)(WIDTH, H, 2, bidirectional=True),
        getattr(torch.nn, name)(WIDTH, H, 2, bidirectional=True),
    )
    other.load_state_dict({key: torch.tensor(value.numpy()) for key, value in mine.state_dict().items()})
    x = np.random.default_rng(4).normal(size=(T, N, WIDTH)).astype(np.float32)
    close(mine(autograd.tensor(x))[0], other(torch.tensor(x))[0], "output", 1e-6)


def test_dropout_acts_between_layers_while_training() -> None:
    """p = 1 leaves layer 1 nothing but biases, in PyTorch as here; in evaluation nothing is dropped."""
    for name in ("RNN", "LSTM", "GRU"):
        mine, other = pair_of(name, WIDTH, H, 2, dropout=1.0)
        x = np.random.default_rng(5).normal(size=(T, N, WIDTH))
        agree(mine, other, x)
        dropped = mine(autograd.tensor(x))[0]
        agree(mine.eval(), other.eval(), x)
        assert not np.allclose(dropped.detach().data, mine(autograd.tensor(x))[0].detach().data)


# Packing -------------------------------------------------------------------------------------------


@pytest.mark.parametrize("width", [(), (2,), (2, 3)])
@pytest.mark.parametrize("first", [False, True])
@pytest.mark.parametrize("dtype", [np.float64, np.int64])
def test_packing(width: tuple[int, ...], first: bool, dtype: Any) -> None:
    random = np.random.default_rng(6)
    for _ in range(10):
        lengths = random.integers(1, 8, random.integers(1, 6))
        sequences = [(9 * random.normal(size=(length, *width))).astype(dtype) for length in lengths]
        results = []
        for utilities, tensor in ((ours, autograd.tensor), (theirs, torch.tensor)):
            given = [tensor(x) for x in sequences]
            packed = utilities.pack_sequence(given, enforce_sorted=False)
            padded = utilities.pad_sequence(given, first, 7.0)
            again = utilities.pack_padded_sequence(padded, tensor(lengths), first, False)
            spread, found = utilities.pad_packed_sequence(again, first, 3.0, 9)
            results.append([
                padded, packed.data, packed.batch_sizes, packed.sorted_indices, packed.unsorted_indices,
                utilities.pad_sequence(given, first, -2.0, "left"), again.data, again.batch_sizes,
                spread, found, *utilities.unpack_sequence(packed),
            ])  # fmt: skip
        for mine, other in zip(*results, strict=True):
            assert mine.tolist() == other.tolist()
            assert str(mine.dtype) == str(other.dtype).removeprefix("torch.")
        cut = ours.unpad_sequence(results[0][0], lengths, first)
        assert [x.tolist() for x in cut] == [x.tolist() for x in sequences]


def test_packed_sequences_print_alike() -> None:
    for enforce in (True, False):
        mine = ours.pack_sequence([autograd.tensor([1.0, 2.0, 3.0]), autograd.tensor([4.0])], enforce)
        other = theirs.pack_sequence([torch.tensor([1.0, 2.0, 3.0]), torch.tensor([4.0])], enforce)
        assert repr(mine) == repr(other)
