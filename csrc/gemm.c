/* Matrix product  c = act(a @ b + bias),  batched.
 *
 *   a (batch, m, k), b (batch, k, n): any strides, 0 and negative too   c (batch, m, n): contiguous columns
 *   bias (n) or (m); `accumulate` adds to what c holds; act is relu or nothing.  k = 0 gives zeros.
 *   c overlaps neither a, b nor bias.  No element is skipped: 0 * inf is NaN as IEEE says.
 *
 * Blocking is that of Goto and van de Geijn, "Anatomy of High-Performance Matrix Multiplication" (2008):
 * KC x NR of b in L1, MC x KC of a in L2, KC x NC of b in L3. An operand that is reused too little for
 * packing to pay is read where it is.
 *
 * Threads: each multiplies its own rectangle of c, packing for itself; nothing is shared, so one parallel
 * region is enough and results do not depend on timing. k is never cut, so they do not depend on the
 * number of threads either. */
#include "gemm.h"
#include "parallel.h"

/* Cache blocks, measured on Zen 5 (L1 48 KB, L2 1 MB). */
enum { KC = 384, MC = 16 * MR, NC = 64 * NR };

/* Below these lengths packing costs more than it saves, even where strides are powers of two: b is read
 * in place under DIRECT_B rows of a, a under DIRECT_A columns of b. */
enum { DIRECT_B = 8 * MR, DIRECT_A = 16 * NR };

/* A thread is worth waking for this many multiplications. */
enum { GRAIN = 1 << 19 };

typedef struct {
  int64_t batch, m, n, k;
  const real *a;
  int64_t a_batch, a_row, a_col;
  const real *b;
  int64_t b_batch, b_row, b_col;
  real *c;
  int64_t c_batch, c_row;
  epilogue end;
  int64_t cuts; /* rectangles per matrix */
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
                     .relu = s[14] == 1};
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
                  .end = {g.end.bias_rows, g.end.bias_columns, g.end.accumulate, g.end.relu}};
  }
  const int64_t work = g.batch * g.m * g.n * (g.k + 1) / GRAIN, threads = min(work, kg_get_threads());
  /* The batch alone keeps all threads equally busy, or every matrix is cut for all of them. */
  g.cuts = threads < 2 || g.batch % threads == 0 || g.batch >= 4 * threads ? 1 : threads;
  g.slice = packed_b(min(g.n, NC), min(g.k, KC)) + packed_a(min(g.m, MC), min(g.k, KC)) + 2 * VL;
  g.slice = g.slice / VL * VL;
  return g;
}

/* One rectangle of one c. */
static void multiply(const product *g, const real *a, const real *b, real *c, int64_t m, int64_t n,
                     epilogue end, real *workspace) {
  if (m == 1 && NAME(vector_fits)(g->a_col, g->b_row, g->b_col)) {
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
                              .relu = last && end.relu};
        NAME(macro_kernel)(mi, nj, kp, pa, pb, c + i * g->c_row + j, g->c_row, now);
      }
    }
  }
}

/* Rectangles begin ... end - 1 of all: `cuts` per matrix, along the longer side of c. */
static void rectangles(void *context, int64_t begin, int64_t end, int worker) {
  const product *g = context;
  const int tall = g->m >= g->n;
  const int64_t unit = tall ? MR : NR, length = tall ? g->m : g->n, count = (length + unit - 1) / unit;
  for (int64_t q = begin; q < end; q++) {
    const int64_t which = q / g->cuts, cut = q % g->cuts;
    const int64_t from = count * cut / g->cuts * unit;
    const int64_t to = min(count * (cut + 1) / g->cuts * unit, length);
    const int64_t i = tall ? from : 0, j = tall ? 0 : from;
    if (from == to) continue;
    epilogue at = g->end;
    if (at.bias_columns) at.bias_columns += j;
    if (at.bias_rows) at.bias_rows += i;
    multiply(g, g->a + which * g->a_batch + i * g->a_row, g->b + which * g->b_batch + j * g->b_col,
             g->c + which * g->c_batch + i * g->c_row + j, tall ? to - from : g->m, tall ? g->n : to - from,
             at, g->workspace + worker * g->slice);
  }
}

int64_t NAME(gemm_workspace)(const kg_instruction *in) {
  return read(in).slice * (int64_t)sizeof(real) * kg_get_threads();
}

int NAME(gemm)(const kg_instruction *in) {
  product g = read(in);
  const int64_t count = g.m > 0 && g.n > 0 ? g.batch * g.cuts : 0;
  const int64_t each = g.m * g.n * (g.k + 1) / g.cuts;
  kg_parallel(rectangles, &g, count, each > GRAIN ? 1 : GRAIN / (each > 0 ? each : 1));
  return KG_OK;
}
