"""Recurrent layers: equal to their cells unrolled, shapes, errors, packing and back, programs, training.
(With PyTorch's weights, beside PyTorch: oracle/test_recurrent_pytorch.py.)"""

import copy
import pickle

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from jit_checks import Scene, agrees

import autograd
import nn
from autograd import JitError, kernels
from nn import optim
from nn.data import DataLoader, TensorDataset
from nn.utils.rnn import (
    PackedSequence,
    pack_padded_sequence,
    pack_sequence,
    pad_packed_sequence,
    pad_sequence,
    unpack_sequence,
    unpad_sequence,
)

KINDS = ["RNN", "GRU", "LSTM"]
T, N, WIDTH, H = 5, 3, 4, 2


def layer(kind, *args, **options):
    autograd.manual_seed(0)
    return getattr(nn, kind)(WIDTH, H, *args, **options)


def hidden(state):
    return state[0] if isinstance(state, tuple) else state


# The layers -----------------------------------------------------------------------------------------


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("reverse", [False, True])
def test_a_layer_is_its_cell_at_each_step(kind, reverse):
    whole, cell = layer(kind, bidirectional=reverse), getattr(nn, f"{kind}Cell")(WIDTH, H)
    suffix = "_l0_reverse" if reverse else "_l0"
    values = {k: v for k, v in whole.state_dict().items() if k.endswith(suffix)}
    cell.load_state_dict({k.removesuffix(suffix): v for k, v in values.items()})
    x = autograd.randn(T, N, WIDTH)
    output, last = whole(x)
    state = None
    for t in reversed(range(T)) if reverse else range(T):
        state = cell(x[t], state)
        assert output[t, :, -H:].allclose(hidden(state), atol=1e-6)
    assert hidden(last)[-1].allclose(hidden(state), atol=1e-6)
    if kind == "LSTM":
        assert last[1][-1].allclose(state[1], atol=1e-6)


@pytest.mark.parametrize("kind", KINDS)
def test_packed_sequences_are_each_as_if_alone(kind):
    net = layer(kind, 2, bidirectional=True)
    sequences = [autograd.randn(length, WIDTH) for length in (2, 5, 1, 5)]
    h = autograd.randn(4, 4, H)
    packed, last = net(pack_sequence(sequences, False), (h, 2 * h) if kind == "LSTM" else h)
    for i, (x, y) in enumerate(zip(sequences, unpack_sequence(packed), strict=True)):
        own = h[:, i]
        alone, end = net(x, (own, 2 * own) if kind == "LSTM" else own)
        assert alone.allclose(y, atol=1e-6)
        assert hidden(end).allclose(hidden(last)[:, i], atol=1e-6)


@pytest.mark.parametrize("kind", KINDS)
def test_shapes(kind):
    for layers, both in ((1, False), (3, True)):
        net = layer(kind, layers, bidirectional=both)
        depth, width = layers * (1 + both), H * (1 + both)
        output, state = net(autograd.randn(T, N, WIDTH))
        assert output.shape == (T, N, width) and hidden(state).shape == (depth, N, H)
        output, state = net(autograd.randn(T, WIDTH))
        assert output.shape == (T, width) and hidden(state).shape == (depth, H)
        first = layer(kind, layers, bidirectional=both, batch_first=True)
        output, state = first(autograd.randn(N, T, WIDTH))
        assert output.shape == (N, T, width) and hidden(state).shape == (depth, N, H)


def test_parameters_start_within_the_root_of_the_hidden_size():
    for net in (nn.LSTM(3, 16, 2, bidirectional=True), nn.GRUCell(3, 16)):
        for p in net.parameters():
            assert 0.2 < np.abs(p.data).max() <= 0.25


@pytest.mark.parametrize("kind", KINDS)
def test_all_weights_are_the_parameters_by_layer_and_direction(kind):
    net = layer(kind, 2, bidirectional=True, bias=False)
    names = {id(x): name for name, x in net.named_parameters()}
    assert [[names[id(x)] for x in some] for some in net.all_weights] == [
        [f"weight_ih{suffix}", f"weight_hh{suffix}"]
        for suffix in ("_l0", "_l0_reverse", "_l1", "_l1_reverse")
    ]


