"""Words become numbers: tokenizers, vocabularies, phrases, one-hot vectors, counts, TF-IDF.

from nn.text import TfidfVectorizer, Vocabulary, count_words, words

sentences = [words(line) for line in open("book.txt")]
vocabulary = Vocabulary(count_words(sentences), min_count=5)
vocabulary.encode(sentences[0])                          # int32 numbers
TfidfVectorizer().fit_transform(open("book.txt"))        # Sparse (lines, words)
"""

from nn.text.corpus import Corpus
from nn.text.counts import CountVectorizer
from nn.text.korean import jamo, syllables
from nn.text.onehot import OneHot
from nn.text.phrases import Phrases
from nn.text.sparse import Sparse
from nn.text.tfidf import TfidfTransformer, TfidfVectorizer
from nn.text.tokenize import Tokenizer, characters, regex, whitespace, words
from nn.text.vectors import SubwordVectors, WordVectors
from nn.text.vocabulary import Vocabulary, count_words

__all__ = [
    "Corpus",
    "CountVectorizer",
    "OneHot",
    "Phrases",
    "Sparse",
    "SubwordVectors",
    "TfidfTransformer",
    "TfidfVectorizer",
    "Tokenizer",
    "Vocabulary",
    "WordVectors",
    "characters",
    "count_words",
    "jamo",
    "regex",
    "syllables",
    "whitespace",
    "words",
]
