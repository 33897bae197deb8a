"""PyTorch's nn.utils: keeping gradients and weights in bounds, sequences of unequal length."""

from nn.utils import parametrizations, rnn
from nn.utils.clip_grad import clip_grad_norm_, clip_grad_value_
from nn.utils.spectral_norm import remove_spectral_norm, spectral_norm

__all__ = [
    "clip_grad_norm_",
    "clip_grad_value_",
    "parametrizations",
    "remove_spectral_norm",
    "rnn",
    "spectral_norm",
]
