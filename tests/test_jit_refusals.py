"""What can't be captured is refused, with the line and a way out: values, writes, arrays of NumPy."""

from __future__ import annotations

import numpy as np
import pytest

import autograd
import nn
from autograd import JitError, kernels
from nn import functional as F

pytestmark = pytest.mark.skipif(not kernels.active, reason="programs are made of kernels")

HERE = ".*test_jit_refusals.py"
STATE = autograd.ones(2, 2)
ARRAY = np.ones(2, np.float32)
KEPT: list = []


def written_argument(x):
    x[0] = 1.0


def written_array(x):
    ARRAY[...] = 2.0
    autograd.from_numpy(ARRAY).add_(1)
    STATE.data += 1
    autograd.tape.written(STATE.data)


def stored(x):
    KEPT.append(x * 2)


REFUSED = [
    ("item()", lambda x: x.sum().item()),
    ("item()", lambda x: float(x.sum())),
    ("item()", lambda x: int(x.sum())),
    ("item()", lambda x: f"{x.sum():.3f}"),
    ("item()", lambda x: range(x.sum().long())),
    ("bool()", lambda x: x if x.sum() > 0 else -x),
    ("tolist()", lambda x: x.tolist()),
    ("numpy()", lambda x: x.numpy()),
    ("numpy()", lambda x: np.asarray(x * 2)),
    ("numpy()", lambda x: np.exp(np.asarray(x))),
    ("printing", lambda x: print(x)),
    ("reading .data", lambda x: (x * 2).data + 1),
    ("an index that is a tensor", lambda x: x[x.argmax() % 2]),
    ("indexing by a mask", lambda x: x[x > 0]),
    ("indexing by a mask", lambda x: x[x > 0].sum()),
    ("assignment to places", lambda x: STATE.__setitem__(STATE > 0, 1.0)),
    ("writing into an argument", written_argument),
    ("writing in place by NumPy", written_array),
    ("randperm()", lambda x: autograd.randperm(4)),
    ("multinomial()", lambda x: autograd.multinomial(x * x, 1)),
    ("orthogonal_()", lambda x: nn.init.orthogonal_(STATE)),
    ("trunc_normal_()", lambda x: nn.init.trunc_normal_(STATE)),
    ("one_hot() without num_classes", lambda x: F.one_hot(x.long().abs())),
    ("momentum=None", lambda x: F_BATCH_NORM(x)),
]
F_BATCH_NORM = nn.BatchNorm1d(2, momentum=None)


@pytest.mark.parametrize(("what", "function"), REFUSED)
def test_refused_with_the_line(what, function):
    jitted = autograd.jit(function)
    x = autograd.tensor([[1.0, -2.0], [3.0, 4.0]])
    jitted(x)
    for _ in range(2):  # as often as it is tried
        with pytest.raises(JitError) as error:
            jitted(x)
        assert what in str(error.value) and "test_jit_refusals.py:" in str(error.value)


def test_a_tensor_stored_outside():
    jitted = autograd.jit(stored)
    jitted(autograd.ones(2))
    with pytest.raises(JitError, match="stored outside"):
        jitted(autograd.ones(2))


def test_a_numpy_array_returned():
    jitted = autograd.jit(lambda x: (x * 2, ARRAY))
    jitted(autograd.ones(2))
    with pytest.raises(JitError, match="NumPy array"):
        jitted(autograd.ones(2))


def test_a_tensor_on_the_tape_as_an_argument():
    jitted = autograd.jit(lambda x: x * 2)
    x = autograd.ones(2)
    x.requires_grad_()
    with pytest.raises(JitError, match="on the tape"):
        jitted(x * 2)


@pytest.mark.parametrize(
    "function",
    [
        lambda x: x * autograd.from_numpy(ARRAY * 2),
        lambda x: x * autograd.tensor(STATE.data * 2),
        lambda x: x * (ARRAY + 1),
        lambda x: x * autograd.from_numpy(ARRAY * 2).reshape(1, 2)[0],
        lambda x: STATE.copy_(autograd.from_numpy(ARRAY * 2)),
    ],
)
def test_arrays_that_numpy_computed(function):
    """The trace would hold them as constants: nobody else does, so they are found out."""
    jitted = autograd.jit(function)
    jitted(autograd.ones(2))
    with pytest.raises(JitError, match="NumPy made inside" + HERE):
        jitted(autograd.ones(2))


