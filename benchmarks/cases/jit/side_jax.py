"""JAX, the step jitted; many updates in a loop that is jitted with it."""

from benchmarks.cases.steps.side_jax import make

__all__ = ["make"]
