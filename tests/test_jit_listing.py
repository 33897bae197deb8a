"""A program's listing and profile: they say what runs, and leave no trace."""

from __future__ import annotations

import numpy as np
import pytest

import autograd
import nn
from autograd import kernels
from autograd.jit import expressions, names, words
from autograd.jit.instructions import Instruction, PythonCall
from autograd.jit.listing import WIDTH
from autograd.jit.work import work
from autograd.program import Program
from nn import optim

pytestmark = pytest.mark.skipif(not kernels.active, reason="programs are made of kernels")


class Training:
    """A step with a bit of everything: convolution, norm, pool, dropout, Adam, a schedule."""

    def __init__(self) -> None:
        autograd.manual_seed(5)
        self.model = nn.Sequential(
            nn.Conv2d(1, 4, 3, padding=1), nn.BatchNorm2d(4), nn.ReLU(), nn.MaxPool2d(2), nn.Flatten(),
            nn.Linear(64, 8), nn.Tanh(), nn.Dropout(0.25), nn.Linear(8, 3),
        )  # fmt: skip
        model, loss_of = self.model, nn.CrossEntropyLoss()
        self.optimizer = optimizer = optim.Adam(model.parameters(), lr=0.01)
        self.schedule = schedule = optim.lr_scheduler.ExponentialLR(optimizer, 0.9)

        @autograd.jit
        def step(x, target):
            optimizer.zero_grad()
            loss = loss_of(model(x), target)
            loss.backward()
            optimizer.step()
            schedule.step()
            return loss

        self.step = step
        self.x = autograd.randn(6, 1, 8, 8)
        self.target = autograd.randint(0, 3, (6,))
        for _ in range(3):
            step(self.x, self.target)

    def state(self) -> dict[str, object]:
        found: dict[str, object] = {name: x.data.copy() for name, x in self.model.state_dict().items()}
        for name, p in self.model.named_parameters():
            found[name + ".grad"] = p.grad.data.copy()
            for key, x in self.optimizer.state[p].items():
                found[f"{name}.{key}"] = np.array(getattr(x, "data", x))
        found["place"] = autograd.default_generator.get_state()
        found["rate"] = np.array(self.optimizer.param_groups[0]["lr"])
        found["epoch"] = np.array(self.schedule.last_epoch)
        return found


@pytest.fixture(scope="module")
def training() -> Training:
    return Training()


def test_a_listing_names_what_runs(training):
    text = str(training.step.program)
    lines = text.splitlines()
    assert max(map(len, lines)) <= WIDTH
    assert "x 6x1x8x8, target 6 int64" in text
    for part in (
        "conv2d 3x3", "(gradient of weight)", "batch norm", "max pool 2x2", "linear + bias + tanh",
        "dropout mask, keep 0.75", "cross entropy, mean", "sum over 0", "Adam, 8 parameters",
        "5.weight.grad 8x64", "1.running_mean", "8.weight.T 8x3", "listing.py:",
        "1.num_batches_tracked () int64", "ExponentialLR", "step counts and rates of Adam",
    ):  # fmt: skip
        assert part in text, part
    numbers = [int(line.split()[0]) for line in lines if line[:3].strip().isdigit()]
    assert numbers == list(range(len(training.step.program.instructions)))


def test_every_buffer_has_one_name(training):
    program = training.step.program
    named = names.Names(program)
    found: dict[str, int] = {}
    for instruction in program.instructions:
        for x in instruction.operands:
            if not x.buffer.constant and x.buffer.kind == "made":
                assert found.setdefault(named.memory(x), id(x.buffer)) == id(x.buffer)


def test_steps_in_python_are_listed_with_their_reason():
    program = captured(lambda x, i: (x.argmax(), i * i), autograd.ones(3), autograd.tensor([1, 2, 3]))
    text = str(program)
    assert "Python: argmax" in text and "(no kernel for this op)" in text
    assert "Python: mul" in text and "(no kernel for int64)" in text
    assert "2 steps between the kernels" in text
    rows = program.profile(autograd.ones(3), autograd.tensor([1, 2, 3]), seconds=0.01).rows
    assert [row.bound for row in rows].count("python") == 2


def captured(function, *args):
    jitted = autograd.jit(function)
    for _ in range(2):
        jitted(*args)
    return jitted.program


@pytest.mark.parametrize(
    ("function", "text"),
    [
        (lambda g, z: g * (1 - z * z), "g * (1 - z * z)"),
        (lambda g, z: -(g + z) / (g - z), "-(g + z) / (g - z)"),
        (lambda g, z: g.apply("exp") * -2.5, "exp(g) * -2.5"),
        (lambda g, z: (-g).apply("exp") + z**3, "exp(-g) + z ** 3"),
        (lambda g, z: g.trace.apply("where", (z <= 0, 0.0, g)), "where(z <= 0, 0, g)"),
        (lambda g, z: g.trace.apply("maximum", (g, float("-inf"))), "maximum(g, -inf)"),
    ],
)
def test_passes_are_read_back_as_written(function, text):
    program = Program.trace(function, 2)
    plan = program.plan_anyway([np.ones(2, np.float32), np.ones(2, np.float32)])
    ((name, found),) = expressions.expressions(plan.code, program.constants, ["g", "z", "0.weight"])
    assert name == "0.weight"
    assert same(found, text)


def same(found: str, text: str) -> bool:
    """Equal, or with the factors of a product (of powers: z * z * z) written in another way."""
    g, z = np.array([0.5, -1.5]), np.array([2.0, 0.25])
    space = {"g": g, "z": z, "exp": np.exp, "where": np.where, "maximum": np.maximum, "inf": np.inf}
    return found == text or bool(np.allclose(eval(found, space), eval(text, space)))


