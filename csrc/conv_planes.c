/* Zero-padded planes: plane[i, j] = source[rows.step * i + rows.first, columns.step * j + columns.first],
 * 0 outside the source; i < grid.rows, j < grid.width, and grid.share zeros behind the last row.
 *
 * Planes are filled again and again with other sources, so the columns outside, which stay, must be zero
 * before the first filling. The rows outside are cleared here unless they stay too. Source rows are `pitch` apart, their
 * columns contiguous. Plane and source don't overlap. One thread. */
#include "conv.h"

/* How many of the indices 0, step, 2 step, ... are below n. (A division takes longer than copying a row.) */
static int64_t below(int64_t n, int64_t step) { return n <= 0 ? 0 : step == 1 ? n : conv_ceil(n, step); }

/* [from, to): the i in [0, count) whose source index is inside. */
static void inside(conv_axis axis, int64_t count, int64_t *from, int64_t *to) {
  *from = conv_min(count, below(-axis.first, axis.step));
  *to = conv_max(*from, conv_min(count, below(axis.limit - axis.first, axis.step)));
}

/* Copying many short rows: to[i * width + j] = from[i * pitch + step * j] for j < n. The last vector of a
 * row overlaps the one before. A row shorter than a vector may write up to VL zeros behind its n elements:
 * what belongs there is zero or written later. */
typedef struct {
  real *to;
  int64_t width;
  const real *from;
  int64_t pitch, rows, n;
} row_copy;

static inline __attribute__((always_inline)) void copy_short(row_copy c, const int64_t step) {
  for (int64_t i = 0; i < c.rows; i++, c.to += c.width, c.from += c.pitch) {
#ifdef KG_ISA_avx512
    if (step == 1) store(c.to, load_n(c.from, c.n));
    else if (2 * c.n <= VL + 1) store(c.to, compress(load_n(c.from, conv_min(2 * c.n - 1, VL)), 0x5555));
    else store(c.to, evens(load(c.from), load_n(c.from + VL - 1, 2 * c.n - VL)));
#else
    for (int64_t j = 0; j < c.n; j++) c.to[j] = c.from[step * j];
#endif
  }
}

/* `vectors` a row; 0: many. */
static inline __attribute__((always_inline)) void copy_long(row_copy c, const int vectors, const int step) {
  for (int64_t i = 0; i < c.rows; i++, c.to += c.width, c.from += c.pitch) {
    int64_t last = c.n - VL;
#define COPY(j)     \
  store(c.to + (j), \
        step == 1 ? load(c.from + (j)) : evens(load(c.from + 2 * (j)), load(c.from + 2 * (j) + VL - 1)))
    for (int64_t j = 0; vectors ? j < (vectors - 1) * VL : j < last; j += VL) COPY(j);
    COPY(last);
#undef COPY
  }
}

static inline __attribute__((always_inline)) void copy(row_copy c, const int step) {
  if (c.n < VL) copy_short(c, step);
  else if (c.n == VL) copy_long(c, 1, step);
  else if (c.n <= 2 * VL) copy_long(c, 2, step);
  else copy_long(c, 0, step);
}

static void copy_strided(row_copy c, int64_t step) {
  for (int64_t i = 0; i < c.rows; i++, c.to += c.width, c.from += c.pitch)
    for (int64_t j = 0; j < c.n; j++) c.to[j] = c.from[step * j];
}

static inline void clear(real *to, int64_t n) {
  for (; n >= VL; n -= VL, to += VL) store(to, (vec){0});
  for (int64_t i = 0; i < n; i++) to[i] = 0;
}

void NAME(conv_planes)(real *plane, int64_t size, int64_t count, conv_grid grid, const real *source,
                       int64_t source_size, int64_t pitch, conv_axis rows, conv_axis columns, int same_rows) {
  int64_t top, bottom, left, right;
  inside(rows, grid.rows, &top, &bottom);
  inside(columns, grid.width, &left, &right);
  row_copy c = {plane + top * grid.width + left,
                grid.width,
                source + (rows.step * top + rows.first) * pitch + columns.step * left + columns.first,
                rows.step * pitch,
                right > left ? bottom - top : 0,
                right - left};
  for (; count > 0; count--, plane += size, c.to += size, c.from += source_size) {
    if (!same_rows) clear(plane, top * grid.width);
    if (columns.step == 1) copy(c, 1);
    else if (columns.step == 2) copy(c, 2); /* by far the most usual stride */
    else copy_strided(c, columns.step);
    if (!same_rows) clear(plane + bottom * grid.width, (grid.rows - bottom) * grid.width + grid.share);
  }
}

