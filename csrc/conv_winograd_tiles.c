/* The transforms of conv_winograd.h between planes and points of tiles.
 *
 * A strip's rows of planes are transposed to have channels in the lanes, transformed along columns into a
 * buffer of as many rows as a tile has, which neighbouring tiles share, and then along rows, tile by tile; one
 * phase after the other. Both stay in L1 for usual widths. The way back is the same in reverse. One thread:
 * callers share out the work. */
#include "conv_winograd_points.h"
#include "transpose.h"

/* Scratch: a strip's lines with channels in the lanes, then the transformed rows of one strip, for each phase of
 * columns. */
static int64_t row_elements(const wino_planes *planes) {
  return (planes->columns * WINO_STEP + planes->taps - 1) * VL;
}
static int64_t rows_elements(const wino_planes *planes) {
  return planes->deal * wino_size(planes->taps) * row_elements(planes);
}
int64_t NAME(wino_scratch)(const wino_planes *planes, int64_t strips) {
  int64_t lines = (conv_min(strips, planes->rows) * WINO_STEP + planes->taps - 1) * planes->deal;
  return (lines * planes->W + VL) * VL + rows_elements(planes);
}

/* What a tile's points are made of. */
typedef enum { DATA, GRADIENT } wino_source;

ALWAYS_INLINE void points_along(const wino_source source, const int taps, real *to, int64_t to_step,
                                const real *const from[WINO_SIZE]) {
  if (source == DATA) data_points(taps, to, to_step, from);
  else gradient_points(taps, to, to_step, from);
}

/* Strips [first, last) of one image. */
ALWAYS_INLINE void points_of_image(const wino_source source, const int taps, const int deal,
                                   wino_points points, const wino_planes *planes, const real *x,
                                   int64_t channels, int64_t first, int64_t last, real *scratch) {
  static const real zero[VL];
  const int size = WINO_STEP + taps - 1, window = source == DATA ? size : WINO_STEP;
  const int64_t W = planes->W, wide = row_elements(planes);
  int64_t top = conv_max(0, first * WINO_STEP * deal - planes->pad_h);
  int64_t bottom = conv_min(planes->H, ((last - 1) * WINO_STEP + window) * deal - planes->pad_h);
  real *lines = scratch + rows_elements(planes);
  for (int64_t f = 0, end = (bottom - top) * W; f < end; f += VL)
    transpose_tile(lines + f * VL, VL, x + top * W + f, planes->H * W, channels, conv_min(VL, end - f));
  for (int64_t strip = first; strip < last; strip++, points.data += planes->columns * points.row)
    for (int phase = 0; phase < deal * deal; phase++) {
      const int64_t left = planes->pad_w - phase % deal; /* of the place (.., 0) to the planes */
      const int64_t begin = left > 0 ? conv_ceil(left, deal) : 0;
      const int64_t end = conv_min(wide / VL, conv_ceil(conv_max(0, W + left), deal));
      const real *from[WINO_SIZE];
      int64_t step[WINO_SIZE];
#pragma GCC unroll 6
      for (int i = 0; i < window; i++) {
        int64_t row = (strip * WINO_STEP + i) * deal + phase / deal - planes->pad_h;
        int inside = row >= 0 && row < planes->H;
        from[i] = inside ? lines + ((row - top) * W + begin * deal - left) * VL : zero;
        step[i] = inside ? deal * VL : 0;
      }
      real *rows = scratch + phase % deal * size * wide, *to = rows + begin * VL;
      for (int64_t j = begin; j < end; j++, to += VL) {
        points_along(source, taps, to, wide, from);
#pragma GCC unroll 6
        for (int i = 0; i < window; i++) from[i] += step[i];
      }
      real *out = points.data + phase * VL;
      for (int64_t tile = 0; tile < planes->columns; tile++, out += points.row)
        for (int i = 0; i < size; i++) {
          const real *row = rows + i * wide + tile * WINO_STEP * VL;
          const real *const at[WINO_SIZE] = {row,          row + VL,     row + 2 * VL,
                                             row + 3 * VL, row + 4 * VL, row + 5 * VL};
          points_along(source, taps, out + i * size * points.point_size, points.point_size, at);
        }
    }
}

ALWAYS_INLINE void points_of(const wino_source source, const int taps, const int deal, wino_points points,
                             const wino_planes *planes, const real *x, int64_t c, int64_t first, int64_t last,
                             real *scratch) {
  /* The columns outside the planes stay zero. */
  memset(scratch, 0, (size_t)rows_elements(planes) * sizeof(real));
  for (int64_t strip = first, end; strip < last; strip = end) {
    int64_t image = strip / planes->rows, begin = image * planes->rows;
    end = conv_min(last, begin + planes->rows);
    points_of_image(source, taps, deal, points, planes,
                    x + (image * planes->channels + c) * planes->H * planes->W,
                    conv_min(VL, planes->channels - c), strip - begin, end - begin, scratch);
    points.data += (end - strip) * planes->columns * points.row;
  }
}

