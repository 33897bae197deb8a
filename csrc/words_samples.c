/* What a chunk of text is made into: windows, negatives, tasks (words.h says how random numbers are counted). */
#include "words.h"

static const uint64_t GOLDEN = 0x9e3779b97f4a7c15u;

/* Steele, Lea and Flood, "Fast splittable pseudorandom number generators", 2014; constants of D. Stafford. */
INLINE uint64_t mix(uint64_t x) {
  x = (x ^ x >> 30) * 0xbf58476d1ce4e5b9u;
  x = (x ^ x >> 27) * 0x94d049bb133111ebu;
  return x ^ x >> 31;
}
INLINE uint64_t draw(uint64_t key, uint64_t i) { return mix(key + (i + 1) * GOLDEN); }

/* 0 ... n - 1 from 32 random bits. */
INLINE int64_t below(uint64_t bits, int64_t n) { return (int64_t)((bits & 0xffffffffu) * (uint64_t)n >> 32); }

/* A word of the noise: an alias table has, for each word, 2^32 times the probability that it stands for itself, and
 * the word that it stands for otherwise. */
INLINE int64_t noise_word(const words_job *j, uint64_t bits) {
  const int64_t word = below(bits >> 32, j->words);
  if (!j->noise) return word;
  const int64_t own = j->noise[2 * word], other = j->noise[2 * word + 1];
  return word ^ ((word ^ other) & -(int64_t)((uint32_t)bits > own)); /* no branch: it could not be foreseen */
}

/* Subsamples the next sentence of which two words are left, for a lone word has no contexts; 0 at the end. */
static int begin_sentence(words_stream *s) {
  const words_job *j = s->job;
  for (s->length = 0; s->sentence < s->end && s->length < 2; s->sentence++) {
    const int64_t from = s->sentence ? j->ends[s->sentence - 1] : 0, n = j->ends[s->sentence] - from;
    const uint64_t key = mix(mix(j->seed) + (uint64_t)(j->sentence + s->sentence + 1) * GOLDEN);
    const double done = (double)(j->before + from) / (double)j->total;
    const double rate = j->alpha + (j->min_alpha - j->alpha) * done;
    s->rate = (real)(done < 1 ? rate : j->min_alpha);
    s->key = mix(key), s->centre = s->group = s->length = 0;
    for (int64_t i = 0; i < n; i++) {
      const uint64_t bits = draw(key, (uint64_t)i);
      const int32_t token = j->tokens[from + i];
      s->kept[s->length] = token;
      s->reach[s->length] = (int32_t)(j->shrink ? below(bits, j->window) + 1 : j->window);
      s->length += !j->keep || (uint32_t)(bits >> 32) <= j->keep[token];
    }
    s->trained += s->length;
  }
  if (s->length < 2) s->length = 0;
  return s->length > 0;
}

/* The place of a row among a task's columns: the one it has, or a new one. */
INLINE int64_t column_of(words_task *t, int64_t first, real *row) {
  for (int64_t k = first; k < t->columns; k++)
    if (t->column[k] == row) return k;
  t->column[t->columns] = row, t->yes[t->columns] = t->all[t->columns] = 0;
  return t->columns++;
}

/* Words to be predicted as one group: with the same negatives, but none of itself. */
static void add_targets(const words_job *j, words_task *t, const int32_t *targets, int64_t count,
                        uint64_t key, uint64_t number) {
  for (int64_t i = 0; i < count && j->negative; i++) {
    const int64_t k = column_of(t, 0, j->outputs + targets[i] * j->output_row);
    t->yes[k] += 1, t->all[k] += 1;
  }
  for (int64_t n = 0; n < j->negative; n++) {
    const int64_t word = noise_word(j, draw(key, number * (uint64_t)j->negative + (uint64_t)n));
    int64_t others = targets[0] != word;
    for (int64_t i = 1; i < count; i++) others += targets[i] != word;
    if (others) t->all[column_of(t, 0, j->outputs + word * j->output_row)] += (real)others;
  }
  for (int64_t i = 0; i < count && j->nodes; i++)
    for (int64_t p = j->paths[targets[i]]; p < j->paths[targets[i] + 1]; p++) {
      const int64_t k = column_of(t, 0, j->nodes + j->points[p] * j->node_row);
      t->yes[k] += (real)(1 - j->codes[p]), t->all[k] += 1;
    }
}

