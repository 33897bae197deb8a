"""JAX, the step jitted."""

from benchmarks.cases.steps.side_jax import make

__all__ = ["make"]
