/* c = act(c), element by element, for the last pass over a block of a product: the block was just written
 * and is still in cache. (The product itself does relu while the sums are in registers, see finish() in gemm.h.)
 *
 *   c (rows, cols), rows c_row apart, in place.  The formulas are those of the ops of these names. */
#include "normal.h"
#include "gemm.h"

#define APPLY(expression)                                     \
  for (int64_t i = 0; i < rows; i++, c += c_row)              \
    for (int64_t j = 0; j < cols; j += VL) {                  \
      const int64_t n = cols - j < VL ? cols - j : VL;        \
      const vec x = n == VL ? load(c + j) : load_n(c + j, n); \
      const vec y = expression;                               \
      if (n == VL) store(c + j, y);                           \
      else store_n(c + j, y, n);                              \
    }

void NAME(activate)(activation act, int64_t rows, int64_t cols, real *c, int64_t c_row) {
  if (act == RELU) APPLY((vec)((mask)x & ~(x < 0)))
  else if (act == TANH) APPLY(tanh_v(x))
  else if (act == SIGMOID) APPLY(sigmoid_v(x))
  else if (act == GELU) APPLY(gelu_v(x))
  else if (act == SILU) APPLY(x * sigmoid_v(x))
}
