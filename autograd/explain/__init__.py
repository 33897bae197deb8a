"""See what the engine does: a backward pass step by step with its numbers, and the graph as a picture.

    from autograd import Scalar, explain

    a, b = Scalar(2.0), Scalar(-3.0)
    loss = (a * b + a).tanh()
    print(explain.steps(loss, a=a, b=b))         # each step, its rule, its numbers
    print(explain.graph(loss, a=a, b=b).text())  # the graph as a tree
    explain.graph(loss, a=a, b=b).save("loss.svg")

Scalars always keep their numbers. Tensors keep theirs inside `with explain.watching():`, since a graph
that held every array of a training step would need much more memory.
"""

from __future__ import annotations

from autograd.explain.numbers import describe
from autograd.explain.picture import Graph, graph
from autograd.explain.records import Backward, Forward, Named, Step, Steps
from autograd.explain.walk import steps
from autograd.tape import watching

__all__ = ["Backward", "Forward", "Graph", "Named", "Step", "Steps", "describe", "graph", "steps", "watching"]
