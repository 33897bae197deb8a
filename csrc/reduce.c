/* KG_REDUCE: sums, extremes, products and sums of squared deviations over any dimensions.
 *
 * Formula   y[k] = scale * sum over r of x[k, r],  or max, min, product, sum of (x[k, r] - centre[k])^2.
 * Shapes    two kept and two reduced dimensions, each with any stride; y and centre are contiguous.
 * Ways      along rows (several short ones together) where the inner reduced dimension lies in vectors (or
 *           nothing does), down columns where the inner kept one does.
 * Accuracy  float sums run over short blocks in vectors; the blocks' sums are added in double with the
 *           rounding errors kept (Neumaier 1974), so the error does not grow with the length.
 * NaN       the extremes of anything with a NaN are NaN.
 * Threads   outputs, columns and fixed chunks of long reductions are cut among them: the result does not
 *           depend on how many there are. */
#include "lanes.h"
#include "parallel.h"

enum { SUM, MAXIMUM, MINIMUM, PRODUCT, SQUARES };
enum { BLOCK = 4096, CHUNK = 65536, CHUNK_ROWS = 256, BLOCK_ROWS = 64, GRAIN = 131072 };

typedef struct {
  const real *x, *centre;
  real *y;
  double *partials; /* chunk by chunk: an output's (rows), or all outputs' (columns) */
  int64_t kept[2], kept_stride[2], reduced[2], reduced_stride[2];
  int64_t chunks, chunk_rows, row_chunks, strips;
  double scale;
  int op, columns;
} job;

static const real NEUTRAL[] = {0, -(real)INFINITY, (real)INFINITY, 1, 0};
static const double WIDE_NEUTRAL[] = {0, -INFINITY, INFINITY, 1, 0};

/* The total so far, and what rounding lost of it. */
typedef struct {
  double sum, lost;
} total;

static inline void add_to(total *t, int op, double v) {
  double s = t->sum;
  if (op == MAXIMUM) t->sum = s > v || s != s ? s : v;
  else if (op == MINIMUM) t->sum = s < v || s != s ? s : v;
  else if (op == PRODUCT) t->sum = s * v;
  else {
    t->sum = s + v;
    t->lost += fabs(s) >= fabs(v) ? (s - t->sum) + v : (v - t->sum) + s;
  }
}

static inline double value_of(total t) { return isfinite(t.lost) ? t.sum + t.lost : t.sum; }

/* The ops, on constants that the compiler sees: each of the loops below exists once per op. */
INLINE vec joined(int op, vec a, vec b) {
  return op == MAXIMUM ? maximum(a, b) : op == MINIMUM ? minimum(a, b) : op == PRODUCT ? a * b : a + b;
}
INLINE vec taken(int op, vec x, vec centre) { return op == SQUARES ? (x - centre) * (x - centre) : x; }
INLINE real across(int op, vec v) {
  return op == MAXIMUM   ? maximum_of_lanes(v)
         : op == MINIMUM ? minimum_of_lanes(v)
         : op == PRODUCT ? product_of_lanes(v)
                         : sum_of_lanes(v);
}
#define FOR_EACH_OP(call)               \
  switch (j->op) {                      \
    case SUM: call(SUM); break;         \
    case MAXIMUM: call(MAXIMUM); break; \
    case MINIMUM: call(MINIMUM); break; \
    case PRODUCT: call(PRODUCT); break; \
    default: call(SQUARES);             \
  }

/* Along rows --------------------------------------------------------------------------------------*/

