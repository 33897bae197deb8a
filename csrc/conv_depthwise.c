/* Depthwise convolution, one input and one output channel a group, and its gradient in the input:
 *   y[n, c, p, q] = bias[c] + sum_r,s w[c, r, s] * x[n, c, p * stride_h + r * dilation_h - pad_h, ...],
 *   x[n, c, h, v] = sum_r,s w[c, r, s] * y[n, c, (h + pad_h - r * dilation_h) / stride_h, ...]
 * over the taps that divide evenly. Strides of the second: 1, or 2 with a `dense` window.
 *
 * At stride 1 the second is the first with the weights turned round and other padding: both run
 * `correlate`. Nine products a number, at 3 x 3, are hardly more than the memory can feed, so everything
 * else must be cheap: each thread copies one plane at a time into zero-padded planes (conv.h) that stay
 * in L1, and a tile, one vector wide and ROWS outputs high, stands in registers. At 3 x 3 a shifted
 * vector of a plane is loaded once for the up to three rows that need it: 27 loads for 63 products at
 * ROWS = 7; registers 9 weights + 7 + 1 of 32, or 9 + 4 + 1 of 16. At 5 x 5 and 7 x 7 the weights come
 * from memory, the loads are shared the same way. At stride 2 the planes are not dealt by remainders,
 * which costs more than the products: a tile reads two vectors of a row, parts them into even and odd
 * columns, and shifts those for the other taps.
 *
 * The last tile of a row, or of rows, begins earlier, where its last lane is the last output: some outputs
 * are computed twice, and nothing is masked. A row shorter than a vector spills into the rows below, which
 * are stored after it. Arrays contiguous, y apart from the others. */
#include <math.h>
#include "conv.h"
#include "gemm.h"
#include "parallel.h"

enum { ROWS = VREGS == 32 ? 7 : 4, PLANE_BYTES = 24 << 10 };

/* Square windows without dilation and short strides have tiles of their own: their planes are not dealt. */
static int dense(const conv_shape *s) {
  int64_t taps = s->R, stride = s->stride_h;
  return taps == s->S && stride == s->stride_w && s->dilation_h == 1 && s->dilation_w == 1 &&
         ((stride == 1 && (taps == 3 || taps == 5 || taps == 7)) ||
          (stride == 2 && (taps == 3 || taps == 5)));
}

typedef struct {
  conv_shape s;
  conv_layout x;
  int turned;          /* the weights backwards: the gradient in the input */
  int64_t rows, bands; /* output rows of a band, bands of a plane: planes of a band stay in L1 */
  int64_t tap_bytes, planes_bytes, worker_bytes;
} depthwise_plan;

static depthwise_plan plan_of(conv_shape s, int turned) {
  depthwise_plan plan = {
      .s = s, .x = NAME(conv_layout_of)(&s, dense(&s) ? CONV_WHOLE : CONV_PHASES), .turned = turned};
  int64_t row_bytes = plan.x.phases_h * plan.x.phases_w * plan.x.grid.width * (int64_t)sizeof(real);
  int64_t fitting = (PLANE_BYTES / conv_max(1, row_bytes) - plan.x.reach_h) / plan.x.step_h;
  int64_t planes = conv_max(1, s.N * s.C);
  plan.bands = conv_max(conv_ceil(s.P, conv_max(fitting, conv_max(ROWS, 2 * plan.x.reach_h))),
                        conv_ceil(kg_get_threads(), planes));
  plan.rows = conv_ceil(s.P, conv_max(1, conv_min(s.P, plan.bands)));
  plan.bands = conv_ceil(s.P, conv_max(1, plan.rows));
  NAME(conv_layout_rows)(&plan.x, &s, plan.rows);
  plan.x.within = plan.x.within && s.Q >= VL; /* shorter rows are read past their end */
  int64_t size = plan.x.phases_h * plan.x.phases_w * plan.x.plane + CONV_SLACK;
  plan.tap_bytes = conv_round(s.R * s.S * (int64_t)sizeof(int64_t), 64);
  plan.planes_bytes = plan.x.within ? 0 : conv_round(size * (int64_t)sizeof(real), 64);
  plan.worker_bytes = plan.planes_bytes + conv_round(s.R * s.S * (int64_t)sizeof(real), 64);
  return plan;
}

