"""PyTorch's place for weights that are computed from others: torch.nn.utils.parametrizations."""

from nn.utils.spectral_norm import spectral_norm

__all__ = ["spectral_norm"]
