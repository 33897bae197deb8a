/* Zero-padded planes: plane[i, j] = source[rows.step * i + rows.first, columns.step * j + columns.first],
 * 0 outside the source; i < grid.rows, j < grid.width, and grid.share zeros behind the last row.
 *
 * Planes are filled again and again with other sources, so the columns outside, which stay, must be zero
 * before the first filling: only the rows outside are cleared here. Source rows are `pitch` apart, their
 * columns contiguous. Plane and source don't overlap. One thread. */
#include "conv.h"

/* [from, to): the i in [0, count) whose source index is inside. */
static void inside(conv_axis axis, int64_t count, int64_t *from, int64_t *to) {
  *from = conv_min(count, axis.first < 0 ? conv_ceil(-axis.first, axis.step) : 0);
  int64_t end = axis.limit > axis.first ? conv_ceil(axis.limit - axis.first, axis.step) : 0;
  *to = conv_max(*from, conv_min(count, end));
}

/* Copies may write up to VL zeros behind the n elements: what belongs there is zero or written later. */
static inline void copy(real *restrict to, const real *restrict from, int64_t n) {
  for (; n >= VL; n -= VL, to += VL, from += VL) {
    store(to, load(from));
    __asm__ volatile(""); /* or GCC makes it a call of memmove, which costs more than so short a row */
  }
#ifdef KG_ISA_avx512
  if (n) store(to, load_n(from, n));
#else
  for (int64_t i = 0; i < n; i++) to[i] = from[i];
#endif
}

/* to[i] = from[2 * i]: by far the most usual stride. */
static inline void copy_halved(real *restrict to, const real *restrict from, int64_t n) {
#ifdef KG_ISA_avx512
  for (; n > 0; n -= VL / 2, to += VL / 2, from += VL)
    store(to, compress(load_n(from, conv_min(2 * n - 1, VL)), 0x5555));
#else
  for (int64_t i = 0; i < n; i++) to[i] = from[2 * i];
#endif
}

static inline void copy_strided(real *restrict to, const real *restrict from, int64_t step, int64_t n) {
  for (int64_t i = 0; i < n; i++) to[i] = from[step * i];
}

static inline void clear(real *to, int64_t n) {
  for (; n >= VL; n -= VL, to += VL) store(to, (vec){0});
  for (int64_t i = 0; i < n; i++) to[i] = 0;
}

void NAME(conv_plane)(real *plane, conv_grid grid, const real *source, int64_t pitch, conv_axis rows,
                      conv_axis columns) {
  int64_t top, bottom, left, right;
  inside(rows, grid.rows, &top, &bottom);
  inside(columns, grid.width, &left, &right);
  clear(plane, top * grid.width);
  const real *from = source + (rows.step * top + rows.first) * pitch + columns.step * left + columns.first;
  real *to = plane + top * grid.width + left;
  for (int64_t i = top; i < bottom; i++, from += rows.step * pitch, to += grid.width)
    if (columns.step == 1) copy(to, from, right - left);
    else if (columns.step == 2) copy_halved(to, from, right - left);
    else copy_strided(to, from, columns.step, right - left);
  clear(plane + bottom * grid.width, (grid.rows - bottom) * grid.width + grid.share);
}

static int64_t gcd(int64_t a, int64_t b) { return b ? gcd(b, a % b) : a; }

/* Taps r, r + m, ... with m = stride / gcd(stride, dilation) meet the same remainder. */
static int64_t phases_of(int64_t taps, int64_t stride, int64_t dilation) {
  return conv_min(taps, stride / gcd(stride, dilation));
}

static conv_axis phase_axis(int64_t phase, int64_t stride, int64_t dilation, int64_t pad, int64_t limit) {
  return (conv_axis){phase * dilation % stride - pad, stride, limit};
}

conv_layout NAME(conv_layout_of)(const conv_shape *s) {
  conv_layout layout = {.phases_h = phases_of(s->R, s->stride_h, s->dilation_h),
                        .phases_w = phases_of(s->S, s->stride_w, s->dilation_w),
                        .reach_h = (s->R - 1) * s->dilation_h / s->stride_h,
                        .reach_w = (s->S - 1) * s->dilation_w / s->stride_w};
  int64_t width = s->Q + layout.reach_w, share = layout.reach_w;
  for (int64_t phase = 0; phase < layout.phases_w; phase++)
    share = conv_share(phase_axis(phase, s->stride_w, s->dilation_w, s->pad_w, s->W), width, share);
  layout.grid = (conv_grid){0, width - share, share};
  layout.within = s->stride_h == 1 && s->stride_w == 1 && !s->pad_h && !s->pad_w;
  return layout;
}

void NAME(conv_layout_rows)(conv_layout *layout, const conv_shape *s, int64_t rows) {
  layout->grid.rows = rows + layout->reach_h;
  layout->plane = layout->within ? s->H * s->W : conv_plane_size(layout->grid);
  layout->channel = layout->plane * layout->phases_h * layout->phases_w;
}

int64_t NAME(conv_tap)(const conv_layout *layout, const conv_shape *s, int64_t r, int64_t t) {
  int64_t phase = r % layout->phases_h * layout->phases_w + t % layout->phases_w;
  return phase * layout->plane + r * s->dilation_h / s->stride_h * layout->grid.width +
         t * s->dilation_w / s->stride_w;
}

void NAME(conv_fill)(real *planes, const conv_layout *layout, const conv_shape *s, const real *x,
                     int64_t channels, int64_t first, int64_t rows) {
  conv_grid grid = layout->grid;
  grid.rows = rows + layout->reach_h;
  for (int64_t c = 0; c < channels; c++, x += s->H * s->W)
    for (int64_t i = 0; i < layout->phases_h; i++) {
      conv_axis h = phase_axis(i, s->stride_h, s->dilation_h, s->pad_h, s->H);
      h.first += first * s->stride_h;
      for (int64_t j = 0; j < layout->phases_w; j++, planes += layout->plane)
        NAME(conv_plane)(planes, grid, x, s->W, h, phase_axis(j, s->stride_w, s->dilation_w, s->pad_w, s->W));
    }
}
