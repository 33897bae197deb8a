"""Matrix products: a (m, k) @ b (k, n). Squares from tiny to large, and the shapes that the layers of a small
network make, in float32 and in float64; then, in float32, transposed operands (as a layer's forward pass and
its two gradients have them), a batch of products, and a whole layer with bias and ReLU."""

from __future__ import annotations

import numpy as np

from benchmarks.cases import Case, Inputs, Row, Sizes

SHAPES = (
    (16, 16, 16),
    (64, 64, 64),
    (128, 128, 128),
    (256, 256, 256),
    (512, 512, 512),
    (1024, 1024, 1024),
    (2048, 2048, 2048),
    (64, 128, 784),  # a layer 784 -> 128 on a batch of 64
    (128, 512, 784),
    (1, 512, 512),  # one sample
    (784, 64, 128),
)
QUICK = ((16, 16, 16), (128, 128, 128), (512, 512, 512), (64, 128, 784))
# Forms: "ab", "atb" (a is the transpose of a (k, m) array), "abt", "relu" (relu(a @ b.T + bias))
LAYOUTS = (
    ("atb", 1, 512, 512, 512),
    ("abt", 1, 512, 512, 512),
    ("abt", 1, 128, 512, 784),
    ("atb", 1, 512, 784, 128),
    ("ab", 64, 64, 64, 64),
    ("abt", 32, 50, 50, 32),
    ("relu", 1, 64, 128, 784),
    ("relu", 1, 128, 512, 784),
)
PEERS = ("pytorch", "numpy", "jax")


def inputs(sizes: Sizes, rng: np.random.Generator) -> Inputs:
    m, n, k, batch = (int(sizes[name]) for name in ("m", "n", "k", "batch"))
    dtype, many = np.dtype(str(sizes["dtype"])).type, (batch,) if batch > 1 else ()
    a = (k, m) if sizes["form"] == "atb" else (m, k)
    b = (k, n) if sizes["form"] in ("ab", "atb") else (n, k)
    return {
        "a": rng.standard_normal((*many, *a), dtype),
        "b": rng.standard_normal((*many, *b), dtype),
        "bias": rng.standard_normal(n, dtype),
    }


def flops(sizes: Sizes) -> float:
    return 2.0 * int(sizes["m"]) * int(sizes["n"]) * int(sizes["k"]) * int(sizes["batch"])


def traffic(sizes: Sizes) -> float:
    m, n, k, batch = (int(sizes[name]) for name in ("m", "n", "k", "batch"))
    return float(np.dtype(str(sizes["dtype"])).itemsize * batch * (m * k + k * n + m * n))


def row(dtype: str, form: str, batch: int, m: int, n: int, k: int, quick: bool = False) -> Row:
    names = {"ab": "", "atb": " a transposed", "abt": " b transposed", "relu": " b transposed, bias, relu"}
    prefix, times = ("float64 " if dtype == "float64" else ""), (f"{batch} of " if batch > 1 else "")
    sizes: Sizes = {"form": form, "batch": batch, "m": m, "n": n, "k": k, "dtype": dtype}
    peers = PEERS if form != "relu" else ("pytorch", "jax")
    plain = form == "ab" and batch == 1
    # The smallest is all call and no product: it is averaged with no other.
    group = "small" if (m, n, k) == SHAPES[0] else dtype if plain else "layouts"
    return Row(f"{prefix}{times}{m} x {n} x {k}{names[form]}", sizes, peers, quick, group)


CASE = Case(
    name="gemm",
    rows=(
        *(row("float32", "ab", 1, *shape, quick=shape in QUICK) for shape in SHAPES),
        *(row("float64", "ab", 1, *shape, quick=shape == (512, 512, 512)) for shape in SHAPES),
        *(row("float32", *layout) for layout in LAYOUTS),
    ),
    inputs=inputs,
    flops=flops,
    bytes=traffic,
    tolerance=1e-5,
)