/* The gradient in the input as a convolution of y. */
static conv_shape turned(conv_shape s) {
  conv_shape t = s;
  t.H = s.P, t.W = s.Q, t.P = s.H, t.Q = s.W;
  t.pad_h = (s.R - 1) * s.dilation_h - s.pad_h;
  t.pad_w = (s.S - 1) * s.dilation_w - s.pad_w;
  return t;
}

static inline void put(real *to, vec v, const real *end) {
  if (end - to >= VL) store(to, v);
  else store_n(to, v, end - to);
}

/* Outputs of one plane from planes of x: any taps. */
typedef struct {
  const real *planes, *w;
  const int64_t *offset;
  int64_t taps, width; /* of the planes' rows */
  real bias;
  real *y;
  int64_t columns;
} depthwise_tile;

static inline __attribute__((always_inline)) void any_taps(const depthwise_tile *d, int64_t p, int64_t q,
                                                           const real *end, const int rows) {
  vec acc[ROWS];
  const real *from = d->planes + p * d->width + q;
#pragma GCC unroll 8
  for (int i = 0; i < rows; i++) acc[i] = splat(d->bias);
  for (int64_t t = 0; t < d->taps; t++) {
    const real *x = from + d->offset[t];
    vec w = splat(d->w[t]);
#pragma GCC unroll 8
    for (int i = 0; i < rows; i++, x += d->width) acc[i] += w * load(x);
  }
  real *y = d->y + p * d->columns + q;
#pragma GCC unroll 8
  for (int i = 0; i < rows; i++, y += d->columns) put(y, acc[i], end);
}

/* taps x taps of neighbouring inputs. */
static inline __attribute__((always_inline)) void square(const depthwise_tile *d, int64_t p, int64_t q,
                                                         const real *end, const int rows, const int taps,
                                                         const int stride) {
  vec acc[ROWS];
  const real *x = d->planes + stride * (p * d->width + q);
#pragma GCC unroll 8
  for (int i = 0; i < rows; i++) acc[i] = splat(d->bias);
#pragma GCC unroll 17
  for (int h = 0; h < stride * (rows - 1) + taps; h++, x += d->width) {
    vec v[7];
    conv_row(v, x, taps, stride);
#pragma GCC unroll 7
    for (int t = 0; t < taps; t++)
#pragma GCC unroll 7
      for (int r = h % stride; r < taps; r += stride)
        if (h >= r && (h - r) / stride < rows) acc[(h - r) / stride] += splat(d->w[taps * r + t]) * v[t];
  }
  real *y = d->y + p * d->columns + q;
#pragma GCC unroll 8
  for (int i = 0; i < rows; i++, y += d->columns) put(y, acc[i], end);
}
#define SQUARE(taps, stride)                                                            \
  static inline __attribute__((always_inline)) void square_##taps##_##stride(           \
      const depthwise_tile *d, int64_t p, int64_t q, const real *end, const int rows) { \
    square(d, p, q, end, rows, taps, stride);                                           \
  }
SQUARE(3, 1)
SQUARE(5, 1)
SQUARE(7, 1)
SQUARE(3, 2)
SQUARE(5, 2)

/* Tiles one below the other, then those beside them: a spilled row is whole before its neighbours' end. */
#define PLANE(name, tile)                                                           \
  static void name(const depthwise_tile *d, int64_t rows) {                         \
    const real *end = d->y + rows * d->columns;                                     \
    for (int64_t q = 0; q < d->columns; q += VL) {                                  \
      int64_t at = conv_max(0, conv_min(q, d->columns - VL)), p = 0;                \
      if (rows < ROWS)                                                              \
        for (; p < rows; p++) tile(d, p, at, end, 1);                               \
      for (; p < rows; p += ROWS) tile(d, conv_min(p, rows - ROWS), at, end, ROWS); \
    }                                                                               \
  }
PLANE(plane_of_any, any_taps)
PLANE(plane_of_3, square_3_1)
PLANE(plane_of_5, square_5_1)
PLANE(plane_of_7, square_7_1)
PLANE(plane_of_3_by_2, square_3_2)
PLANE(plane_of_5_by_2, square_5_2)

typedef struct {
  const depthwise_plan *plan;
  const real *x, *w, *bias;
  real *y;
  int64_t *offset;
  char *workers;
} depthwise_run;

