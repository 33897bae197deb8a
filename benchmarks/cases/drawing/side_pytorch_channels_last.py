"""PyTorch, eager, in channels_last."""

from functools import partial

import torch
from torch import nn, optim

from benchmarks.cases.drawing import training
from benchmarks.cases.drawing.pytorch_unet import UNet
from benchmarks.cases.steps.library import Library
from benchmarks.cases.steps.side_pytorch_channels_last import channels_last

LIBRARY = Library(torch, nn, optim, place=channels_last)
make = partial(training.make, training.Studio(LIBRARY, torch.autograd.grad, partial(UNet, 28)))
