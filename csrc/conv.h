/* What the convolution kernels share: their sizes, zero-padded planes, and the shifted product.
 *
 * The idea of all three: copy the input once into planes that already hold the zero padding. In such a
 * plane, seen as one long row, the inputs of tap (r, s) for all outputs are a shifted copy of the plane,
 * so a convolution is a matrix product whose right-hand rows are found by offset: no im2col. A strided
 * convolution first deals rows and columns out by their remainder ("phases"), each phase its own plane. */
#ifndef CONV_H
#define CONV_H
#include "simd.h"

/* The sizes of kernels.h, and the channels of one group. */
typedef struct {
  int64_t N, C, H, W, K, R, S, P, Q, stride_h, stride_w, pad_h, pad_w, dilation_h, dilation_w, groups;
  int64_t algorithm, activation;
  int64_t Cg, Kg;
} conv_shape;

/* plane[i] = source[step * i + first], or 0 where that is outside [0, limit). */
typedef struct {
  int64_t first, step, limit;
} conv_axis;

/* Rows and columns of a plane. `share` columns are left out of every row: the zeros that end a row are
 * also those that begin the next. */
typedef struct {
  int64_t rows, width, share;
} conv_grid;

enum { CONV_LINE = 64 / sizeof(real) };

static inline int64_t conv_min(int64_t a, int64_t b) { return a < b ? a : b; }
static inline int64_t conv_max(int64_t a, int64_t b) { return a > b ? a : b; }
static inline double conv_greater(double a, double b) { return a > b ? a : b; }
static inline int64_t conv_ceil(int64_t a, int64_t b) { return (a + b - 1) / b; } /* a >= 0, b > 0 */
static inline int64_t conv_round(int64_t a, int64_t b) { return conv_ceil(a, b) * b; }

/* `taps` neighbouring inputs of VL outputs: v[t], lane i = x[stride * i + t]. The stride is 1 or 2. */
static inline __attribute__((always_inline)) void conv_row(vec v[7], const real *x, const int taps,
                                                           const int stride) {
  if (stride == 2) unzip(load(x), load(x + VL), &v[0], &v[1]);
#pragma GCC unroll 7
  for (int t = 0; t < taps; t++) {
    if (stride == 1) v[t] = load(x + t);
    else if (t > 1) v[t] = following(v[t - 2], splat(x[2 * VL + t - 2]));
    v[t] = held(v[t]);
  }
}

static inline conv_shape conv_shape_of(const kg_instruction *in) {
  conv_shape s;
  memcpy(&s, in->sizes, 18 * sizeof(int64_t));
  s.Cg = s.C / s.groups;
  s.Kg = s.K / s.groups;
  return s;
}

/* Vector multiply-adds of all three directions. */
static inline double conv_work(const conv_shape *s) {
  return (double)s->N * (double)(s->K * s->P * s->Q) * (double)(s->Cg * s->R * s->S) / VL;
}

/* Of the direct algorithms, on one thread: the products, at most of the peak, and each weight packed. */
static inline double conv_direct_cost(const conv_shape *s) {
  return conv_work(s) / 0.85 + 12 * (double)(s->K * s->Cg * s->R * s->S) / VL;
}

/* Filling planes, their rows one by one. */
static inline double conv_copy_cost(int64_t planes, conv_grid grid) {
  return (double)(planes * grid.rows * (8 + 4 * conv_ceil(grid.width, VL)));
}

/* How many units of `work` elementary steps are worth a thread. */
static inline int64_t conv_grain(int64_t work) { return conv_max(1, 32768 / conv_max(1, work)); }

/* Elements from one plane to the next, with room for what conv_planes() writes behind a row: whole cache
 * lines, an odd number of them, so that the same place of many planes does not fall into one cache set. */
static inline int64_t conv_plane_size(conv_grid grid) {
  return (conv_ceil(grid.rows * grid.width + grid.share + VL, CONV_LINE) | 1) * CONV_LINE;
}

/* Zeros that may be shared between neighbouring rows of `width` columns, at most `limit`. */
static inline int64_t conv_share(conv_axis columns, int64_t width, int64_t limit) {
  int64_t lead = columns.first < 0 ? conv_ceil(-columns.first, columns.step) : 0;
  int64_t end = columns.limit > columns.first ? conv_ceil(columns.limit - columns.first, columns.step) : 0;
  return conv_max(0, conv_min(limit, conv_min(lead, width - end)));
}

