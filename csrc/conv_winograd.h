/* Winograd's minimal filtering for 3 x 3 taps without stride: 4 x 4 outputs from 36 products instead of 144
 * (Lavin & Gray, "Fast Algorithms for Convolutional Neural Networks", 2016).
 *
 * In one dimension, 4 outputs of 3 taps are y = A'[(G g) * (B' d)] with 6 inputs d: filter and data are
 * evaluated as polynomials at the points 0, a, -a, b, -b and infinity, multiplied point by point, and the
 * product's coefficients are found again. In two dimensions each transform runs along columns, then along
 * rows, which leaves 36 points; and since all three are linear, the sum over channels can be made before the
 * last, so the products of a point are one matrix product: tiles x channels by channels x outputs.
 *
 * a = 5/8 and b = 3/2 have few bits, and the smallest error of all pairs of eighths (oneDNN uses them too).
 * Measured against float64 with normal numbers, as a share of the largest result: at most 1e-6 with 16 channels
 * and 4e-6 with 256 or 512 in float32 (the direct kernels: 4e-7 and 3e-6; their weights 7e-6, where these
 * have 2e-6), 2e-14 in float64. A NaN or an infinity in a tile makes all outputs of the tile NaN or infinite:
 * up to 3 places further than it reaches in truth.
 *
 * Vectors hold channels; planes are transposed on the way in and on the way out. */
#ifndef CONV_WINOGRAD_H
#define CONV_WINOGRAD_H
#include "conv.h"
#include "gemm.h"

enum { WINO_STEP = 4, WINO_TAPS = 3, WINO_SIZE = 6, WINO_POINTS = WINO_SIZE * WINO_SIZE };

enum { TRANSFORM = 200 }; /* elementary steps to transform a vector of a tile or a filter, about */

/* Planes cut into tiles: tile (i, j) begins at (WINO_STEP * i - pad_h, WINO_STEP * j - pad_w). The rows of
 * tiles of all images are numbered through as strips. */
typedef struct {
  int64_t channels, H, W, pad_h, pad_w;
  int64_t rows, columns; /* of tiles in an image */
} wino_planes;

/* Points of tiles: element (point, tile, channel) is data[point * point_size + tile * row + channel]. */
typedef struct {
  real *data;
  int64_t point_size, row;
} wino_points;

/* The same, from a channel and a tile on. */
static inline wino_points wino_from(wino_points points, int64_t channel, int64_t tile) {
  points.data += tile * points.row + channel;
  return points;
}

/* The convolutions that this can compute; empty ones are left to others. */
static inline int wino_suits(const conv_shape *s) {
  return s->N * s->C * s->K * s->P * s->Q > 0 && s->R == WINO_TAPS && s->S == WINO_TAPS && s->stride_h == 1 &&
         s->stride_w == 1 && s->dilation_h == 1 && s->dilation_w == 1 && s->groups == 1 &&
         s->pad_h < WINO_TAPS && s->pad_w < WINO_TAPS;
}

/* Elements that a row of n may take: whole vectors, an odd number of cache lines, so that rows don't share
 * cache sets. */
static inline int64_t wino_row(int64_t n) { return (conv_ceil(n, CONV_LINE) | 1) * CONV_LINE; }

/* Elements of scratch memory for the transforms of `strips` strips of at most `columns` tiles. */
int64_t NAME(wino_scratch)(const wino_planes *planes, int64_t strips);

/* The points of the 6 x 6 inputs of every tile, and of its 4 x 4 gradients (taken as a filter), for the
 * channels [c, c + VL) of the strips [first, last) of x; points begin with tile 0 of strip `first` and channel
 * c. Places outside the plane, and channels from `channels` on, are 0. */
void NAME(wino_data)(wino_points points, const wino_planes *planes, const real *x, int64_t c, int64_t first,
                     int64_t last, real *scratch);
void NAME(wino_gradient)(wino_points points, const wino_planes *planes, const real *y, int64_t c,
                         int64_t first, int64_t last, real *scratch);

/* What is made of outputs: act(output + bias of its channel). */
typedef struct {
  const real *bias; /* NULL: 0 */
  activation act;
} wino_end;

/* The 4 x 4 outputs of every tile from its points, into planes of y (their pads are 0). */
void NAME(wino_outputs)(wino_points points, const wino_planes *planes, real *y, wino_end finish, int64_t c,
                        int64_t first, int64_t last, real *scratch);

/* The points of the filters of the outputs [k, k + NR) and the channels [c, c + count), as a packed panel of
 * the matrix product for each point: to[point * wino_row(count * NR) + (channel - c) * NR + (output - k)]. */
typedef struct {
  const real *w;
  int64_t outputs, channels;
  int64_t output_step, channel_step; /* in w */
  int flipped;                       /* taps in reversed order */
} wino_filters;
void NAME(wino_filter_points)(real *to, const wino_filters *filters, int64_t k, int64_t c, int64_t count);

/* The weights w[k .. k + VL, c .. c + count] (of w (outputs, channels, 3, 3)) from sums: element (point, channel
 * - c, output - k) of each of `parts`, `part_size` apart, which are added up. Scratch: 9 VL count elements. */
void NAME(wino_weights)(real *w, int64_t outputs, int64_t channels, int64_t k, int64_t c, int64_t count,
                        wino_points sums, int64_t parts, int64_t part_size, real *scratch);

#endif