void NAME(wino_data)(wino_points points, const wino_planes *planes, const real *x, int64_t c, int64_t first,
                     int64_t last, real *scratch) {
  if (planes->taps == 3) points_of(DATA, 3, 1, points, planes, x, c, first, last, scratch);
  else if (planes->deal == 2) points_of(DATA, 2, 2, points, planes, x, c, first, last, scratch);
  else points_of(DATA, 2, 1, points, planes, x, c, first, last, scratch);
}

void NAME(wino_gradient)(wino_points points, const wino_planes *planes, const real *y, int64_t c,
                         int64_t first, int64_t last, real *scratch) {
  if (planes->taps == 3) points_of(GRADIENT, 3, 1, points, planes, y, c, first, last, scratch);
  else points_of(GRADIENT, 2, 1, points, planes, y, c, first, last, scratch);
}

/* One tile's points to its outputs. */
ALWAYS_INLINE void tile_outputs(const int taps, vec out[WINO_STEP][WINO_STEP], const real *m,
                                int64_t point_size) {
  const int size = WINO_STEP + taps - 1;
  vec rows[WINO_STEP][WINO_SIZE];
#pragma GCC unroll 6
  for (int j = 0; j < size; j++) {
    vec column[WINO_STEP], points[WINO_SIZE];
#pragma GCC unroll 6
    for (int i = 0; i < size; i++) points[i] = load(m + (i * size + j) * point_size);
    coefficients(taps, column, WINO_STEP, points);
#pragma GCC unroll 4
    for (int i = 0; i < WINO_STEP; i++) rows[i][j] = column[i];
  }
#pragma GCC unroll 4
  for (int i = 0; i < WINO_STEP; i++) coefficients(taps, out[i], WINO_STEP, rows[i]);
}

ALWAYS_INLINE void outputs_of(const int taps, const int deal, wino_points points, const wino_planes *planes,
                              real *y, wino_end finish, int64_t c, int64_t first, int64_t last,
                              real *scratch) {
  const int64_t H = planes->H, W = planes->W, channels = conv_min(VL, planes->channels - c);
  const vec start = finish.bias ? load_n(finish.bias + c, channels) : (vec){0};
  for (int64_t strip = first, end; strip < last; strip = end) {
    int64_t image = strip / planes->rows, begin = image * planes->rows;
    end = conv_min(last, begin + planes->rows);
    int64_t top = conv_max(0, (strip - begin) * WINO_STEP * deal - planes->pad_h);
    int64_t bottom = conv_min(H, (end - begin) * WINO_STEP * deal - planes->pad_h);
    for (; strip < end; strip++)
      for (int64_t tile = 0; tile < planes->columns; tile++, points.data += points.row)
        for (int phase = 0; phase < deal * deal; phase++) {
          vec out[WINO_STEP][WINO_STEP];
          tile_outputs(taps, out, points.data + phase * VL, points.point_size);
          int64_t row = (strip - begin) * WINO_STEP * deal + phase / deal - planes->pad_h;
          int64_t column = tile * WINO_STEP * deal + phase % deal - planes->pad_w;
          real *to = scratch + ((row - top) * W + column) * VL;
#pragma GCC unroll 4
          for (int i = 0; i < WINO_STEP; i++)
            if ((deal == 1 || row + deal * i >= 0) && row + deal * i < H)
#pragma GCC unroll 4
              for (int j = 0; j < WINO_STEP; j++)
                if ((deal == 1 || column + deal * j >= 0) && column + deal * j < W)
                  store(to + deal * (i * W + j) * VL, out[i][j] + start);
        }
    if (finish.act) NAME(activate)(finish.act, 1, (bottom - top) * W * VL, scratch, 0);
    real *plane = y + (image * planes->channels + c) * H * W + top * W;
    for (int64_t f = 0, places = (bottom - top) * W; f < places; f += VL) {
      real tile[VL * VL];
      int64_t count = conv_min(VL, places - f);
      transpose_tile(tile, VL, scratch + f * VL, VL, count, VL);
      for (int64_t i = 0; i < channels; i++)
        if (count == VL) store(plane + i * H * W + f, load(tile + i * VL));
        else store_n(plane + i * H * W + f, load(tile + i * VL), count);
    }
  }
}

void NAME(wino_outputs)(wino_points points, const wino_planes *planes, real *y, wino_end finish, int64_t c,
                        int64_t first, int64_t last, real *scratch) {
  if (planes->taps == 3) outputs_of(3, 1, points, planes, y, finish, c, first, last, scratch);
  else if (planes->deal == 2) outputs_of(2, 2, points, planes, y, finish, c, first, last, scratch);
  else outputs_of(2, 1, points, planes, y, finish, c, first, last, scratch);
}
