/* One matrix product, c += a @ b, in five steps from the textbook to the peak of the machine. docs/kernels.md
 * tells the story; `python docs/gemm_ladder.py` compiles this file, checks every step against NumPy and
 * times it.
 *
 * All three matrices are n x n, float32, with rows `row` elements apart. The file is written to be read: n
 * must be a multiple of unit(); edges, strides and threads are left to the real kernel (csrc/gemm.c). */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

/* A tile's sums take 2 * TILE_ROWS registers; two more hold b, one holds a number of a. */
#if defined(__AVX512F__) /* 32 registers of 64 bytes */
enum { VECTOR_BYTES = 64, TILE_ROWS = 14 };
#define ROWS(X) X(0) X(1) X(2) X(3) X(4) X(5) X(6) X(7) X(8) X(9) X(10) X(11) X(12) X(13)
#elif defined(__AVX2__) /* 16 of 32 */
enum { VECTOR_BYTES = 32, TILE_ROWS = 6 };
#define ROWS(X) X(0) X(1) X(2) X(3) X(4) X(5)
#elif defined(__aarch64__) /* 32 of 16 */
enum { VECTOR_BYTES = 16, TILE_ROWS = 12 };
#define ROWS(X) X(0) X(1) X(2) X(3) X(4) X(5) X(6) X(7) X(8) X(9) X(10) X(11)
#else /* 16 of 16 */
enum { VECTOR_BYTES = 16, TILE_ROWS = 4 };
#define ROWS(X) X(0) X(1) X(2) X(3)
#endif
enum { VL = VECTOR_BYTES / sizeof(float), TILE_COLUMNS = 2 * VL };

typedef float vec __attribute__((vector_size(VECTOR_BYTES), aligned(4), may_alias));

int64_t unit(void) { return TILE_ROWS * TILE_COLUMNS / 2; }

/* 1. The textbook: each element is a dot product. b is walked down its columns, a new cache line a step, and
 *    each sum waits for the one before. */
void textbook(int64_t n, int64_t row, const float *a, const float *b, float *c) {
  for (int64_t i = 0; i < n; i++)
    for (int64_t j = 0; j < n; j++) {
      float sum = c[i * row + j];
      for (int64_t p = 0; p < n; p++) sum += a[i * row + p] * b[p * row + j];
      c[i * row + j] = sum;
    }
}

/* 2. The same products in another order: the inner loop runs along rows of b and c, so the compiler can take
 *    VL of them at once. For each vector multiplied, two are loaded and one is stored. */
void along_rows(int64_t n, int64_t row, const float *restrict a, const float *restrict b, float *restrict c) {
  for (int64_t i = 0; i < n; i++)
    for (int64_t p = 0; p < n; p++)
      for (int64_t j = 0; j < n; j++) c[i * row + j] += a[i * row + p] * b[p * row + j];
}

/* The tile: TILE_ROWS x TILE_COLUMNS sums stay in registers while p runs. Two vectors of b and TILE_ROWS
 * numbers of a make 2 * TILE_ROWS vector products: all the rest of this file feeds this loop. */
static inline __attribute__((always_inline)) void tile(int64_t k, const float *restrict a, int64_t a_row,
                                                       int64_t a_column, const float *restrict b,
                                                       int64_t b_row, float *restrict c, int64_t c_row) {
  /* Each sum has a name of its own (ROWS says the line once a row): in an array they could stay in memory. */
#define ZERO(i) vec left##i = {0}, right##i = {0};
#define MULTIPLY(i) left##i += a[i * a_row + p * a_column] * b0, right##i += a[i * a_row + p * a_column] * b1;
#define ADD(i) *(vec *)(c + i * c_row) += left##i, *(vec *)(c + i * c_row + VL) += right##i;
  ROWS(ZERO)
  for (int64_t p = 0; p < k; p++) {
    const vec b0 = *(const vec *)(b + p * b_row), b1 = *(const vec *)(b + p * b_row + VL);
    ROWS(MULTIPLY)
  }
  ROWS(ADD)
}

/* 3. Tiles in registers, the matrices read where they are. Each step of p reads b in another page, and where
 *    rows are a power of two apart, in the same few places of the cache. */
