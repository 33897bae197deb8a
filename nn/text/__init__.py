"""Words become numbers: tokenizers and vocabularies.

from nn.text import Vocabulary, count_words, words

sentences = [words(line) for line in open("book.txt")]
vocabulary = Vocabulary(count_words(sentences), min_count=5)
vocabulary.encode(sentences[0])        # int32 numbers
"""

from nn.text.korean import jamo, syllables
from nn.text.tokenize import Tokenizer, characters, regex, whitespace, words
from nn.text.vocabulary import Vocabulary, count_words

__all__ = [
    "Tokenizer",
    "Vocabulary",
    "characters",
    "count_words",
    "jamo",
    "regex",
    "syllables",
    "whitespace",
    "words",
]
