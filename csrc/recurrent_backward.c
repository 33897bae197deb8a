/* KG_RECURRENT_BACKWARD: the gradients of KG_RECURRENT (recurrent.h).
 *
 * From the last step that was computed to the first: what a state hands back is the product of the gates' gradients
 * at the step behind it with the weight, in panels of units; a tile's units go on to their gates' gradients at
 * once. The gradient of the weight is one product over all rows at the end.
 *
 *   d        (rows, G H) the gradient of a
 *   hidden   (rows, G H) that of W h + b: d itself, but for gru, whose reset gate multiplies the last third
 *   carry    (N, H) gru: what goes back beside the product; lstm: the gradient of the cell state (dc) */
#include "recurrent.h"

int NAME(gemm)(const kg_instruction *in);
int64_t NAME(gemm_workspace)(const kg_instruction *in);
int NAME(reduce)(const kg_instruction *in);
int64_t NAME(reduce_workspace)(const kg_instruction *in);

typedef struct {
  sequence s;
  const real *weight, *h, *c, *y, *gates, *cells, *gy, *glast, *glast_c;
  real *d, *dw, *db, *dh, *dc, *hidden, *carry;
  int64_t workers;
  real *before; /* packed: the states before each row */
} job;

/* n units from u on of sequence r. g: the gradient of their states so far; before, cell_before: what they were
 * before this step; over: no later step hands anything back. */
INLINE void back_unit(const job *j, int kind, int64_t row, int64_t r, int64_t u, vec g, const real *before,
                      int over, int full) {
  const int64_t h = j->s.hidden, n = h - u, at = row * h + u, gate = row * gates_of(kind) * h + u;
  real *d = j->d + gate;
  if (over) g = j->glast ? load_part(j->glast + r * h + u, n, full) : (vec){0};
  else if (kind == GRU) g += load_part(j->carry + r * h + u, n, full);
  if (j->gy) g += load_part(j->gy + at, n, full);
  if (kind == RNN_TANH) {
    const vec y = load_part(j->y + at, n, full);
    store_part(d, g * (1 - y * y), n, full);
  } else if (kind == RNN_RELU) {
    const vec y = load_part(j->y + at, n, full);
    store_part(d, (vec)((mask)g & ~(y <= 0)), n, full);
  } else if (kind == GRU) {
    const real *saved = j->gates + row * 4 * h + u;
    real *hidden = j->hidden + gate;
    const vec reset = load_part(saved, n, full), z = load_part(saved + h, n, full),
              new = load_part(saved + 2 * h, n, full);
    const vec d_n = g * (1 - z) * (1 - new *new);
    const vec d_r = d_n * load_part(saved + 3 * h, n, full) * reset * (1 - reset);
    const vec d_z = g * (load_part(before + u, n, full) - new) * z * (1 - z);
    store_part(d, d_r, n, full), store_part(d + h, d_z, n, full), store_part(d + 2 * h, d_n, n, full);
    store_part(hidden, d_r, n, full), store_part(hidden + h, d_z, n, full),
        store_part(hidden + 2 * h, d_n * reset, n, full);
    store_part(j->carry + r * h + u, g * z, n, full);
  } else {
    const real *saved = j->gates + row * 4 * h + u;
    real *carry = j->carry + r * h + u;
    const vec i = load_part(saved, n, full), f = load_part(saved + h, n, full),
              new = load_part(saved + 2 * h, n, full);
    const vec o = load_part(saved + 3 * h, n, full), c = tanh_v(load_part(j->cells + at, n, full));
    const vec g_c = load_part(carry, n, full) + g * o * (1 - c * c);
    store_part(d, g_c * new *i *(1 - i), n, full);
    store_part(d + h, g_c * load_part(before + u, n, full) * f * (1 - f), n, full);
    store_part(d + 2 * h, g_c * i * (1 - new *new), n, full);
    store_part(d + 3 * h, g * c * o * (1 - o), n, full);
    store_part(carry, g_c * f, n, full);
  }
}

INLINE void fetch_row(const job *j, int kind, int64_t row, int64_t u) {
  const int64_t h = j->s.hidden, gates = gates_of(kind);
  for (int64_t v = 0; v < j->s.vectors && u < h; v++, u += VL) {
    for (int64_t g = 0; g < gates; g++) __builtin_prefetch(j->d + (row * gates + g) * h + u, 1, 3);
    if (kind >= GRU)
      for (int64_t g = 0; g < 4; g++) __builtin_prefetch(j->gates + (row * 4 + g) * h + u, 0, 3);
    if (kind == LSTM) __builtin_prefetch(j->cells + row * h + u, 0, 3);
    else __builtin_prefetch(j->y + row * h + u, 0, 3);
    if (j->gy) __builtin_prefetch(j->gy + row * h + u, 0, 3);
  }
}

