/* The transforms of conv_winograd.h between 3 x 3 weights and points. */
#include "conv_winograd_points.h"
#include "transpose.h"

enum { TAPS = WINO_TAPS * WINO_TAPS };

/* The nine taps of `rows` <= VL filters, `pitch` apart, one a lane; w may not be read from `end` on. */
ALWAYS_INLINE void load_taps(vec taps[TAPS], const real *w, int64_t pitch, int64_t rows, const real *end) {
  const int vl = VL, block = vl < TAPS ? vl : TAPS;
#pragma GCC unroll 9
  for (int t = 0; t < TAPS; t += block) {
    const int from = t + block <= TAPS ? t : TAPS - block;
    vec v[VL];
    if (rows == VL && w + (VL - 1) * pitch + from + VL <= end) {
#pragma GCC unroll 16
      for (int i = 0; i < VL; i++) v[i] = load(w + i * pitch + from);
    } else {
#pragma GCC unroll 16
      for (int i = 0; i < VL; i++) v[i] = i < rows ? load_n(w + i * pitch + from, block) : (vec){0};
    }
    transpose(v);
#pragma GCC unroll 16
    for (int i = 0; i < block; i++) taps[from + i] = v[i];
  }
}

void NAME(wino_filter_points)(real *to, const wino_filters *f, int64_t k, int64_t c, int64_t count) {
  const int64_t point_size = wino_row(count * NR), step = f->channel_step;
  const real *end = f->w + f->outputs * f->channels * TAPS;
  for (int64_t half = 0; half < NR; half += VL)
    for (int64_t channel = 0; channel < count; channel++) {
      const real *w = f->w + (k + half) * f->output_step + (c + channel) * step;
      real *at = to + channel * NR + half;
      int64_t rows = conv_max(0, conv_min(VL, f->outputs - k - half));
      vec taps[TAPS], columns[WINO_SIZE][WINO_TAPS];
      load_taps(taps, w, f->output_step, rows, end);
#pragma GCC unroll 3
      for (int j = 0; j < WINO_TAPS; j++) {
        vec points[WINO_SIZE];
        if (f->flipped) filter_points(points, taps[8 - j], taps[5 - j], taps[2 - j]);
        else filter_points(points, taps[j], taps[3 + j], taps[6 + j]);
#pragma GCC unroll 6
        for (int i = 0; i < WINO_SIZE; i++) columns[i][j] = points[i];
      }
#pragma GCC unroll 6
      for (int i = 0; i < WINO_SIZE; i++) {
        vec points[WINO_SIZE];
        filter_points(points, columns[i][0], columns[i][1], columns[i][2]);
#pragma GCC unroll 6
        for (int j = 0; j < WINO_SIZE; j++) store(at + (i * WINO_SIZE + j) * point_size, points[j]);
      }
    }
}

void NAME(wino_weights)(real *w, int64_t outputs, int64_t channels, int64_t k, int64_t c, int64_t count,
                        wino_points sums, int64_t parts, int64_t part_size, real *scratch) {
  for (int64_t channel = 0; channel < count; channel++) {
    vec rows[WINO_TAPS][WINO_SIZE];
#pragma GCC unroll 6
    for (int j = 0; j < WINO_SIZE; j++) {
      vec points[WINO_SIZE], column[WINO_STEP];
#pragma GCC unroll 6
      for (int i = 0; i < WINO_SIZE; i++) {
        const real *at = sums.data + (i * WINO_SIZE + j) * sums.point_size + channel * sums.row;
        points[i] = load(at);
        for (int64_t part = 1; part < parts; part++) points[i] += load(at + part * part_size);
      }
      coefficients(column, WINO_TAPS, points[0], points[1], points[2], points[3], points[4], points[5]);
#pragma GCC unroll 3
      for (int i = 0; i < WINO_TAPS; i++) rows[i][j] = column[i];
    }
#pragma GCC unroll 3
    for (int i = 0; i < WINO_TAPS; i++) {
      vec taps[WINO_STEP];
      coefficients(taps, WINO_TAPS, rows[i][0], rows[i][1], rows[i][2], rows[i][3], rows[i][4], rows[i][5]);
#pragma GCC unroll 3
      for (int j = 0; j < WINO_TAPS; j++) store(scratch + (channel * TAPS + i * WINO_TAPS + j) * VL, taps[j]);
    }
  }
  const int64_t rows = conv_min(VL, outputs - k), pitch = channels * TAPS;
  for (int64_t t = 0, end = count * TAPS; t < end; t += VL) {
    real tile[VL * VL], *to = w + k * pitch + c * TAPS + t;
    const int64_t taps = conv_min(VL, end - t);
    transpose_tile(tile, VL, scratch + t * VL, VL, taps, VL);
    for (int64_t i = 0; i < rows; i++)
      if (taps == VL) store(to + i * pitch, load(tile + i * VL));
      else store_n(to + i * pitch, load(tile + i * VL), taps);
  }
}
