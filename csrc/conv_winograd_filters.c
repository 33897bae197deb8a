/* The transforms of conv_winograd.h between weights and points. */
#include "conv_winograd_points.h"
#include "transpose.h"

enum { MOST_WEIGHTS = 16 };

/* The weights of `rows` <= VL filters, `pitch` apart, one a lane; w may not be read from `end` on. */
ALWAYS_INLINE void load_weights(const int count, vec weights[MOST_WEIGHTS], const real *w, int64_t pitch,
                                int64_t rows, const real *end) {
  const int vl = VL, block = vl < count ? vl : count;
#pragma GCC unroll 9
  for (int t = 0; t < count; t += block) {
    const int from = t + block <= count ? t : count - block;
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
    for (int i = 0; i < block; i++) weights[from + i] = v[i];
  }
}

/* Element (i, j) of the taps x taps weights of a phase. */
ALWAYS_INLINE int64_t place_of(const int taps, const int deal, int64_t phase, int i, int j) {
  return (deal * i + phase / deal) * taps * deal + deal * j + phase % deal;
}

ALWAYS_INLINE void points_of_filter(const int taps, const int deal, real *to, int64_t point_size,
                                    const vec *weights, int64_t phase, const int flipped) {
  const int size = WINO_STEP + taps - 1;
  vec columns[WINO_SIZE][WINO_TAPS];
#pragma GCC unroll 3
  for (int j = 0; j < taps; j++) {
    vec points[WINO_SIZE], g[WINO_TAPS];
#pragma GCC unroll 3
    for (int i = 0; i < taps; i++)
      g[i] = weights[flipped ? place_of(taps, deal, phase, taps - 1 - i, taps - 1 - j)
                             : place_of(taps, deal, phase, i, j)];
    filter_points(taps, points, g);
#pragma GCC unroll 6
    for (int i = 0; i < size; i++) columns[i][j] = points[i];
  }
#pragma GCC unroll 6
  for (int i = 0; i < size; i++) {
    vec points[WINO_SIZE];
    filter_points(taps, points, columns[i]);
#pragma GCC unroll 6
    for (int j = 0; j < size; j++) store(to + (i * size + j) * point_size, points[j]);
  }
}

ALWAYS_INLINE void points_of_filters(const int taps, const int deal, const int flipped, real *to,
                                     const wino_filters *f, int64_t output, int64_t channel, int64_t count) {
  const int weights_of = taps * taps * deal * deal;
  const int64_t point_size = wino_row(count * NR), step = f->channel_step;
  const real *end = f->w + f->outputs * f->channels * weights_of;
  for (int64_t half = 0; half < NR; half += VL) {
    const int64_t block = (output + half) / VL, k = block / f->output_phases * VL;
    const int64_t first = channel / f->channel_phases;
    for (int64_t c = 0; c < count / f->channel_phases; c++) {
      const int64_t rows = first + c < f->channels ? conv_max(0, conv_min(VL, f->outputs - k)) : 0;
      vec weights[MOST_WEIGHTS];
      load_weights(weights_of, weights, f->w + k * f->output_step + (first + c) * step, f->output_step, rows,
                   end);
      real *at = to + half + (f->channel_phases == 1 ? c : c / VL * VL * f->channel_phases + c % VL) * NR;
      if (deal == 1) points_of_filter(taps, deal, at, point_size, weights, 0, flipped);
      else
        for (int64_t i = 0; i < f->channel_phases; i++)
          points_of_filter(taps, deal, at + i * VL * NR, point_size, weights,
                           f->channel_phases > 1 ? i : block % f->output_phases, flipped);
    }
  }
}

void NAME(wino_filter_points)(real *to, const wino_filters *f, int64_t output, int64_t channel,
                              int64_t count) {
  if (f->taps == 2 && f->flipped) points_of_filters(2, 2, 1, to, f, output, channel, count);
  else if (f->taps == 2) points_of_filters(2, 2, 0, to, f, output, channel, count);
  else if (f->flipped) points_of_filters(3, 1, 1, to, f, output, channel, count);
  else points_of_filters(3, 1, 0, to, f, output, channel, count);
}

/* The taps x taps weights of a channel and a phase. */
ALWAYS_INLINE void weights_of_points(const int taps, const int deal, real *weights, int64_t phase,
                                     const real *sums, int64_t point_size, int64_t parts, int64_t part_size) {
  const int size = WINO_STEP + taps - 1;
  vec rows[WINO_TAPS][WINO_SIZE];
#pragma GCC unroll 6
  for (int j = 0; j < size; j++) {
    vec points[WINO_SIZE], column[WINO_STEP];
#pragma GCC unroll 6
    for (int i = 0; i < size; i++) {
      const real *at = sums + (i * size + j) * point_size;
      points[i] = load(at);
      for (int64_t part = 1; part < parts; part++) points[i] += load(at + part * part_size);
    }
    coefficients(taps, column, taps, points);
#pragma GCC unroll 3
    for (int i = 0; i < taps; i++) rows[i][j] = column[i];
  }
#pragma GCC unroll 3
  for (int i = 0; i < taps; i++) {
    vec row[WINO_STEP];
    coefficients(taps, row, taps, rows[i]);
#pragma GCC unroll 3
    for (int j = 0; j < taps; j++) store(weights + place_of(taps, deal, phase, i, j) * VL, row[j]);
  }
}

void NAME(wino_weights)(real *w, int64_t outputs, const wino_planes *x, int64_t k, int64_t c, int64_t count,
                        wino_points sums, int64_t parts, int64_t part_size, real *scratch) {
  const int64_t phases = wino_phases(x), weights_of = phases * x->taps * x->taps;
  for (int64_t channel = 0; channel < count; channel++)
    for (int64_t phase = 0; phase < phases; phase++) {
      const int64_t at = phases == 1 ? channel : (channel / VL * phases + phase) * VL + channel % VL;
      real *to = scratch + channel * weights_of * VL;
      if (x->taps == 3)
        weights_of_points(3, 1, to, phase, sums.data + at * sums.row, sums.point_size, parts, part_size);
      else weights_of_points(2, 2, to, phase, sums.data + at * sums.row, sums.point_size, parts, part_size);
    }
  const int64_t rows = conv_min(VL, outputs - k), pitch = x->channels * weights_of;
  for (int64_t t = 0, end = count * weights_of; t < end; t += VL) {
    real tile[VL * VL], *to = w + k * pitch + c * weights_of + t;
    const int64_t taps = conv_min(VL, end - t);
    transpose_tile(tile, VL, scratch + t * VL, VL, taps, VL);
    for (int64_t i = 0; i < rows; i++)
      if (taps == VL) store(to + i * pitch, load(tile + i * VL));
      else store_n(to + i * pitch, load(tile + i * VL), taps);
  }
}