/* Sequences [begin, end) at step t: those that went on behind it, or (over) those that did not. */
INLINE void rows_of_step(const job *j, int kind, int64_t t, int64_t begin, int64_t end, int over) {
  const sequence *s = &j->s;
  const int64_t h = s->hidden, depth = gates_of(kind) * h, vectors = s->vectors, most = most_rows(vectors);
  const int64_t n = end - begin, tiles = (n + most - 1) / most, first = start_of(s, t) + begin;
  const real *behind = over ? 0 : j->hidden + (start_of(s, s->reverse ? t - 1 : t + 1) + begin) * depth;
  const lines before =
      kind == LSTM ? states_before(s, t, begin, j->cells, j->c) : states_before(s, t, begin, j->y, j->h);
  const real *panel = s->packed;
  vec sums[MOST_SUMS] = {{0}};
  for (int64_t u = 0; u < h; u += vectors * VL, panel += depth * vectors * VL)
    for (int64_t q = 0; q < tiles; q++) {
      const int64_t from = n * q / tiles, rows = n * (q + 1) / tiles - from;
      for (int64_t i = 0; i < rows; i++) fetch_row(j, kind, first + from + i, u);
      if (!over) NAME(tile_of)(vectors, rows)(depth, (lines){behind + from * depth, depth}, panel, sums);
      for (int64_t i = 0; i < rows; i++) {
        const int64_t row = first + from + i, r = begin + from + i;
        for (int64_t v = 0; v < vectors; v++) {
          const int64_t at = u + v * VL;
          if (at + VL <= h)
            back_unit(j, kind, row, r, at, sums[i * vectors + v], line(before, from + i), over, 1);
          else if (at < h)
            back_unit(j, kind, row, r, at, sums[i * vectors + v], line(before, from + i), over, 0);
        }
      }
    }
}

/* The gradient of the states that sequences [begin, end), whose first step is t, began with. */
static void first_states(const job *j, int64_t t, int64_t begin, int64_t end) {
  const sequence *s = &j->s;
  const int64_t h = s->hidden, depth = s->gates * h, vectors = s->vectors;
  const real *panel = s->packed;
  vec sums[MOST_SUMS];
  for (int64_t u = 0; u < h; u += vectors * VL, panel += depth * vectors * VL)
    for (int64_t r = begin, rows; r < end; r += rows) {
      rows = lesser(end - r, most_rows(vectors));
      NAME(tile_of)
      (vectors, rows)(depth, (lines){j->hidden + (start_of(s, t) + r) * depth, depth}, panel, sums);
      for (int64_t i = 0; i < rows; i++)
        for (int64_t v = 0, at; v < vectors && (at = u + v * VL) < h; v++) {
          vec g = sums[i * vectors + v];
          if (s->kind == GRU) g += load_filled(j->carry + (r + i) * h + at, h - at, 0);
          store_first(j->dh + (r + i) * h + at, g, h - at);
        }
    }
}

