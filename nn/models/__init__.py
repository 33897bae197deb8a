"""Models ready to train: of words on text, of pictures and points.

from nn.models import Word2Vec

model = Word2Vec(dim=100, sg=True).fit("text.txt")
model.vectors.most_similar("king")
"""

from nn.models.adversarial import GANTrainer
from nn.models.autoencoder import Autoencoder, ConvAutoencoder
from nn.models.classifier import FastTextClassifier, labelled
from nn.models.diffusion import Diffusion
from nn.models.fasttext import FastText
from nn.models.gan import DCGANDiscriminator, DCGANGenerator, PointDiscriminator, PointGenerator
from nn.models.glove import GloVe
from nn.models.unet import PointDenoiser, UNet
from nn.models.vae import IWAE, VAE, ConvVAE
from nn.models.word2vec import Word2Vec

__all__ = [
    "Autoencoder",
    "ConvAutoencoder",
    "ConvVAE",
    "DCGANDiscriminator",
    "DCGANGenerator",
    "Diffusion",
    "FastText",
    "FastTextClassifier",
    "GANTrainer",
    "GloVe",
    "IWAE",
    "PointDenoiser",
    "PointDiscriminator",
    "PointGenerator",
    "UNet",
    "VAE",
    "Word2Vec",
    "labelled",
]