def test_sizes_may_be_numpys_integers():
    assert nn.GRU(np.int64(WIDTH), np.int32(H))(autograd.zeros(T, N, WIDTH))[0].shape == (T, N, H)


@pytest.mark.parametrize("kind", KINDS)
def test_both_biases_have_gradients(kind):
    net = layer(kind)
    net(autograd.randn(T, N, WIDTH))[0].sum().backward()
    assert net.bias_ih_l0.grad.abs().sum() > 0
    if kind != "GRU":  # there the last third stands behind the gate
        assert net.bias_ih_l0.grad.tolist() == net.bias_hh_l0.grad.tolist()
    assert net.bias_ih_l0.grad is not net.bias_hh_l0.grad


def test_dropout_is_of_outputs_between_layers():
    net = layer("RNN", 2, nonlinearity="relu", dropout=0.5)
    x = autograd.randn(T, N, WIDTH)
    with autograd.no_grad():
        assert not net(x)[0].allclose(net(x)[0])
        net.eval()
        assert net(x)[0].allclose(net(x)[0])
        # As written out: what layer 0 gives is dropped, the output of layer 1 is not.
        net.train()
        parts = [nn.RNN(WIDTH, H, nonlinearity="relu"), nn.RNN(H, H, nonlinearity="relu")]
        for i, part in enumerate(parts):
            values = {k: v for k, v in net.state_dict().items() if f"_l{i}" in k}
            part.load_state_dict({k.replace("_l1", "_l0"): v for k, v in values.items()})
        autograd.manual_seed(1)
        output, _ = net(x)
        autograd.manual_seed(1)
        assert parts[1](autograd.dropout(parts[0](x)[0], 0.5))[0].allclose(output)


@pytest.mark.parametrize("kind", KINDS)
def test_state_is_kept_in_files(kind, tmp_path):
    net, other = layer(kind, 2, bidirectional=True), getattr(nn, kind)(WIDTH, H, 2, bidirectional=True)
    nn.save(net.state_dict(), tmp_path / "net.safetensors")
    other.load_state_dict(nn.load(tmp_path / "net.safetensors"))
    x = autograd.randn(T, N, WIDTH)
    net.flatten_parameters()
    assert other(x)[0].tolist() == net(x)[0].tolist() == copy.deepcopy(net)(x)[0].tolist()


# Errors ---------------------------------------------------------------------------------------------

