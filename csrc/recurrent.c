/* KG_RECURRENT: one layer of a recurrent network in one direction, over a whole sequence (recurrent.h).
 *
 * Panels are the outer loop of a step and rows the inner one: a panel stays in L1 while the rows pass. The states
 * before a step are read where they were written, as rows of y. The cell states of lstm live in last_c. */
#include "recurrent.h"

typedef struct {
  sequence s;
  const real *a, *weight, *bias, *h, *c;
  real *y, *last, *last_c, *gates, *cells;
  int64_t workers;
} job;

/* n units u ... of a row; sums: the products of their gates (lstm i, f, g, o). `full`: n is VL. */
typedef struct {
  const real *a, *bias, *before; /* at the unit of the first gate; before: the state that it had */
  real *y, *gates, *cell, *kept; /* kept: the cell state for later, or NULL */
  int64_t h, n;
} unit;

/* In two rounds, so that the chains of several rows overlap: the cell states, which take the place of the first
 * sums, and then h. */
INLINE void lstm_cells(const unit *x, vec *sums, int full) {
#define BEFORE(g)                                     \
  (sums[g] + load_part(x->a + g * x->h, x->n, full) + \
   (x->bias ? load_part(x->bias + g * x->h, x->n, full) : (vec){0}))
  const vec i = sigmoid_v(BEFORE(0)), f = sigmoid_v(BEFORE(1)), g = tanh_v(BEFORE(2)),
            o = sigmoid_v(BEFORE(3));
#undef BEFORE
  const vec c = f * load_part(x->cell, x->n, full) + i * g;
  sums[0] = c, sums[1] = o;
  store_part(x->cell, c, x->n, full);
  if (x->kept) store_part(x->kept, c, x->n, full);
  if (!x->gates) return;
  store_part(x->gates, i, x->n, full), store_part(x->gates + x->h, f, x->n, full);
  store_part(x->gates + 2 * x->h, g, x->n, full), store_part(x->gates + 3 * x->h, o, x->n, full);
}

INLINE void gru_unit(const unit *x, const vec *sums, int full) {
  const real *bias = x->bias;
  vec r = sums[0], z = sums[1], product = sums[2];
  if (bias) {
    r += load_part(bias, x->n, full), z += load_part(bias + x->h, x->n, full);
    product += load_part(bias + 2 * x->h, x->n, full);
  }
  r = sigmoid_v(r + load_part(x->a, x->n, full)), z = sigmoid_v(z + load_part(x->a + x->h, x->n, full));
  const vec n = tanh_v(load_part(x->a + 2 * x->h, x->n, full) + r * product);
  store_part(x->y, n + z * (load_part(x->before, x->n, full) - n), x->n, full);
  if (!x->gates) return;
  store_part(x->gates, r, x->n, full), store_part(x->gates + x->h, z, x->n, full);
  store_part(x->gates + 2 * x->h, n, x->n, full), store_part(x->gates + 3 * x->h, product, x->n, full);
}

INLINE void rnn_unit(const unit *x, vec sum, int kind, int full) {
  sum += load_part(x->a, x->n, full);
  if (x->bias) sum += load_part(x->bias, x->n, full);
  store_part(x->y, kind == RNN_TANH ? tanh_v(sum) : (vec)((mask)sum & ~(sum < 0)), x->n, full);
}

/* Units u ... of sequence r, whose row of this step is `row`. */
INLINE void finish_row(const job *j, int kind, int64_t row, int64_t r, int64_t u, const real *before,
                       vec *sums, int full) {
  const int64_t h = j->s.hidden;
  unit x = {.a = j->a + row * gates_of(kind) * h + u,
            .bias = j->bias ? j->bias + u : 0,
            .before = before + u,
            .y = j->y + row * h + u,
            .h = h,
            .n = h - u};
  if (kind >= GRU) x.gates = j->gates ? j->gates + row * 4 * h + u : 0;
  if (kind == LSTM) {
    x.cell = j->last_c + r * h + u, x.kept = j->cells ? j->cells + row * h + u : 0;
    lstm_cells(&x, sums, full);
  } else if (kind == GRU) gru_unit(&x, sums, full);
  else rnn_unit(&x, sums[0], kind, full);
}

/* Fetch what finish_row() reads and writes while the product runs: L3 has it, far from the order of memory. */
INLINE void fetch_row(const job *j, int kind, int64_t row, int64_t u) {
  const int64_t h = j->s.hidden, gates = gates_of(kind);
  for (int64_t g = 0; g < gates; g++) __builtin_prefetch(j->a + (row * gates + g) * h + u, 0, 3);
  if (j->gates && kind >= GRU)
    for (int64_t g = 0; g < 4; g++) __builtin_prefetch(j->gates + (row * 4 + g) * h + u, 1, 3);
  if (j->cells && kind == LSTM) __builtin_prefetch(j->cells + row * h + u, 1, 3);
  __builtin_prefetch(j->y + row * h + u, 1, 3);
}