INLINE void add_row(int op, total *t, const real *p, int64_t n, int64_t stride, real c) {
  const vec none = splat(NEUTRAL[op]), centre = splat(c);
  const real fill = op == SQUARES ? c : NEUTRAL[op];
  if (stride != 1) {
    for (int64_t i = 0; i < n; i++)
      add_to(t, op, op == SQUARES ? (p[i * stride] - c) * (p[i * stride] - c) : p[i * stride]);
    return;
  }
  for (int64_t start = 0; start < n; start += BLOCK) {
    int64_t end = n - start < BLOCK ? n : start + BLOCK, i = start;
    vec sums = none;
    while (i + 4 * VL <= end) { /* no lane adds more than 16 numbers one after the other */
      int64_t stop = end - i < 64 * VL ? end : i + 64 * VL;
      vec a0 = none, a1 = none, a2 = none, a3 = none;
      for (; i + 4 * VL <= stop; i += 4 * VL) {
        a0 = joined(op, a0, taken(op, load(p + i), centre));
        a1 = joined(op, a1, taken(op, load(p + i + VL), centre));
        a2 = joined(op, a2, taken(op, load(p + i + 2 * VL), centre));
        a3 = joined(op, a3, taken(op, load(p + i + 3 * VL), centre));
      }
      sums = joined(op, sums, joined(op, joined(op, a0, a1), joined(op, a2, a3)));
    }
    for (; i < end; i += VL) sums = joined(op, sums, taken(op, load_filled(p + i, end - i, fill), centre));
    add_to(t, op, across(op, sums));
  }
}

/* Short rows, VL at a time: what each leaves in a vector is joined across the lanes of all of them at once,
 * as transpose() changes rows and columns. One row after the other spends most of its time on that. */
enum { SHORT = 512, LINE = 64 / sizeof(real), AHEAD = 64 * LINE };

INLINE vec short_row(int op, const real *p, int64_t n, real c) {
  const vec centre = splat(c);
  const real fill = op == SQUARES ? c : NEUTRAL[op];
  vec a = taken(op, load_filled(p, n, fill), centre);
  if (n <= VL) return a;
  vec b = taken(op, load_filled(p + VL, n - VL, fill), centre);
  int64_t i = 2 * VL;
  for (; i + 2 * VL <= n; i += 2 * VL) {
    a = joined(op, a, taken(op, load(p + i), centre));
    b = joined(op, b, taken(op, load(p + i + VL), centre));
  }
  for (; i < n; i += VL) a = joined(op, a, taken(op, load_filled(p + i, n - i, fill), centre));
  return joined(op, a, b);
}

INLINE void short_rows_of(int op, const job *j, int64_t begin, int64_t end) {
  int64_t outer = begin / j->kept[1], inner = begin % j->kept[1];
  for (int64_t k = begin; k < end; k += VL) {
    const int64_t rows = end - k < VL ? end - k : VL;
    vec r[VL];
    for (int64_t i = 0; i < rows; i++) {
      const real *x = j->x + outer * j->kept_stride[0] + inner * j->kept_stride[1];
      /* Loads that straddle lines don't wake the processor's own prefetching. */
      for (int64_t line = 0; line < j->reduced[1]; line += LINE) __builtin_prefetch(x + AHEAD + line);
      r[i] = short_row(op, x, j->reduced[1], j->centre ? j->centre[k + i] : 0);
      if (++inner == j->kept[1]) inner = 0, outer++;
    }
    for (int64_t i = rows; i < VL; i++) r[i] = splat(0);
#pragma GCC unroll 4
    for (int n = VL / 2; n >= 1; n /= 2)
#pragma GCC unroll 8
      for (int i = 0; i < n; i++)
        r[i] = joined(op, interleave_low(r[i], r[i + n]), interleave_high(r[i], r[i + n]));
    if (j->scale != 1)
      for (int i = 0; i < VL; i++) r[0][i] = (real)((double)r[0][i] * j->scale);
    store_first(j->y + k, r[0], rows);
  }
}

static void run_short_rows(void *context, int64_t begin, int64_t end, int worker) {
  const job *j = context;
  (void)worker;
#define CALL(op) short_rows_of(op, j, begin, end)
  FOR_EACH_OP(CALL)
#undef CALL
}