/* Fill `count` planes, `size` apart, from sources `source_size` apart (their rows `pitch`). The columns
 * outside a source must be zero already: who fills the same planes many times clears them once. `same_rows`
 * says that the rows outside are the same every time, so that these are zero too. */
void NAME(conv_planes)(real *plane, int64_t size, int64_t count, conv_grid grid, const real *source,
                       int64_t source_size, int64_t pitch, conv_axis rows, conv_axis columns, int same_rows);

/* The planes of x that the forward product and the weight gradient read. There are phases_h x phases_w to a
 * channel; tap (r, s) reads phase (r % phases_h, s % phases_w), shifted by at most (reach_h, reach_w).
 *   CONV_PHASES: vectors run along the planes, so a strided convolution deals each channel out.
 *   CONV_WHOLE: single inputs are read; a channel is one plane, neighbouring outputs are `step` places apart.
 *   CONV_TAPS: a plane for each tap holds its input of every output, without gaps. */
typedef enum { CONV_PHASES, CONV_WHOLE, CONV_TAPS } conv_dealing;
typedef struct {
  conv_dealing dealing;
  int64_t phases_h, phases_w, reach_h, reach_w;
  int64_t deal_h, deal_w; /* from one element of a plane to the next in x */
  int64_t step_h, step_w; /* from one output to the next in a plane: stride / deal */
  conv_grid grid;         /* for `rows` rows of outputs */
  int64_t plane, channel; /* elements of a plane, of all planes of a channel */
  int within;             /* not dealt, no padding: x itself serves as planes */
} conv_layout;

/* All but what follows from the rows. */
conv_layout NAME(conv_layout_of)(const conv_shape *s, conv_dealing dealing);
void NAME(conv_layout_rows)(conv_layout *layout, const conv_shape *s, int64_t rows);
int64_t NAME(conv_tap)(const conv_layout *layout, const conv_shape *s, int64_t r, int64_t t);
/* Planes of the outputs [first, first + rows) from the channels that begin at x; cleared at first. */
void NAME(conv_fill)(real *planes, const conv_layout *layout, const conv_shape *s, const real *x,
                     int64_t channels, int64_t first, int64_t rows);

/* The shifted product: for k < outputs, and every kept place f of the grid,
 *   y_k[f] = bias[k] + sum over channels c and taps t of panel[k, c, t] * planes[c, offset[t] + f].
 * Places are dealt into vectors; `vectors` says where each one begins and where its lanes go. */
typedef struct {
  int64_t at;    /* place of its first lane */
  int64_t to;    /* where its first kept lane goes in y_k; the other kept lanes follow */
  uint32_t keep; /* bit i: lane i is a real output */
  int32_t count; /* elements that may be written there: VL, or at the end the kept ones alone */
} conv_vector;

typedef struct {
  const real *planes;
  int64_t channels, channel_size, taps;
  const int64_t *offset; /* [taps], from the start of a channel */
  const real *panel;     /* from conv_pack_panel */
  const real *bias;      /* [outputs], or NULL for 0 */
  int64_t outputs, vectors;
  const conv_vector *vector;
  real *y;
  int64_t y_size; /* from y_k to y_(k+1) */
} conv_product;

void NAME(conv_shifted)(const conv_product *product);
double NAME(conv_shifted_cost)(int64_t outputs, int64_t places, int64_t terms); /* as of conv_choose.c */

/* Deal rows x columns outputs, in a grid `width` wide, into vectors; y holds them without gaps. With
 * `within`, no vector reads past the last place (the planes are then the caller's own array); this
 * needs (rows - 1) * width + columns >= VL. Returns how many: conv_vector_count(). */
int64_t NAME(conv_vectors)(conv_vector *vector, int64_t rows, int64_t columns, int64_t width, int within);
static inline int64_t conv_vector_count(int64_t rows, int64_t columns, int64_t width) {
  return rows > 0 && columns > 0 ? conv_ceil((rows - 1) * width + columns, VL) : 0;
}

/* The panel: outputs in blocks, the weights of a block side by side for each (channel, tap).
 * w[k * k_stride + c * c_stride + place[t]] is the weight of (k, c, t). */