void registers(int64_t n, int64_t row, const float *a, const float *b, float *c) {
  for (int64_t j = 0; j < n; j += TILE_COLUMNS)
    for (int64_t i = 0; i < n; i += TILE_ROWS) tile(n, a + i * row, row, 1, b + j, row, c + i * row + j, row);
}

/* Panels: what the tile reads, in the order in which it reads it. */
static void pack_b(int64_t k, const float *b, int64_t row, float *to) {
  for (int64_t p = 0; p < k; p++) memcpy(to + p * TILE_COLUMNS, b + p * row, TILE_COLUMNS * sizeof(float));
}
static void pack_a(int64_t k, const float *a, int64_t row, float *to) {
  for (int64_t p = 0; p < k; p++)
    for (int64_t i = 0; i < TILE_ROWS; i++) to[p * TILE_ROWS + i] = a[i * row + p];
}

/* 4, 5. By blocks: kc terms of the sums, mc rows of a, nc columns of b. A block of a is packed once and used
 *    for every panel of b; the panel of b in turn stays in the first cache while the panels of a pass by. */
static void blocked(int64_t n, int64_t row, const float *a, const float *b, float *c, int64_t kc, int64_t mc,
                    int64_t nc) {
  float *panels_b = malloc((size_t)(kc * nc) * sizeof(float));
  float *panels_a = malloc((size_t)(kc * mc) * sizeof(float));
  for (int64_t j0 = 0; j0 < n; j0 += nc)
    for (int64_t p0 = 0; p0 < n; p0 += kc) {
      const int64_t k = n - p0 < kc ? n - p0 : kc, j1 = n - j0 < nc ? n : j0 + nc;
      for (int64_t j = j0; j < j1; j += TILE_COLUMNS)
        pack_b(k, b + p0 * row + j, row, panels_b + (j - j0) * k);
      for (int64_t i0 = 0; i0 < n; i0 += mc) {
        const int64_t i1 = n - i0 < mc ? n : i0 + mc;
        for (int64_t i = i0; i < i1; i += TILE_ROWS)
          pack_a(k, a + i * row + p0, row, panels_a + (i - i0) * k);
        for (int64_t j = j0; j < j1; j += TILE_COLUMNS)
          for (int64_t i = i0; i < i1; i += TILE_ROWS)
            tile(k, panels_a + (i - i0) * k, 1, TILE_ROWS, panels_b + (j - j0) * k, TILE_COLUMNS,
                 c + i * row + j, row);
      }
    }
  free(panels_b);
  free(panels_a);
}

/* 4. Packed, but in one block: a whole packed a comes by for every panel of b, and no near cache holds it. */
void packed(int64_t n, int64_t row, const float *a, const float *b, float *c) {
  blocked(n, row, a, b, c, n, n, n);
}

/* 5. Blocks that fit the caches: a panel of b (KC x TILE_COLUMNS, 48 KB) the first, a block of a (MC x KC, about
 *    a quarter of 1 MB) the second, a block of b the third. */
enum { KC = 384, MC = 12 * TILE_ROWS, NC = 64 * TILE_COLUMNS };
void blocks(int64_t n, int64_t row, const float *a, const float *b, float *c) {
  blocked(n, row, a, b, c, KC, MC, NC);
}

/* The limit: products of numbers that are in registers already, enough at once to fill the pipelines. */
#define CHAINS(X) X(0) X(1) X(2) X(3) X(4) X(5) X(6) X(7) X(8) X(9) X(10) X(11)
float peak(int64_t steps) {
  vec x = (vec){0} + 0.999f, y = (vec){0} + 0.001f;
#define BEGIN(i) vec sum##i = y * (float)i;
#define STEP(i) sum##i = sum##i * x + y;
#define TOTAL(i) +sum##i[0]
  CHAINS(BEGIN)
  for (int64_t s = 0; s < steps; s++) {
    CHAINS(STEP)
  }
  return CHAINS(TOTAL);
}
int64_t peak_flops(int64_t steps) { return steps * 12 * VL * 2; }
