"""Recurrent layers in programs: one instruction forward, one back, the same numbers as eager."""

import numpy as np
import pytest

import autograd
import nn
from autograd import kernels
from autograd.jit.arena import APART
from autograd.jit.words import words
from autograd.jit.work import work

pytestmark = pytest.mark.skipif(not kernels.active, reason="no compiled kernels")

LAYERS = [
    (nn.RNN, {}), (nn.RNN, {"nonlinearity": "relu"}), (nn.GRU, {}), (nn.LSTM, {}),
    (nn.LSTM, {"bias": False}), (nn.GRU, {"bidirectional": True, "num_layers": 2}),
    (nn.LSTM, {"bidirectional": True, "batch_first": True}),
]  # fmt: skip


def of_kernel(program, kernel):
    return [x for x in program.instructions if getattr(x, "kernel", None) == kernel]


def results(kind, options, jitted, packed=False, state=False):
    """Losses of some steps of training, and the parameters after."""
    autograd.manual_seed(3)
    model = kind(3, 5, **options)
    optimizer = nn.optim.SGD(model.parameters(), lr=0.1)
    depth = len([name for name, _ in model.named_parameters() if "weight_hh" in name])
    x = autograd.randn(4, 6, 3) if not packed else autograd.randn(9, 3)
    h = autograd.randn(depth, 4 if options.get("batch_first") else 6, 5) if state else None
    sizes = (4, 3, 2)

    def step(x):
        optimizer.zero_grad()
        given = nn.utils.rnn.PackedSequence(x, sizes) if packed else x
        out, _ = model(given, (h, h) if state and kind is nn.LSTM else h)
        loss = (out.data if packed else out).square().sum()
        loss.backward()
        optimizer.step()
        return loss

    run = autograd.jit(step) if jitted else step
    losses = [run(x).item() for _ in range(4)]
    found = [np.array(losses), *(p.detach().numpy().copy() for p in model.parameters())]
    return found, run.program if jitted else None, depth


@pytest.mark.parametrize("state", [False, True], ids=["", "state"])
@pytest.mark.parametrize(("kind", "options"), LAYERS)
def test_training_as_in_eager(kind, options, state):
    want, _, _ = results(kind, options, False, state=state)
    got, program, depth = results(kind, options, True, state=state)
    assert len(of_kernel(program, kernels.RECURRENT)) == depth
    assert len(of_kernel(program, kernels.RECURRENT_BACKWARD)) == depth
    for x, y in zip(got, want, strict=True):
        np.testing.assert_allclose(x, y, rtol=2e-5, atol=2e-6)


@pytest.mark.parametrize("kind", [nn.RNN, nn.GRU, nn.LSTM])
def test_packed_sequences(kind):
    want, _, _ = results(kind, {"bidirectional": True}, False, packed=True)
    got, program, _ = results(kind, {"bidirectional": True}, True, packed=True)
    assert len(of_kernel(program, kernels.RECURRENT_BACKWARD)) == 2
    for x, y in zip(got, want, strict=True):
        np.testing.assert_allclose(x, y, rtol=2e-5, atol=2e-6)


def program_of(steps=1000, gradient=True):
    model = nn.LSTM(3, 8)
    x = autograd.randn(steps, 2, 3)

    @autograd.jit
    def run(x):
        if not gradient:
            with autograd.no_grad():
                return model(x)[0]
        model.zero_grad()
        loss = model(x)[0].square().mean()
        loss.backward()
        return loss

    for _ in range(2):
        run(x)
    return run.program


def test_a_thousand_steps_are_one_instruction():
    program = program_of()
    assert len(program.instructions) < 20
    (forward,), (back,) = (of_kernel(program, k) for k in (kernels.RECURRENT, kernels.RECURRENT_BACKWARD))
    assert words(forward) == "lstm, 1000 steps"
    assert words(back) == "lstm, 1000 steps, gradient"
    products = 2 * 2000 * 32 * 8  # of all rows with the weight
    assert work(forward).flops == products + 2000 * 8 * 20
    assert work(back).flops == 2 * products + 2000 * 8 * 20


def test_without_gradients_nothing_is_kept():
    (forward,) = of_kernel(program_of(gradient=False), kernels.RECURRENT)
    assert forward.args[8:10] == [None, None]  # gates and cells


@pytest.mark.skipif(APART, reason="each buffer has memory of its own here")
def test_gates_take_the_place_of_what_they_are_made_of():
    """What the input adds, then the gates, then their gradients: in one memory."""
    program = program_of()
    (forward,), (back,) = (of_kernel(program, k) for k in (kernels.RECURRENT, kernels.RECURRENT_BACKWARD))
    added, gates, gradients = forward.args[0], forward.args[8], back.args[9]
    assert back.args[4] == gates
    assert program.address(added) == program.address(gates) == program.address(gradients)


def test_no_form_in_c_yet():
    with pytest.raises(autograd.JitError, match="lstm, 7 steps .* has no form in C"):
        program_of(7).to_c()
