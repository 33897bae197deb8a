"""PyTorch, eager."""

from functools import partial

import torch
from torch import nn, optim

from benchmarks.cases.steps import training
from benchmarks.cases.steps.library import Library

make = partial(training.make, Library(torch, nn, optim))
