"""Models that draw by taking noise away, step by step."""

from nn.models.diffusion.time import TimeEmbedding

__all__ = ["TimeEmbedding"]
