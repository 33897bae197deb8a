"""PyTorch, eager."""

from functools import partial

import torch
from torch import nn, optim

from benchmarks.cases.drawing import training
from benchmarks.cases.drawing.pytorch_unet import UNet
from benchmarks.cases.steps.library import Library

make = partial(
    training.make, training.Studio(Library(torch, nn, optim), torch.autograd.grad, partial(UNet, 28))
)
