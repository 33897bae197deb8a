"""Attention, Transformer layers, RMS norm: equal to PyTorch's within 1e-10, with the same weights (float64):
outputs, weights, first and second gradients."""

from typing import Any

import numpy as np
import pytest
from torch_oracle import compare, compare_modules, torch

import autograd
import nn
import nn.functional as F

random = np.random.default_rng(1)
pytestmark = [
    pytest.mark.filterwarnings("ignore:enable_nested_tensor"),
    pytest.mark.filterwarnings("ignore:Support for mismatched key_padding_mask"),
]
G = torch.nn.functional


def normal(*shape: int) -> np.ndarray:
    return random.normal(size=shape)


def may(*shape: int) -> np.ndarray:
    """A mask that leaves something to each query."""
    mask = random.random(shape) < 0.6
    mask[..., 0] = True
    return mask


@pytest.fixture(autouse=True)
def plain_kernels() -> Any:
    """PyTorch's other kernels have no second derivative."""
    with torch.nn.attention.sdpa_kernel(torch.nn.attention.SDPBackend.MATH):
        yield


# Functions ---------------------------------------------------------------------------------------


@pytest.mark.parametrize("causal", [False, True])
@pytest.mark.parametrize("shapes", [((5, 4), (5, 4), (5, 3)), ((2, 3, 4), (2, 6, 4), (2, 6, 4)),
                                    ((2, 3, 5, 4), (2, 3, 2, 4), (2, 3, 2, 5))])  # fmt: skip
def test_attention(shapes: Any, causal: bool) -> None:
    compare(
        lambda q, k, v: F.scaled_dot_product_attention(q, k, v, is_causal=causal),
        lambda q, k, v: G.scaled_dot_product_attention(q, k, v, is_causal=causal),
        *(normal(*shape) for shape in shapes),
    )


@pytest.mark.parametrize("shape", [(3, 6), (1, 6), (2, 1, 3, 6), (2, 4, 3, 6), (4, 1, 6)])
@pytest.mark.parametrize("kind", ["bool", "real", "learned"])
def test_masks_of_attention(shape: tuple[int, ...], kind: str) -> None:
    q, k, v = normal(2, 4, 3, 5), normal(2, 4, 6, 5), normal(2, 4, 6, 5)
    if kind == "learned":
        compare(
            lambda q, k, v, m: F.scaled_dot_product_attention(q, k, v, m, scale=0.3),
            lambda q, k, v, m: G.scaled_dot_product_attention(q, k, v, m, scale=0.3),
            q, k, v, normal(*shape),
        )  # fmt: skip
        return
    mask = may(*shape) if kind == "bool" else np.where(may(*shape), normal(*shape), -np.inf)
    mine, other = autograd.tensor(mask), torch.tensor(mask)
    compare(
        lambda q, k, v: F.scaled_dot_product_attention(q, k, v, mine),
        lambda q, k, v: G.scaled_dot_product_attention(q, k, v, other),
        q, k, v,
    )  # fmt: skip


def test_a_query_that_may_look_at_nothing() -> None:
    mask = may(3, 6)
    mask[1] = False
    compare(
        lambda q, k, v: F.scaled_dot_product_attention(q, k, v, autograd.tensor(mask)),
        lambda q, k, v: G.scaled_dot_product_attention(q, k, v, torch.tensor(mask)),
        normal(2, 3, 5), normal(2, 6, 5), normal(2, 6, 5),
    )  # fmt: skip


@pytest.mark.parametrize("mask", [None, (3, 5), (1, 3, 5), (2, 6, 3, 5)])
@pytest.mark.parametrize("heads", [1, 2, 6])
def test_grouped_queries(heads: int, mask: Any) -> None:
    m = None if mask is None else may(*mask)
    mine, other = (None, None) if m is None else (autograd.tensor(m), torch.tensor(m))
    compare(
        lambda q, k, v: F.scaled_dot_product_attention(q, k, v, mine, enable_gqa=True),
        lambda q, k, v: G.scaled_dot_product_attention(q, k, v, other, enable_gqa=True),
        normal(2, 6, 3, 4), normal(2, heads, 5, 4), normal(2, heads, 5, 4),
    )  # fmt: skip


@pytest.mark.parametrize("options", [{}, {"eps": 1e-3}, {"elementwise_affine": False}])
def test_rms_norm(options: Any) -> None:
    ours, theirs = nn.RMSNorm((3, 5), **options), torch.nn.RMSNorm((3, 5), **options)
    assert repr(ours) == repr(theirs)
    compare_modules(ours, theirs, normal(4, 3, 5))


