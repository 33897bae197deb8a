"""Our engine, the whole step through autograd.jit."""

from functools import partial

import autograd
from benchmarks.cases.drawing import training
from benchmarks.cases.jit.side_ours import LIBRARY
from nn.models.unet import UNet

make = partial(training.make, training.Studio(LIBRARY, autograd.grad, partial(UNet, 28)))
