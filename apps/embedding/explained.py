"""What the commands say of themselves."""

from __future__ import annotations

ONEHOT = """From words to numbers, with all the numbers: team names as rows of 0 and 1, why
these know nothing of likeness, how a product with one takes a row out of a
matrix, and how such rows become meaningful. CBOW is shown on a sentence with a
hole, "철수는 ___를 구매했다", skip-gram on a word with its context, "도서".

The two are trained on Korean Wikipedia (kowiki/) or NSMC's film reviews
(nsmc/) where one of them is in the data folder; else on a hundred sentences
made for the purpose, and the text says so.
"""

TFIDF = """Texts as weighted counts of their words, with all the numbers: counts, in how
many texts a word stands, and the weight that follows from both. Particles such
as 은, 는, 이, 가 stand everywhere and get small weights. Where Korean
Wikipedia (kowiki/) or NSMC's film reviews (nsmc/) are in the data folder, the
weights there are shown too.
"""

TRAIN = """Learn word vectors from a text.

models:                                          defaults; of tiny Shakespeare
  cbow      the words around tell the one        dim 100, window 5, negative 5,
            between                              epochs 5; 25
  skipgram  a word tells those around it         the same; epochs 20
  fasttext  skip-gram over pieces of words:      the same, minn 3, maxn 6,
            words never seen have vectors too    bucket 2000000; epochs 10,
                                                 bucket 50000
  glove     from counts of which words stand     dim 100, window 15, epochs 25,
            together                             x-max 100; x-max 10

tokenizers:
  words         letters, in lower case; punctuation and digits are left out
  whitespace    what stands between white space, as it is
  characters    each letter
  syllables     each Hangul syllable
  particles     Korean: 도서를 is 도서 and 를
  jamo          as words; fasttext then cuts syllables into their letters
                (Park et al. 2018)

formats, by the ending of FILE:
  .vec .txt     word2vec's and fastText's text
  .bin          word2vec's binary; of fasttext fastText's, with sub-words
  .glove        GloVe's text
  .safetensors  all there is, sub-words and counts too
  .gz .xz .bz2  behind the ending of the others: packed

Ctrl-C saves; the same command with --resume goes on, with --workers 1 to the
same result bit by bit.
"""

TRAIN_EXAMPLES = """train
train --model fasttext --output runs/words.bin
train --corpus a.txt.xz b.txt --output words.vec
train --corpus ko.txt --tokenizer particles
train --resume --output words.vec"""

TRAIN_END = """

the last line is: N words/s, loss L, V words, FILE
words/s: those in the vocabulary, over the seconds of the epochs (reading and
counting the text before the first is not in it); loss: the mean over the last
epoch."""

SIMILAR = """The words nearest to each word given, by the cosine of the angle between their
vectors. Vectors with sub-words (fastText's .bin, safetensors) also answer for
words never seen.
"""
SIMILAR_EXAMPLES = """similar runs/embedding-cbow.safetensors king father
similar words.vec 도서 --top 5"""

ANALOGY = """A is to B as C is to which word? The one whose vector is nearest to B - A + C.
"""
ANALOGY_EXAMPLES = """analogy words.vec man king woman
analogy words.vec Paris France Rome --multiply"""

EVALUATE = """How good vectors are.

--pairs      files of two words and a score by people a line: Spearman's
             correlation with the cosines, and for how many pairs both words
             have vectors (a score of few pairs says little)
--analogies  a file of four words a line in sections ": name": how many are
             solved, by section, in all semantic ones, in all syntactic ones
             (sections named gram... or syn...), and in all
"""
EVALUATE_EXAMPLES = """evaluate words.vec --pairs ws353.tsv men.txt
evaluate words.vec --analogies questions-words.txt"""

PLOT = """Maps of words in two dimensions: pca.png, tsne.png, and map.html, a page with
both maps in which words can be searched and their neighbours seen. It is one
file that needs no server and no network.

PCA keeps the two directions in which the vectors differ most; t-SNE (van der
Maaten and Hinton 2008; here on this repository's own engine) keeps neighbours
together, and says nothing by large distances. 600 words take seconds, 5000
minutes.
"""
PLOT_EXAMPLES = """plot runs/embedding-cbow.safetensors
plot words.vec king father sword --output pictures"""

CONVERT = """Read vectors of any format (recognised by content) and write them in the one
that OUT's ending picks: .vec or .txt word2vec's text, .bin fastText's binary
if there are sub-words and else word2vec's, .glove, or .safetensors; .gz, .xz
or .bz2 behind it packs. What the new format can't hold is said.
"""
CONVERT_EXAMPLES = """convert model.bin model.vec
convert model.bin model.w2v --to word2vec-binary
convert glove.6B.100d.txt g.vec --limit 50000"""
