"""Models that draw by taking noise away, step by step: DDPM, DDIM, guidance, likelihoods.

from nn.models import Diffusion, UNet

diffusion = Diffusion(UNet(28), (1, 28, 28), schedule="cosine", objective="v")
"""

from nn.models.diffusion.likelihood import Bits
from nn.models.diffusion.process import Diffusion, Predictions
from nn.models.diffusion.schedules import Schedule, cosine, linear, sigmoid

__all__ = ["Bits", "Diffusion", "Predictions", "Schedule", "cosine", "linear", "sigmoid"]