/* Sequences [begin, end) at step t, whose states before lie in one matrix. */
INLINE void rows_of_step(const job *j, int kind, int64_t t, int64_t begin, int64_t end) {
  const sequence *s = &j->s;
  const int64_t h = s->hidden, vectors = kind >= GRU ? gates_of(kind) : s->vectors,
                width = kind >= GRU ? VL : vectors * VL;
  const int64_t n = end - begin, tiles = (n + most_rows(vectors) - 1) / most_rows(vectors);
  const int64_t first = start_of(s, t) + begin;
  const lines before = states_before(s, t, begin, j->y, j->h);
  const real *panel = s->packed;
  vec sums[MOST_SUMS];
  for (int64_t u = 0; u < h; u += width, panel += h * vectors * VL)
    for (int64_t q = 0; q < tiles; q++) {
      const int64_t from = n * q / tiles, rows = n * (q + 1) / tiles - from;
      for (int64_t i = 0; i < rows; i++) fetch_row(j, kind, first + from + i, u);
      NAME(tile_of)(vectors, rows)(h, (lines){line(before, from), before.stride}, panel, sums);
      for (int64_t i = 0; i < rows; i++)
        for (int64_t v = 0; v < (kind >= GRU ? 1 : vectors); v++) {
          const int64_t at = u + v * VL;
          vec *mine = sums + i * vectors + v;
          if (at + VL <= h)
            finish_row(j, kind, first + from + i, begin + from + i, at, line(before, from + i), mine, 1);
          else if (at < h)
            finish_row(j, kind, first + from + i, begin + from + i, at, line(before, from + i), mine, 0);
        }
      for (int64_t i = 0; i < rows && kind == LSTM; i++)
        store_first(j->y + (first + from + i) * h + u, sums[4 * i + 1] * tanh_v(sums[4 * i]), h - u);
    }
}

INLINE void sequences(const job *j, int kind, int64_t begin, int64_t end) {
  const sequence *s = &j->s;
  const int64_t h = s->hidden;
  if (kind == LSTM && j->c != j->last_c)
    for (int64_t r = begin; r < end; r++)
      memcpy(j->last_c + r * h, j->c ? j->c + r * h : s->zeros, (size_t)h * sizeof(real));
  for (int64_t i = 0; i < s->steps; i++) {
    const int64_t t = s->reverse ? s->steps - 1 - i : i;
    const int64_t last = lesser(end, size_of(s, t)),
                  old = s->reverse ? lesser(last, size_of(s, t + 1)) : last;
    if (old > begin) rows_of_step(j, kind, t, begin, old);
    if (last > (old > begin ? old : begin)) rows_of_step(j, kind, t, old > begin ? old : begin, last);
  }
  for (int64_t r = begin, t = s->steps - 1; r < end; r++) {
    while (size_of(s, t) <= r) t--; /* its last step */
    memcpy(j->last + r * h, j->y + (start_of(s, s->reverse ? 0 : t) + r) * h, (size_t)h * sizeof(real));
  }
}

static void work(void *context, int64_t begin, int64_t end, int worker) {
  const job *j = context;
  (void)worker;
  begin = NAME(first_sequence)(&j->s, begin, j->workers), end = NAME(first_sequence)(&j->s, end, j->workers);
  if (begin == end) return;
  switch (j->s.kind) {
    case RNN_TANH: sequences(j, RNN_TANH, begin, end); break;
    case RNN_RELU: sequences(j, RNN_RELU, begin, end); break;
    case GRU: sequences(j, GRU, begin, end); break;
    default: sequences(j, LSTM, begin, end);
  }
}

static int64_t packed_reals(const sequence *s) { return s->panels * s->vectors * VL * s->hidden; }

int64_t NAME(recurrent_workspace)(const kg_instruction *in) {
  const sequence s = NAME(sequence_of)(in->sizes, 0, 0);
  return (packed_reals(&s) + s.hidden) * (int64_t)sizeof(real);
}

int NAME(recurrent)(const kg_instruction *in) {
  job j = {.s = NAME(sequence_of)(in->sizes, in->args[10], 0),
           .a = in->args[0],
           .weight = in->args[1],
           .bias = in->args[2],
           .h = in->args[3],
           .c = in->args[4],
           .y = in->args[5],
           .last = in->args[6],
           .last_c = in->args[7],
           .gates = in->args[8],
           .cells = in->args[9]};
  if (j.s.kind < 0 || j.s.kind >= KINDS) return KG_BAD_ARGUMENT;
  real *zeros = (real *)in->workspace + packed_reals(&j.s);
  memset(zeros, 0, (size_t)j.s.hidden * sizeof(real));
  j.s.packed = in->workspace, j.s.zeros = zeros;
  NAME(pack_gates)(&j.s, j.weight);
  j.workers = NAME(workers)(&j.s);
  kg_parallel(work, &j, j.workers, 1);
  return KG_OK;
}
