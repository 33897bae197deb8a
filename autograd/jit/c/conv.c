typedef struct {
  int64_t N, C, H, W; /* x: images, channels, rows, columns */
  int64_t K, R, S;    /* w: output channels, rows, columns */
  int64_t P, Q;       /* y: rows, columns */
  int64_t stride_h, stride_w, pad_h, pad_w, dilation_h, dilation_w, groups;
} conv_shape;

/* The outputs [first, end) of an axis for which a tap of the filter lies inside x: at output * stride +
 * shift. */
typedef struct {
  int64_t first, end, shift;
} reach;

static reach inside(int64_t tap, int64_t dilation, int64_t pad, int64_t stride, int64_t length,
                    int64_t outputs) {
  const int64_t shift = tap * dilation - pad;
  const int64_t end = length > shift ? (length - shift + stride - 1) / stride : 0;
  return (reach){shift < 0 ? (-shift + stride - 1) / stride : 0, end < outputs ? end : outputs, shift};
}

static reach rows_inside(const conv_shape *s, int64_t r) {
  return inside(r, s->dilation_h, s->pad_h, s->stride_h, s->H, s->P);
}

static reach columns_inside(const conv_shape *s, int64_t t) {
  return inside(t, s->dilation_w, s->pad_w, s->stride_w, s->W, s->Q);
}

/* y (N, K, P, Q) = the convolution of x (N, C, H, W) with w (K, C / groups, R, S), plus a bias (K) or
 * NULL. */
static void conv2d(const real *x, const real *w, const real *bias, real *y, conv_shape s) {
  const int64_t channels = s.C / s.groups, filters = s.K / s.groups, plane = s.H * s.W;
  for (int64_t n = 0; n < s.N; n++)
    for (int64_t k = 0; k < s.K; k++, y += s.P * s.Q) {
      const real *weight = w + k * channels * s.R * s.S;
      for (int64_t i = 0; i < s.P * s.Q; i++) y[i] = bias ? bias[k] : 0;
      for (int64_t c = 0; c < channels; c++)
        for (int64_t r = 0; r < s.R; r++)
          for (int64_t t = 0; t < s.S; t++, weight++) {
            const reach rows = rows_inside(&s, r), columns = columns_inside(&s, t);
            const real *from = x + (n * s.C + k / filters * channels + c) * plane;
            for (int64_t p = rows.first; p < rows.end; p++) {
              const real *line = from + (p * s.stride_h + rows.shift) * s.W;
              for (int64_t q = columns.first; q < columns.end; q++)
                y[p * s.Q + q] += *weight * line[q * s.stride_w + columns.shift];
            }
          }
    }
}

/* The gradient of conv2d in x, from that in y. */
static void conv2d_input(real *x, const real *w, const real *y, conv_shape s) {
  const int64_t channels = s.C / s.groups, filters = s.K / s.groups, plane = s.H * s.W;
  memset(x, 0, (size_t)(s.N * s.C * plane) * sizeof(real));
  for (int64_t n = 0; n < s.N; n++)
    for (int64_t k = 0; k < s.K; k++, y += s.P * s.Q) {
      const real *weight = w + k * channels * s.R * s.S;
      for (int64_t c = 0; c < channels; c++)
        for (int64_t r = 0; r < s.R; r++)
          for (int64_t t = 0; t < s.S; t++, weight++) {
            const reach rows = rows_inside(&s, r), columns = columns_inside(&s, t);
            real *to = x + (n * s.C + k / filters * channels + c) * plane;
            for (int64_t p = rows.first; p < rows.end; p++) {
              real *line = to + (p * s.stride_h + rows.shift) * s.W;
              for (int64_t q = columns.first; q < columns.end; q++)
                line[q * s.stride_w + columns.shift] += *weight * y[p * s.Q + q];
            }
          }
    }
}

/* The gradient of conv2d in w, from that in y. Each weight has a long sum: in double. */
static void conv2d_weight(const real *x, real *w, const real *y, conv_shape s) {
  const int64_t channels = s.C / s.groups, filters = s.K / s.groups, plane = s.H * s.W;
  for (int64_t k = 0; k < s.K; k++)
    for (int64_t c = 0; c < channels; c++)
      for (int64_t r = 0; r < s.R; r++)
        for (int64_t t = 0; t < s.S; t++) {
          const reach rows = rows_inside(&s, r), columns = columns_inside(&s, t);
          double sum = 0;
          for (int64_t n = 0; n < s.N; n++) {
            const real *from = x + (n * s.C + k / filters * channels + c) * plane;
            const real *g = y + (n * s.K + k) * s.P * s.Q;
            for (int64_t p = rows.first; p < rows.end; p++) {
              const real *line = from + (p * s.stride_h + rows.shift) * s.W;
              for (int64_t q = columns.first; q < columns.end; q++)
                sum += line[q * s.stride_w + columns.shift] * g[p * s.Q + q];
            }
          }
          *w++ = (real)sum;
        }
}