/* The rows of a word's input. */
INLINE void add_rows(const words_job *j, words_task *t, int32_t word) {
  if (j->bags)
    for (int64_t i = j->bags[word]; i < j->bags[word + 1]; i++)
      t->row[t->rows++] = j->inputs + j->subwords[i] * j->input_row;
  else t->row[t->rows++] = j->inputs + word * j->input_row;
}

INLINE void add_row_once(const words_job *j, words_task *t, int32_t word) {
  real *row = j->inputs + word * j->input_row;
  for (int64_t i = 0; i < t->rows; i++)
    if (t->row[i] == row) {
      t->times[i] += 1;
      return;
    }
  t->row[t->rows] = row, t->times[t->rows++] = 1;
}

INLINE void fetch(real *const *rows, int64_t count, int64_t dim) {
  enum { LINE = 64 / sizeof(real) };
  for (int64_t i = 0; i < count; i++)
    for (int64_t v = 0; v < dim; v += LINE) __builtin_prefetch(rows[i] + v, 1, 3);
}

/* The rows of the words that windows will reach from now on; those that they have reached are in a cache. */
static void fetch_contexts(const words_stream *s) {
  const words_job *j = s->job;
  const int64_t p = s->centre, last = p + j->window < s->length ? p + j->window : s->length - 1;
  for (int64_t i = p ? p + j->window : 0; i <= last; i++) {
    const int32_t word = s->kept[i];
    real *row = j->inputs + word * j->input_row;
    if (!j->bags) fetch(&row, 1, j->dim);
    else
      for (int64_t k = j->bags[word]; k < j->bags[word + 1]; k++) {
        row = j->inputs + j->subwords[k] * j->input_row;
        fetch(&row, 1, j->dim);
      }
  }
}

int NAME(words_next)(words_stream *s, words_task *t) {
  const words_job *j = s->job;
  while (s->centre >= s->length)
    if (!begin_sentence(s)) return 0;
  const int64_t p = s->centre, reach = s->reach[p];
  const int64_t from = p < reach ? 0 : p - reach, to = p + reach < s->length ? p + reach : s->length - 1;
  const int64_t contexts = to - from, group = s->group;
  const uint64_t number = (uint64_t)p * 2 * (uint64_t)j->window;
  const int64_t shared = j->shared && j->shared < contexts ? j->shared : contexts;
  int32_t *const around = s->around;
  for (int64_t i = 0; i < contexts; i++) around[i] = s->kept[from + i + (from + i >= p)];
  t->rows = t->columns = t->pairs = 0, t->rate = s->rate;
  if (!group && !(j->skipgram && j->together)) fetch_contexts(s);
  s->centre++;
  if (!j->skipgram) {
    for (int64_t i = 0; i < contexts; i++) add_rows(j, t, around[i]);
    add_targets(j, t, &s->kept[p], 1, s->key, number);
    t->pairs = 1;
  } else if (j->together) {
    add_rows(j, t, s->kept[p]);
    fetch(t->row, t->rows, j->dim);
    for (int64_t q = 0; q < contexts; q += shared)
      add_targets(j, t, around + q, contexts - q < shared ? contexts - q : shared, s->key,
                  number + (uint64_t)q);
    t->pairs = contexts;
  } else {
    const int64_t stop = group + shared < contexts ? group + shared : contexts;
    for (int64_t i = group; i < stop; i++) add_row_once(j, t, around[i]);
    add_targets(j, t, &s->kept[p], 1, s->key, number + (uint64_t)group);
    t->pairs = stop - group;
    s->group = stop < contexts ? stop : 0;
    s->centre -= stop < contexts;
  }
  fetch(t->column, t->columns, j->dim);
  return 1;
}
