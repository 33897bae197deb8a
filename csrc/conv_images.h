/* Convolution with images in the lanes: an array (N, C, H, W) is turned into (C, H, W, lanes), a vector or a
 * few of images innermost. Whatever the channels, the rows and the taps are, no lane is idle, no vector is
 * unaligned, and taps that fall outside the image are left out instead of multiplied with zeros. The price is
 * transposing what is read and what is written, so it pays where few channels meet many taps. */
#ifndef CONV_IMAGES_H
#define CONV_IMAGES_H
#include "conv.h"

/* Vectors of images together, and the output channels that a tile then holds. Registers: 6 x 4 + 4 + 1 = 29 of
 * 32, 6 x 2 + 2 + 1 = 15 of 16. */
#if defined(KG_ISA_avx512) || defined(KG_ISA_neon)
enum { IMAGE_VECTORS = 4, IMAGE_ROWS = 12 };
static const int64_t image_rows[IMAGE_VECTORS + 1] = {0, 12, 12, 8, 6};
#else
enum { IMAGE_VECTORS = 2, IMAGE_ROWS = 6 };
static const int64_t image_rows[IMAGE_VECTORS + 1] = {0, 6, 6};
#endif

/* How N images are dealt into blocks of whole vectors, at most `most` vectors each, for `threads`. */
typedef struct {
  int64_t vectors, blocks;
} image_blocks;

static inline image_blocks image_blocks_of(int64_t images, int64_t most, int64_t threads) {
  const int64_t all = conv_max(1, conv_ceil(images, VL));
  const int64_t blocks = conv_max(conv_ceil(all, conv_max(1, most)), conv_min(all, threads));
  const int64_t vectors = conv_ceil(all, blocks);
  return (image_blocks){vectors, conv_ceil(all, vectors)};
}

/* Of costs, in vector multiply-adds: from one product to the next that adds to it, a tile's beginning and end,
 * and turning a vector of elements. */
enum { IMAGE_WAIT = 8, IMAGE_END = 30, IMAGE_TURN = VBYTES == 64 ? 10 : 14 };

/* Images whose distance is a multiple of a page all compete for the same sets of L1. */
static inline double image_turning(int64_t elements, int64_t image) {
  return (double)(elements * IMAGE_TURN) * (image * (int64_t)sizeof(real) % 4096 ? 1 : 4);
}

/* How many pairs of output and tap meet an input along an axis. */
static inline int64_t image_met(int64_t taps, int64_t stride, int64_t dilation, int64_t pad, int64_t inputs,
                                int64_t outputs) {
  int64_t met = 0;
  for (int64_t t = 0; t < taps; t++) {
    const int64_t low = conv_ceil(conv_max(0, pad - t * dilation), stride);
    const int64_t end = conv_ceil(conv_max(0, inputs + pad - t * dilation), stride);
    met += conv_max(0, conv_min(outputs, end) - low);
  }
  return met;
}

/* The taps along one axis that meet an input for one output: tap, tap + tap_step, ..., at source,
 * source + source_step, ...; the steps are the axis'. */
typedef struct {
  int64_t tap, source, count;
} image_window;

typedef struct {
  int64_t tap_step, source_step;
  const image_window *window; /* of each output */
} image_axis;

/* y[k, place, lane] = act(bias[k] + sum_c,r,s w[k, c, r, s] * x[c, source, lane]). */
typedef struct {
  const real *x; /* [channels, rows, columns, lanes], channels channel_size apart */
  int64_t channels, channel_size, rows, columns, taps_h, taps_w;
  image_axis h, w;
  const real *panel, *bias; /* from image_pack; [outputs] or NULL */
  int64_t outputs, vectors;
  int relu;
  real *y; /* [outputs, VL, lanes]: VL places */
} image_product;

/* Output channels in blocks, evenly long. */
static inline int64_t image_block(int64_t outputs, int64_t most, int64_t k) {
  const int64_t blocks = conv_ceil(outputs, most), each = outputs / blocks, longer = outputs % blocks;
  return k < longer * (each + 1) ? each + 1 : each;
}

/* The weights of a block side by side: panel [block][c][tap][output]. `most`: image_rows of the full blocks. */
void NAME(image_pack)(real *panel, const real *w, int64_t outputs, int64_t channels, int64_t taps,
                      int64_t k_stride, int64_t c_stride, int64_t most);

/* The places [first, first + count) of an output `columns` wide, count <= VL. */
void NAME(image_places)(const image_product *product, int64_t most, int64_t first, int64_t count,
                        int64_t columns);

/* to[i, lane] = from[lane * image + i] for i < n, the lanes being `images`, zeros behind them. */
void NAME(images_in)(real *to, int64_t vectors, const real *from, int64_t image, int64_t images, int64_t n);
/* to[lane * image + i] = from[i, lane], for i < n <= VL. */
void NAME(images_out)(real *to, int64_t image, int64_t images, const real *from, int64_t vectors, int64_t n);

#endif
