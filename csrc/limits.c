/* KG_LIMIT: what this machine can do at most, for the benchmarks to hold the kernels against.
 *
 * fma     x = x / 2 + 1 in 10 independent vectors: 8 hide a latency of 4 cycles on 2 units, and AVX2 has 16
 *         registers. x tends to 2, so nothing overflows and nothing is denormal. Every thread does n
 *         multiply-adds (fewer by less than 10 vectors) and stores a lane of their sum in y[thread].
 * triad   y = a + 3 b (McCalpin's STREAM), the usual measure of memory
 * read    y[thread] = the sum of a: what a reduction can hope for
 * copy    y = a
 *
 * Arrays are contiguous and apart; threads cut them evenly. */
#include "parallel.h"
#include "simd.h"

enum { FMA, TRIAD, READ, COPY };

typedef struct {
  const real *a, *b;
  real *y;
  int64_t n;
  int kind;
} job;

#define ROUND(x) x = x * half + one;
#define TEN(DO) DO(s0) DO(s1) DO(s2) DO(s3) DO(s4) DO(s5) DO(s6) DO(s7) DO(s8) DO(s9)
#define ZERO(x) vec x = {0};
#define BEGIN(x) vec x = splat(first++); /* equal ones would be computed once */
#define SUM(x) total += x;

static real fused(int64_t n) {
  const vec half = splat((real)0.5), one = splat(1);
  vec total = {0};
  real first = 3; /* not 2: that would stay, and not be computed at all */
  TEN(BEGIN)
  for (int64_t i = 0; i + 10 * VL <= n; i += 10 * VL) {
    TEN(ROUND)
  }
  TEN(SUM)
  return total[0];
}

static real read(const real *a, int64_t begin, int64_t end) {
  TEN(ZERO)
  vec total = {0};
  int64_t i = begin;
#define LOAD(x) x += load(a + i), i += VL;
  while (i + 10 * VL <= end) {
    TEN(LOAD)
  }
  TEN(SUM)
  real sum = 0;
  for (int lane = 0; lane < VL; lane++) sum += total[lane];
  for (; i < end; i++) sum += a[i];
  return sum;
}

static void triad(real *restrict y, const real *restrict a, const real *restrict b, int64_t begin,
                  int64_t end) {
  const vec three = splat(3);
  int64_t i = begin;
  for (; i + VL <= end; i += VL) store(y + i, load(a + i) + three * load(b + i));
  for (; i < end; i++) y[i] = a[i] + 3 * b[i];
}

static void part(void *context, int64_t begin, int64_t end, int worker) {
  const job *j = context;
  if (j->kind == FMA) j->y[worker] = fused(j->n);
  else if (j->kind == TRIAD) triad(j->y, j->a, j->b, begin, end);
  else if (j->kind == READ) j->y[worker] = read(j->a, begin, end);
  else memcpy(j->y + begin, j->a + begin, (size_t)(end - begin) * sizeof(real));
}

int NAME(limit)(const kg_instruction *in) {
  job j = {in->args[0], in->args[1], in->args[2], in->sizes[1], (int)in->sizes[0]};
  if (j.kind < FMA || j.kind > COPY) return KG_BAD_ARGUMENT;
  kg_parallel(part, &j, j.kind == FMA ? kg_get_threads() : j.n, 1);
  return KG_OK;
}
