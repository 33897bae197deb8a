"""PyTorch, eager."""

from functools import partial

import torch
from benchmarks.cases.steps import training
from benchmarks.cases.steps.models import Library
from torch import nn, optim

make = partial(training.make, Library(torch, nn, optim))
