/* Word vectors learned from text: what KG_WORDS draws (words_samples.c) and computes (words_step.c).
 *
 *   kept      tokens of a sentence that subsampling leaves; each is the centre of a window once
 *   window    1 to `window` words to either side (shrink), of which fewer at a sentence's ends
 *   task      some rows of the input table against some columns, rows of the output table or of the inner nodes
 *             of a tree (hierarchical softmax). Every (row, column) is a logistic regression of the dot product:
 *                 loss = all softplus(z) - yes z,   error = yes - all sigmoid(z)
 *             yes: how often it is a positive sample, all: how often it is a sample at all
 *   separate  skip-gram: each row is an input of its own. The rows are the contexts of a window, the columns the
 *             centre and its negatives: a small matrix product (Ji et al., "Parallelizing Word2Vec in Shared and
 *             Distributed Memory", 2016)
 *   together  the input is the mean (or sum) of all rows: the contexts of CBOW with their sub-words, or the centre's
 *             sub-words in FastText's skip-gram, whose columns are the contexts and their negatives
 *
 * A task's updates are all made from the numbers before it: they are -rate times the gradient of its loss. Rows and
 * columns that occur several times count several times.
 *
 * Random numbers are those of splitmix64, counted: draw i under a key is mix(key + (i + 1) GOLDEN), all modulo 2^64.
 * So what is drawn depends neither on chunks nor on threads. u and l: a draw's upper and lower 32 bits.
 *   sentence  key = mix(mix(seed) + (number of the sentence + 1) GOLDEN)
 *   token i   draw i under key: the token is kept if u <= keep[token], its window is 1 + (l window >> 32) wide
 *   negative  draw (p 2 window + q) negative + k under mix(key): the k-th of kept word p for a group of its contexts
 *             that begins with the q-th (CBOW: q = 0). With w = u words >> 32, row w of the alias table (own, other)
 *             gives w if l <= own, else other; without a table it is w. A word is no negative of itself: then there
 *             is one less. */
#ifndef WORDS_H
#define WORDS_H
#include "lanes.h"
#include "parallel.h"

enum { WORDS_AHEAD = 2 /* tasks whose memory is fetched before they are computed */, WORDS_TASKS = 4 };

typedef struct {
  int skipgram, shrink, mean, divide, together;
  int64_t window, negative, shared, dim, words, sentences, longest;
  int64_t input_row, output_row, node_row;      /* distances of rows */
  int64_t most_around, most_rows, most_columns; /* contexts of a centre; rows and columns of a task */
  uint64_t seed;
  int64_t sentence, before, total; /* the first sentence's number; tokens before it, and in all */
  double alpha, min_alpha;
  const int32_t *tokens, *subwords, *points;
  const int64_t *ends, *bags, *paths; /* bags, paths: word w has subwords (points) [w] to [w + 1] */
  const uint32_t *keep, *noise;
  const uint8_t *codes;
  real *inputs, *outputs, *nodes;
} words_job;

typedef struct {
  int64_t rows, columns, pairs;
  real rate;
  real **row, **column;
  real *times;     /* of each row: how often it occurs (separate) */
  real *yes, *all; /* of each column */
} words_task;

typedef struct {
  const words_job *job;
  int64_t sentence, end; /* the next sentence; the last + 1 */
  int64_t length, centre,
      group;    /* of the present one: kept tokens, the next centre, the next of its contexts */
  uint64_t key; /* of its negatives */
  real rate;
  int32_t *kept, *reach, *around; /* reach: how far the window of each goes; around: the contexts of one */
  int64_t trained;                /* kept tokens so far */
} words_stream;

/* Scratch memory of a thread. */
typedef struct {
  real *z, *yes, *all, *hidden, *error;
  double loss;
} words_scratch;

/* The next task of a stream; 0: there is none. Its rows and columns are being fetched into the caches. */
int NAME(words_next)(words_stream *s, words_task *t);

/* Makes the updates of a task and adds up its loss. */
void NAME(words_step)(const words_job *job, const words_task *t, words_scratch *s);

#endif
