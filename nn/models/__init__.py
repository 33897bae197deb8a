"""Models of words, ready to train on text.

from nn.models import Word2Vec

model = Word2Vec(dim=100, sg=True).fit("text.txt")
model.vectors.most_similar("king")
"""

from nn.models.classifier import FastTextClassifier, labelled
from nn.models.fasttext import FastText
from nn.models.glove import GloVe
from nn.models.word2vec import Word2Vec

__all__ = ["FastText", "FastTextClassifier", "GloVe", "Word2Vec", "labelled"]
