/* KG_LABELS: texts learn their labels, by the mean of their rows and a softmax (Joulin, Grave, Bojanowski and Mikolov,
 * "Bag of Tricks for Efficient Text Classification", 2017), in place.
 *
 *   features  of every word of a line, and of the word `end` behind them, the rows bags names; and where ngrams > 1,
 *             of each 2 to ngrams words in a row the row  first + h mod bucket,  h = (.. h1 M + h2) M + ..
 *   label     of a line's labels (tokens from `words` on) the one numbered `turn` modulo their count. A line
 *             without any is left out
 *   step      h = mean of the n rows x_i         p = softmax of h . w_k         loss = -log p_label
 *             e_k = rate ([k = label] - p_k)     w_k += e_k h                   x_i += sum of e_k w_k / n
 *             all from the numbers before; rows that occur several times count several times
 *   rate      alpha (1 - tokens before the line / total), not below 0
 *
 * Cost      a row is read and written once, at random places of a table that is far larger than the caches: memory
 *           bounds it. So a text's features are found, and their rows fetched, AHEAD of its step.
 * Rows      `dim` numbers, rows any distance apart, any alignment; nothing behind them is touched. The tables must
 *           not overlap.
 * Threads   take parts of the chunk, cut at lines, and write the same tables without locks, as csrc/words.c does. One
 *           thread is exact: the tables become the same bits however text is cut into chunks. */
#include "lanes.h"
#include "parallel.h"

enum { GRAIN = 2000 /* tokens */, LINE = 64 /* bytes */, AHEAD = 2 /* texts */, TEXTS = AHEAD + 1 };
enum { WIDE = 4 /* vectors of a tile */, RESULTS = 2 };

static const uint64_t MIX = 116049371;

typedef struct {
  const int32_t *tokens, *members, *hashes;
  const int64_t *ends, *starts;
  real *inputs, *outputs;
  int64_t lines, words, labels, dim, input_rows, input_row, output_row;
  int64_t ngrams, bucket, first, end;
  int64_t most_words, most_rows; /* of a line, its end included */
  int64_t turn, before, total;
  double alpha;
  char *workspace;
  int64_t bytes; /* of a thread's workspace */
  double results[KG_MAX_THREADS][RESULTS];
} labels_job;

typedef struct {
  int64_t rows, label;
  real rate;
  int32_t *row;
} text;

typedef struct {
  text texts[TEXTS];
  int32_t *hashes; /* of a line's words */
  real *hidden, *errors;
} scratch;

INLINE real *input(const labels_job *j, int32_t row) { return j->inputs + row * j->input_row; }
INLINE real *output(const labels_job *j, int64_t label) { return j->outputs + label * j->output_row; }

/* TILE(v, wide, n, full) for the vectors of a row: WIDE whole ones, one, and what is left. */
#define ALONG(dim, TILE)                                                    \
  do {                                                                      \
    int64_t v_ = 0;                                                         \
    for (; v_ + WIDE * VL <= (dim); v_ += WIDE * VL) TILE(v_, WIDE, VL, 1); \
    for (; v_ + VL <= (dim); v_ += VL) TILE(v_, 1, VL, 1);                  \
    if (v_ < (dim)) TILE(v_, 1, (dim)-v_, 0);                               \
  } while (0)
#define EACH _Pragma("GCC unroll 4") for (int k = 0; k < wide; k++)

/* Features ------------------------------------------------------------------------------------------ */

INLINE void add(const labels_job *j, text *t, int32_t row) {
  t->row[t->rows++] = row;
  const char *from = (const char *)input(j, row), *end = from + j->dim * (int64_t)sizeof(real);
  for (; from < end; from += LINE) __builtin_prefetch(from, 1);
}

INLINE void add_word(const labels_job *j, text *t, int64_t word) {
  for (int64_t i = j->starts[word]; i < j->starts[word + 1]; i++) add(j, t, j->members[i]);
}

/* The features of a line; 0: it has no label. */
static int find(const labels_job *j, int64_t line, scratch *s, text *t) {
  const int64_t begin = line ? j->ends[line - 1] : 0, end = j->ends[line];
  int64_t labels = 0, words = 0;
  for (int64_t i = begin; i < end; i++) labels += j->tokens[i] >= j->words;
  if (!labels) return 0;
  t->rows = 0;
  for (int64_t i = begin, left = j->turn % labels; i < end; i++) {
    const int64_t token = j->tokens[i];
    if (token < j->words) {
      add_word(j, t, token);
      if (j->hashes) s->hashes[words++] = j->hashes[token];
    } else if (left-- == 0) t->label = token - j->words;
  }
  add_word(j, t, j->end);
  if (j->hashes) s->hashes[words++] = j->hashes[j->end];
  for (int64_t i = 0; i < words; i++) {
    uint64_t h = (uint64_t)(int64_t)s->hashes[i];
    for (int64_t k = i + 1; k < words && k < i + j->ngrams; k++) {
      h = h * MIX + (uint64_t)(int64_t)s->hashes[k];
      add(j, t, (int32_t)(j->first + (int64_t)(h % (uint64_t)j->bucket)));
    }
  }
  const double left = 1 - (double)(j->before + begin) / (double)j->total;
  t->rate = (real)(j->alpha * (left > 0 ? left : 0));
  return 1;
}

