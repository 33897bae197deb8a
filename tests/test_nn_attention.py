"""Attention and what stands around it: masks, dropout, positions, RMS norm, caches, programs, files, errors.
(Against PyTorch: tests/oracle/test_attention_pytorch.py.)"""

from __future__ import annotations

import math

import numpy as np
import pytest
from jit_checks import Scene, agrees

import autograd
import nn
import nn.functional as F
from autograd import Tensor, kernels, tensor
from nn import optim
from nn.data import DataLoader, TensorDataset

random = np.random.default_rng(7)
E = 8


def normal(*shape, dtype=np.float64):
    return tensor(random.normal(size=shape).astype(dtype))


def wanted(*shape):
    return Tensor(random.normal(size=shape), requires_grad=True)


def close(a, b, tolerance=1e-12):
    np.testing.assert_allclose(a.detach().numpy(), b.detach().numpy(), rtol=0, atol=tolerance)


# Attention ---------------------------------------------------------------------------------------


@pytest.mark.parametrize("mask", [None, "bool", "real", "causal"])
def test_attention_is_its_formula(mask):
    q, k, v = normal(2, 3, 5, 4), normal(2, 3, 6, 4), normal(2, 3, 6, 2)
    scores = q.numpy() @ k.numpy().swapaxes(-1, -2) / 2
    allowed = {"bool": random.random((5, 6)) < 0.7, "causal": np.tri(5, 6, dtype=bool)}.get(
        mask, np.ones((5, 6), bool)
    )
    allowed[:, 0] = True
    added = random.normal(size=(3, 1, 6)) if mask == "real" else 0.0
    weights = np.exp(scores + added) * allowed
    expected = weights / weights.sum(-1, keepdims=True) @ v.numpy()
    given = {"bool": tensor(allowed), "real": tensor(added) if mask == "real" else None}.get(mask)
    close(F.scaled_dot_product_attention(q, k, v, given, is_causal=mask == "causal"), tensor(expected))


def test_dropped_weights_keep_their_mean():
    q, k, v = (tensor(np.ones((1, 400, 2))) for _ in "qkv")
    autograd.manual_seed(0)
    out = F.scaled_dot_product_attention(q, k, v, dropout_p=0.5).numpy()
    assert len(np.unique(out)) > 20 and abs(out.mean() - 1) < 0.02
    attention = nn.MultiheadAttention(E, 2, dropout=0.5).double()
    x = normal(5, 3, E)
    autograd.manual_seed(1)
    trained, weights = attention(x, x, x)
    autograd.manual_seed(1)
    again, none = attention(x, x, x, need_weights=False)
    assert none is None and (weights.detach().numpy() == 0).sum() > 5
    close(again, trained)
    attention.eval()
    close(attention(x, x, x)[1].sum(-1), tensor(np.ones((3, 5))))


def test_a_query_that_may_look_at_nothing_gives_zeros_and_their_gradients():
    attention = nn.MultiheadAttention(E, 2, bias=False, batch_first=True).double()
    x = wanted(2, 4, E)
    padding = tensor(np.array([[False] * 4, [True] * 4]))
    for need_weights in (False, True):
        out, weights = attention(x, x, x, key_padding_mask=padding, need_weights=need_weights)
        assert not out[1].detach().numpy().any() and out[0].detach().numpy().all()
        assert weights is None or not weights[1].detach().numpy().any()
        (gradient,) = autograd.grad((out * out).sum(), x)
        assert np.isfinite(gradient.numpy()).all() and not gradient[1].numpy().any()


def test_heads_are_views():
    for first in (False, True):
        attention = nn.MultiheadAttention(E, 2, batch_first=first)
        x = normal(3, 5, 3 * E)
        for heads in attention.heads(x, 3, False):
            assert np.shares_memory(heads.data, x.data)
            assert heads.shape == ((3, 2, 5, 4) if first else (5, 2, 3, 4))


# Norm and positions ------------------------------------------------------------------------------


