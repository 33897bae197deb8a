/* Images into the lanes and out of them again, and the products between (conv_images.h):
 *   y[k, place, lane] = act(bias[k] + sum_c,r,s w[k, c, r, s] * x[c, source(place, r, s), lane]).
 *
 * A tile is one place of ROWS output channels in VECTORS vectors of images, held in registers while all
 * channels and taps pass; every step loads the vectors of one input and multiplies them with ROWS broadcast
 * weights. The order of a sum is that of the direct algorithms, for any number of vectors: all give the same bits.
 *
 * Nothing overlaps. One thread: callers share out the work. */
#include "conv_images.h"
#include "transpose.h"

void NAME(images_in)(real *to, int64_t vectors, const real *from, int64_t image, int64_t images, int64_t n) {
  const int64_t lanes = vectors * VL;
  for (int64_t f = 0; f < n; f += VL)
    for (int64_t v = 0; v < vectors; v++)
      transpose_tile(to + f * lanes + v * VL, lanes, from + v * VL * image + f, image,
                     conv_min(VL, images - v * VL), conv_min(VL, n - f));
}

void NAME(images_out)(real *to, int64_t image, int64_t images, const real *from, int64_t vectors, int64_t n) {
  const int64_t lanes = vectors * VL;
  for (int64_t lane = 0; lane < images; lane += VL, to += VL * image) {
    const int64_t count = conv_min(VL, images - lane);
    if (n == VL) {
      transpose_tile(to, image, from + lane, lanes, VL, count);
      continue;
    }
    real tile[VL * VL];
    transpose_tile(tile, VL, from + lane, lanes, n, count);
    for (int64_t i = 0; i < count; i++) store_n(to + i * image, load(tile + i * VL), n);
  }
}

void NAME(image_pack)(real *panel, const real *w, int64_t outputs, int64_t channels, int64_t taps,
                      int64_t k_stride, int64_t c_stride, int64_t most) {
  for (int64_t k = 0, rows; k < outputs; k += rows) {
    rows = image_block(outputs, most, k);
    for (int64_t c = 0; c < channels; c++)
      for (int64_t t = 0; t < taps; t++, panel += rows)
        for (int64_t i = 0; i < rows; i++) panel[i] = w[(k + i) * k_stride + c * c_stride + t];
  }
}

static inline __attribute__((always_inline)) void tile(const image_product *d, const real *panel,
                                                       const real *bias, image_window h, image_window w,
                                                       real *y, const int rows, const int vectors) {
  enum { STEP = VL };
  vec acc[IMAGE_ROWS][IMAGE_VECTORS];
#pragma GCC unroll 12
  for (int i = 0; i < rows; i++)
#pragma GCC unroll 4
    for (int v = 0; v < vectors; v++) acc[i][v] = splat(bias ? bias[i] : 0);
  const int64_t lanes = vectors * STEP, x_step = d->w.source_step * lanes, w_step = d->w.tap_step * rows;
  const int64_t x_row = d->h.source_step * d->columns * lanes, w_row = d->h.tap_step * d->taps_w * rows;
  const int64_t x_channel = d->channel_size, w_channel = d->taps_h * d->taps_w * rows;
  const real *x = d->x + (h.source * d->columns + w.source) * lanes;
  panel += (h.tap * d->taps_w + w.tap) * rows;
  for (int64_t c = 0; c < d->channels; c++, x += x_channel, panel += w_channel)
    for (int64_t r = 0; r < h.count; r++) {
      const real *from = x + r * x_row, *a = panel + r * w_row;
      for (int64_t s = 0; s < w.count; s++, from += x_step, a += w_step) {
        vec b[IMAGE_VECTORS];
#pragma GCC unroll 4
        for (int v = 0; v < vectors; v++) b[v] = load(from + v * VL);
#pragma GCC unroll 12
        for (int i = 0; i < rows; i++) {
          const vec weight = splat(a[i]);
#pragma GCC unroll 4
          for (int v = 0; v < vectors; v++) acc[i][v] += weight * b[v];
        }
      }
    }
#pragma GCC unroll 12
  for (int i = 0; i < rows; i++)
#pragma GCC unroll 4
    for (int v = 0; v < vectors; v++) {
      if (d->relu) acc[i][v] = (vec)((mask)acc[i][v] & ~(acc[i][v] < 0)); /* NaN stays NaN */
      store(y + (i * VL * vectors + v) * VL, acc[i][v]);
    }
}

typedef void tile_kernel(const image_product *, const real *, const real *, image_window, image_window,
                         real *);
/* clang-format off */
#define TILE(k, v)                                                                                          \
  static void tile_##k##x##v(const image_product *d, const real *panel, const real *bias, image_window h,   \
                             image_window w, real *y) {                                                     \
    tile(d, panel, bias, h, w, y, k, v);                                                                    \
  }
#define SIX(v) TILE(1, v) TILE(2, v) TILE(3, v) TILE(4, v) TILE(5, v) TILE(6, v)
#define EIGHT(v) SIX(v) TILE(7, v) TILE(8, v)
#define TWELVE(v) EIGHT(v) TILE(9, v) TILE(10, v) TILE(11, v) TILE(12, v)
#define SIX_OF(v) tile_1x##v, tile_2x##v, tile_3x##v, tile_4x##v, tile_5x##v, tile_6x##v
#define EIGHT_OF(v) SIX_OF(v), tile_7x##v, tile_8x##v
#define TWELVE_OF(v) EIGHT_OF(v), tile_9x##v, tile_10x##v, tile_11x##v, tile_12x##v
#if defined(KG_ISA_avx512) || defined(KG_ISA_neon)
TWELVE(1) TWELVE(2) EIGHT(3) SIX(4)
static tile_kernel *const tiles[][IMAGE_ROWS] = {{TWELVE_OF(1)}, {TWELVE_OF(2)}, {EIGHT_OF(3)}, {SIX_OF(4)}};
#else
SIX(1) SIX(2)
static tile_kernel *const tiles[][IMAGE_ROWS] = {{SIX_OF(1)}, {SIX_OF(2)}};
#endif
/* clang-format on */

void NAME(image_places)(const image_product *d, int64_t most, int64_t first, int64_t count, int64_t columns) {
  const int64_t terms = d->channels * d->taps_h * d->taps_w, lanes = d->vectors * VL;
  for (int64_t k = 0, rows; k < d->outputs; k += rows) {
    rows = image_block(d->outputs, most, k);
    tile_kernel *const run = tiles[d->vectors - 1][rows - 1];
    int64_t p = first / columns, q = first % columns;
    for (int64_t i = 0; i < count; i++) {
      run(d, d->panel + k * terms, d->bias ? d->bias + k : NULL, d->h.window[p], d->w.window[q],
          d->y + (k * VL + i) * lanes);
      if (++q == columns) q = 0, p++;
    }
  }
}