/* Arithmetic ---------------------------------------------------------------------------------------- */

INLINE void mean_tile(const labels_job *j, const text *t, real *hidden, int64_t v, int wide, int64_t n,
                      int full) {
  vec a[WIDE], b[WIDE];
  int64_t i = 0;
  EACH a[k] = b[k] = splat(0);
  for (; i + 2 <= t->rows; i += 2) {
    const real *x = input(j, t->row[i]) + v, *y = input(j, t->row[i + 1]) + v;
    EACH a[k] += load_part(x + k * VL, n, full), b[k] += load_part(y + k * VL, n, full);
  }
  if (i < t->rows) EACH a[k] += load_part(input(j, t->row[i]) + v + k * VL, n, full);
  EACH store(hidden + v + k * VL, (a[k] + b[k]) / (real)t->rows);
}

INLINE real product(const real *hidden, const real *w, int64_t dim) {
  vec a = {0}, b = {0};
  int64_t v = 0;
  for (; v + 2 * VL <= dim; v += 2 * VL) {
    a += load(hidden + v) * load(w + v);
    b += load(hidden + v + VL) * load(w + v + VL);
  }
  for (; v < dim; v += VL) a += load(hidden + v) * load_filled(w + v, dim - v, 0);
  return sum_of_lanes(a + b);
}

/* Scores become rate (softmax - wanted), negated; the loss. There is room for whole vectors. */
static double softmax_errors(real *z, int64_t labels, int64_t label, real rate) {
  vec top = splat(-(real)INFINITY), sum = {0};
  for (int64_t k = 0; k < labels; k += VL)
    top = greater_of(top, load_filled(z + k, labels - k, -(real)INFINITY));
  const real most = maximum_of_lanes(top), score = z[label] - most;
  for (int64_t k = 0; k < labels; k += VL) {
    const vec power = exp_v(load_filled(z + k, labels - k, -(real)INFINITY) - most);
    sum += labels - k >= VL ? power : choose(first_lanes(labels - k), power, splat(0));
    store(z + k, power);
  }
  const real total = sum_of_lanes(sum), scale = -rate / total;
  for (int64_t k = 0; k < labels; k += VL) store(z + k, load(z + k) * scale);
  z[label] += rate;
  return (double)log_v(splat(total))[0] - (double)score;
}

INLINE void update_tile(const labels_job *j, const text *t, const scratch *s, int64_t v, int wide, int64_t n,
                        int full) {
  vec h[WIDE], change[WIDE];
  EACH h[k] = load(s->hidden + v + k * VL), change[k] = splat(0);
  for (int64_t label = 0; label < j->labels; label++) {
    real *w = output(j, label) + v;
    const vec error = splat(s->errors[label]);
    EACH {
      const vec old = load_part(w + k * VL, n, full);
      change[k] += error * old;
      store_part(w + k * VL, old + error * h[k], n, full);
    }
  }
  EACH change[k] /= (real)t->rows;
  for (int64_t i = 0; i < t->rows; i++) {
    real *x = input(j, t->row[i]) + v;
    EACH store_part(x + k * VL, load_part(x + k * VL, n, full) + change[k], n, full);
  }
}

static double step(const labels_job *j, const text *t, scratch *s) {
#define TILE(v, wide, n, full) mean_tile(j, t, s->hidden, v, wide, n, full)
  ALONG(j->dim, TILE);
#undef TILE
  for (int64_t label = 0; label < j->labels; label++)
    s->errors[label] = product(s->hidden, output(j, label), j->dim);
  const double loss = softmax_errors(s->errors, j->labels, t->label, t->rate);
#define TILE(v, wide, n, full) update_tile(j, t, s, v, wide, n, full)
  ALONG(j->dim, TILE);
#undef TILE
  return loss;
}

/* Threads ------------------------------------------------------------------------------------------- */

/* The scratch memory of a thread, laid out from *at, which moves behind it. */
static void *take(char **at, int64_t bytes) {
  void *p = *at;
  *at += (bytes + LINE - 1) & ~(int64_t)(LINE - 1);
  return p;
}

static scratch lay_out(const labels_job *j, char **at) {
  scratch s;
  for (int i = 0; i < TEXTS; i++) s.texts[i].row = take(at, j->most_rows * (int64_t)sizeof(int32_t));
  s.hashes = take(at, j->most_words * (int64_t)sizeof(int32_t));
  s.hidden = take(at, whole_vectors(j->dim) * (int64_t)sizeof(real));
  s.errors = take(at, whole_vectors(j->labels) * (int64_t)sizeof(real));
  return s;
}