def test_derivatives():
    x, w = wanted(3, 6), wanted(6)
    rotary = nn.RotaryEmbedding(6)
    for function, inputs in (
        (lambda x, w: F.rms_norm(x, (6,), w), (x, w)),
        (lambda x: rotary(x, 3), (x,)),
        (lambda x: F.scaled_dot_product_attention(x, x, x, is_causal=True), (x,)),
    ):
        assert autograd.gradcheck(function, inputs) and autograd.gradgradcheck(function, inputs)


def test_rms_norm_takes_the_eps_of_its_type():
    for dtype in (np.float32, np.float64):
        x = tensor(np.zeros(4, dtype))
        x[1] = 1e-8
        expected = 1e-8 / math.sqrt(0.25e-16 + np.finfo(dtype).eps)
        assert nn.RMSNorm(4, dtype=dtype)(x).detach().numpy()[1] == pytest.approx(expected, rel=1e-6)


def test_sines_and_cosines_of_positions():
    encoding = nn.SinusoidalPositionalEncoding(7)
    rows = encoding(tensor(np.zeros((600, 7))), offset=5).numpy()
    for place in (0, 3, 599):
        for i in range(7):
            angle = (place + 5) / 10000 ** (2 * (i // 2) / 7)
            assert rows[place, i] == pytest.approx(math.cos(angle) if i % 2 else math.sin(angle), abs=1e-12)
    x = normal(4, 3, 7)
    first = nn.SinusoidalPositionalEncoding(7, batch_first=True)
    close(encoding(x).transpose(0, 1), first(x.transpose(0, 1)))
    close(encoding(x)[:, 1], encoding(x[:, 1]))
    assert not list(encoding.state_dict())


def test_learned_positions():
    learned = nn.LearnedPositionalEncoding(10, E, batch_first=True).double()
    x = normal(2, 4, E)
    out = learned(x, offset=6)
    close(out - x, learned.weight[6:].expand(2, 4, E))
    out.sum().backward()
    assert learned.weight.grad[:, 0].tolist() == [0] * 6 + [2] * 4
    assert list(learned.state_dict()) == ["weight"]
    with pytest.raises(ValueError, match="4 positions from 7 on, but only 10 have a row"):
        learned(x, offset=7)


def test_rotations_are_those_of_complex_numbers():
    x, rotary = normal(2, 3, 40, 6), nn.RotaryEmbedding(6, base=100.0)
    points = x.numpy()[..., ::2] + 1j * x.numpy()[..., 1::2]
    turned = points * np.exp(1j * (np.arange(40)[:, None] + 9) * 100.0 ** (-np.arange(3) / 3))
    got = rotary(x, offset=9).numpy()
    np.testing.assert_allclose(got[..., ::2] + 1j * got[..., 1::2], turned, atol=1e-12)


def test_rotary_attention_sees_distances_alone():
    attention = nn.MultiheadAttention(E, 2, batch_first=True, rotary=nn.RotaryEmbedding(4)).double().eval()
    assert list(attention.state_dict()) == list(nn.MultiheadAttention(E, 2).state_dict())
    x = normal(1, 6, E)
    whole, _ = attention(x, x, x, is_causal=True, need_weights=False)
    plain = nn.MultiheadAttention(E, 2, batch_first=True).double()
    plain.load_state_dict(attention.state_dict())
    assert not plain(x, x, x, is_causal=True)[0].allclose(whole)
    padding = tensor(np.array([[True, True] + [False] * 6]))
    shifted = autograd.cat([normal(1, 2, E), x], 1)
    late, _ = attention(shifted, shifted, shifted, padding, is_causal=True)
    close(late[:, 2:], whole)


# Caches ------------------------------------------------------------------------------------------


def encoder(dtype, **options):
    autograd.manual_seed(3)
    layer = nn.TransformerEncoderLayer(E, 2, 16, dropout=0.3, **options)
    stack = nn.TransformerEncoder(layer, 3, nn.LayerNorm(E)).to(dtype).eval()
    for layer in stack.layers:
        layer.self_attn.rotary = nn.RotaryEmbedding(4)
    return stack


@pytest.mark.parametrize("options", [{"batch_first": True}, {"norm_first": True, "activation": "gelu"}])
@pytest.mark.parametrize(("dtype", "tolerance"), [(np.float32, 1e-6), (np.float64, 1e-12)])
@pytest.mark.parametrize("pieces", [[1] * 40, [17] + [1] * 23, [5, 1, 20, 14]])
@autograd.no_grad()
def test_cached_decoding_gives_what_whole_sequences_give(pieces, dtype, tolerance, options):
    model, dim = encoder(dtype, **options), 1 if "batch_first" in options else 0
    x = normal(*((3, 40, E) if dim else (40, 3, E)), dtype=dtype)
    whole, caches = model(x, is_causal=True), model.caches()
    parts = [model(piece, cache=caches) for piece in x.split(pieces, dim)]
    close(autograd.cat(parts, dim), whole, tolerance)
    assert [cache.length for cache in caches] == [40] * 3
    assert repr(caches[0]) == "KeyValueCache(length=40, batch=3, heads=2, width=4)"


@autograd.no_grad()
def test_prompts_of_unequal_length_are_padded_in_front():
    model = encoder(np.float64, batch_first=True)
    long, short = normal(1, 7, E), normal(1, 4, E)
    x = autograd.cat([long, autograd.cat([normal(1, 3, E), short], 1)])
    padding, caches, parts = np.zeros((2, 7), bool), model.caches(), []
    padding[1, :3] = True
    for start, end in ((0, 5), (5, 6), (6, 7)):
        parts.append(model(x[:, start:end], src_key_padding_mask=tensor(padding[:, :end]), cache=caches))
    out = autograd.cat(parts, 1)
    close(out[:1], model(long, is_causal=True))
    close(out[1:, 3:], model(short, is_causal=True))


@autograd.no_grad()
def test_a_decoder_with_caches():
    layer = nn.TransformerDecoderLayer(E, 2, 16, batch_first=True)
    model = nn.TransformerDecoder(layer, 2).double().eval()
    x, memory, caches = normal(2, 6, E), normal(2, 5, E), model.caches()
    parts = [model(piece, memory, cache=caches) for piece in x.split(1, 1)]
    close(autograd.cat(parts, 1), model(x, memory, tgt_is_causal=True))


def test_a_cache_makes_room_rarely_and_copies_nothing_in_between():
    cache, rooms = nn.KeyValueCache(), []
    assert repr(cache) == "KeyValueCache(length=0)"
    steps = [(normal(2, 3, 1, 4), normal(2, 3, 1, 4)) for _ in range(100)]
    for key, value in steps:
        keys, values = cache.append(key, value)
        if not rooms or cache.keys is not rooms[-1]:
            rooms.append(cache.keys)
        assert np.shares_memory(keys.data, cache.keys) and keys.shape == (2, 3, cache.length, 4)
    assert [room.shape[2] for room in rooms] == [16, 32, 64, 128]
    close(keys, autograd.cat([key for key, _ in steps], 2))
    close(values, autograd.cat([value for _, value in steps], 2))


def test_a_cache_follows_its_rows():
    cache = nn.KeyValueCache()
    keys, values = cache.append(normal(3, 2, 5, 4), normal(3, 2, 5, 4))
    cache.reorder([2, 2, 0, 1])
    new = normal(4, 2, 1, 4)
    got, _ = cache.append(new, new)
    close(got[:, :, :5], autograd.stack([keys[2], keys[2], keys[0], keys[1]]))


def test_errors_of_caches():
    attention, cache = nn.MultiheadAttention(E, 2, batch_first=True).eval(), nn.KeyValueCache()
    x, other = normal(3, 2, E, dtype=np.float32), normal(2, 2, E, dtype=np.float32)
    with pytest.raises(RuntimeError, match="under autograd.no_grad"):
        attention(x, x, x, cache=cache)
    with autograd.no_grad():
        attention(x, x, x, cache=cache)
        with pytest.raises(ValueError, match=r"holds .* \(3, 2, 4\) of float32, got \(2, 2, 4\) of float32"):
            attention(other, other, other, cache=cache)
        with pytest.raises(ValueError, match="for self-attention"):
            attention(x, x, x.clone(), cache=cache)
        with pytest.raises(ValueError, match="pass no attn_mask"):
            attention(x, x, x, attn_mask=tensor(np.zeros((2, 4), bool)), cache=cache)
        with pytest.raises(ValueError, match=r"want \(N, S\) \(3, 4\)"):
            attention(x, x, x, tensor(np.zeros((3, 2), bool)), cache=cache)
        assert cache.length == 2  # nothing was added
    stack = encoder(np.float32)
    with pytest.raises(ValueError, match="2 caches for 3 layers"):
        stack(x, cache=stack.caches()[1:])


@pytest.mark.skipif(not kernels.active, reason="programs are made of kernels")
@autograd.no_grad()
def test_programs_hold_no_caches():
    attention, x = nn.MultiheadAttention(E, 2), normal(3, 2, E, dtype=np.float32)
    jitted = autograd.jit(lambda x: attention(x, x, x, cache=nn.KeyValueCache())[0])
    with pytest.raises(autograd.JitError, match=r"KeyValueCache.append\(\)"):
        _ = jitted(x), jitted(x)


# Programs, training, files -----------------------------------------------------------------------


class Tagger(nn.Module):
    """Whether a number was seen before in its sequence."""

    def __init__(self, dropout=0.0):
        super().__init__()
        self.embedding = nn.Embedding(6, E)
        self.positions = nn.LearnedPositionalEncoding(12, E, batch_first=True)
        self.waves = nn.SinusoidalPositionalEncoding(E, dropout, batch_first=True)
        layer = nn.TransformerEncoderLayer(E, 2, 16, dropout, batch_first=True, norm_first=True)
        layer.self_attn.rotary = nn.RotaryEmbedding(4)
        self.body = nn.TransformerEncoder(layer, 2, nn.RMSNorm(E))
        self.head = nn.Linear(E, 2)

    def forward(self, tokens):
        x = self.waves(self.positions(self.embedding(tokens)))
        return self.head(self.body(x, is_causal=True)).transpose(1, 2)


def sequences(count, seed=0):
    tokens = np.random.default_rng(seed).integers(0, 6, (count, 12))
    seen = [[t in row[:i] for i, t in enumerate(row)] for row in tokens]
    return tokens, np.array(seen, np.int64)


@pytest.mark.parametrize("dropout", [0.0, 0.2])
def test_programs_train_as_eager_steps_do(dropout):
    def build():
        model, loss_of = Tagger(dropout), nn.CrossEntropyLoss()
        optimizer = optim.SGD(model.parameters(), lr=0.1)

        def step(tokens, seen):
            optimizer.zero_grad()
            loss = loss_of(model(tokens), seen)
            loss.backward()
            optimizer.step()
            return loss

        def arguments(i):
            return [tensor(x) for x in sequences(5, i)]

        return Scene(step, lambda: [p.detach() for p in model.parameters()], arguments)

    jitted = agrees(build)
    assert len(jitted.programs) == kernels.active


@pytest.mark.parametrize("mask", ["bool", "real", "padding"])
def test_programs_with_masks_and_weights(mask):
    autograd.manual_seed(0)
    attention = nn.MultiheadAttention(E, 2, batch_first=True)

    def step(x, m):
        given = {"key_padding_mask" if mask == "padding" else "attn_mask": m}
        out, weights = attention(x, x, x, **given)
        other, _ = attention(x, x, x, need_weights=False, **given)
        return out, weights, *autograd.grad((out * other).sum(), list(attention.parameters()))

    def arguments(i):
        rng = np.random.default_rng(i)
        m = rng.random((3, 4) if mask == "padding" else (4, 4)) < 0.4
        m[:, 0] = False
        m = np.where(m, -np.inf, rng.normal(size=m.shape)).astype(np.float32) if mask == "real" else m
        return tensor(rng.normal(size=(3, 4, E)).astype(np.float32)), tensor(m)

    agrees(lambda: Scene(step, arguments=arguments), calls=4)


@pytest.mark.skipif(not kernels.active, reason="programs are made of kernels")
def test_the_trainer_trains_it_and_files_keep_it(tmp_path):
    autograd.manual_seed(0)
    model = Tagger()
    data = TensorDataset(*sequences(512))
    trainer = nn.Trainer(
        model, nn.CrossEntropyLoss(), optim.Adam(model.parameters(), lr=0.01), jit=True, progress=False
    )
    history = trainer.fit(DataLoader(data, batch_size=64, shuffle=True, seed=1), epochs=15)
    assert history[-1]["loss"] < 0.25 < 0.6 < history[0]["loss"]
    nn.save(model.state_dict(), tmp_path / "model.safetensors")
    twin = Tagger()
    twin.load_state_dict(nn.load(tmp_path / "model.safetensors"))
    tokens = tensor(sequences(4, seed=9)[0])
    close(twin.eval()(tokens), model.eval()(tokens), 0)
    assert "body.layers.1.self_attn.in_proj_weight" in model.state_dict()


# Errors ------------------------------------------------------------------------------------------


def attend(options=None, shapes=((3, 2, E),), **given):
    xs = [normal(*shape, dtype=np.float32) for shape in shapes]
    given = {name: tensor(value) for name, value in given.items()}
    return nn.MultiheadAttention(E, 2, **(options or {}))(*xs, *xs[-1:] * (3 - len(xs)), **given)


def dot(*shapes, mask=None, **given):
    q, k, v = (normal(*shape) for shape in shapes)
    return F.scaled_dot_product_attention(q, k, v, mask, **given)


@pytest.mark.parametrize(
    ("call", "error", "words"),
    [
        (lambda: nn.MultiheadAttention(10, 3), ValueError, r"embed_dim \(10\) .* num_heads \(3\)"),
        (lambda: nn.MultiheadAttention(8, 2, add_bias_kv=True), NotImplementedError, "add_bias_kv=True"),
        (lambda: nn.MultiheadAttention(8, 2, add_zero_attn=True), NotImplementedError, "add_zero_attn=True"),
        (lambda: nn.MultiheadAttention(8, 2, dropout=1.5), ValueError, r"in \[0, 1\], got 1.5"),
        (lambda: nn.MultiheadAttention(8, 2, rotary=nn.RotaryEmbedding(8)), ValueError, "dim 8 .* width 4"),
        (lambda: nn.MultiheadAttention(8.0, 2), ValueError, "embed_dim must be a positive integer, got 8.0"),
        (lambda: nn.MultiheadAttention(8, 2)(None, None, None), TypeError, "query must be .* a NoneType"),
        (lambda: attend(shapes=((3, 2, 7),)), ValueError, "last length of query must be 8"),
        (lambda: attend({"kdim": 5}, ((3, 2, 8), (4, 2, 8))), ValueError, "last length of key must be 5"),
        (lambda: attend(shapes=((3, 2, 8), (4, 3, 8))), ValueError, "batches of 2 and 3 sequences"),
        (lambda: attend(shapes=((3, 2, 8), (4, 2, 8), (5, 2, 8))), ValueError, "key and value must agree"),
        (lambda: attend(shapes=((3, 8), (4, 2, 8))), ValueError, "want three dimensions each"),
        (lambda: attend(attn_mask=np.zeros((3, 4), bool)), ValueError, r"\(3, 4\); want \(L, S\) \(3, 3\)"),
        (lambda: attend(attn_mask=np.zeros((3, 3))), TypeError, "attn_mask of float64; want bool"),
        (lambda: attend(key_padding_mask=np.zeros((3, 2), bool)), ValueError, r"want \(N, S\) \(2, 3\)"),
        (lambda: attend(key_padding_mask=np.zeros((2, 3), int)), TypeError, "key_padding_mask of int64"),
        (lambda: attend(shapes=((3, 8),), key_padding_mask=np.ones((1, 3), bool)), ValueError, "want .S,."),
        (lambda: dot((3, 4), (5, 3), (5, 4)), ValueError, "one width, got 4 and 3"),
        (lambda: dot((3, 4), (5, 4), (6, 4)), ValueError, "got 6 for 5"),
        (lambda: dot((4,), (5, 4), (5, 4)), ValueError, "two dimensions at least"),
        (lambda: dot((2, 3, 4), (3, 3, 4), (3, 3, 4)), ValueError, "don't broadcast"),
        (lambda: dot((4, 3, 4), (3, 3, 4), (3, 3, 4), enable_gqa=True), ValueError, "a multiple of those"),
        (lambda: dot((3, 4), (5, 4), (5, 4), mask=normal(3, 4)), ValueError, r"\(3, 4\) doesn't .* \(3, 5\)"),
        (lambda: dot((3, 4), (5, 4), (5, 4), mask=tensor([1, 0, 1, 1, 0])), TypeError, "of int64; want bool"),
        (lambda: dot((3, 4), (3, 4), (3, 4), mask=normal(3, 3), is_causal=True), ValueError, "exclude"),
        (lambda: dot((3, 4), (3, 4), (3, 4), dropout_p=2.0), ValueError, "got 2.0"),
        (lambda: dot((3, 4), (3, 4), (3, 4), mask=[[True] * 3] * 3), TypeError, "a tensor, got a list"),
        (lambda: F.rms_norm(normal(3, 4), 4), TypeError, r"as a tuple, \(4,\), got an int"),
        (lambda: F.rms_norm(normal(2, 4), (4,), normal(4).float()), TypeError, "float64, weight of float32"),
        (lambda: nn.LayerNorm(4)(normal(3, 4)), TypeError, "layer_norm: input of float64, weight of float32"),
        (lambda: F.rms_norm(tensor([1, 2]), (2,)), TypeError, "rms_norm: want an input of floats, got int64"),
        (lambda: nn.RMSNorm(5)(normal(3, 4)), ValueError, r"rms_norm: .* \(3, 4\) doesn't end in .* \(5,\)"),
        (lambda: nn.RotaryEmbedding(5), ValueError, "even dim, got 5"),
        (lambda: nn.RotaryEmbedding(4)(normal(3, 6)), ValueError, r"last length is 4, got shape \(3, 6\)"),
        (lambda: nn.RotaryEmbedding(4)(normal(3, 4), -1), ValueError, "offset >= 0, got -1"),
        (lambda: nn.RotaryEmbedding(4)(normal(3, 4), 1.5), ValueError, "an integer offset >= 0, got 1.5"),
        (lambda: nn.RotaryEmbedding(2)(tensor([[1, 2]])), TypeError, "want an input of floats, got int64"),
        (lambda: nn.SinusoidalPositionalEncoding(2)(tensor([[1, 2]])), TypeError, "floats, got int64"),
        (lambda: nn.SinusoidalPositionalEncoding(4)(normal(2, 2, 3, 4)), ValueError, "2 or 3 dimensions"),
        (lambda: nn.TransformerEncoderLayer(8, 2, activation="tanh"), ValueError, "got 'tanh'"),
        (lambda: nn.TransformerEncoder(nn.TransformerEncoderLayer(8, 2), 0), ValueError, "num_layers must"),
        (
            lambda: nn.TransformerEncoder(nn.TransformerEncoderLayer(8, 2), 2)(
                normal(3, 8).float(), cache=nn.KeyValueCache()
            ),
            TypeError,
            "one for each layer, as caches.. makes them, got a KeyValueCache",
        ),
        (lambda: nn.TransformerEncoder(nn.TransformerEncoderLayer, 2), TypeError, "a layer .* got <class"),
    ],
)  # fmt: skip
def test_errors_name_what_was_given(call, error, words):
    with pytest.raises(error, match=words):
        call()


def test_types_that_differ():
    x = normal(3, 4)
    with pytest.raises(TypeError, match="query of float64, key of float32"):
        F.scaled_dot_product_attention(x, x.float(), x)
