"""Our engine, eager."""

from functools import partial

import autograd
import nn
from benchmarks.cases.steps import training
from benchmarks.cases.steps.library import Library
from nn import optim

make = partial(training.make, Library(autograd, nn, optim))
