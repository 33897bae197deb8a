/* Transposing part of a matrix, VL x VL at a time, in registers. */
#ifndef TRANSPOSE_H
#define TRANSPOSE_H
#include "simd.h"

/* to[j * to_pitch + i] = from[i * from_pitch + j] for i < rows, j < columns <= VL. Writes whole vectors:
 * lanes i >= rows (up to VL) are zero. */
static inline void transpose_tile(real *to, int64_t to_pitch, const real *from, int64_t from_pitch,
                                  int64_t rows, int64_t columns) {
  vec v[VL];
  if (rows >= VL && columns == VL) {
#pragma GCC unroll 16
    for (int i = 0; i < VL; i++) v[i] = load(from + i * from_pitch);
  } else {
#pragma GCC unroll 16
    for (int i = 0; i < VL; i++) v[i] = i < rows ? load_n(from + i * from_pitch, columns) : (vec){0};
  }
  transpose(v);
#pragma GCC unroll 16
  for (int i = 0; i < VL; i++) {
    if (i >= columns) break;
    store(to + i * to_pitch, v[i]);
  }
}

#endif
