"""The examples of docs/examples: that each runs, stops, goes on, and measures what it says it measures."""

from __future__ import annotations

import os
import re
import signal

import numpy as np
import pytest

import autograd
import nn
from autograd import Tensor
from docs.examples import adding, forecasts, gradient_flow, mackey_glass, models, parity
from docs.examples.models import Recurrent, Window

EXAMPLES = {
    "parity": parity,
    "adding": adding,
    "mackey_glass": mackey_glass,
    "forecasts": forecasts,
    "gradient_flow": gradient_flow,
}
NUMBER = re.compile(r"(?<![\w.])-?\d[\d,]*\.?\d*(?:e[+-]?\d+)?|\bnan\b|\binf\b")


def flags(folder, *more):
    return ["--quick", "--silent", "--out", str(folder), *more]


@pytest.mark.parametrize("name", EXAMPLES)
def test_each_example_prints_numbers_and_draws_a_picture(name, tmp_path, capsys):
    assert EXAMPLES[name].main(flags(tmp_path, "--steps", "4")) == 0
    printed = capsys.readouterr().out
    found = [float(text.replace(",", "")) for text in NUMBER.findall(printed)]
    assert len(found) > 8 and np.isfinite(found).all(), printed
    assert (tmp_path / f"{name}.png").read_bytes().startswith(b"\x89PNG")
    with pytest.raises(SystemExit):
        EXAMPLES[name].main(["--steps", "0"])
    assert "want a whole number >= 1, got 0" in capsys.readouterr().err


def test_an_interrupted_example_goes_on_to_the_same_bits(tmp_path, capsys, monkeypatch):
    whole, parts = tmp_path / "whole", tmp_path / "parts"
    assert parity.main(flags(whole)) == 0
    made, batch = [], parity.batch

    def interrupted(*given):
        made.append(given)
        if len(made) == 13:  # in the second of three stages
            os.kill(os.getpid(), signal.SIGINT)
        return batch(*given)

    monkeypatch.setattr(parity, "batch", interrupted)
    assert parity.main(flags(parts)) == 130 and len(made) == 13
    assert parity.main(flags(parts, "--resume", "--seed", "1")) == 2  # another run's checkpoint is not taken
    printed = capsys.readouterr()
    assert "no run with --seed 1 --steps 20 was interrupted there" in printed.err
    assert parity.main(flags(parts, "--resume")) == 0
    for net in ("rnn", "window"):
        ends = [nn.load(folder / f"{net}-seed0-steps20.safetensors") for folder in (whole, parts)]
        assert [end["epoch"] for end in ends] == [3, 3]
        for key, value in ends[0]["model"].items():
            assert (value.data == ends[1]["model"][key].data).all(), key
    tables = [re.sub(r"[\d.]+ s\n", "", out) for out in (printed.out, capsys.readouterr().out)]
    assert tables[0].split("wrote")[0] == tables[1].split("wrote")[0]


# The tasks ---------------------------------------------------------------------------------------


def test_parity_counts_ones():
    bits, odd = parity.batch(autograd.Generator(0), 7, 5)
    assert (odd.data == np.cumsum(bits.data, 0) % 2).all() and 0 < bits.data.mean() < 1


def test_the_adding_problem_marks_a_number_of_the_first_ten_and_one_before_the_middle():
    x, sums = adding.batch(autograd.Generator(0), 500)
    numbers, marks = x.data[..., 0], x.data[..., 1]
    assert (marks[:10].sum(0) == 1).all() and (marks[10:100].sum(0) == 1).all() and not marks[100:].any()
    assert np.allclose((numbers * marks).sum(0), sums.data[:, 0])
    assert sums.data.var() == pytest.approx(1 / 6, abs=0.02)


def test_mackey_glass_before_the_delay_is_a_linear_equation():
    x = mackey_glass.series(17, dropped=0)
    limit = 10 * 0.2 * 1.2 / (1 + 1.2**10)
    assert np.allclose(x, limit + (1.2 - limit) * np.exp(-0.1 * np.arange(17)), atol=1e-9)
    fine = mackey_glass.series(200, dropped=0, step=0.05)
    assert np.abs(mackey_glass.series(200, dropped=0) - fine).max() < 1e-4


def test_the_series_are_whole():
    airline, sunspots = (series.numbers() for series in forecasts.SERIES)
    assert (len(airline), airline[0], airline[-1], airline.sum()) == (144, 112, 432, 40363)
    assert (len(sunspots), sunspots[0], sunspots[-1], sunspots.max()) == (309, 5, 2.9, 190.2)


def test_mase_is_one_where_the_forecast_errs_as_the_season_does():
    series = forecasts.SERIES[0]
    x = np.arange(144.0)  # a season ago: 12 less
    one, ahead = forecasts.seasonal(x, series)
    assert forecasts.mase(one, x, series) == 1 and forecasts.mase(ahead, x, series) == 1.5


# The nets ----------------------------------------------------------------------------------------


@pytest.mark.parametrize("length", [3, 4, 9])
def test_a_window_sees_its_reach_and_no_more(length):
    autograd.manual_seed(0)
    every, last = Window(4, 2, 5, 1), Window(4, 2, 5, 1, last=True)
    last.load_state_dict(every.state_dict())
    x = autograd.randn(length, 3, 2)
    y = every(x).data
    assert y.shape == (length, 3, 1) and np.allclose(last(x).data, y[-1])
    changed = x.data.copy()
    changed[0] += 1
    moved = (every(Tensor(changed)).data != y).any((1, 2))
    assert moved[:4].all() and not moved[4:].any()


@pytest.mark.parametrize("layer", [nn.RNN, nn.LSTM, nn.GRU])
def test_a_closed_loop_is_the_net_on_all_it_has_said(layer):
    autograd.manual_seed(0)
    net = Recurrent(layer, 1, 4, 1)
    seen = autograd.randn(6, 2, 1).data
    loop = models.closed_loop(net, seen, 5, lag=3, scale=0.5)
    for value in loop:
        assert np.allclose(seen[-3] + 0.5 * net(Tensor(seen)).data[-1], value, atol=1e-6)
        seen = np.concatenate([seen, value[None]])


def test_gates_set_to_remember_keep_their_states():
    layer = nn.GRU(2, 200)
    models.remember(layer, 100)
    z = 1 / (1 + np.exp(-layer.bias_ih_l0.data[200:400]))
    lasting = 1 / (1 - z)  # steps until a state has shrunk to 1/e, about
    assert lasting.min() >= 2 and 60 < lasting.max() <= 100.01 and not layer.bias_hh_l0.data.any()


def test_gradients_over_time_are_those_of_the_chain_rule():
    autograd.manual_seed(0)
    net = Recurrent(nn.RNN, 2, 5, 1, last=True)
    x, sums = adding.batch(autograd.Generator(0), 3, 8)
    found = gradient_flow.gradients(net, x, sums)
    states = net.layer(x)[0].data
    g = 2 * (net(x).data - sums.data) @ net.head.weight.data
    norms = [np.linalg.norm(g)]
    for h in states[:0:-1]:
        g = (g * (1 - h**2)) @ net.layer.weight_hh_l0.data
        norms.append(np.linalg.norm(g))
    assert np.allclose(found, np.array(norms[::-1]) / norms[0], rtol=1e-4)
