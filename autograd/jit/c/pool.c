typedef struct {
  int64_t planes, H, W; /* x */
  int64_t P, Q;         /* y: rows, columns */
  int64_t R, S;         /* the window */
  int64_t stride_h, stride_w, pad_h, pad_w, dilation_h, dilation_w;
} pool_shape;

/* y = the largest of each window (NaN wins), index = where in its plane that is; index may be NULL. */
static void max_pool(const real *x, real *y, int64_t *index, pool_shape s) {
  for (int64_t plane = 0; plane < s.planes; plane++, x += s.H * s.W)
    for (int64_t p = 0; p < s.P; p++)
      for (int64_t q = 0; q < s.Q; q++) {
        real best = -(real)INFINITY;
        int64_t where = -1;
        for (int64_t r = 0; r < s.R; r++)
          for (int64_t t = 0; t < s.S; t++) {
            const int64_t h = p * s.stride_h - s.pad_h + r * s.dilation_h;
            const int64_t w = q * s.stride_w - s.pad_w + t * s.dilation_w;
            if (h < 0 || h >= s.H || w < 0 || w >= s.W) continue;
            const real value = x[h * s.W + w];
            if (where < 0 || value > best || value != value) best = value, where = h * s.W + w;
          }
        *y++ = best;
        if (index) *index++ = where;
      }
}

/* x = 0, then x[index] += y, in planes of `size` elements of x and `outputs` of y. */
static void max_pool_backward(real *x, const real *y, const int64_t *index, int64_t planes, int64_t size,
                              int64_t outputs) {
  memset(x, 0, (size_t)(planes * size) * sizeof(real));
  for (int64_t plane = 0; plane < planes; plane++, x += size)
    for (int64_t i = 0; i < outputs; i++) x[*index++] += *y++;
}

/* The places of a window from `start` on that lie inside x: [first, end); `count` is what their sum is
 * divided by. */
typedef struct {
  int64_t first, end, count;
} window;

static window window_at(int64_t start, int64_t taps, int64_t length, int64_t pad, int include_pad) {
  const int64_t stop = start + taps < length + pad ? start + taps : length + pad;
  const int64_t first = start > 0 ? start : 0, end = stop < length ? stop : length;
  return (window){first, end, include_pad ? stop - start : end - first};
}

/* y = the mean of each window. What is outside x counts, as 0, if include_pad. */
static void avg_pool(const real *x, real *y, pool_shape s, int include_pad) {
  for (int64_t plane = 0; plane < s.planes; plane++, x += s.H * s.W)
    for (int64_t p = 0; p < s.P; p++)
      for (int64_t q = 0; q < s.Q; q++) {
        const window rows = window_at(p * s.stride_h - s.pad_h, s.R, s.H, s.pad_h, include_pad);
        const window columns = window_at(q * s.stride_w - s.pad_w, s.S, s.W, s.pad_w, include_pad);
        real sum = 0;
        for (int64_t h = rows.first; h < rows.end; h++)
          for (int64_t w = columns.first; w < columns.end; w++) sum += x[h * s.W + w];
        *y++ = sum / (real)(rows.count * columns.count);
      }
}

/* The gradient of avg_pool in x, from that in y. */
static void avg_pool_backward(real *x, const real *y, pool_shape s, int include_pad) {
  memset(x, 0, (size_t)(s.planes * s.H * s.W) * sizeof(real));
  for (int64_t plane = 0; plane < s.planes; plane++, x += s.H * s.W)
    for (int64_t p = 0; p < s.P; p++)
      for (int64_t q = 0; q < s.Q; q++) {
        const window rows = window_at(p * s.stride_h - s.pad_h, s.R, s.H, s.pad_h, include_pad);
        const window columns = window_at(q * s.stride_w - s.pad_w, s.S, s.W, s.pad_w, include_pad);
        const real share = *y++ / (real)(rows.count * columns.count);
        for (int64_t h = rows.first; h < rows.end; h++)
          for (int64_t w = columns.first; w < columns.end; w++) x[h * s.W + w] += share;
      }
}

/* The gradient of max_pool in x where windows lie apart: g goes to where x is y, the largest of its window
 * (of equal numbers the first, of several NaN the last). */
static void max_pool_spread(const real *x, const real *y, const real *g, real *dx, pool_shape s) {
  memset(dx, 0, (size_t)(s.planes * s.H * s.W) * sizeof(real));
  for (int64_t plane = 0; plane < s.planes; plane++, x += s.H * s.W, dx += s.H * s.W)
    for (int64_t p = 0; p < s.P; p++)
      for (int64_t q = 0; q < s.Q; q++, y++, g++) {
        int64_t where = -1;
        for (int64_t r = 0; r < s.R; r++)
          for (int64_t t = 0; t < s.S; t++) {
            const int64_t at = (p * s.stride_h + r) * s.W + q * s.stride_w + t;
            if (*y != *y ? x[at] != x[at] : where < 0 && x[at] == *y) where = at;
          }
        if (where >= 0) dx[where] = *g;
      }
}