/* Unit u is chunk u % chunks of output u / chunks. */
INLINE void rows_of(int op, const job *j, int64_t begin, int64_t end) {
  /* Counted along rather than divided: outputs are often short sums. */
  int64_t k = begin / j->chunks, chunk = begin % j->chunks, outer = k / j->kept[1], inner = k % j->kept[1];
  for (int64_t u = begin; u < end; u++) {
    const real *x = j->x + outer * j->kept_stride[0] + inner * j->kept_stride[1];
    real c = j->centre ? j->centre[k] : 0;
    total t = {WIDE_NEUTRAL[op], 0};
    if (j->row_chunks > 1) { /* long rows: a chunk is a part of one */
      int64_t row = chunk / j->row_chunks, start = chunk % j->row_chunks * CHUNK;
      int64_t left = j->reduced[1] - start;
      add_row(op, &t, x + row * j->reduced_stride[0] + start * j->reduced_stride[1],
              left < CHUNK ? left : CHUNK, j->reduced_stride[1], c);
    } else {
      int64_t first = chunk * j->chunk_rows, last = first + j->chunk_rows;
      if (last > j->reduced[0]) last = j->reduced[0];
      for (int64_t r = first; r < last; r++)
        add_row(op, &t, x + r * j->reduced_stride[0], j->reduced[1], j->reduced_stride[1], c);
    }
    if (j->chunks > 1) j->partials[u] = value_of(t);
    else j->y[k] = (real)(value_of(t) * j->scale);
    if (++chunk < j->chunks) continue;
    chunk = 0;
    k++;
    if (++inner == j->kept[1]) inner = 0, outer++;
  }
}

static void run_rows(void *context, int64_t begin, int64_t end, int worker) {
  const job *j = context;
  (void)worker;
#define CALL(op) rows_of(op, j, begin, end)
  FOR_EACH_OP(CALL)
#undef CALL
}

/* Down columns ------------------------------------------------------------------------------------*/

/* n columns (a vector or less) or `wide`: four vectors of them, over the rows of a chunk. */
INLINE void strip_of(int op, const job *j, const real *x, int64_t k, int64_t n, int wide, int64_t chunk) {
  enum { MOST = 4 };
  const int vectors = wide ? MOST : 1;
  const vec none = splat(NEUTRAL[op]);
  int64_t first = chunk * j->chunk_rows, last = first + j->chunk_rows, count = j->reduced[0] * j->reduced[1];
  if (last > count) last = count;
  vec sums[MOST], c[MOST];
  for (int v = 0; v < vectors; v++) {
    sums[v] = none;
    c[v] = j->centre ? load_filled(j->centre + k + v * VL, wide ? VL : n, 0) : splat(0);
  }
  for (int64_t r = first; r < last;) {
    int64_t outer = r / j->reduced[1], inner = r % j->reduced[1];
    int64_t rows = j->reduced[1] - inner < last - r ? j->reduced[1] - inner : last - r;
    if (rows > BLOCK_ROWS) rows = BLOCK_ROWS;
    const real *p = x + outer * j->reduced_stride[0] + inner * j->reduced_stride[1];
    if (wide) {
      vec a0 = none, a1 = none, a2 = none, a3 = none;
      for (int64_t i = 0; i < rows; i++, p += j->reduced_stride[1]) {
        a0 = joined(op, a0, taken(op, load(p), c[0]));
        a1 = joined(op, a1, taken(op, load(p + VL), c[1]));
        a2 = joined(op, a2, taken(op, load(p + 2 * VL), c[2]));
        a3 = joined(op, a3, taken(op, load(p + 3 * VL), c[3]));
      }
      sums[0] = joined(op, sums[0], a0), sums[1] = joined(op, sums[1], a1);
      sums[2] = joined(op, sums[2], a2), sums[3] = joined(op, sums[3], a3);
    } else {
      vec a = none;
      for (int64_t i = 0; i < rows; i++, p += j->reduced_stride[1])
        a = joined(op, a, taken(op, load_filled(p, n, 0), c[0]));
      sums[0] = joined(op, sums[0], a);
    }
    r += rows;
  }
  for (int v = 0; v < vectors; v++)
    for (int64_t i = 0; i < (wide ? VL : n); i++)
      if (j->chunks > 1) j->partials[chunk * j->kept[0] * j->kept[1] + k + v * VL + i] = sums[v][i];
      else j->y[k + v * VL + i] = (real)((double)sums[v][i] * j->scale);
}

