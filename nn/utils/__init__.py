"""PyTorch's nn.utils: keeping gradients in bounds, sequences of unequal length."""

from nn.utils import rnn
from nn.utils.clip_grad import clip_grad_norm_, clip_grad_value_

__all__ = ["clip_grad_norm_", "clip_grad_value_", "rnn"]