static int64_t gcd(int64_t a, int64_t b) { return b ? gcd(b, a % b) : a; }

/* Taps r, r + m, ... with m = stride / gcd(stride, dilation) meet the same remainder. */
static int64_t phases_of(int64_t taps, int64_t stride, int64_t dilation) {
  return conv_min(taps, stride / gcd(stride, dilation));
}

static conv_axis phase_axis(int64_t phase, int64_t deal, int64_t dilation, int64_t pad, int64_t limit) {
  return (conv_axis){phase * dilation % deal - pad, deal, limit};
}

/* The inputs that a tap meets, no others. */
static conv_axis tap_axis(int64_t tap, int64_t stride, int64_t dilation, int64_t pad, int64_t limit,
                          int64_t outputs) {
  int64_t first = tap * dilation - pad;
  return (conv_axis){first, stride, conv_min(limit, first + (outputs - 1) * stride + 1)};
}

conv_layout NAME(conv_layout_of)(const conv_shape *s, conv_dealing dealing) {
  int whole = dealing == CONV_WHOLE;
  int64_t deal_h = whole ? 1 : s->stride_h, deal_w = whole ? 1 : s->stride_w;
  conv_layout layout = {.dealing = dealing,
                        .phases_h = phases_of(s->R, deal_h, s->dilation_h),
                        .phases_w = phases_of(s->S, deal_w, s->dilation_w),
                        .reach_h = (s->R - 1) * s->dilation_h / deal_h,
                        .reach_w = (s->S - 1) * s->dilation_w / deal_w,
                        .deal_h = deal_h,
                        .deal_w = deal_w,
                        .step_h = s->stride_h / deal_h,
                        .step_w = s->stride_w / deal_w};
  if (dealing == CONV_TAPS) {
    layout.phases_h = s->R, layout.phases_w = s->S;
    layout.reach_h = layout.reach_w = 0;
    layout.grid.width = s->Q;
    return layout;
  }
  int64_t width = (s->Q - 1) * layout.step_w + 1 + layout.reach_w, share = layout.reach_w;
  for (int64_t phase = 0; phase < layout.phases_w; phase++)
    share = conv_share(phase_axis(phase, deal_w, s->dilation_w, s->pad_w, s->W), width, share);
  layout.within = deal_h == 1 && deal_w == 1 && !s->pad_h && !s->pad_w;
  layout.grid = layout.within ? (conv_grid){0, s->W, 0} : (conv_grid){0, width - share, share};
  return layout;
}

void NAME(conv_layout_rows)(conv_layout *layout, const conv_shape *s, int64_t rows) {
  layout->grid.rows = (rows - 1) * layout->step_h + 1 + layout->reach_h;
  layout->plane = layout->within ? s->H * s->W : conv_plane_size(layout->grid);
  layout->channel = layout->plane * layout->phases_h * layout->phases_w;
}

int64_t NAME(conv_tap)(const conv_layout *layout, const conv_shape *s, int64_t r, int64_t t) {
  int64_t phase = r % layout->phases_h * layout->phases_w + t % layout->phases_w;
  if (layout->dealing == CONV_TAPS) return phase * layout->plane;
  return phase * layout->plane + r * s->dilation_h / layout->deal_h * layout->grid.width +
         t * s->dilation_w / layout->deal_w;
}

void NAME(conv_fill)(real *planes, const conv_layout *layout, const conv_shape *s, const real *x,
                     int64_t channels, int64_t first, int64_t rows) {
  const int taps = layout->dealing == CONV_TAPS;
  conv_grid grid = layout->grid;
  grid.rows = (rows - 1) * layout->step_h + 1 + layout->reach_h;
  for (int64_t i = 0; i < layout->phases_h; i++)
    for (int64_t j = 0; j < layout->phases_w; j++, planes += layout->plane) {
      conv_axis h = taps ? tap_axis(i, s->stride_h, s->dilation_h, s->pad_h, s->H, s->P)
                         : phase_axis(i, layout->deal_h, s->dilation_h, s->pad_h, s->H);
      conv_axis w = taps ? tap_axis(j, s->stride_w, s->dilation_w, s->pad_w, s->W, s->Q)
                         : phase_axis(j, layout->deal_w, s->dilation_w, s->pad_w, s->W);
      h.first += first * s->stride_h;
      NAME(conv_planes)
      (planes, layout->channel, channels, grid, x, s->H * s->W, s->W, h, w, rows == s->P);
    }
}