x = autograd.zeros(T, N, WIDTH)
h0 = autograd.zeros(1, N, H)
WRONG = [
    (lambda: nn.GRU(WIDTH, 0), ValueError, "GRU: hidden_size must be a positive integer, got 0"),
    (lambda: nn.LSTM(0, H), ValueError, "LSTM: input_size must be"),
    (lambda: nn.LSTMCell(WIDTH, -1), ValueError, "LSTMCell: hidden_size must be"),
    (lambda: nn.RNN(WIDTH, H, 0), ValueError, "RNN: num_layers must be"),
    (lambda: nn.GRU(True, H), ValueError, "input_size must be a positive integer, got True"),
    (lambda: nn.GRU(WIDTH, H)([[1.0]]), TypeError, "GRU: want a tensor or a PackedSequence as .* got a list"),
    (lambda: nn.GRUCell(WIDTH, H)(None), TypeError, "GRUCell: want a tensor as input, got a NoneType"),
    (lambda: nn.RNN(WIDTH, H, 1, "sigmoid"), ValueError, r'"tanh" or "relu", got \'sigmoid\''),
    (lambda: nn.RNNCell(WIDTH, H, nonlinearity=None), ValueError, '"tanh" or "relu", got None'),
    (lambda: nn.GRU(WIDTH, H, 2, dropout=1.5), ValueError, r"in \[0, 1\], got 1.5"),
    (lambda: nn.GRU(WIDTH, H, bias=1), TypeError, "bias must be True or False, got 1"),
    (lambda: nn.LSTM(WIDTH, H, proj_size=H), ValueError, "proj_size must be an integer in"),
    (lambda: nn.GRU(WIDTH, H)(x[..., :3]), ValueError, r"\(5, 3, 3\): its last length must be input_size 4"),
    (lambda: nn.GRU(WIDTH, H)(x[0, 0]), ValueError, r"\(T, N, input_size\) or .* got shape \(4,\)"),
    (lambda: nn.GRU(WIDTH, H)(x[:0]), ValueError, "at least one step"),
    (lambda: nn.GRU(WIDTH, H)(x.double()), TypeError, "input of float64 and weights of float32"),
    (lambda: nn.GRU(WIDTH, H, bias=False)(x.double()), TypeError, "input of float64 and weights of float32"),
    (lambda: nn.GRU(WIDTH, H, 2)(x, h0), ValueError, r"h0 of shape \(1, 3, 2\) given, want \(2, 3, 2\)"),
    (lambda: nn.GRU(WIDTH, H)(x[:, 0], h0), ValueError, r"h0 of shape \(1, 3, 2\) given, want \(1, 2\)"),
    (lambda: nn.GRU(WIDTH, H)(x, h0.double()), TypeError, "h0 of float64 for an input of float32"),
    (
        lambda: nn.RNN(WIDTH, H)(x, (h0, h0)),
        TypeError,
        r"h0 must be a tensor .* \(h, c\) is an LSTM's",
    ),
    (lambda: nn.LSTM(WIDTH, H)(x, h0), TypeError, r"a pair \(h, c\), got a tensor of shape \(1, 3, 2\)"),
    (lambda: nn.LSTM(WIDTH, H)(x, (h0, h0[0])), ValueError, r"c0 of shape \(3, 2\) given, want \(1, 3, 2\)"),
    (lambda: nn.LSTMCell(WIDTH, H)(x[0], h0[0]), TypeError, r"LSTMCell: the state must be a pair"),
    (lambda: nn.GRUCell(WIDTH, H)(x[0], h0[0, :2]), ValueError, r"h of shape \(2, 2\) given, want \(3, 2\)"),
    (lambda: nn.GRUCell(WIDTH, H)(x), ValueError, r"an input \(N, 4\) or \(4,\), got shape \(5, 3, 4\)"),
    (lambda: pack_padded_sequence(x, [5, 0, 2]), ValueError, r"length 0 of sequence 1 must be in \[1, 5\]"),
    (lambda: pack_padded_sequence(x, [6, 2, 2]), ValueError, "length 6 of sequence 0"),
    (lambda: pack_padded_sequence(x, [5, 2]), ValueError, "2 lengths for a batch of 3"),
    (lambda: pack_padded_sequence(x, [5, 2, 1], True), ValueError, "3 lengths for a batch of 5"),
    (lambda: pack_padded_sequence(x, [4, 5, 2]), ValueError, "1 are 4 and 5; sort them, or .*enforce_sorted"),
    (lambda: pack_padded_sequence(x, [1.0, 1.0, 1.0]), TypeError, "must be integers in one dim.* float64"),
    (lambda: pack_padded_sequence(x, []), ValueError, "want at least one length, got none"),
    (lambda: pack_padded_sequence(x[0, 0], [1]), ValueError, r"got shape \(4,\)"),
    (lambda: pack_sequence([x, x[:0]]), ValueError, "sequence 1 has no steps"),
    (lambda: pack_sequence([x, x[0]]), ValueError, "of one width and type"),
    (lambda: pad_sequence([]), ValueError, "at least one sequence, got none"),
    (lambda: pad_sequence([[1.0]]), TypeError, "want tensors, sequence 0 is a list"),
    (lambda: pad_sequence([x], padding_side="both"), ValueError, '"left" or "right", got \'both\''),
    (lambda: unpad_sequence(x, [6, 1, 1]), ValueError, r"length 6 of sequence 0 must be in \[0, 5\]"),
    (lambda: pad_packed_sequence(x), TypeError, "want a PackedSequence, got a Tensor"),
    (lambda: pad_packed_sequence(pack_sequence([x]), total_length=2), ValueError, "total_length 2 is less"),
    (lambda: nn.GRU(WIDTH, H)(PackedSequence(x[0], [2, 2])), ValueError, "here with 4 rows, got"),
    (lambda: nn.GRU(WIDTH, H)(PackedSequence(x[0], (1, 2))), ValueError, "must not increase, .* got"),
    (lambda: nn.GRU(WIDTH, H)(PackedSequence(x, (5,))), ValueError, r"want packed data .* \(5, 3, 4\)"),
    (lambda: pad_packed_sequence(PackedSequence(x[0], [2, 2])), ValueError, "pad_.* here with 4 rows, got"),
    (lambda: unpack_sequence(PackedSequence(x[0], [2, 1], [0, 2])), ValueError, r"each of 0 ... 1 once.*, 2"),
    (lambda: pad_sequence([x.long()], padding_value=0.5), TypeError, "padding_value 0.5 is no int64"),
]


