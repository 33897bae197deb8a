"""The doctor: what this installation is made of, and whether it works (`python -m autograd`).

The self-test runs each family of kernels against its NumPy reference, checks derivatives of orders 1 and
2, and, where nn is installed, trains a few steps on the embedded digits.
"""

from __future__ import annotations

import importlib
import importlib.metadata
import os
import platform
import sys
import time
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
import numpy.typing as npt

import autograd
from autograd import kernels

__all__ = ["clash", "facts", "main", "self_test"]

Array = npt.NDArray[np.floating]


def main() -> int:
    """Print the facts and the self-test; 0 when all is well, 1 otherwise."""
    for name, value in facts():
        print(f"{name + ':':13s}{value}")
    print("\nself-test")
    failures = 0
    for name, seconds, error in self_test():
        print(f"  {'FAIL' if error else 'pass'}  {name} ({seconds * 1e3:.0f} ms)")
        if error:
            failures += 1
            print(f"        {error}")
    warning = clash()
    if warning:
        print(f"\nwarning: {warning}")
    print(f"\n{'all is well' if not failures else f'{failures} of the tests failed'}")
    return 1 if failures or warning else 0


def facts() -> Iterator[tuple[str, str]]:
    """(name, value) of everything a report of a problem should say."""
    yield "kernelgrad", f"{autograd.__version__}, from {os.path.dirname(autograd.__file__)}"
    yield "Python", f"{platform.python_version()}, {sys.executable}"
    yield "NumPy", np.__version__
    yield "cffi", version("cffi")
    yield "safetensors", version("safetensors")
    yield "system", f"{platform.system()} {platform.machine()}, {os.cpu_count()} processors"
    if kernels.active:
        compiler, _, sources = kernels.build().partition(" | ")
        yield "backend", "C kernels"
        yield "library", kernels.library()
        yield "compiler", compiler
        yield "sources", sources
        yield "ISA", f"{kernels.isa()} (available: {', '.join(kernels.isas())})"
        yield "threads", str(kernels.get_num_threads())
    else:
        asked = os.environ.get("AUTOGRAD_BACKEND") == "numpy"
        yield "backend", "NumPy (" + ("AUTOGRAD_BACKEND=numpy)" if asked else "no compiled kernels found)")


def version(distribution: str) -> str:
    try:
        return importlib.metadata.version(distribution)
    except importlib.metadata.PackageNotFoundError:
        return "not installed"


def clash() -> str:
    """What to do when another distribution also brings a package called `autograd`; "" when none does."""
    try:
        other = importlib.metadata.distribution("autograd")
    except importlib.metadata.PackageNotFoundError:
        return ""
    return (
        f"the distribution 'autograd' {other.version} in {other.locate_file('')} also brings a package "
        "called autograd; the two cannot share an environment. Use a fresh virtual environment, or "
        "'pip uninstall autograd' and install kernelgrad again"
    )


# The self-test -----------------------------------------------------------------------------------


def self_test() -> Iterator[tuple[str, float, str]]:
    """(what was tested, seconds, what went wrong or "")."""
    for name, check in CHECKS.items():
        start = time.perf_counter()
        try:
            said = check()
            error = ""
        except Exception as wrong:  # whatever a broken installation raises is what to report
            said, error = "", f"{type(wrong).__name__}: {wrong}"
        yield name + (f": {said}" if said else ""), time.perf_counter() - start, error


def compare(compute: Callable[[], Array], length: int = 1) -> None:
    """Both backends give the same, within the rounding of sums of `length` terms."""
    ours = compute()
    before, kernels.active = kernels.active, False
    try:
        reference = compute()
    finally:
        kernels.active = before
    tolerance = 1e-5 * length**0.5
    np.testing.assert_allclose(ours, reference, rtol=tolerance, atol=tolerance)


def normal(*shape: int) -> autograd.Tensor:
    return autograd.randn(*shape, generator=autograd.Generator().manual_seed(0))


def check_matmul() -> None:
    a, b = normal(150, 131), normal(131, 170)
    compare(lambda: (a @ b).numpy(), length=131)


def check_convolution() -> None:
    x, w = normal(4, 8, 17, 15), normal(12, 8, 3, 3)

    def gradients() -> Array:
        image, weight = x.detach().requires_grad_(), w.detach().requires_grad_()
        y = autograd.conv2d(image, weight, stride=1, padding=1)
        grads = autograd.grad((y * y).sum(), [image, weight])
        return np.concatenate([value.detach().numpy().ravel() for value in (y, *grads)])

    compare(gradients, length=4 * 17 * 15)


def check_elementwise() -> None:
    x, y = normal(300, 301), normal(301)
    compare(lambda: (autograd.gelu(x) * autograd.sigmoid(y) + autograd.exp(-x * x)).numpy())


def check_reductions() -> None:
    x = normal(300, 301)
    compare(lambda: np.concatenate([autograd.softmax(x, dim=1).sum(0).numpy(), x.var(1).numpy()]), length=300)


def check_indexing() -> None:
    table, rows = normal(100, 33), autograd.from_numpy(np.arange(500) * 37 % 100)

    def gradient() -> Array:
        leaf = table.detach().requires_grad_()
        (picked,) = autograd.grad((autograd.embedding(leaf, rows) ** 2).sum(), [leaf])
        return np.asarray(picked.numpy())

    compare(gradient)


def check_random() -> None:
    compare(lambda: normal(10_001).numpy())


def check_gradients() -> None:
    x = autograd.randn(3, 4, dtype=autograd.float64, requires_grad=True)
    w = autograd.randn(4, 2, dtype=autograd.float64, requires_grad=True)

    def function(x: autograd.Tensor, w: autograd.Tensor) -> Any:
        return autograd.softmax(autograd.tanh(x @ w), dim=1).log().sum()

    autograd.gradcheck(function, (x, w))
    autograd.gradgradcheck(function, (x, w))


def check_training() -> str:
    try:  # by name: the engine itself stands below nn and never imports it
        nn, data = importlib.import_module("nn"), importlib.import_module("nn.data")
    except ModuleNotFoundError:
        return "left out, nn is not installed"
    digits = data.optdigits(train=True)
    pairs = [digits[i] for i in range(256)]
    x = autograd.tensor(np.stack([np.asarray(image).ravel() for image, _ in pairs]))
    y = autograd.tensor(np.array([int(label) for _, label in pairs]))
    state = autograd.get_rng_state()
    autograd.manual_seed(0)
    model = nn.Sequential(nn.Linear(64, 32), nn.ReLU(), nn.Linear(32, 10))
    autograd.set_rng_state(state)
    optimizer, criterion = nn.optim.Adam(model.parameters(), lr=0.02), nn.CrossEntropyLoss()
    losses = []
    for _ in range(30):
        optimizer.zero_grad()
        loss = criterion(model(x), y)
        loss.backward()
        optimizer.step()
        losses.append(loss.item())
    if not losses[-1] < losses[0] / 3:
        raise AssertionError(f"30 steps brought the loss from {losses[0]:.3f} to {losses[-1]:.3f} only")
    return f"30 steps, loss {losses[0]:.3f} -> {losses[-1]:.3f}"


CHECKS: dict[str, Callable[[], str | None]] = {
    "matmul": check_matmul,
    "conv2d and its gradients": check_convolution,
    "elementwise programs": check_elementwise,
    "softmax and reductions": check_reductions,
    "gather and scatter-add": check_indexing,
    "random numbers": check_random,
    "derivatives of orders 1 and 2": check_gradients,
    "training on digits": check_training,
}