enum { CONV_CHUNK = 32 }; /* outputs packed as one unit of work: whole blocks */
int64_t NAME(conv_panel_size)(int64_t outputs, int64_t terms);
void NAME(conv_pack_panel)(real *panel, const real *w, int64_t outputs, int64_t channels, int64_t taps,
                           int64_t k_stride, int64_t c_stride, const int64_t *place);

/* Sums over places, for the gradient in the weights, with output channels in the lanes ("outer"):
 *   sums[slot[t], lane] += planes[offset[t] + place] * y[place, lane], the lanes being vectors * VL outputs.
 * A line is a row of outputs: x_line and y_line say where it begins in the planes and in y; its places are
 * `step` apart in the planes. */
typedef struct {
  const real *planes, *y;
  const int64_t *offset; /* [terms] */
  int64_t terms, columns, vectors;
  real *sums;
  const int64_t *slot; /* NULL: slot[t] = t */
  const int64_t *x_line, *y_line;
  int64_t lines, step;
} conv_sum;

enum { CONV_SUM_VECTORS = VREGS == 32 ? 4 : 2 };
int64_t NAME(conv_outer_terms)(int64_t terms, int64_t vectors); /* how many are computed for so many */
void NAME(conv_outer)(const conv_sum *sum);

/* The same with neighbouring outputs in the lanes ("inner"), y as it is:
 *   sums[k, t, lane] += planes[i, offset[t] + f] * y[i, k, f]   over images i and the f with f % VL = lane.
 * The planes are best CONV_TAPS; with others an "image" can only be a row. */
typedef struct {
  const real *planes;
  const int64_t *offset; /* [terms] */
  int64_t terms, planes_image;
  const real *y, *y_end;            /* y_end: no element of y is there, or behind */
  int64_t outputs, y_size, y_image; /* from y_k to y_(k+1), from an image to the next */
  int64_t images, places;
  real *sums; /* [outputs, terms, VL] */
} conv_dots;

void NAME(conv_inner)(const conv_dots *sum);

/* The broadcast product: the same as the shifted product, with output channels in the lanes and several
 * images at a time. The outputs come in parts, each with taps of its own (those of one phase of a strided
 * gradient); `panel` is from conv_pack_broadcast. Of the product, the fields of taps and vectors are not
 * used. */
typedef struct {
  int64_t taps;
  const int64_t *offset; /* [taps] */
  const real *panel;
  int64_t places; /* of an image */
  int64_t *place; /* [images * places], from the start of the planes */
  int64_t *slot;  /* [images * places]: image * all places + place in y_k */
} conv_part;

typedef struct {
  int64_t vectors;        /* of output channels; 0 where the shifted product is the better way */
  int64_t images, places; /* outputs of an image */
  int64_t taps;           /* the most there are */
  int64_t y_image;        /* from an image of y to the next */
  int64_t bytes;          /* of memory, for: */
  real *sums;             /* [images * places, vectors * VL] */
  int64_t *place, *slot;  /* [images * places], of all parts */
  int64_t *lines;
} conv_lanes;

enum { CONV_PARTS = 16 };

/* Which way, and how many of `images` at a time; an image has `places` outputs in `parts`, for which the
 * shifted product would work on `shifted` places. A product has about `taps`, none more than `most_taps`. */
conv_lanes NAME(conv_lanes_of)(int64_t outputs, int64_t images, int64_t places, int64_t parts,
                               int64_t shifted, int64_t channels, int64_t taps, int64_t most_taps);
void NAME(conv_lanes_in)(conv_lanes *lanes, void *memory);
void NAME(conv_broadcast)(const conv_product *product, const conv_lanes *lanes, const conv_part *part,
                          int64_t parts);

int64_t NAME(conv_broadcast_panel)(int64_t outputs, int64_t vectors, int64_t terms);
void NAME(conv_pack_broadcast)(real *panel, const real *w, int64_t outputs, int64_t vectors, int64_t channels,
                               int64_t taps, int64_t k_stride, int64_t c_stride, const int64_t *place);

/* Bytes that a worker's planes may take: half of a usual L2 cache. */
enum { CONV_CACHE = 512 << 10 };
/* Elements that a tile may read past the last plane. */
enum { CONV_SLACK = 16 * VL };

#endif