@pytest.mark.parametrize(("call", "error", "words"), WRONG, ids=[words for *_, words in WRONG])
def test_errors_say_what_was_given(call, error, words):
    with pytest.raises(error, match=words):
        call()


def test_dropout_with_one_layer_warns():
    with pytest.warns(UserWarning, match="does nothing with num_layers=1") as caught:
        nn.LSTM(WIDTH, H, dropout=0.5)
    assert caught[0].filename == __file__


# Packing --------------------------------------------------------------------------------------------


@given(
    lengths=st.lists(st.integers(1, 6), min_size=1, max_size=6),
    width=st.sampled_from([(), (3,), (2, 2)]),
    first=st.booleans(),
)
@settings(max_examples=40)
def test_packing_and_back(lengths, width, first):
    rng = np.random.default_rng(len(lengths))
    sequences = [rng.standard_normal((length, *width)) for length in lengths]
    given_ = [autograd.tensor(x) for x in sequences]
    longest = max(lengths)
    padded = np.full((len(lengths), longest, *width), 9.0)
    for row, x in zip(padded, sequences, strict=True):
        row[: len(x)] = x
    padded = padded if first else padded.swapaxes(0, 1)
    assert pad_sequence(given_, first, 9.0).tolist() == padded.tolist()

    packed = pack_sequence(given_, enforce_sorted=False)
    twin = pack_padded_sequence(autograd.tensor(padded), lengths, first, enforce_sorted=False)
    assert twin.data.tolist() == packed.data.tolist() and twin[1:] == packed[1:]
    sizes = [sum(length > t for length in lengths) for t in range(longest)]
    assert packed.batch_sizes.tolist() == sizes and packed.data.shape == (sum(lengths), *width)
    assert [x.tolist() for x in unpack_sequence(packed)] == [x.tolist() for x in sequences]
    again, found = pad_packed_sequence(packed, first, 9.0)
    assert again.tolist() == padded.tolist() and found.tolist() == lengths
    cut = unpad_sequence(again, found, first)
    assert [x.tolist() for x in cut] == [x.tolist() for x in sequences]


@pytest.mark.parametrize("first", [False, True])
def test_packing_is_differentiable(first):
    autograd.manual_seed(0)
    a, b = autograd.randn(2, 3, dtype=np.float64), autograd.randn(4, 3, dtype=np.float64)
    a.requires_grad_(), b.requires_grad_()

    def there_and_back(a, b):
        packed = pack_padded_sequence(pad_sequence([a, b], first), [2, 4], first, enforce_sorted=False)
        padded, _ = pad_packed_sequence(packed._replace(data=packed.data**2), first, 3.0)
        return pack_sequence(unpad_sequence(padded, [2, 4], first), False).data.sin()

    assert autograd.gradcheck(there_and_back, (a, b)) and autograd.gradgradcheck(there_and_back, (a, b))