def test_an_argument_that_numpy_computed_with():
    jitted = autograd.jit(lambda x: autograd.from_numpy(x * 2) + 1)
    jitted(ARRAY)
    with pytest.raises(JitError, match="NumPy made inside"):
        jitted(ARRAY)


def test_arrays_made_before_are_read_anew():
    array = np.ones(2, np.float32)
    large = np.ones((100, 200))

    @autograd.jit
    def step(x):
        return x * array + autograd.from_numpy(array) + autograd.tensor(array), autograd.tensor(large)[
            1:
        ].sum()

    for i in range(5):
        array[...], large[...] = i, i
        y, total = step(autograd.ones(2))
        assert y.tolist() == [3.0 * i] * 2 and total.item() == i * 99 * 200


def test_constants_made_inside_are_none_of_numpys():
    @autograd.jit
    def step(x):
        constants = [
            autograd.tensor([1.0, 2.0]), autograd.zeros(2), autograd.full((2,), 3.0), autograd.arange(2),
            autograd.linspace(0.0, 1.0, 2), autograd.eye(2)[0], autograd.ones_like(x),
        ]  # fmt: skip
        return sum(constants, x)

    x = autograd.ones(2)
    assert [step(x).tolist() for _ in range(4)] == [[7.0, 9.0]] * 4


def test_arguments_in_memory_that_is_written():
    state = autograd.zeros(4, 3)

    @autograd.jit
    def step(x):
        state.add_(1.0)
        return x * 2

    for x in (state, state[1], state.T):
        step(x.clone())
        with pytest.raises(JitError, match="lies in memory that the function writes"):
            step(x)
            step(x)


def test_a_mask_that_chooses_another_number():
    mask = autograd.tensor([True, False, True])
    chosen = autograd.jit(lambda x: x[mask])
    x = autograd.tensor([1.0, 2.0, 3.0])
    assert [chosen(x).tolist() for _ in range(3)] == [[1.0, 3.0]] * 3
    mask[0], mask[1] = False, True
    assert chosen(x).tolist() == [2.0, 3.0]
    mask[1] = False
    with pytest.raises(JitError, match=HERE + ".* gave .1,. where it gave .2,."):
        chosen(x)


def test_the_gradient_of_an_argument():
    """Its .grad would be set on a copy; autograd.grad gives it."""
    x = autograd.tensor([1.0, 2.0], requires_grad=True)
    jitted = autograd.jit(lambda x: (x * x).sum().backward())
    jitted(x)
    with pytest.raises(JitError, match="the .grad of an argument" + HERE):
        jitted(x)
    jitted = autograd.jit(lambda x: autograd.grad((x * x).sum(), x))
    assert [jitted(x)[0].tolist() for _ in range(4)] == [[2.0, 4.0]] * 4


def test_one_leaf_as_two_arguments():
    """Its gradient has the parts of both places; two leaves have one each."""
    jitted = autograd.jit(lambda a, b: autograd.grad((a * b).sum(), a)[0])
    x, y = (autograd.tensor([1.0, 2.0], requires_grad=True) for _ in range(2))
    for _ in range(4):
        assert jitted(x, x).tolist() == [2.0, 4.0]
        assert jitted(x, y).tolist() == [1.0, 2.0]


def test_errors_inside_leave_nothing_behind():
    """A call that fails, in Python, at the capture or in a kernel, changes nothing for those that follow."""
    state, model = autograd.zeros(1), nn.Embedding(3, 2)
    update = nn.optim.Adam(model.parameters())
    fail = [False]

    @autograd.jit
    def step(rows):
        update.zero_grad()
        loss = model(rows).sum()
        if fail[0]:
            raise KeyError("mine")
        loss.backward()
        update.step()
        state.add_(1)
        return loss

    good, bad = autograd.tensor([0, 1]), autograd.tensor([0, 7])
    with pytest.raises(IndexError):
        step(bad)
    step(good)
    fail[0] = True
    with pytest.raises(KeyError):
        step(good)
    fail[0] = False
    for _ in range(3):
        step(good)
        with pytest.raises(IndexError):
            step(bad)
    assert state.item() == 4 and update.state[model.weight]["step"] == 4
