/* Winograd's minimal filtering for 3 x 3 taps without stride: 4 x 4 outputs from 36 products instead of 144
 * (Lavin & Gray, "Fast Algorithms for Convolutional Neural Networks", 2016); and for 4 x 4 taps with stride 2: 100
 * instead of 256.
 *
 * In one dimension, 4 outputs of 3 taps are y = A'[(G g) * (B' d)] with 6 inputs d: filter and data are
 * evaluated as polynomials at the points 0, a, -a, b, -b and infinity, multiplied point by point, and the
 * product's coefficients are found again. In two dimensions each transform runs along columns, then along
 * rows, which leaves 36 points; and since all three are linear, the sum over channels can be made before the
 * last, so the products of a point are one matrix product: tiles x channels by channels x outputs.
 *
 * Rows and columns of a strided convolution are dealt out by their remainder (conv.h). A phase is a convolution with
 * 2 x 2 taps without stride: of x forward, where the phases are further channels to be added up, and of the
 * gradient in x, where they are further outputs. Two taps make 5 points: 0, c, -c, d and infinity.
 *
 * a = 5/8 and b = 3/2 have few bits, and the smallest error of all pairs of eighths (oneDNN uses them too); so
 * have c = 3/4 and d = 15/8. Measured against float64 with normal numbers, as a share of the largest result: at most
 * 1.5e-6 with 16 channels and 4e-6 with 64 to 512 in float32 (the direct kernels: 6e-7 and 4e-6; the weights of large
 * planes 7e-6, where these have 2e-6), 2e-14 in float64. 4 x 4 taps: 3.4e-6 with 256 channels, 5.1e-6 with the
 * short vectors of NEON. A NaN or an infinity in a tile makes all outputs of the tile NaN or infinite: up to 3
 * places further than it reaches in truth, or 6 of a strided gradient in x, where a tile is 8 x 8.
 *
 * Vectors hold channels; planes are transposed on the way in and on the way out. */
#ifndef CONV_WINOGRAD_H
#define CONV_WINOGRAD_H
#include "conv.h"
#include "gemm.h"

/* WINO_SIZE and WINO_TAPS: the most there are. */
enum { WINO_STEP = 4, WINO_TAPS = 3, WINO_SIZE = WINO_STEP + WINO_TAPS - 1 };

enum { TRANSFORM = 200 }; /* elementary steps to transform a vector of a tile or a filter, about */

/* Planes cut into tiles: tile (i, j) begins at (WINO_STEP * i, WINO_STEP * j), and place (i, j) of phase (a, b) is
 * (deal * i + a - pad_h, deal * j + b - pad_w) of a channel. The rows of tiles of all images are numbered
 * through as strips. */
typedef struct {
  int64_t channels, H, W, pad_h, pad_w;
  int64_t rows, columns; /* of tiles in an image */
  int64_t taps, deal;
} wino_planes;

static inline int64_t wino_size(int64_t taps) { return WINO_STEP + taps - 1; }
static inline int64_t wino_points_of(int64_t taps) { return wino_size(taps) * wino_size(taps); }
static inline int64_t wino_phases(const wino_planes *planes) { return planes->deal * planes->deal; }

/* Each phase of a channel is a channel of the products. A vector of channels has its phases one after the other. */
static inline int64_t wino_channels(const wino_planes *planes) {
  return planes->deal == 1 ? planes->channels : wino_phases(planes) * conv_round(planes->channels, VL);
}

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
  return s->N * s->C * s->K * s->P * s->Q > 0 && s->R == s->S && s->stride_h == s->stride_w &&
         ((s->R == 3 && s->stride_h == 1) || (s->R == 4 && s->stride_h == 2)) && s->dilation_h == 1 &&
         s->dilation_w == 1 && s->groups == 1 && s->pad_h < s->R && s->pad_w < s->R;
}

/* Elements that a row of n may take: whole vectors, an odd number of cache lines, so that rows don't share
 * cache sets. */
static inline int64_t wino_row(int64_t n) { return (conv_ceil(n, CONV_LINE) | 1) * CONV_LINE; }

/* Elements of scratch memory for the transforms of `strips` strips of at most `columns` tiles. */
int64_t NAME(wino_scratch)(const wino_planes *planes, int64_t strips);

/* The points of the inputs of every tile, and of its 4 x 4 gradients (taken as a filter), for the channels
 * [c, c + VL) of the strips [first, last) of x; points begin with tile 0 of strip `first` and the first phase of
 * channel c. Places outside the plane, and channels from `channels` on, are 0. */
void NAME(wino_data)(wino_points points, const wino_planes *planes, const real *x, int64_t c, int64_t first,
                     int64_t last, real *scratch);
void NAME(wino_gradient)(wino_points points, const wino_planes *planes, const real *y, int64_t c,
                         int64_t first, int64_t last, real *scratch);

/* What is made of outputs: act(output + bias of its channel). */
typedef struct {
  const real *bias; /* NULL: 0 */
  activation act;
} wino_end;

/* The 4 x 4 outputs of every tile from its points, into the channels [c, c + VL) of y; points begin as above. */
void NAME(wino_outputs)(wino_points points, const wino_planes *planes, real *y, wino_end finish, int64_t c,
                        int64_t first, int64_t last, real *scratch);

/* The points of the filters of NR outputs from `output` on and `count` channels from `channel` on, both numbered
 * as in the products, as a packed panel of the matrix product for each point:
 * to[point * wino_row(count * NR) + (channel - first) * NR + (output - first)]. Dealt channels: whole vectors of
 * all phases. */
typedef struct {
  const real *w;
  int64_t outputs, channels;
  int64_t output_step, channel_step; /* in w */
  int64_t taps;
  int64_t output_phases, channel_phases; /* one of them is 1 */
  int flipped;                           /* taps of a phase in reversed order */
} wino_filters;
void NAME(wino_filter_points)(real *to, const wino_filters *filters, int64_t output, int64_t channel,
                              int64_t count);

/* The weights w[k .. k + VL, c .. c + count] (of w (outputs, channels, R, R) for planes x) from sums: element
 * (point, channel, output - k) of each of `parts`, `part_size` apart, which are added up. The channels begin with
 * the first phase of c. Scratch: R R VL count elements. */
void NAME(wino_weights)(real *w, int64_t outputs, const wino_planes *x, int64_t k, int64_t c, int64_t count,
                        wino_points sums, int64_t parts, int64_t part_size, real *scratch);

#endif
