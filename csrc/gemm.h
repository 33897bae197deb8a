/* The pieces of the matrix product, for kernels that bring their own packing (convolution).
 *
 *   c (m, n) = act(a (m, k) @ b (k, n) + bias)
 *
 * c is cut into tiles of at most MR x NR that live in registers while k runs. An operand is a row of
 * *panels*: MR rows of a, or NR columns of b, each. A panel is described, never required to be packed:
 *
 *   a: element (i, p) of panel q  is  data[q * panel + i * row + p * col]      packed: row 1, col MR
 *   b: element (p, j) of panel q  is  data[q * panel + p * row + j]            packed: row NR
 *
 * so the same micro-kernel reads packed panels and the matrices themselves (a with any strides, b with
 * contiguous columns). Only the last panel of b may have fewer than NR columns; it must still be
 * readable up to the next multiple of VL columns (pack_b fills it with zeros). */
#ifndef GEMM_H
#define GEMM_H
#include "simd.h"

/* Register budget, in vectors: MR*2 accumulators + 2 of b + 1 broadcast of a.
 *   avx512   28 + 2 + 1 = 31 of 32
 *   avx2     12 + 2 + 1 = 15 of 16
 *   neon     24 + 2 + 1 = 27 of 32
 *   generic   8 + 2 + 1 + 1 product (no FMA) = 12 of 16 */
#if defined(KG_ISA_avx512)
enum { MR = 14 };
#elif defined(KG_ISA_avx2)
enum { MR = 6 };
#elif defined(KG_ISA_neon)
enum { MR = 12 };
#else
enum { MR = 4 };
#endif
enum { NR = 2 * VL };

typedef struct {
  const real *data;
  int64_t panel, row, col; /* strides in elements, see above; col is not used for b */
} panels;

typedef enum { NONE, RELU, TANH, SIGMOID, GELU, SILU, ACTIVATIONS } activation;

/* What happens to a tile on its way to memory: c = act((accumulate ? c : 0) + a @ b + bias). */
typedef struct {
  const real *bias_columns; /* (n) or NULL */
  const real *bias_rows;    /* (m) or NULL */
  int accumulate;
  activation act; /* relu is max(x, 0), NaN stays NaN; the others take a pass of their own, activate() */
} epilogue;

#define ALWAYS_INLINE static inline __attribute__((always_inline))

/* Whether c is a @ b and no more. */
ALWAYS_INLINE int is_plain(const epilogue *end) {
  return !end->bias_columns && !end->bias_rows && !end->accumulate && end->act != RELU;
}

/* The first n of VL columns at `to` get their sums; the biases are those of these columns and this row. */
ALWAYS_INLINE void finish(real *to, vec sum, int64_t n, const real *bias, const real *row_bias,
                          const epilogue *end) {
  const int whole = n >= VL;
  if (end->accumulate) sum += whole ? load(to) : load_n(to, n);
  if (bias) sum += whole ? load(bias) : load_n(bias, n);
  if (row_bias) sum += splat(*row_bias);
  if (end->act == RELU) sum = (vec)((mask)sum & ~(sum < 0));
  if (whole) store(to, sum);
  else store_n(to, sum, n);
}

/* One tile: c (rows, cols), rows <= MR, cols <= NR, any k >= 0. `a` and `b` point at the panels' first
 * elements, `end` at biases of the tile's first row and column. c rows are c_row apart and must not
 * overlap a or b. */
void NAME(micro_kernel)(int64_t rows, int64_t cols, int64_t k, const real *a, int64_t a_row, int64_t a_col,
                        const real *b, int64_t b_row, real *c, int64_t c_row, epilogue end);

/* All tiles of c (m, n): every panel of a against every panel of b. The panel of b stays in the L1
 * cache while the panels of a pass, so NR * k reals should fit there and m * k in the L2 cache. */
void NAME(macro_kernel)(int64_t m, int64_t n, int64_t k, panels a, panels b, real *c, int64_t c_row,
                        epilogue end);

void NAME(activate)(activation act, int64_t rows, int64_t cols, real *c, int64_t c_row);

/* Copy a (m, k) or b (k, n) of any strides into packed panels; `to` has room for packed_a(m, k) or
 * packed_b(n, k) reals. */
panels NAME(pack_a)(real *to, const real *a, int64_t a_row, int64_t a_col, int64_t m, int64_t k);
panels NAME(pack_b)(real *to, const real *b, int64_t b_row, int64_t b_col, int64_t n, int64_t k);

static inline int64_t packed_a(int64_t m, int64_t k) { return (m + MR - 1) / MR * MR * k; }
static inline int64_t packed_b(int64_t n, int64_t k) { return (n + NR - 1) / NR * NR * k; }

/* c (n) = act(x (k) @ b (k, n) + bias) without packing, for the strides that vector_fits() accepts. */
int NAME(vector_fits)(int64_t x_col, int64_t b_row, int64_t b_col);
void NAME(vector_product)(int64_t n, int64_t k, const real *x, int64_t x_col, const real *b, int64_t b_row,
                          int64_t b_col, real *c, epilogue end);

/* The same product, all of it small (gemm_tiny.c). */
int NAME(tiny_fits)(int64_t batch, int64_t m, int64_t n, int64_t k);
void NAME(tiny_product)(int64_t m, int64_t n, int64_t k, const real *a, int64_t a_row, int64_t a_col,
                        const real *b, int64_t b_row, int64_t b_col, real *c, int64_t c_row, epilogue end);

#endif
