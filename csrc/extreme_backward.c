/* KG_EXTREME_BACKWARD: the gradient of a maximum or minimum over some dimensions.
 *
 * Formula   dx = g / n where x equals its extreme z, else 0; n is how many do. An extreme that is NaN is equal
 *           to none: its dx is NaN throughout.
 * Shapes    x and dx (outer, kept, inner, columns), contiguous, reduced over outer and inner; z and g (kept,
 *           columns), contiguous.
 * Aliasing  none.
 * Passes    x is read to count and again, most often still in cache, to write dx.
 * Threads   outputs are cut among them; where these are few, what they are made of. Counts are whole numbers:
 *           the result does not depend on how many threads there are. */
#include "lanes.h"
#include "parallel.h"

enum { STRIP = 256, CHUNK = 16384, GRAIN = 65536, FEW = 16 };

typedef struct {
  const real *x, *z, *g;
  real *dx;
  int64_t outer, kept, inner, columns, pieces, strips;
  int64_t *counts, totals[FEW]; /* of every piece and of every output, where outputs are few */
} job;

static int64_t least(int64_t a, int64_t b) { return a < b ? a : b; }

static int64_t equal(const real *x, int64_t n, real z) {
  mask a = {0}, b = a;
  int64_t i = 0, count = 0;
  for (; i + 2 * VL <= n; i += 2 * VL) a -= load(x + i) == z, b -= load(x + i + VL) == z;
  for (; i < n; i += VL) a -= load_filled(x + i, n - i, (real)NAN) == z;
  a += b;
  for (int k = 0; k < VL; k++) count += a[k];
  return count;
}

static void share_out(const real *x, real *dx, int64_t n, real z, real g, int64_t count) {
  const vec share = splat(g / (real)count), none = splat(count ? 0 : (real)NAN);
  for (int64_t i = 0; i < n; i += VL) {
    vec v = load_filled(x + i, n - i, 0);
    store_first(dx + i, choose(v == z, share, none), n - i);
  }
}

/* Rows, many outputs: each counted and written at once. */
static void rows_of(void *context, int64_t begin, int64_t end, int worker) {
  const job *j = context;
  (void)worker;
  for (int64_t k = begin; k < end; k++) {
    int64_t count = 0;
    for (int64_t r = 0; r < j->outer; r++)
      count += equal(j->x + (r * j->kept + k) * j->inner, j->inner, j->z[k]);
    for (int64_t r = 0; r < j->outer; r++) {
      const int64_t at = (r * j->kept + k) * j->inner;
      share_out(j->x + at, j->dx + at, j->inner, j->z[k], j->g[k], count);
    }
  }
}

/* Rows, few outputs: unit u is piece u % pieces of row u / pieces, which belongs to output row % kept. */
static void count_pieces(void *context, int64_t begin, int64_t end, int worker) {
  const job *j = context;
  (void)worker;
  for (int64_t u = begin; u < end; u++) {
    const int64_t row = u / j->pieces, start = u % j->pieces * CHUNK;
    j->counts[u] = equal(j->x + row * j->inner + start, least(CHUNK, j->inner - start), j->z[row % j->kept]);
  }
}

static void write_pieces(void *context, int64_t begin, int64_t end, int worker) {
  const job *j = context;
  (void)worker;
  for (int64_t u = begin; u < end; u++) {
    const int64_t row = u / j->pieces, start = u % j->pieces * CHUNK, at = row * j->inner + start;
    const int64_t k = row % j->kept;
    share_out(j->x + at, j->dx + at, least(CHUNK, j->inner - start), j->z[k], j->g[k], j->totals[k]);
  }
}

/* Columns: unit u is strip u % strips of kept index u / strips. */
static void strips_of(void *context, int64_t begin, int64_t end, int worker) {
  const job *j = context;
  (void)worker;
  for (int64_t u = begin; u < end; u++) {
    const int64_t k = u / j->strips, first = u % j->strips * STRIP, n = least(STRIP, j->columns - first);
    const int64_t at = k * j->columns + first;
    const real *z = j->z + at;
    lane count[STRIP] = {0};
    real share[STRIP], none[STRIP];
    const int64_t start = k * j->inner * j->columns + first;
    for (int64_t o = 0; o < j->outer; o++)
      for (int64_t r = 0; r < j->inner; r++) {
        const real *x = j->x + start + (o * j->kept * j->inner + r) * j->columns;
        for (int64_t c = 0; c < n; c++) count[c] += x[c] == z[c];
      }
    for (int64_t c = 0; c < n; c++) {
      share[c] = j->g[at + c] / (real)count[c];
      none[c] = count[c] ? 0 : (real)NAN;
    }
    for (int64_t o = 0; o < j->outer; o++)
      for (int64_t r = 0; r < j->inner; r++) {
        const int64_t i = start + (o * j->kept * j->inner + r) * j->columns;
        const real *x = j->x + i;
        real *dx = j->dx + i;
        for (int64_t c = 0; c < n; c++) dx[c] = x[c] == z[c] ? share[c] : none[c];
      }
  }
}

static job job_of(const kg_instruction *in) {
  const int64_t *s = in->sizes;
  return (job){.x = in->args[0],
               .z = in->args[1],
               .g = in->args[2],
               .dx = in->args[3],
               .outer = s[0],
               .kept = s[1],
               .inner = s[2],
               .columns = s[3],
               .pieces = (s[2] + CHUNK - 1) / CHUNK,
               .strips = (s[3] + STRIP - 1) / STRIP,
               .counts = in->workspace};
}

static int few(const job *j) { return j->columns == 1 && j->kept < FEW; }

int64_t NAME(extreme_backward_workspace)(const kg_instruction *in) {
  const job j = job_of(in);
  return few(&j) ? j.outer * j.kept * j.pieces * (int64_t)sizeof *j.counts : 0;
}

int NAME(extreme_backward)(const kg_instruction *in) {
  job j = job_of(in);
  if (j.outer < 1 || j.inner < 1 || j.columns < 1) return KG_BAD_ARGUMENT;
  const int64_t work = j.outer * j.inner;
  if (j.columns > 1) kg_parallel(strips_of, &j, j.kept * j.strips, GRAIN / (work * STRIP) + 1);
  else if (!few(&j)) kg_parallel(rows_of, &j, j.kept, GRAIN / work + 1);
  else {
    const int64_t units = j.outer * j.kept * j.pieces, grain = GRAIN / least(CHUNK, j.inner) + 1;
    kg_parallel(count_pieces, &j, units, grain);
    for (int64_t u = 0; u < units; u++) j.totals[u / j.pieces % j.kept] += j.counts[u];
    kg_parallel(write_pieces, &j, units, grain);
  }
  return KG_OK;
}