def test_a_packed_sequence_is_taken_apart_and_put_together():
    packed = pack_sequence([autograd.ones(2, 3), autograd.zeros(4, 3)], enforce_sorted=False)
    made = PackedSequence(
        packed.data, packed.batch_sizes, packed.sorted_indices, unsorted_indices=packed.unsorted_indices
    )
    for twin in (made, PackedSequence(packed.data, packed.batch_sizes, packed.sorted_indices),
                 pickle.loads(pickle.dumps(packed)), packed.double().float()):  # fmt: skip
        assert twin[1:] == packed[1:] == ((2, 2, 1, 1), (1, 0), (1, 0))
        assert twin.data.tolist() == packed.data.tolist()


# Programs and training ------------------------------------------------------------------------------

needs_kernels = pytest.mark.skipif(not kernels.active, reason="no compiled kernels")


@needs_kernels
@pytest.mark.parametrize("form", ["dense", "packed inside", "packed outside"])
@pytest.mark.parametrize("kind", KINDS)
def test_programs(kind, form):
    def build():
        net = layer(kind, 2, bidirectional=True, dropout=0.3, batch_first=True)
        optimizer = optim.SGD(net.parameters(), lr=0.1)

        def step(x):
            optimizer.zero_grad()
            if form == "packed inside":
                x = pack_padded_sequence(x, [2, 5, 3], True, enforce_sorted=False)
            output, state = net(x)
            if form != "dense":
                output, _ = pad_packed_sequence(output, padding_value=0.5)
            loss = (output * output).sum() + hidden(state).sum()
            loss.backward()
            optimizer.step()
            return loss, state

        def arguments(i):
            x = autograd.tensor(np.random.default_rng(i).standard_normal((N, T, WIDTH)).astype(np.float32))
            return (pack_padded_sequence(x, [2, 5, 3], True, False) if form == "packed outside" else x,)

        return Scene(step, lambda: list(net.parameters()), arguments)

    assert len(agrees(build, calls=4).programs) == 1


@needs_kernels
def test_programs_are_for_the_lengths_they_were_captured_with():
    net = layer("GRU")
    step = autograd.jit(lambda packed: net(packed))
    for lengths in ([3, 2], [3, 2], [3, 2], [2, 2], [2, 2], [3, 2]):
        packed = pack_sequence([autograd.randn(length, WIDTH) for length in lengths])
        output, _ = step(packed)
        assert isinstance(output, PackedSequence) and output.sizes == packed.sizes
        assert output.data.allclose(net(packed)[0].data, atol=1e-6)
    assert len(step.programs) == 2
    jitted = autograd.jit(lambda x, lengths: pack_padded_sequence(x, lengths).data)
    with pytest.raises(JitError, match="lengths in a tensor .*as a list"):
        for _ in range(2):
            jitted(x, autograd.tensor([3, 2, 1]))


class Majority(nn.Module):
    """Whether a sequence of +-1 has more of the one or of the other."""

    def __init__(self, kind):
        super().__init__()
        self.memory = getattr(nn, kind)(1, 12, batch_first=True)
        self.head = nn.Linear(12, 2)

    def forward(self, x):
        output, _ = self.memory(x)
        return self.head(output[:, -1])


@pytest.mark.parametrize("jit", [False, pytest.param(True, marks=needs_kernels)])
@pytest.mark.parametrize("kind", KINDS)
def test_a_trainer_trains_them(kind, jit):
    rng = np.random.default_rng(0)
    signs = rng.choice(np.float32([-1, 1]), (256, 7, 1))
    loader = DataLoader(
        TensorDataset(signs, (signs.sum((1, 2)) > 0).astype(np.int64)), 64, shuffle=True, seed=0
    )
    autograd.manual_seed(0)
    model = Majority(kind)
    optimizer = optim.Adam(model.parameters(), lr=0.02)
    trainer = nn.Trainer(model, nn.CrossEntropyLoss(), optimizer, jit=jit, progress=False)
    assert trainer.fit(loader, epochs=15)[-1]["accuracy"] > 0.95
