/* Depthwise convolution, one input and one output channel a group, and its gradient in the input:
 *   y[n, c, p, q] = bias[c] + sum_r,s w[c, r, s] * x[n, c, p * stride_h + r * dilation_h - pad_h, ...],
 *   x[n, c, h, v] = sum_r,s w[c, r, s] * y[n, c, h + pad_h - r * dilation_h, ...]     (stride 1).
 *
 * The second is the first with the weights turned round and other padding, so both run `correlate`. Nine
 * products a number, at 3 x 3, are hardly more than the memory can feed, so everything else must be cheap:
 * each thread copies one plane at a time into zero-padded planes (conv.h) that stay in L1, and a tile, one
 * vector wide and ROWS outputs high, stands in registers. At 3 x 3 a shifted vector of a plane is loaded
 * once for the up to three rows that need it: 27 loads for 63 products at ROWS = 7; registers 9 weights + 7
 * + 1 of 32, or 9 + 4 + 1 of 16. At 5 x 5 and 7 x 7 the weights come from memory, the loads are shared the same
 * way.
 *
 * The last tile of a row, or of rows, begins earlier, where its last lane is the last output: some outputs
 * are computed twice, and nothing is masked. A row shorter than a vector spills into the rows below, which
 * are stored after it. Arrays contiguous, y apart from the others. */
#include <math.h>
#include "conv.h"
#include "gemm.h"
#include "parallel.h"

enum { ROWS = VREGS == 32 ? 7 : 4, PLANE_BYTES = 24 << 10 };

typedef struct {
  conv_shape s;
  conv_layout x;
  int turned;          /* the weights backwards: the gradient in the input */
  int64_t rows, bands; /* output rows of a band, bands of a plane: planes of a band stay in L1 */
  int64_t tap_bytes, planes_bytes, worker_bytes;
} depthwise_plan;

static depthwise_plan plan_of(conv_shape s, int turned) {
  depthwise_plan plan = {.s = s, .x = NAME(conv_layout_of)(&s, CONV_PHASES), .turned = turned};
  int64_t row_bytes = plan.x.phases_h * plan.x.phases_w * plan.x.grid.width * (int64_t)sizeof(real);
  int64_t fitting = PLANE_BYTES / conv_max(1, row_bytes) - plan.x.reach_h;
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
                                                         const real *end, const int rows, const int taps) {
  vec acc[ROWS];
  const real *x = d->planes + p * d->width + q;
#pragma GCC unroll 8
  for (int i = 0; i < rows; i++) acc[i] = splat(d->bias);
#pragma GCC unroll 13
  for (int h = 0; h < rows + taps - 1; h++, x += d->width)
#pragma GCC unroll 7
    for (int t = 0; t < taps; t++) {
      vec v = held(load(x + t));
#pragma GCC unroll 7
      for (int r = 0; r < taps; r++)
        if (h >= r && h - r < rows) acc[h - r] += splat(d->w[taps * r + t]) * v;
    }
  real *y = d->y + p * d->columns + q;
#pragma GCC unroll 8
  for (int i = 0; i < rows; i++, y += d->columns) put(y, acc[i], end);
}
#define SQUARE(taps)                                                                    \
  static inline __attribute__((always_inline)) void square_##taps(                      \
      const depthwise_tile *d, int64_t p, int64_t q, const real *end, const int rows) { \
    square(d, p, q, end, rows, taps);                                                   \
  }
SQUARE(3)
SQUARE(5)
SQUARE(7)

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
PLANE(plane_of_3, square_3)
PLANE(plane_of_5, square_5)
PLANE(plane_of_7, square_7)

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
  int dense =
      s->R == s->S && s->dilation_h == 1 && s->dilation_w == 1 && s->stride_h == 1 && s->stride_w == 1;
  memset(planes, 0, (size_t)plan->planes_bytes);
  for (int64_t unit = begin; unit < end; unit++) {
    int64_t plane = unit / plan->bands, c = plane % s->C, first = unit % plan->bands * plan->rows;
    int64_t rows = conv_min(plan->rows, s->P - first);
    const real *x = run->x + plane * s->H * s->W, *w = run->w + c * taps;
    if (!plan->x.within) NAME(conv_fill)(planes, &plan->x, s, x, 1, first, rows);
    if (plan->turned)
      for (int64_t t = 0; t < taps; t++) backwards[t] = w[taps - 1 - t];
    depthwise_tile d = {.planes = plan->x.within ? x + first * s->W : planes,
                        .w = plan->turned ? backwards : w,
                        .offset = run->offset,
                        .taps = taps,
                        .width = plan->x.grid.width,
                        .bias = run->bias ? run->bias[c] : 0,
                        .y = run->y + (plane * s->P + first) * s->Q,
                        .columns = s->Q};
    if (dense && s->R == 3) plane_of_3(&d, rows);
    else if (dense && s->R == 5) plane_of_5(&d, rows);
    else if (dense && s->R == 7) plane_of_7(&d, rows);
    else plane_of_any(&d, rows);
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
  return s->stride_h == 1 && s->stride_w == 1 ? NAME(conv2d_depthwise_cost)(s) : INFINITY;
}

int64_t NAME(conv2d_input_depthwise_workspace)(const kg_instruction *in) {
  depthwise_plan plan = plan_of(turned(conv_shape_of(in)), 1);
  return plan.tap_bytes + kg_get_threads() * plan.worker_bytes;
}

int NAME(conv2d_input_depthwise)(const kg_instruction *in) {
  depthwise_plan plan = plan_of(turned(conv_shape_of(in)), 1);
  return run_plan(&plan, in->args[2], in->args[1], NULL, in->args[0], in->workspace);
}
