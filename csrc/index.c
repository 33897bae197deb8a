/* Gather along an axis, and its adjoint, scatter-add.
 *
 * x has shape (outer, size, inner), y (outer, n, inner), both contiguous; index is int64, contiguous, each
 * entry in [0, size), and either names whole rows, (n,), or single elements, (outer, n, inner):
 *   gather        y[o, i, k]  = x[o, index[i], k]          or x[o, index[o, i, k], k]
 *   scatter_add   x[o, index[i], k] += y[o, i, k]          or x[o, index[o, i, k], k] += y[o, i, k],  x = 0 before
 *                 unless it is to be added to
 * An entry out of range is never used: KG_BAD_INDEX, and the result is not whole. (Rows are checked before all
 * else, elements row by row, while they are in cache.) x, y and index do not overlap.
 *
 * scatter_add sums what falls on one element in the order of i, so its result is the same to the last bit
 * for any number of threads: these share out the columns (o, k). (Sharing out the rows of a narrow x instead
 * was slower than one thread: each must test every index, and the branch is a guess.) */
#include "parallel.h"
#include "simd.h"

enum { UNIT = 64 / sizeof(real) }; /* columns are shared out by cache lines */

typedef struct {
  real *x, *y;
  const int64_t *index;
  int64_t outer, size, inner, n, units; /* units of columns in a row */
  int single, accumulate, bad;
} shape;

static shape shape_of(const kg_instruction *in) {
  const int64_t *n = in->sizes;
  return (shape){.x = in->args[0],
                 .index = in->args[1],
                 .y = in->args[2],
                 .outer = n[0],
                 .size = n[1],
                 .inner = n[2],
                 .n = n[3],
                 .units = (n[2] + UNIT - 1) / UNIT,
                 .single = n[4] != 0,
                 .accumulate = n[5] != 0};
}

static int in_range(shape *s, const int64_t *index, int64_t count) {
  int64_t bad = 0;
  for (int64_t i = 0; i < count; i++) bad |= (uint64_t)index[i] >= (uint64_t)s->size;
  if (bad) __atomic_store_n(&s->bad, 1, __ATOMIC_RELAXED);
  return !bad;
}

static inline void copy(real *to, const real *from, int64_t n) {
  int64_t k = 0;
  for (; k + VL <= n; k += VL) store(to + k, load(from + k));
  if (k < n) store_n(to + k, load_n(from + k, n - k), n - k);
}

/* One range of rows (o, i) of y. */
static void gather_rows(void *context, int64_t begin, int64_t end, int worker) {
  shape *s = context;
  const int64_t inner = s->inner;
  (void)worker;
  while (begin < end) {
    int64_t o = begin / s->n, next = (o + 1) * s->n < end ? (o + 1) * s->n : end;
    const real *x = s->x + o * s->size * inner;
    const int64_t *index = s->single ? s->index + begin * inner : s->index + begin % s->n;
    real *restrict y = s->y + begin * inner;
    if (s->single && !in_range(s, index, (next - begin) * inner)) return;
    if (inner == 1)
      for (int64_t i = 0; i < next - begin; i++) y[i] = x[index[i]];
    else if (s->single)
      for (int64_t i = 0; i < next - begin; i++)
        for (int64_t k = 0; k < inner; k++) y[i * inner + k] = x[index[i * inner + k] * inner + k];
    else
      for (int64_t i = 0; i < next - begin; i++) copy(y + i * inner, x + index[i] * inner, inner);
    begin = next;
  }
}

int NAME(gather)(const kg_instruction *in) {
  shape s = shape_of(in);
  if (!s.single && !in_range(&s, s.index, s.n)) return KG_BAD_INDEX;
  if (s.inner > 0) kg_parallel(gather_rows, &s, s.outer * s.n, 1 + 16384 / s.inner);
  return s.bad ? KG_BAD_INDEX : KG_OK;
}

/* n columns of x. */
static void clear(real *x, int64_t rows, int64_t inner, int64_t n) {
  if (n == inner) memset(x, 0, (size_t)(rows * n) * sizeof(real));
  else
    for (int64_t r = 0; r < rows; r++) memset(x + r * inner, 0, (size_t)n * sizeof(real));
}

/* All that falls into columns k ... stop - 1 of x[o]. */
static void add(shape *s, int64_t o, int64_t k, int64_t stop) {
  const int64_t inner = s->inner;
  real *restrict x = s->x + o * s->size * inner;
  const real *restrict y = s->y + o * s->n * inner;
  if (!s->accumulate) clear(x + k, s->size, inner, stop - k);
  if (s->single && inner == 1) {
    const int64_t *index = s->index + o * s->n;
    if (!in_range(s, index, s->n)) return;
    for (int64_t i = 0; i < s->n; i++) x[index[i]] += y[i];
    return;
  }
  for (int64_t i = 0; i < s->n; i++, y += inner) {
    if (s->single) {
      const int64_t *index = s->index + (o * s->n + i) * inner;
      if (!in_range(s, index + k, stop - k)) return;
      for (int64_t c = k; c < stop; c++) x[index[c] * inner + c] += y[c];
      continue;
    }
    real *to = x + s->index[i] * inner;
    int64_t c = k;
    for (; c + VL <= stop; c += VL) store(to + c, load(to + c) + load(y + c));
    if (c < stop) store_n(to + c, load_n(to + c, stop - c) + load_n(y + c, stop - c), stop - c);
  }
}

/* One range of (o, unit of columns). */
static void add_columns(void *context, int64_t begin, int64_t end, int worker) {
  shape *s = context;
  (void)worker;
  while (begin < end) {
    int64_t o = begin / s->units, next = (o + 1) * s->units < end ? (o + 1) * s->units : end;
    int64_t stop = (next - o * s->units) * UNIT;
    add(s, o, (begin - o * s->units) * UNIT, stop < s->inner ? stop : s->inner);
    begin = next;
  }
}

int NAME(scatter_add)(const kg_instruction *in) {
  shape s = shape_of(in);
  if (!s.single && !in_range(&s, s.index, s.n)) return KG_BAD_INDEX;
  if (s.inner <= 0) return KG_OK;
  kg_parallel(add_columns, &s, s.outer * s.units, 1 + 16384 / (UNIT * (s.n + s.size + 1)));
  return s.bad ? KG_BAD_INDEX : KG_OK;
}