static int64_t thread_bytes(const labels_job *j) {
  char *end = 0;
  lay_out(j, &end);
  return (int64_t)(uintptr_t)end;
}

/* The first line that begins at this token or behind it. */
static int64_t line_at(const labels_job *j, int64_t token) {
  int64_t low = 0, high = j->lines;
  while (low < high) {
    const int64_t middle = (low + high) / 2;
    if ((middle ? j->ends[middle - 1] : 0) < token) low = middle + 1;
    else high = middle;
  }
  return low;
}

static void train(void *context, int64_t begin, int64_t end, int worker) {
  labels_job *j = context;
  int64_t line = begin ? line_at(j, begin) : 0, found = 0, done = 0;
  const int64_t last = end < j->ends[j->lines - 1] ? line_at(j, end) : j->lines;
  char *at = j->workspace + worker * j->bytes;
  scratch s = lay_out(j, &at);
  double loss = 0;
  while (line < last || done < found) {
    if (line < last) found += find(j, line++, &s, &s.texts[found % TEXTS]);
    if (found - done > (line < last ? AHEAD : 0)) loss += step(j, &s.texts[done++ % TEXTS], &s);
  }
  j->results[worker][0] = loss, j->results[worker][1] = (double)done;
}

static labels_job job_of(const kg_instruction *in) {
  const int64_t *n = in->sizes;
  return (labels_job){.tokens = in->args[0],
                      .ends = in->args[1],
                      .starts = in->args[2],
                      .members = in->args[3],
                      .hashes = in->args[4],
                      .inputs = in->args[5],
                      .outputs = in->args[6],
                      .lines = n[0],
                      .words = n[1],
                      .labels = n[2],
                      .dim = n[3],
                      .input_rows = n[4],
                      .input_row = n[5],
                      .output_row = n[6],
                      .ngrams = n[7],
                      .bucket = n[8],
                      .first = n[9],
                      .end = n[10],
                      .most_words = n[11],
                      .most_rows = n[12],
                      .turn = n[13],
                      .before = n[14],
                      .total = n[15],
                      .alpha = in->values[0],
                      .workspace = in->workspace};
}

int64_t NAME(labels_workspace)(const kg_instruction *in) {
  const labels_job j = job_of(in);
  return kg_get_threads() * thread_bytes(&j);
}

/* Features of `words` words in a row: how many n-grams they make. */
static int64_t ngrams_of(const labels_job *j, int64_t words) {
  int64_t count = 0;
  for (int64_t n = 2; n <= j->ngrams && n <= words; n++) count += words - n + 1;
  return count;
}

static int refuse(const labels_job *j) {
  if (j->words < 1 || j->labels < 1 || j->dim < 1 || j->total < 1 || j->turn < 0 || j->before < 0 ||
      !(j->alpha >= 0 && j->alpha < INFINITY) || (j->hashes && (j->bucket < 1 || j->ngrams < 1)))
    return KG_BAD_ARGUMENT;
  if (j->end < 0 || j->end >= j->words) return KG_BAD_INDEX;
  if (j->hashes && (j->first < 0 || j->first + j->bucket > j->input_rows)) return KG_BAD_INDEX;
  int wrong = 0;
  for (int64_t i = j->starts[0]; i < j->starts[j->words]; i++)
    wrong |= (uint32_t)j->members[i] >= (uint64_t)j->input_rows;
  for (int64_t line = 0, i = 0; line < j->lines; line++) {
    int64_t words = 1, rows = j->starts[j->end + 1] - j->starts[j->end];
    if (j->ends[line] < i) return KG_BAD_ARGUMENT;
    for (; i < j->ends[line]; i++) {
      const int64_t token = j->tokens[i];
      if (token < 0 || token >= j->words + j->labels) return KG_BAD_INDEX;
      if (token < j->words) words++, rows += j->starts[token + 1] - j->starts[token];
    }
    if (j->hashes) rows += ngrams_of(j, words);
    if (words > j->most_words || rows > j->most_rows || rows < 1) return KG_BAD_ARGUMENT;
  }
  return wrong ? KG_BAD_INDEX : KG_OK;
}

int NAME(labels)(const kg_instruction *in) {
  labels_job j = job_of(in);
  double *out = in->args[7];
  const int error = refuse(&j);
  if (error) return error;
  j.bytes = thread_bytes(&j);
  if (j.lines) kg_parallel(train, &j, j.ends[j.lines - 1], GRAIN);
  for (int i = 0; i < RESULTS; i++) {
    out[i] = 0;
    for (int k = 0; k < KG_MAX_THREADS; k++) out[i] += j.results[k][i];
  }
  return KG_OK;
}