# Multi-head attention ----------------------------------------------------------------------------


def load(ours: Any, theirs: Any) -> tuple[Any, Any]:
    """The same numbers in both, biases too."""
    theirs.double()
    with torch.no_grad():
        for name, parameter in theirs.named_parameters():
            if "bias" in name or "norm" in name:
                parameter.add_(torch.tensor(normal(*parameter.shape)) / 3)
    assert list(ours.state_dict()) == list(theirs.state_dict())
    ours.double().load_state_dict(theirs.state_dict())
    return ours, theirs


def compare_calls(ours: Any, theirs: Any, call: Any, *inputs: np.ndarray) -> None:
    """compare() of call(module, namespace's tensor, *inputs), by all parameters too."""
    params = (list(ours.parameters()), list(theirs.parameters()))
    compare(
        lambda *xs: call(ours, autograd.tensor, *xs),
        lambda *xs: call(theirs, torch.tensor, *xs),
        *inputs,
        params=params,
    )


INPUTS = {  # options, whether one tensor is query, key and value
    "self": ({}, "self"),
    "self, batch first": ({"batch_first": True}, "self"),
    "self, no bias": ({"bias": False}, "self"),
    "cross": ({"batch_first": True}, "cross"),
    "three": ({}, "three"),
    "of other widths": ({"kdim": 3, "vdim": 5}, "three"),
    "of other widths, no bias": ({"kdim": 3, "bias": False}, "three"),
}


@pytest.mark.parametrize("alone", [False, True], ids=["batch", "one"])
@pytest.mark.parametrize("weights", ["none", "average", "each"])
@pytest.mark.parametrize("name", INPUTS)
def test_multihead_attention(name: str, weights: str, alone: bool) -> None:
    options, kind = INPUTS[name]
    ours, theirs = load(nn.MultiheadAttention(8, 2, **options), torch.nn.MultiheadAttention(8, 2, **options))
    first = options.get("batch_first")
    widths = (8, options.get("kdim", 8), options.get("vdim", 8))
    lengths = (4, 4, 4) if kind == "self" else (4, 6, 6)
    shapes = [((3, t, w) if first else (t, 3, w)) if not alone else (t, w)
              for t, w in zip(lengths, widths, strict=True)]  # fmt: skip
    count = {"self": 1, "cross": 2, "three": 3}[kind]
    inputs = [normal(*shape) for shape in shapes[:count]]

    def call(module: Any, tensor: Any, *xs: Any) -> Any:
        xs = xs + (xs[-1],) * (3 - count)
        out, w = module(*xs, need_weights=weights != "none", average_attn_weights=weights == "average")
        assert (w is None) == (weights == "none")
        return out if w is None else (out * out).sum() + (w * w).sum(-1)

    compare_calls(ours, theirs, call, *inputs)


@pytest.mark.parametrize("need_weights", [False, True])
@pytest.mark.parametrize("padding", [None, "bool", "real"])
@pytest.mark.parametrize("mask", [None, "bool", "real", "bool of heads", "real of heads", "causal"])
def test_masks_of_multihead_attention(mask: Any, padding: Any, need_weights: bool) -> None:
    ours, theirs = load(nn.MultiheadAttention(6, 2), torch.nn.MultiheadAttention(6, 2))
    shape = (6, 4, 4) if mask and "heads" in mask else (4, 4)
    m: Any = ~may(*shape)
    if mask and "real" in mask:
        m = np.where(m, -np.inf, normal(*shape))
    if mask == "causal":
        m = np.triu(np.ones((4, 4), bool), 1)
    p = ~may(3, 4)
    p = np.where(p, -np.inf, normal(3, 4)) if padding == "real" else p

    def call(module: Any, tensor: Any, x: Any) -> Any:
        given = {"attn_mask": tensor(m)} if mask else {}
        given |= {"key_padding_mask": tensor(p)} if padding else {}
        out, weights = module(x, x, x, need_weights=need_weights, is_causal=mask == "causal", **given)
        return out if weights is None else (out * out).sum() + weights

    compare_calls(ours, theirs, call, normal(4, 3, 6))


def test_attention_starts_as_pytorch_starts_it() -> None:
    for options in ({}, {"kdim": 30, "vdim": 50}):
        ours, theirs = nn.MultiheadAttention(40, 4, **options), torch.nn.MultiheadAttention(40, 4, **options)
        for (name, mine), (_, other) in zip(ours.named_parameters(), theirs.named_parameters(), strict=True):
            low, high = float(mine.detach().abs().max().item()), float(other.detach().abs().max())
            assert low == pytest.approx(high, rel=0.02), name  # the ends of one uniform distribution


