"""Our engine, the whole step (forward, backward, update) through autograd.jit."""

from __future__ import annotations

from functools import partial

import autograd
import nn
from benchmarks.cases.steps import training
from benchmarks.cases.steps.models import Library
from nn import optim

make = partial(training.make, Library(autograd, nn, optim, compiled=autograd.jit))

# TO BE FILLED: the row "playground 2-8-8-1, one-call loop", whose unit is one update. For it make() gives a
# run() of many updates, step.loop(data, order=..., epochs=...). Its row joins __init__.py when it works.