/* Units [begin, end) of all (image, channel, band). */
static void correlate(void *context, int64_t begin, int64_t end, int worker) {
  const depthwise_run *run = context;
  const depthwise_plan *plan = run->plan;
  const conv_shape *s = &plan->s;
  int64_t taps = s->R * s->S;
  real *planes = (real *)(run->workers + worker * plan->worker_bytes);
  real *backwards = (real *)((char *)planes + plan->planes_bytes);
  memset(planes, 0, (size_t)plan->planes_bytes);
  for (int64_t unit = begin; unit < end; unit++) {
    int64_t plane = unit / plan->bands, c = plane % s->C, first = unit % plan->bands * plan->rows;
    int64_t rows = conv_min(plan->rows, s->P - first);
    const real *x = run->x + plane * s->H * s->W, *w = run->w + c * taps;
    if (!plan->x.within) NAME(conv_fill)(planes, &plan->x, s, x, 1, first, rows);
    if (plan->turned)
      for (int64_t t = 0; t < taps; t++) backwards[t] = w[taps - 1 - t];
    depthwise_tile d = {.planes = plan->x.within ? x + first * s->stride_h * s->W : planes,
                        .w = plan->turned ? backwards : w,
                        .offset = run->offset,
                        .taps = taps,
                        .width = plan->x.grid.width,
                        .bias = run->bias ? run->bias[c] : 0,
                        .y = run->y + (plane * s->P + first) * s->Q,
                        .columns = s->Q};
    if (!dense(s)) plane_of_any(&d, rows);
    else if (s->stride_w == 2) (s->R == 3 ? plane_of_3_by_2 : plane_of_5_by_2)(&d, rows);
    else (s->R == 3 ? plane_of_3 : s->R == 5 ? plane_of_5 : plane_of_7)(&d, rows);
    if (s->activation && !plan->turned) NAME(activate)((activation)s->activation, 1, rows * s->Q, d.y, 0);
  }
}

static int run_plan(const depthwise_plan *plan, const real *x, const real *w, const real *bias, real *y,
                    void *workspace) {
  const conv_shape *s = &plan->s;
  depthwise_run run = {plan, x, w, bias, y, workspace, (char *)workspace + plan->tap_bytes};
  for (int64_t t = 0; t < s->R * s->S; t++) run.offset[t] = NAME(conv_tap)(&plan->x, s, t / s->S, t % s->S);
  if (s->P * s->Q > 0)
    kg_parallel(correlate, &run, s->N * s->C * plan->bands, conv_grain(plan->rows * s->Q * s->R * s->S / 8));
  return KG_OK;
}

/* The gradient in the input at stride 2: row h of x is met by the taps r with h + pad - 2 p = r, every other
 * one, and so is column v. The even columns of a row make one vector, the odd ones another, both from
 * neighbouring numbers of y, and are interleaved when stored. */
typedef struct {
  conv_shape s;
  conv_axis rows, columns; /* of y in the planes: all that a tap may ask for */
  conv_grid grid;
  int64_t worker_bytes;
} spread_plan;

static spread_plan spread_plan_of(const conv_shape *s) {
  int64_t reach = s->R / 2, rows = (s->H - 1 + s->pad_h) / 2 + 1 + reach;
  spread_plan plan = {.s = *s,
                      .rows = {-reach, 1, s->P},
                      .columns = {-reach, 1, s->Q},
                      .grid = {rows, (s->W - 1 + s->pad_w) / 2 + 1 + reach, 0}};
  plan.worker_bytes = conv_round((conv_plane_size(plan.grid) + CONV_SLACK) * (int64_t)sizeof(real), 64);
  return plan;
}

/* One row of x from the rows of y, `width` apart, that its first tap meets; `first` is its first tap's row,
 * `odd` whether the padding of a row is. */
static inline __attribute__((always_inline)) void spread_row(real *x, int64_t columns, const real *end,
                                                             const real *y, int64_t width, const real *w,
                                                             const int taps, const int first, const int odd) {
  for (int64_t v = 0; v < columns; v += 2 * VL, y += VL) {
    vec acc[2] = {{0}, {0}};
#pragma GCC unroll 3
    for (int r = first; r < taps; r += 2)
#pragma GCC unroll 5
      for (int t = 0; t < taps; t++) {
        const int b = (odd + t) % 2;
        acc[b] += splat(w[taps * r + t]) * load(y - (r / 2) * width + (b + odd - t) / 2);
      }
    put(x + v, interleave_low(acc[0], acc[1]), end);
    if (v + VL < columns) put(x + v + VL, interleave_high(acc[0], acc[1]), end);
  }
}

