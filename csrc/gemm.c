/* Matrix product  c = act(a @ b + bias),  batched.
 *
 *   a (batch, m, k), b (batch, k, n): any strides, 0 and negative too   c (batch, m, n): contiguous columns
 *   bias (n) or (m); `accumulate` adds to what c holds; act: gemm.h.  k = 0 gives zeros.
 *   c overlaps neither a, b nor bias.  No element is skipped: 0 * inf is NaN as IEEE says.
 *
 * Blocking is that of Goto and van de Geijn, "Anatomy of High-Performance Matrix Multiplication" (2008):
 * KC x NR of b in L1 (and L2), MC x KC of a in L2, KC x NC of b in L3. An operand that is reused too little for
 * packing to pay is read where it is.
 *
 * Threads: each multiplies its own rectangle of c, packing for itself; nothing is shared, so one parallel
 * loop is enough. k is never cut, and an element's sum is taken in the same order wherever the rectangle
 * ends: results are the same bits for every number of threads. */
#include "gemm.h"
#include "parallel.h"

/* Cache blocks, measured on Zen 5 (L1 48 KB, L2 1 MB): a panel of b is longer than L1, since reading it from
 * L2 again costs less than more passes over c. */
enum { KC = 512, MC = 32 / (int)sizeof(real) * MR, NC = 64 * NR };

/* Below these lengths packing costs more than it saves, even where strides are powers of two: b is read
 * in place under DIRECT_B rows of a, a under DIRECT_A columns of b. */
enum { DIRECT_B = 8 * MR, DIRECT_A = 16 * NR };

/* Packing one element costs as much as about this many multiplications. */
enum { PACK = 10 };

/* A thread is worth waking for this many multiplications; of a vector, where each waits for memory, sooner. */
enum { GRAIN = 1 << 19, VECTOR_GRAIN = 1 << 17 };

typedef struct {
  int64_t batch, m, n, k;
  const real *a;
  int64_t a_batch, a_row, a_col;
  const real *b;
  int64_t b_batch, b_row, b_col;
  real *c;
  int64_t c_batch, c_row;
  epilogue end;
  int vector;                           /* m is 1, and b is read by vector_product */
  int64_t row_cuts, column_cuts, grain; /* rectangles per matrix, down and across; work for a thread */
  real *workspace;
  int64_t slice; /* reals of workspace per thread */
} product;

/* Cut `n` into equal blocks no longer than `most`: 784 by 384 is 3 of 262, not 384 + 384 + 16. */
static int64_t block(int64_t n, int64_t most, int64_t unit) {
  const int64_t count = (n + most - 1) / most;
  return count < 2 ? n : ((n + count - 1) / count + unit - 1) / unit * unit;
}

static int64_t min(int64_t x, int64_t y) { return x < y ? x : y; }
static int64_t max(int64_t x, int64_t y) { return x > y ? x : y; }

static product read(const kg_instruction *in) {
  const int64_t *s = in->sizes;
  product g = {.batch = s[0],
               .m = s[1],
               .n = s[2],
               .k = s[3],
               .a = in->args[0],
               .a_batch = s[4],
               .a_row = s[5],
               .a_col = s[6],
               .b = in->args[1],
               .b_batch = s[7],
               .b_row = s[8],
               .b_col = s[9],
               .c = in->args[2],
               .c_batch = s[10],
               .c_row = s[11],
               .workspace = in->workspace};
  g.end = (epilogue){.bias_columns = s[12] == 1 ? in->args[3] : 0,
                     .bias_rows = s[12] == 2 ? in->args[3] : 0,
                     .accumulate = s[13] != 0,
                     .act = (activation)s[14]};
  if (g.n == 1 && g.m > 1 && g.c_row == 1) { /* a column is a row of the transposed product */
    g = (product){.batch = g.batch,
                  .m = 1,
                  .n = g.m,
                  .k = g.k,
                  .a = g.b,
                  .a_batch = g.b_batch,
                  .a_row = g.b_col,
                  .a_col = g.b_row,
                  .b = g.a,
                  .b_batch = g.a_batch,
                  .b_row = g.a_col,
                  .b_col = g.a_row,
                  .c = g.c,
                  .c_batch = g.c_batch,
                  .c_row = g.m,
                  .workspace = g.workspace,
                  .end = {g.end.bias_rows, g.end.bias_columns, g.end.accumulate, g.end.act}};
  }
  g.vector = g.m == 1 && NAME(vector_fits)(g.a_col, g.b_row, g.b_col);
  g.grain = g.vector ? VECTOR_GRAIN : GRAIN;
  g.row_cuts = g.column_cuts = 1;
  const int64_t threads = min(g.batch * g.m * g.n * (g.k + 1) / g.grain, kg_get_threads());
  /* The batch alone keeps all threads equally busy, or every matrix is cut for all of them: the way that
   * leaves them least to pack. */
  if (threads > 1 && g.batch % threads != 0 && g.batch < 4 * threads) {
    const int64_t down = (g.m + MR - 1) / MR, across = (g.n + NR - 1) / NR; /* tiles */
    int64_t least = INT64_MAX;
    for (int64_t rows = 1; rows <= threads; rows++) {
      const int64_t columns = threads / rows;
      const int64_t high = min((down + rows - 1) / rows * MR, g.m);
      const int64_t wide = min((across + columns - 1) / columns * NR, g.n);
      const int64_t cost = high * wide + PACK * (high + wide); /* per unit of k, in multiplications */
      if (cost < least) least = cost, g.row_cuts = rows, g.column_cuts = columns;
    }
  }
  g.slice = packed_b(min(g.n, NC), min(g.k, KC)) + packed_a(min(g.m, MC), min(g.k, KC)) + 2 * VL;
  g.slice = g.slice / VL * VL;
  return g;
}