/* Unit u is strip (of 4 VL columns) u % strips, of chunk u / strips % chunks, of outer kept index the rest. */
INLINE void columns_of(int op, const job *j, int64_t begin, int64_t end) {
  for (int64_t u = begin; u < end; u++) {
    int64_t column = u % j->strips * 4 * VL, chunk = u / j->strips % j->chunks,
            outer = u / j->strips / j->chunks;
    const real *x = j->x + outer * j->kept_stride[0] + column;
    int64_t k = outer * j->kept[1] + column, n = j->kept[1] - column;
    if (n >= 4 * VL) strip_of(op, j, x, k, VL, 1, chunk);
    else
      for (int64_t i = 0; i < n; i += VL) strip_of(op, j, x + i, k + i, n - i < VL ? n - i : VL, 0, chunk);
  }
}

static void run_columns(void *context, int64_t begin, int64_t end, int worker) {
  const job *j = context;
  (void)worker;
#define CALL(op) columns_of(op, j, begin, end)
  FOR_EACH_OP(CALL)
#undef CALL
}

/* The whole ---------------------------------------------------------------------------------------*/

static job prepare(const kg_instruction *in) {
  const int64_t *s = in->sizes;
  job j = {.x = in->args[0], .y = in->args[1], .centre = in->args[2], .op = (int)s[0]};
  for (int i = 0; i < 2; i++) {
    j.kept[i] = s[1 + i], j.kept_stride[i] = s[3 + i];
    j.reduced[i] = s[5 + i], j.reduced_stride[i] = s[7 + i];
  }
  j.scale = in->values[0];
  j.partials = in->workspace;
  j.columns = j.kept_stride[1] == 1 && j.kept[1] > 1 && j.reduced_stride[1] != 1;
  j.row_chunks = 1;
  if (j.columns) {
    int64_t count = j.reduced[0] * j.reduced[1];
    j.strips = (j.kept[1] + 4 * VL - 1) / (4 * VL);
    j.chunk_rows = CHUNK / j.kept[1] > CHUNK_ROWS ? CHUNK / j.kept[1] : CHUNK_ROWS;
    j.chunks = (count + j.chunk_rows - 1) / j.chunk_rows;
  } else {
    j.row_chunks = (j.reduced[1] + CHUNK - 1) / CHUNK;
    j.chunk_rows = CHUNK / j.reduced[1] > 1 ? CHUNK / j.reduced[1] : 1;
    j.chunks =
        j.row_chunks > 1 ? j.reduced[0] * j.row_chunks : (j.reduced[0] + j.chunk_rows - 1) / j.chunk_rows;
  }
  return j;
}

static int empty(const kg_instruction *in) {
  return in->sizes[1] * in->sizes[2] == 0 || in->sizes[5] * in->sizes[6] == 0;
}

int64_t NAME(reduce_workspace)(const kg_instruction *in) {
  if (empty(in)) return 0;
  job j = prepare(in);
  return j.chunks > 1 ? j.chunks * j.kept[0] * j.kept[1] * (int64_t)sizeof(double) : 0;
}

int NAME(reduce)(const kg_instruction *in) {
  if (in->sizes[0] < SUM || in->sizes[0] > SQUARES || empty(in)) return KG_BAD_ARGUMENT;
  job j = prepare(in);
  int64_t outputs = j.kept[0] * j.kept[1], count = j.reduced[0] * j.reduced[1];
  int64_t units = j.columns ? j.kept[0] * j.chunks * j.strips : outputs * j.chunks;
  int64_t work = outputs * count / units + 1; /* elements in a unit */
  const int few = j.reduced[0] == 1 && j.reduced_stride[1] == 1 && j.reduced[1] <= SHORT;
  kg_body *body = j.columns ? run_columns : few ? run_short_rows : run_rows;
  kg_parallel(body, &j, units, GRAIN / work + 1);
  if (j.chunks == 1) return KG_OK;
  for (int64_t k = 0; k < outputs; k++) {
    total t = {WIDE_NEUTRAL[j.op], 0};
    for (int64_t chunk = 0; chunk < j.chunks; chunk++)
      add_to(&t, j.op, j.partials[j.columns ? chunk * outputs + k : k * j.chunks + chunk]);
    j.y[k] = (real)(value_of(t) * j.scale);
  }
  return KG_OK;
}
