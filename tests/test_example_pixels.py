"""The reader of pixels in docs/examples: what it is shown, how it begins, that it runs on small digits."""

from __future__ import annotations

import re

import numpy as np

import autograd
from autograd import Tensor
from docs.examples import sequential_mnist
from docs.examples.sequential_mnist import WIDTH, Pixels, gated, images, nets
from nn.data import optdigits


def test_pixels_come_row_by_row_and_the_last_state_answers():
    autograd.manual_seed(0)
    net, shown = gated(64), images(train=True, quick=True, most=3)
    pixels, labels = shown.tensors
    expected, classes = optdigits(train=True).arrays()
    assert (pixels == expected[:3].reshape(3, 64)).all() and (labels == classes[:3]).all()
    h = None
    for t in range(64):
        _, h = net.layer(Tensor(pixels[None, :, t : t + 1]), h)
    assert Pixels(net)(Tensor(pixels)).allclose(net.head(h[0]), atol=1e-5)


def test_a_window_sees_the_last_pixels_and_no_others():
    autograd.manual_seed(0)
    x = np.random.default_rng(0).random((2, 64), np.float32)
    for net, reach in ((nets(64)["window of 16"], 16), (nets(64)["window of 32"], 32)):
        with autograd.no_grad():
            before = Pixels(net)(Tensor(x)).data
            other = x.copy()
            other[:, :-reach] += 1
            assert (Pixels(net)(Tensor(other)).data == before).all()
            other[:, -reach] += 1
            assert (Pixels(net)(Tensor(other)).data != before).any()


def test_the_gru_begins_orthogonal_and_set_to_remember():
    autograd.manual_seed(0)
    layer = gated(784).layer
    for block in layer.weight_hh_l0.data.reshape(3, WIDTH, WIDTH).astype(np.float64):
        np.testing.assert_allclose(block @ block.T, np.eye(WIDTH), atol=1e-5)
    assert abs(layer.weight_ih_l0.data.std() - 4) < 0.5
    lasting = 1 + np.exp(
        layer.bias_ih_l0.data[WIDTH : 2 * WIDTH]
    )  # steps, of a state that nothing is added to
    assert 1.9 < lasting.min() < 50 and 600 < lasting.max() < 786


def test_all_nets_run_on_small_digits_and_are_as_large_as_they_say(tmp_path, capsys):
    flags = ["--quick", "--silent", "--steps", "40", "--out", str(tmp_path)]
    assert sequential_mnist.main(flags) == 0
    printed = capsys.readouterr().out
    rows = re.findall(r"^(\w[\w ]*?) +([\d,]+) +([\d.]+)% +\d+ s$", printed, re.M)
    assert [row[0] for row in rows] == ["GRU", "RNN", "window of 16", "window of 32"]
    sizes = {name: int(size.replace(",", "")) for name, size, _ in rows}
    assert max(abs(sizes[name] / sizes["GRU"] - 1) for name in sizes if name != "RNN") < 0.01
    assert float(rows[0][2]) > 30  # by chance: 10
    assert (tmp_path / "sequential_mnist.png").read_bytes().startswith(b"\x89PNG")
