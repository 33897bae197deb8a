"""Models ready to train: of words on text, of pictures and points.

from nn.models import Word2Vec

model = Word2Vec(dim=100, sg=True).fit("text.txt")
model.vectors.most_similar("king")
"""

from nn.models.adversarial import GANTrainer
from nn.models.autoencoder import (
    Autoencoder,
    ConvAutoencoder,
    GaussianNoise,
    Masking,
    SaltAndPepper,
    Sparse,
    kl_penalty,
    l1_penalty,
)
from nn.models.classifier import FastTextClassifier, labelled
from nn.models.collapse import CollapseWarning
from nn.models.diffusion import Diffusion
from nn.models.fasttext import FastText
from nn.models.gan import DCGANDiscriminator, DCGANGenerator, PointDiscriminator, PointGenerator
from nn.models.gan_losses import clip_weights_, gradient_penalty
from nn.models.glove import GloVe
from nn.models.unet import PointDenoiser, UNet
from nn.models.vae import IWAE, VAE, ConvVAE, interpolate
from nn.models.word2vec import Word2Vec

__all__ = [
    "Autoencoder",
    "CollapseWarning",
    "ConvAutoencoder",
    "ConvVAE",
    "DCGANDiscriminator",
    "DCGANGenerator",
    "Diffusion",
    "FastText",
    "FastTextClassifier",
    "GANTrainer",
    "GaussianNoise",
    "GloVe",
    "IWAE",
    "Masking",
    "PointDenoiser",
    "PointDiscriminator",
    "PointGenerator",
    "SaltAndPepper",
    "Sparse",
    "UNet",
    "VAE",
    "Word2Vec",
    "clip_weights_",
    "gradient_penalty",
    "interpolate",
    "kl_penalty",
    "l1_penalty",
    "labelled",
]