def test_what_is_used_twice_is_named():
    program = Program.trace(lambda x: (x.apply("exp"), 1 / (1 + x.apply("exp"))), 1)
    plan = program.plan_anyway([np.ones(2, np.float32)])
    lines = expressions.expressions(plan.code, program.constants, ["x", "e", "y"])
    assert dict(lines)["e"] == "exp(x)"
    assert "e" in dict(lines)["y"] and "exp" not in dict(lines)["y"]


def test_every_op_of_the_kernels_can_be_written():
    for op in kernels.elementwise_ops():
        count = expressions.arguments_of(op)
        assert 1 <= count <= 4
        assert expressions.written(op, ["a", "b", "c", "d"][:count])


def test_every_kernel_has_words(training):
    for instruction in training.step.program.instructions:
        assert words.words(instruction, training.step.program)


def test_operations_and_bytes_of_a_product():
    w = autograd.ones(5, 4)
    program = captured(lambda x: autograd.matmul(x, w), autograd.ones(3, 5))
    (instruction,) = program.instructions
    assert work(instruction) == (2 * 3 * 4 * 5, 4 * (15 + 20 + 12))


def test_operations_of_a_convolution_and_a_pass():
    w = autograd.ones(4, 2, 3, 3)
    program = captured(lambda x: autograd.conv2d(x, w).exp() * 2 + 1, autograd.ones(1, 2, 6, 6))
    counts = {words.words(i): work(i) for i in program.instructions if isinstance(i, Instruction)}
    assert counts["conv2d 3x3"].flops == 2 * 4 * 16 * 2 * 9
    (fused,) = (done for name, done in counts.items() if "elementwise" in name)
    assert fused == (3 * 64, 2 * 4 * 64)  # exp, and a multiply-add


def test_a_profile_leaves_no_trace(training):
    before = training.state()
    profile = training.step.program.profile(training.x, training.target, seconds=0.05)
    after = training.state()
    for name, value in before.items():
        np.testing.assert_array_equal(after[name], value, err_msg=name)
    twin = Training()  # which seeds the generator that both draw from
    place = autograd.get_rng_state()
    losses = []
    for each in (training, twin):
        autograd.set_rng_state(place)
        losses.append(each.step(each.x, each.target).item())
    assert losses[0] == losses[1]
    rows = profile.rows
    assert len(rows) == len(training.step.program.instructions)
    assert all(row.seconds > 0 for row in rows)
    assert sum(row.share for row in rows) == pytest.approx(1)
    assert profile.largest in rows and 0 < profile.python < profile.call and 0 < profile.empty < 1e-5
    assert str(profile).count("<- most") == 1


def test_a_profile_wants_the_arguments_of_the_capture(training):
    with pytest.raises(ValueError, match=r"x \(6, 1, 8, 8\)"):
        training.step.program.profile(training.x[:3], training.target[:3])


def test_a_profile_is_drawn(training, tmp_path):
    pytest.importorskip("matplotlib")
    training.step.program.profile(training.x, training.target, seconds=0.02).save(tmp_path / "profile.png")
    assert (tmp_path / "profile.png").read_bytes().startswith(b"\x89PNG")


def test_names_where_there_are_several_modules():
    """Two modules with parameters: their variables go before the names."""
    first, second = nn.Linear(3, 3), nn.Linear(3, 2)
    scale = autograd.tensor([2.0])
    text = str(captured(lambda x: second(first(x)) * scale, autograd.ones(1, 3)))
    for name in ("first.weight", "second.bias", "scale 1"):
        assert name in text, name


def test_arguments_are_named_by_their_function():
    def function(a, batch, *rest, key=None): ...

    one = np.ones(1)
    found = names.arguments_of(function, [one, {"x": one, "y": (one, 2)}, one], {"key": one})
    assert [a.name for a in found] == ["a", "batch['x']", "batch['y'][0]", "rest[0]", "key"]


def test_a_python_step_says_why():
    call = captured(lambda x: x.argmax(), autograd.ones(3)).instructions[0]
    assert isinstance(call, PythonCall) and words.reason(call) == "no kernel for this op"


def test_long_names_keep_to_their_columns():
    class Deep(nn.Module):
        def __init__(self):
            super().__init__()
            self.a_block_with_a_long_name_indeed = nn.Sequential(
                nn.Linear(300, 300), nn.ReLU(), nn.Linear(300, 4)
            )
            self.and_another_block_of_this_model = nn.ModuleList([nn.Linear(300, 300), nn.LayerNorm(300)])

        def forward(self, x):
            for part in self.and_another_block_of_this_model:
                x = part(x)
            return self.a_block_with_a_long_name_indeed(x)

    model = Deep()
    update = optim.SGD(model.parameters(), lr=0.1, momentum=0.9)

    def step(x):
        update.zero_grad()
        loss = (model(x) ** 2).mean()
        loss.backward()
        update.step()
        return loss

    text = str(captured(step, autograd.ones(2, 300)))
    assert max(map(len, text.splitlines())) <= WIDTH
    assert "SGD, 8 parameters" in text and "a_block_with_a_long_name_indeed.0.weight" in text


def test_a_method_and_what_it_closes_over():
    class Learner:
        def __init__(self):
            self.weight = nn.Parameter(autograd.ones(3))

        @autograd.jit
        def forward(self, x):
            return (self.weight * x).argmax() + 1

    learner = Learner()
    for _ in range(3):
        learner.forward(autograd.ones(3))
    text = str(learner.forward.program)
    assert "self.weight" in text and "x 3" in text