/* Rows in the order of memory: what spills behind one is stored again with the next. */
static inline __attribute__((always_inline)) void spread_plane(real *x, const real *planes, const real *w,
                                                               const spread_plan *plan, const int taps,
                                                               const int odd) {
  const conv_shape *s = &plan->s;
  const real *end = x + s->H * s->W, *corner = planes + s->pad_w / 2 - plan->columns.first;
  for (int64_t h = 0; h < s->H; h++, x += s->W) {
    const real *y = corner + ((h + s->pad_h) / 2 - plan->rows.first) * plan->grid.width;
    if ((h + s->pad_h) % 2) spread_row(x, s->W, end, y, plan->grid.width, w, taps, 1, odd);
    else spread_row(x, s->W, end, y, plan->grid.width, w, taps, 0, odd);
  }
}
#define SPREAD(taps, odd)                                                                                  \
  static void spread_##taps##_##odd(real *x, const real *planes, const real *w, const spread_plan *plan) { \
    spread_plane(x, planes, w, plan, taps, odd);                                                           \
  }
SPREAD(3, 0)
SPREAD(3, 1)
SPREAD(5, 0)
SPREAD(5, 1)

typedef struct {
  const spread_plan *plan;
  const real *y, *w;
  real *x;
  char *workers;
} spread_run;

/* Planes [begin, end). */
static void spread(void *context, int64_t begin, int64_t end, int worker) {
  const spread_run *run = context;
  const spread_plan *plan = run->plan;
  const conv_shape *s = &plan->s;
  real *planes = (real *)(run->workers + worker * plan->worker_bytes);
  memset(planes, 0, (size_t)plan->worker_bytes);
  for (int64_t i = begin; i < end; i++) {
    const real *w = run->w + i % s->C * s->R * s->S;
    real *x = run->x + i * s->H * s->W;
    NAME(conv_planes)
    (planes, 0, 1, plan->grid, run->y + i * s->P * s->Q, 0, s->Q, plan->rows, plan->columns, 1);
    if (s->R == 3) (s->pad_w % 2 ? spread_3_1 : spread_3_0)(x, planes, w, plan);
    else (s->pad_w % 2 ? spread_5_1 : spread_5_0)(x, planes, w, plan);
  }
}

/* Half of the direct product's time or less was measured wherever this suits. */
double NAME(conv2d_depthwise_cost)(const conv_shape *s) {
  return s->Cg == 1 && s->Kg == 1 ? conv_work(s) / 0.9 / kg_get_threads() : INFINITY;
}

int64_t NAME(conv2d_depthwise_workspace)(const kg_instruction *in) {
  depthwise_plan plan = plan_of(conv_shape_of(in), 0);
  return plan.tap_bytes + kg_get_threads() * plan.worker_bytes;
}

int NAME(conv2d_depthwise)(const kg_instruction *in) {
  depthwise_plan plan = plan_of(conv_shape_of(in), 0);
  return run_plan(&plan, in->args[0], in->args[1], in->args[3], in->args[2], in->workspace);
}

double NAME(conv2d_input_depthwise_cost)(const conv_shape *s) {
  double cost = NAME(conv2d_depthwise_cost)(s);
  if (s->stride_h == 1 && s->stride_w == 1) return cost;
  double threads = (double)conv_max(1, conv_min(kg_get_threads(), s->N * s->C)); /* whole planes */
  return dense(s) ? cost * kg_get_threads() / threads : INFINITY;
}

int64_t NAME(conv2d_input_depthwise_workspace)(const kg_instruction *in) {
  conv_shape s = conv_shape_of(in);
  if (s.stride_w == 2) return kg_get_threads() * spread_plan_of(&s).worker_bytes;
  depthwise_plan plan = plan_of(turned(s), 1);
  return plan.tap_bytes + kg_get_threads() * plan.worker_bytes;
}

int NAME(conv2d_input_depthwise)(const kg_instruction *in) {
  conv_shape s = conv_shape_of(in);
  if (s.stride_w == 2) {
    spread_plan plan = spread_plan_of(&s);
    spread_run run = {&plan, in->args[2], in->args[1], in->args[0], in->workspace};
    kg_parallel(spread, &run, s.N * s.C, conv_grain(s.H * s.W * s.R * s.S / 32));
    return KG_OK;
  }
  depthwise_plan plan = plan_of(turned(s), 1);
  return run_plan(&plan, in->args[2], in->args[1], NULL, in->args[0], in->workspace);
}