# Transformers ------------------------------------------------------------------------------------

LAYER = {"d_model": 8, "nhead": 2, "dim_feedforward": 12, "dropout": 0.0}
KINDS = [
    {},
    {"batch_first": True},
    {"norm_first": True},
    {"activation": "gelu", "layer_norm_eps": 1e-3},
    {"bias": False, "norm_first": True},
]


@pytest.mark.parametrize("options", KINDS, ids=str)
def test_encoder_layer(options: Any) -> None:
    options = LAYER | options
    ours, theirs = load(nn.TransformerEncoderLayer(**options), torch.nn.TransformerEncoderLayer(**options))
    first = options.get("batch_first")
    mask, padding = np.triu(np.ones((4, 4), bool), 1), ~may(3, 4)
    shape = (3, 4, 8) if first else (4, 3, 8)
    compare_calls(ours, theirs, lambda m, t, x: m(x), normal(*shape))
    compare_calls(ours, theirs, lambda m, t, x: m(x, t(mask), t(padding)), normal(*shape))
    compare_calls(ours, theirs, lambda m, t, x: m(x, t(mask), is_causal=True), normal(4, 8))


@pytest.mark.parametrize("options", KINDS, ids=str)
def test_decoder_layer(options: Any) -> None:
    options = LAYER | options
    ours, theirs = load(nn.TransformerDecoderLayer(**options), torch.nn.TransformerDecoderLayer(**options))
    first = options.get("batch_first")
    mask, memory_mask = np.triu(np.ones((4, 4), bool), 1), ~may(4, 5)
    padding, other = ~may(3, 4), ~may(3, 5)
    shapes = [(3, 4, 8), (3, 5, 8)] if first else [(4, 3, 8), (5, 3, 8)]
    compare_calls(ours, theirs, lambda m, t, x, y: m(x, y), *(normal(*shape) for shape in shapes))
    compare_calls(
        ours,
        theirs,
        lambda m, t, x, y: m(x, y, t(mask), t(memory_mask), t(padding), t(other)),
        *(normal(*shape) for shape in shapes),
    )
    compare_calls(ours, theirs, lambda m, t, x, y: m(x, y, t(mask), tgt_is_causal=True),
                  normal(4, 8), normal(5, 8))  # fmt: skip


def test_activations_that_are_functions() -> None:
    ours, theirs = load(
        nn.TransformerEncoderLayer(**LAYER, activation=autograd.tanh),
        torch.nn.TransformerEncoderLayer(**LAYER, activation=torch.tanh),
    )
    compare_calls(ours, theirs, lambda m, t, x: m(x), normal(4, 3, 8))


def stacks(m: Any) -> Any:
    return (
        m.TransformerEncoder(m.TransformerEncoderLayer(**LAYER), 2, m.LayerNorm(8)),
        m.TransformerDecoder(m.TransformerDecoderLayer(**LAYER), 2, m.LayerNorm(8)),
    )


def test_stacks() -> None:
    mask = np.triu(np.ones((4, 4), bool), 1)
    (encoder, decoder), (their_encoder, their_decoder) = stacks(nn), stacks(torch.nn)
    load(encoder, their_encoder)
    load(decoder, their_decoder)
    compare_calls(encoder, their_encoder, lambda m, t, x: m(x, t(mask)), normal(4, 3, 8))
    compare_calls(
        decoder, their_decoder, lambda m, t, x, y: m(x, y, t(mask), tgt_is_causal=True),
        normal(4, 3, 8), normal(5, 3, 8),
    )  # fmt: skip


def test_transformer() -> None:
    options = {"num_encoder_layers": 1, "num_decoder_layers": 2, **LAYER, "norm_first": True}
    ours, theirs = load(nn.Transformer(**options), torch.nn.Transformer(**options))
    mask = torch.nn.Transformer.generate_square_subsequent_mask(4)
    assert nn.Transformer.generate_square_subsequent_mask(4).tolist() == mask.tolist()
    compare_calls(
        ours, theirs, lambda m, t, x, y: m(x, y, tgt_mask=t(mask.double().numpy())),
        normal(5, 3, 8), normal(4, 3, 8),
    )  # fmt: skip


def test_reprs_of_attention() -> None:
    """PyTorch prints a class of its own for out_proj."""
    for make in (lambda m: m.TransformerEncoderLayer(**LAYER), lambda m: m.Transformer(8, 2, 1, 1, 12)):
        theirs = repr(make(torch.nn)).replace("NonDynamicallyQuantizableLinear", "Linear")
        assert repr(make(nn)) == theirs