INLINE void sequences(const job *j, int kind, int64_t begin, int64_t end) {
  const sequence *s = &j->s;
  const int64_t h = s->hidden;
  if (kind == LSTM)
    for (int64_t r = begin; r < end; r++)
      memcpy(j->carry + r * h, j->glast_c ? j->glast_c + r * h : s->zeros, (size_t)h * sizeof(real));
  for (int64_t i = 0; i < s->steps; i++) {
    const int64_t t = s->reverse ? i : s->steps - 1 - i, last = lesser(end, size_of(s, t));
    int64_t cut = lesser(last, size_of(s, t + 1)); /* here begin, or end, the sequences past it */
    if (cut < begin) cut = begin;
    if (cut > begin) rows_of_step(j, kind, t, begin, cut, s->reverse && t == 0);
    if (last > cut) rows_of_step(j, kind, t, cut, last, s->reverse ? t == 0 : 1);
    if (!j->dh) continue;
    if (s->reverse && last > cut) first_states(j, t, cut, last);
    if (!s->reverse && t == 0) first_states(j, t, begin, end);
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

/* The states before each row, row by row. */
static void gather_states(void *context, int64_t begin, int64_t end, int worker) {
  const job *j = context;
  const sequence *s = &j->s;
  const int64_t h = s->hidden;
  (void)worker;
  for (int64_t t = begin; t < end; t++)
    for (int64_t r = 0; r < size_of(s, t); r++)
      memcpy(j->before + (start_of(s, t) + r) * h, states_before(s, t, r, j->y, j->h).at,
             (size_t)h * sizeof(real));
}

/* dw = d^T x, or more of it. */
static kg_instruction weight_product(const job *j, const real *d, const real *x, int64_t rows, int more) {
  const int64_t h = j->s.hidden, wide = j->s.gates * h;
  return (kg_instruction){.kernel = KG_GEMM,
                          .args = {(void *)d, (void *)x, j->dw, 0},
                          .sizes = {1, wide, h, rows, 0, 1, wide, 0, h, 1, 0, h, 0, more, 0}};
}

static kg_instruction bias_sums(const job *j, int64_t rows) {
  const int64_t wide = j->s.gates * j->s.hidden;
  return (kg_instruction){.kernel = KG_REDUCE,
                          .args = {j->hidden, j->db, 0},
                          .sizes = {0, 1, wide, 0, 1, 1, rows, 0, wide},
                          .values = {1.}};
}

static void weight_gradients(const job *j, void *workspace) {
  const sequence *s = &j->s;
  const int64_t h = s->hidden, wide = s->gates * h, rows = start_of(s, s->steps);
  if (j->db) {
    kg_instruction in = bias_sums(j, rows);
    in.workspace = workspace;
    NAME(reduce)(&in);
  }
  if (!j->dw) return;
  kg_instruction in;
  if (s->starts) {
    kg_parallel(gather_states, (void *)j, s->steps, 65536 / (s->batch * h) + 1);
    in = weight_product(j, j->hidden, j->before, rows, 0);
  } else {
    const int64_t others = rows - s->batch;
    in = weight_product(j, s->reverse ? j->hidden : j->hidden + s->batch * wide,
                        s->reverse ? j->y + s->batch * h : j->y, others, 0);
  }
  in.workspace = workspace;
  NAME(gemm)(&in);
  if (s->starts || !j->h) return;
  in = weight_product(j, s->reverse ? j->hidden + (rows - s->batch) * wide : j->hidden, j->h, s->batch, 1);
  in.workspace = workspace;
  NAME(gemm)(&in);
}

/* Parts of the workspace, in reals. */
typedef struct {
  int64_t packed, zeros, carry, hidden, before, rest; /* where they begin */
} parts;

static parts parts_of(const sequence *s, int64_t packed_rows) {
  enum { LINE = 64 / sizeof(real) };
  const int64_t h = s->hidden, rows = packed_rows ? packed_rows : s->steps * s->batch;
  const int64_t sizes[] = {s->panels * s->vectors * VL * s->gates * h, h, s->kind >= GRU ? s->batch * h : 0,
                           s->kind == GRU ? rows * 3 * h : 0, packed_rows ? rows * h : 0};
  parts p;
  int64_t *at = &p.packed;
  *at = 0;
  for (int i = 0; i < 5; i++, at++) at[1] = at[0] + (sizes[i] + LINE - 1) / LINE * LINE;
  return p;
}

int64_t NAME(recurrent_backward_workspace)(const kg_instruction *in) {
  const job j = {.s = NAME(sequence_of)(in->sizes, 0, 1)};
  const int64_t rows = in->sizes[5] ? in->sizes[5] : j.s.steps * j.s.batch;
  const kg_instruction product = weight_product(&j, 0, 0, rows, 0),
                       first = weight_product(&j, 0, 0, j.s.batch, 1);
  const kg_instruction sums = bias_sums(&j, rows);
  const int64_t others[] = {NAME(gemm_workspace)(&product), NAME(gemm_workspace)(&first),
                            NAME(reduce_workspace)(&sums)};
  int64_t most = 0;
  for (int i = 0; i < 3; i++) most = others[i] > most ? others[i] : most;
  return parts_of(&j.s, in->sizes[5]).rest * (int64_t)sizeof(real) + most;
}

int NAME(recurrent_backward)(const kg_instruction *in) {
  job j = {.s = NAME(sequence_of)(in->sizes, in->args[14], 1),
           .weight = in->args[0],
           .h = in->args[1],
           .c = in->args[2],
           .y = in->args[3],
           .gates = in->args[4],
           .cells = in->args[5],
           .gy = in->args[6],
           .glast = in->args[7],
           .glast_c = in->args[8],
           .d = in->args[9],
           .dw = in->args[10],
           .db = in->args[11],
           .dh = in->args[12],
           .dc = in->args[13]};
  if (j.s.kind < 0 || j.s.kind >= KINDS) return KG_BAD_ARGUMENT;
  const parts p = parts_of(&j.s, in->sizes[5]);
  real *memory = in->workspace;
  memset(memory + p.zeros, 0, (size_t)j.s.hidden * sizeof(real));
  j.s.packed = memory, j.s.zeros = memory + p.zeros, j.before = memory + p.before;
  j.carry = j.s.kind == LSTM && j.dc ? j.dc : memory + p.carry;
  j.hidden = j.s.kind == GRU ? memory + p.hidden : j.d;
  NAME(pack_units)(&j.s, j.weight);
  j.workers = NAME(workers)(&j.s);
  kg_parallel(work, &j, j.workers, 1);
  weight_gradients(&j, memory + p.rest);
  return KG_OK;
}
