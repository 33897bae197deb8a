/* KG_ENLARGE, KG_BLOCK_SUMS: pixels repeated as blocks of rows x columns, and the sums of such blocks.
 *
 *   y[line rows + i, w columns + j] = x[line, w]          x (lines, width), y (lines rows, width columns)
 *   x[line, w] = sum of those y
 *
 * Arrays are contiguous and apart. Threads cut the lines. */
#include <string.h>
#include "parallel.h"
#include "simd.h"

typedef struct {
  real *x, *y;
  int64_t width, rows, columns;
} job;

enum { GRAIN = 16384 }; /* elements of y that a thread is worth waking for */

/* A line of x as a line of y. Two columns, the usual case, have a loop that compilers turn into shuffles. */
static void spread(const real *restrict x, real *restrict y, int64_t width, int64_t columns) {
  if (columns == 2) {
    for (int64_t w = 0; w < width; w++) y[2 * w] = y[2 * w + 1] = x[w];
    return;
  }
  for (int64_t w = 0; w < width; w++)
    for (int64_t j = 0; j < columns; j++) y[w * columns + j] = x[w];
}

static void enlarge_lines(void *context, int64_t begin, int64_t end, int worker) {
  (void)worker;
  const job *j = context;
  const int64_t wide = j->width * j->columns;
  for (int64_t line = begin; line < end; line++) {
    real *y = j->y + line * j->rows * wide;
    spread(j->x + line * j->width, y, j->width, j->columns);
    for (int64_t i = 1; i < j->rows; i++) memcpy(y + i * wide, y, (size_t)wide * sizeof(real));
  }
}

/* 2 x 2 blocks in one loop; others column by column. */
static void sum_lines(void *context, int64_t begin, int64_t end, int worker) {
  (void)worker;
  const job *j = context;
  const int64_t wide = j->width * j->columns, columns = j->columns;
  for (int64_t line = begin; line < end; line++) {
    const real *restrict y = j->y + line * j->rows * wide;
    real *restrict x = j->x + line * j->width;
    if (j->rows == 2 && columns == 2) {
      const real *restrict below = y + wide;
      for (int64_t w = 0; w < j->width; w++)
        x[w] = (y[2 * w] + below[2 * w]) + (y[2 * w + 1] + below[2 * w + 1]);
      continue;
    }
    for (int64_t w = 0; w < j->width; w++) {
      real sum = 0;
      for (int64_t i = 0; i < j->rows; i++)
        for (int64_t k = 0; k < columns; k++) sum += y[i * wide + w * columns + k];
      x[w] = sum;
    }
  }
}

static int run(const kg_instruction *in, kg_body *body) {
  const int64_t *s = in->sizes;
  job j = {in->args[0], in->args[1], s[1], s[2], s[3]};
  kg_parallel(body, &j, s[0], GRAIN / (s[1] * s[2] * s[3] + 1) + 1);
  return KG_OK;
}

int NAME(enlarge)(const kg_instruction *in) { return run(in, enlarge_lines); }
int NAME(block_sums)(const kg_instruction *in) { return run(in, sum_lines); }
