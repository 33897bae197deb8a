/* The transforms of conv_winograd.h between planes and points of tiles.
 *
 * A strip's rows of planes are transposed to have channels in the lanes, transformed along columns into a
 * buffer of WINO_SIZE rows that neighbouring tiles share, and then along rows, tile by tile. Both stay in L1
 * for usual widths. The way back is the same in reverse. One thread: callers share out the work. */
#include "conv_winograd_points.h"
#include "transpose.h"

/* Scratch: a strip's lines with channels in the lanes, then the transformed rows of one strip. */
static int64_t row_elements(const wino_planes *planes) {
  return (planes->columns * WINO_STEP + WINO_SIZE - WINO_STEP) * VL;
}
int64_t NAME(wino_scratch)(const wino_planes *planes, int64_t strips) {
  int64_t lines = conv_min(strips, planes->rows) * WINO_STEP + WINO_SIZE - WINO_STEP;
  return (lines * planes->W + VL) * VL + WINO_SIZE * row_elements(planes);
}

/* Strips [first, last) of one image, tiles of `window` x `window`. */
ALWAYS_INLINE void points_of_image(const int window, wino_points points, const wino_planes *planes,
                                   const real *x, int64_t channels, int64_t first, int64_t last,
                                   real *scratch) {
  static const real zero[VL];
  const int64_t W = planes->W, wide = row_elements(planes);
  int64_t top = conv_max(0, first * WINO_STEP - planes->pad_h);
  int64_t bottom = conv_min(planes->H, (last - 1) * WINO_STEP + window - planes->pad_h);
  real *lines = scratch + WINO_SIZE * wide;
  for (int64_t f = 0, end = (bottom - top) * W; f < end; f += VL)
    transpose_tile(lines + f * VL, VL, x + top * W + f, planes->H * W, channels, conv_min(VL, end - f));
  int64_t columns = conv_min(W, wide / VL - planes->pad_w);
  for (int64_t strip = first; strip < last; strip++) {
    const real *from[WINO_SIZE];
    int64_t step[WINO_SIZE];
    for (int i = 0; i < window; i++) {
      int64_t row = strip * WINO_STEP - planes->pad_h + i;
      int inside = row >= 0 && row < planes->H;
      from[i] = inside ? lines + (row - top) * W * VL : zero;
      step[i] = inside ? VL : 0;
    }
    real *to = scratch + planes->pad_w * VL;
    for (int64_t j = 0; j < columns; j++, to += VL) {
      if (window == WINO_SIZE) data_points(to, wide, from, 0);
      else gradient_points(to, wide, from, 0);
      for (int i = 0; i < window; i++) from[i] += step[i];
    }
    for (int64_t tile = 0; tile < planes->columns; tile++, points.data += points.row)
      for (int i = 0; i < WINO_SIZE; i++) {
        const real *row = scratch + i * wide + tile * WINO_STEP * VL;
        const real *const at[WINO_SIZE] = {row,          row + VL,     row + 2 * VL,
                                           row + 3 * VL, row + 4 * VL, row + 5 * VL};
        if (window == WINO_SIZE)
          data_points(points.data + i * WINO_SIZE * points.point_size, points.point_size, at, 0);
        else gradient_points(points.data + i * WINO_SIZE * points.point_size, points.point_size, at, 0);
      }
  }
}

ALWAYS_INLINE void points_of(const int window, wino_points points, const wino_planes *planes, const real *x,
                             int64_t c, int64_t first, int64_t last, real *scratch) {
  /* The columns outside the planes stay zero. */
  memset(scratch, 0, (size_t)(WINO_SIZE * row_elements(planes)) * sizeof(real));
  for (int64_t strip = first, end; strip < last; strip = end) {
    int64_t image = strip / planes->rows, begin = image * planes->rows;
    end = conv_min(last, begin + planes->rows);
    points_of_image(window, points, planes, x + (image * planes->channels + c) * planes->H * planes->W,
                    conv_min(VL, planes->channels - c), strip - begin, end - begin, scratch);
    points.data += (end - strip) * planes->columns * points.row;
  }
}

void NAME(wino_data)(wino_points points, const wino_planes *planes, const real *x, int64_t c, int64_t first,
                     int64_t last, real *scratch) {
  points_of(WINO_SIZE, points, planes, x, c, first, last, scratch);
}

void NAME(wino_gradient)(wino_points points, const wino_planes *planes, const real *y, int64_t c,
                         int64_t first, int64_t last, real *scratch) {
  points_of(WINO_STEP, points, planes, y, c, first, last, scratch);
}

/* One tile's points to its outputs. */
ALWAYS_INLINE void tile_outputs(vec out[WINO_STEP][WINO_STEP], const real *m, int64_t point_size) {
  vec rows[WINO_STEP][WINO_SIZE];
#pragma GCC unroll 6
  for (int j = 0; j < WINO_SIZE; j++) {
    vec column[WINO_STEP];
    const real *at = m + j * point_size;
    const int64_t step = WINO_SIZE * point_size;
    coefficients(column, WINO_STEP, load(at), load(at + step), load(at + 2 * step), load(at + 3 * step),
                 load(at + 4 * step), load(at + 5 * step));
#pragma GCC unroll 4
    for (int i = 0; i < WINO_STEP; i++) rows[i][j] = column[i];
  }
#pragma GCC unroll 4
  for (int i = 0; i < WINO_STEP; i++)
    coefficients(out[i], WINO_STEP, rows[i][0], rows[i][1], rows[i][2], rows[i][3], rows[i][4], rows[i][5]);
}

void NAME(wino_outputs)(wino_points points, const wino_planes *planes, real *y, wino_end finish, int64_t c,
                        int64_t first, int64_t last, real *scratch) {
  const int64_t W = planes->W, channels = conv_min(VL, planes->channels - c);
  const vec start = finish.bias ? load_n(finish.bias + c, channels) : (vec){0};
  for (int64_t strip = first, end; strip < last; strip = end) {
    int64_t image = strip / planes->rows, begin = image * planes->rows;
    end = conv_min(last, begin + planes->rows);
    int64_t top = (strip - begin) * WINO_STEP, bottom = conv_min(planes->H, (end - begin) * WINO_STEP);
    for (int64_t row = top; row < bottom; row += WINO_STEP)
      for (int64_t column = 0; column < W; column += WINO_STEP, points.data += points.row) {
        vec out[WINO_STEP][WINO_STEP];
        tile_outputs(out, points.data, points.point_size);
        real *to = scratch + ((row - top) * W + column) * VL;
        int64_t rows = conv_min(WINO_STEP, bottom - row), columns = conv_min(WINO_STEP, W - column);
#pragma GCC unroll 4
        for (int i = 0; i < WINO_STEP; i++)
          if (i < rows)
#pragma GCC unroll 4
            for (int j = 0; j < WINO_STEP; j++)
              if (j < columns) store(to + (i * W + j) * VL, out[i][j] + start);
      }
    if (finish.act) NAME(activate)(finish.act, 1, (bottom - top) * W * VL, scratch, 0);
    real *plane = y + (image * planes->channels + c) * planes->H * W + top * W;
    for (int64_t f = 0, places = (bottom - top) * W; f < places; f += VL) {
      real tile[VL * VL];
      int64_t count = conv_min(VL, places - f);
      transpose_tile(tile, VL, scratch + f * VL, VL, count, VL);
      for (int64_t i = 0; i < channels; i++)
        if (count == VL) store(plane + i * planes->H * W + f, load(tile + i * VL));
        else store_n(plane + i * planes->H * W + f, load(tile + i * VL), count);
    }
  }
}
