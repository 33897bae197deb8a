"""The U-Net and the points' network: shapes, where gradients go, how they begin, what they refuse."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import autograd
import nn
from nn import optim
from nn.models.unet import PointDenoiser, TimeEmbedding, UNet


def small(side: Any = 8, **options: Any) -> UNet:
    autograd.manual_seed(3)
    return UNet(side, **{"dim": 16, "dim_mults": (1, 2), **options})


def told(model: Any, count: int = 3) -> tuple[Any, Any]:
    autograd.manual_seed(4)
    shape = (model.channels, *model.side) if isinstance(model, UNet) else (model.size,)
    return autograd.randn(count, *shape), autograd.randint(0, 1000, (count,))


def woken(model: nn.Module) -> nn.Module:
    """With numbers in place of zeros, so that everything in it matters."""
    for parameter in model.parameters():
        if not parameter.data.any():
            nn.init.normal_(parameter, 0.0, 0.1)
    return model


@pytest.mark.parametrize(
    ("side", "channels", "mults"),
    [(28, 1, (1, 2, 4)), (8, 1, (1, 2)), (32, 3, (1, 2, 2, 2)), ((4, 12), 2, (1, 2, 4)), (7, 1, (1,))],
)
def test_output_is_like_the_input(side: Any, channels: int, mults: tuple[int, ...]) -> None:
    model = small(side, channels=channels, dim=8, dim_mults=mults, groups=4)
    x, t = told(model, 2)
    assert woken(model)(x, t).shape == x.shape
    assert model.side == (side if isinstance(side, tuple) else (side, side))


@pytest.mark.parametrize("model", [small(), small(classes=3), PointDenoiser(2, 16, classes=3)])
def test_it_begins_as_zero_and_learns_from_there(model: Any) -> None:
    x, t = told(model)
    assert not model(x, t).data.any()
    optimizer = optim.Adam(model.parameters(), lr=1e-2)
    losses = []
    for _ in range(30):
        optimizer.zero_grad()
        loss = ((model(x, t) - x) ** 2).mean()
        loss.backward()
        optimizer.step()
        losses.append(loss.item())
    assert losses[-1] < 0.2 * losses[0]


def test_every_parameter_gets_a_gradient() -> None:
    for model in (small(classes=3, blocks=2), PointDenoiser(2, 16, classes=3)):
        x, t = told(woken(model))
        (model(x, t, autograd.tensor([0, 1, 3])) ** 2).sum().backward()
        for name, parameter in model.named_parameters():
            assert parameter.grad is not None and parameter.grad.data.any(), name


def test_gradients_are_those_of_finite_differences() -> None:
    model = woken(small(4, dim=4, groups=2, heads=2, classes=2)).double()
    x, t = autograd.randn(2, 1, 4, 4).double(), autograd.tensor([0.0, 7.0]).double()
    label = autograd.tensor([1, 2])
    assert autograd.gradcheck(lambda x, t: model(x, t, label), (x.requires_grad_(), t.requires_grad_()))


def test_places_that_look_at_each_other() -> None:
    """With attention on 4 x 4, a corner that changes is seen in the other one; convolutions alone see 11 x 11
    or so, so a larger image asks."""
    for attention, seen in ((16, True), (0, False)):
        model = woken(small(32, dim_mults=(1, 1), attention=attention))
        x, t = told(model, 1)
        for norm in model.modules():
            if isinstance(norm, nn.GroupNorm):
                norm.forward = lambda x: x  # type: ignore[method-assign]  # it sees whole images too
        other = x.clone()
        other[0, 0, 0, 0] += 1.0
        changed = (model(x, t).data != model(other, t).data)[0, 0]
        assert changed[0, 0] and changed[-1, -1] == seen


def test_no_class_is_a_class_of_its_own() -> None:
    model = woken(small(classes=3))
    x, t = told(model)
    nobody = model(x, t)
    np.testing.assert_array_equal(model(x, t, autograd.tensor([3, 3, 3])).data, nobody.data)
    mixed = model(x, t, autograd.tensor([0, 3, 3])).data
    np.testing.assert_allclose(mixed[1:], nobody.data[1:], rtol=1e-4, atol=1e-5)
    assert abs(mixed[0] - nobody.data[0]).max() > 1e-3


@pytest.mark.parametrize("model", [woken(small(classes=3, dropout=0.1)).eval(), woken(PointDenoiser(2, 16))])
def test_a_program_gives_the_same(model: Any) -> None:
    x, t = told(model)
    compiled = autograd.jit(lambda x, t: model(x, t))
    for _ in range(3):
        np.testing.assert_allclose(compiled(x, t).data, model(x, t).data, rtol=1e-5, atol=1e-5)
    assert "Python:" not in str(compiled.program)
    assert len(model.state_dict()) == len(list(model.parameters()))  # no tables in checkpoints


def test_time_is_told_by_waves() -> None:
    embedding = TimeEmbedding(4, 8)
    embedding.layers = nn.Identity()
    t = np.array([0.0, 1.0, 250.0])
    waves = np.stack([np.sin(t), np.sin(t / 100), np.cos(t), np.cos(t / 100)], 1)
    for given in (autograd.tensor(t, dtype=autograd.float32), autograd.tensor(t.astype(int))):
        np.testing.assert_allclose(embedding(given).data, waves, rtol=1e-4, atol=1e-5)


def test_names_are_those_of_checkpoints() -> None:
    names = list(small(classes=3).state_dict())
    assert names[:3] == [
        "condition.time.layers.0.weight", "condition.time.layers.0.bias", "condition.time.layers.2.weight",
    ]  # fmt: skip
    tops = dict.fromkeys(name.split(".")[0] for name in names)
    assert list(tops) == ["condition", "first", "down", "halve", "middle", "up", "last"]
    assert "middle.attention.0.attention.in_proj_weight" in names
    assert "up.0.blocks.0.shortcut.weight" in names


@pytest.mark.parametrize(
    ("options", "says"),
    [
        ({"side": 30}, "side 30 can't be halved 2 times .* multiple of 4, or fewer levels"),
        ({"side": (28, 0)}, "side 0 can't be halved"),
        ({"side": 8.0}, "side as an int or a pair of ints"),
        ({"side": 28, "dim": 20}, "dim 20 must be even, and a multiple of groups 8"),
        ({"side": 28, "heads": 5}, "of heads 5"),
        ({"side": 28, "channels": 0}, "positive sizes, got channels 0"),
        ({"side": 28, "dim_mults": ()}, "at least one level"),
        ({"side": 28, "dim_mults": 2}, "want a sequence of dim_mults"),
        ({"side": 28, "dim_mults": (2, 4)}, "must begin with 1"),
        ({"side": 28, "dim_mults": (1, 1.5)}, r"want whole dim_mults, .* got \(1, 1.5\)"),
        ({"side": 28, "classes": 0}, "classes: want None or at least 1"),
    ],
)
def test_sizes_that_do_not_go(options: dict[str, Any], says: str) -> None:
    with pytest.raises(ValueError, match=says):
        UNet(**options)


@pytest.mark.parametrize(
    ("shape", "times", "classes", "says"),
    [
        ((3, 1, 10, 8), (3,), None, r"made for images \(N, 1, 8, 8\), got shape \(3, 1, 10, 8\)"),
        ((3, 3, 8, 8), (3,), None, "the side and channels of the images"),
        ((1, 8, 8), (1,), None, "made for images"),
        ((3, 1, 8, 8), (1,), None, "one t for each of 3 inputs"),
        ((3, 1, 8, 8), (3,), np.zeros(2, int), "classes as 3 integers of 0 ... 3"),
        ((3, 1, 8, 8), (3,), np.zeros(3, np.float32), "got float32"),
    ],
)
def test_inputs_that_do_not_fit(shape: Any, times: Any, classes: Any, says: str) -> None:
    labels = None if classes is None else autograd.tensor(classes)
    with pytest.raises(ValueError, match=says):
        small(classes=3)(autograd.zeros(*shape), autograd.zeros(*times), labels)


def test_classes_may_be_bytes() -> None:
    model, labels = small(classes=3), np.array([0, 1, 2], np.uint8)
    x, t = told(model)
    wide = autograd.tensor(labels.astype(np.int64))
    assert model(x, t, autograd.tensor(labels)).tolist() == model(x, t, wide).tolist()


def test_classes_for_a_model_without() -> None:
    for model in (small(), PointDenoiser(2, 16)):
        x, t = told(model)
        with pytest.raises(ValueError, match="made without classes"):
            model(x, t, autograd.tensor([0, 1, 2]))
    with pytest.raises(ValueError, match=r"points \(N, 2\), got shape \(4, 3\)"):
        PointDenoiser(2, 16)(autograd.zeros(4, 3), autograd.zeros(4))