/* One rectangle of one c. */
static void multiply(const product *g, const real *a, const real *b, real *c, int64_t m, int64_t n,
                     epilogue end, real *workspace) {
  if (g->vector) {
    NAME(vector_product)(n, g->k, a, g->a_col, b, g->b_row, g->b_col, c, end);
    return;
  }
  const int64_t kc = block(max(g->k, 1), KC, 1), mc = block(m, MC, MR), nc = block(n, NC, NR);
  real *packed = workspace + packed_b(nc, kc);
  for (int64_t j = 0, nj; j < n; j += nj) {
    nj = min(nc, n - j);
    int direct_b = g->b_col == 1 && m <= DIRECT_B;
    if (direct_b && nj % VL) { /* only whole vectors may be read: the ragged rest is packed */
      direct_b = nj > NR;
      if (direct_b) nj = nj / NR * NR;
    }
    const int direct_a = nj <= DIRECT_A;
    for (int64_t p = 0, kp; p == 0 || p < g->k; p += kc) {
      kp = min(kc, g->k - p);
      const real *from = b + p * g->b_row + j * g->b_col;
      const panels pb = direct_b ? (panels){from, NR, g->b_row, 1}
                                 : NAME(pack_b)(workspace, from, g->b_row, g->b_col, nj, kp);
      const int last = p + kc >= g->k;
      for (int64_t i = 0; i < m; i += mc) {
        const int64_t mi = min(mc, m - i);
        const real *rows = a + i * g->a_row + p * g->a_col;
        const panels pa = direct_a ? (panels){rows, MR * g->a_row, g->a_row, g->a_col}
                                   : NAME(pack_a)(packed, rows, g->a_row, g->a_col, mi, kp);
        const epilogue now = {.bias_columns = last && end.bias_columns ? end.bias_columns + j : 0,
                              .bias_rows = last && end.bias_rows ? end.bias_rows + i : 0,
                              .accumulate = end.accumulate || p > 0,
                              .act = last ? end.act : NONE};
        NAME(macro_kernel)(mi, nj, kp, pa, pb, c + i * g->c_row + j, g->c_row, now);
      }
    }
  }
}

/* Where cut `which` of `cuts` begins, in whole tiles. */
static int64_t begin_of(int64_t which, int64_t cuts, int64_t length, int64_t unit) {
  return min((length + unit - 1) / unit * which / cuts * unit, length);
}

/* Rectangles begin ... end - 1 of all, matrix by matrix and row by row. */
static void rectangles(void *context, int64_t begin, int64_t end, int worker) {
  const product *g = context;
  for (int64_t q = begin; q < end; q++) {
    const int64_t which = q / (g->row_cuts * g->column_cuts);
    const int64_t down = q / g->column_cuts % g->row_cuts, across = q % g->column_cuts;
    const int64_t i = begin_of(down, g->row_cuts, g->m, MR), j = begin_of(across, g->column_cuts, g->n, NR);
    const int64_t m = begin_of(down + 1, g->row_cuts, g->m, MR) - i;
    const int64_t n = begin_of(across + 1, g->column_cuts, g->n, NR) - j;
    if (m == 0 || n == 0) continue;
    epilogue at = g->end;
    if (at.bias_columns) at.bias_columns += j;
    if (at.bias_rows) at.bias_rows += i;
    multiply(g, g->a + which * g->a_batch + i * g->a_row, g->b + which * g->b_batch + j * g->b_col,
             g->c + which * g->c_batch + i * g->c_row + j, m, n, at, g->workspace + worker * g->slice);
  }
}

int64_t NAME(gemm_workspace)(const kg_instruction *in) {
  return read(in).slice * (int64_t)sizeof(real) * kg_get_threads();
}

int NAME(gemm)(const kg_instruction *in) {
  if (in->sizes[14] < NONE || in->sizes[14] >= ACTIVATIONS) return KG_BAD_ARGUMENT;
  const int64_t *s = in->sizes;
  if (NAME(tiny_fits)(s[0], s[1], s[2], s[3])) {
    const epilogue end = {s[12] == 1 ? in->args[3] : 0, s[12] == 2 ? in->args[3] : 0, s[13] != 0,
                          (activation)s[14]};
    NAME(tiny_product)
    (s[1], s[2], s[3], in->args[0], s[5], s[6], in->args[1], s[8], s[9], in->args[2], s[11], end);
    return KG_OK;
  }
  product g = read(in);
  const int64_t cuts = g.row_cuts * g.column_cuts, count = g.m > 0 && g.n > 0 ? g.batch * cuts : 0;
  const int64_t each = max(g.m * g.n * (g.k + 1) / cuts, 1);
  kg_parallel(rectangles, &g, count, max(g.grain / each, 1));
  return KG_OK;
}
