/* Packing of the matrix product's operands: panels of `width` rows of a, or columns of b, side by side,
 * so that the micro-kernel reads memory in order, whatever the strides were.
 *
 *   to[q * width * k + p * width + i] = from[(q * width + i) * across + p * along]     i < width, p < k
 *
 * The lanes of the last panel that lie beyond `lanes` are zero. */
#include "gemm.h"

/* One panel whose lanes are contiguous along k: VL x VL blocks are transposed in registers. */
ALWAYS_INLINE void pack_transposed(real *to, const real *from, const int width, int64_t lanes, int64_t across,
                                   int64_t k) {
  for (int64_t p = 0; p < k; p += VL) {
    const int64_t depth = k - p < VL ? k - p : VL;
    for (int g = 0; g < width; g += VL) {
      const int group = width - g < VL ? width - g : VL;
      vec r[VL];
      if (depth == VL && g + group <= lanes) {
#pragma GCC unroll 16
        for (int i = 0; i < VL; i++) r[i] = i < group ? load(from + (g + i) * across + p) : (vec){0};
      } else {
#pragma GCC unroll 16
        for (int i = 0; i < VL; i++)
          r[i] = i < group && g + i < lanes ? load_n(from + (g + i) * across + p, depth) : (vec){0};
      }
      transpose(r);
      if (depth == VL) {
#pragma GCC unroll 16
        for (int i = 0; i < VL; i++) store_n(to + (p + i) * width + g, r[i], group);
      } else {
#pragma GCC unroll 16
        for (int i = 0; i < VL; i++)
          if (i < depth) store_n(to + (p + i) * width + g, r[i], group);
      }
    }
  }
}

ALWAYS_INLINE void pack(real *restrict to, const real *restrict from, const int width, int64_t lanes,
                        int64_t across, int64_t along, int64_t k) {
  for (; lanes > 0; lanes -= width, from += width * across, to += width * k) {
    if (along == 1 && across != 1) pack_transposed(to, from, width, lanes, across, k);
    else if (across == 1 && lanes >= width)
      for (int64_t p = 0; p < k; p++) memcpy(to + p * width, from + p * along, (size_t)width * sizeof(real));
    else
      for (int64_t p = 0; p < k; p++)
        for (int64_t i = 0; i < width; i++) to[p * width + i] = i < lanes ? from[i * across + p * along] : 0;
  }
}

panels NAME(pack_a)(real *to, const real *a, int64_t a_row, int64_t a_col, int64_t m, int64_t k) {
  pack(to, a, MR, m, a_row, a_col, k);
  return (panels){to, MR * k, 1, MR};
}

panels NAME(pack_b)(real *to, const real *b, int64_t b_row, int64_t b_col, int64_t n, int64_t k) {
  pack(to, b, NR, n, b_col, b_row, k);
  return (panels){to, NR * k, NR, 1};
}
