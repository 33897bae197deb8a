/* The gradient of a depthwise convolution (one input and one output channel a group) in its weights:
 *   w[c, r, s] = sum_n,p,q y[n, c, p, q] * x[n, c, p * stride_h + r * dilation_h - pad_h, ...].
 *
 * Each thread takes channels and goes through all images in the order of memory; the sums of a channel, one
 * vector a tap, are added up at the end, so the result does not depend on the number of threads. A plane of
 * x is copied into zero-padded planes (conv.h) that stay in L1; y is read where it is. At 3 x 3 the nine
 * sums stand in registers while ROWS rows of y and the rows of x under them pass: 4 + 18 loads for 36
 * products; registers 9 + 4 + 1. At stride 2 the columns of a row are parted in registers. Other windows take
 * FEW taps at a time.
 *
 * The lanes behind the end of a row are zero in y and masked in x, which may be infinite there. Arrays
 * contiguous, w apart from the others. */
#include <math.h>
#include "conv.h"
#include "lanes.h"
#include "parallel.h"

enum { ROWS = 4, FEW = 4, SUM_BYTES = 128 << 10, PLANE_BYTES = 24 << 10 };

/* 3 x 3 taps of neighbouring inputs at stride 1 or 2: their planes are not dealt. */
static int nine(const conv_shape *s) {
  return s->R == 3 && s->S == 3 && s->dilation_h == 1 && s->dilation_w == 1 && s->stride_h == s->stride_w &&
         s->stride_w <= 2;
}

typedef struct {
  conv_shape s;
  conv_layout x;
  int64_t rows;     /* of outputs in a band: its planes stay in L1 */
  int64_t sums;     /* vectors of sums of a channel */
  int64_t together; /* channels of which the sums stay in L2 */
  int64_t tap_bytes, planes_bytes, worker_bytes;
} weight_plan;

static weight_plan plan_of(const kg_instruction *in) {
  weight_plan plan = {.s = conv_shape_of(in)};
  const conv_shape *s = &plan.s;
  plan.x = NAME(conv_layout_of)(s, nine(s) ? CONV_WHOLE : CONV_PHASES);
  int64_t row_bytes = plan.x.phases_h * plan.x.phases_w * plan.x.grid.width * (int64_t)sizeof(real);
  int64_t fitting = (PLANE_BYTES / conv_max(1, row_bytes) - plan.x.reach_h) / plan.x.step_h;
  plan.rows = conv_max(1, conv_min(s->P, conv_max(fitting, conv_max(ROWS, 2 * plan.x.reach_h))));
  NAME(conv_layout_rows)(&plan.x, s, plan.rows);
  plan.x.within = 0; /* whole vectors are read at the end of a row */
  plan.sums = conv_round(s->R * s->S, FEW);
  plan.together = conv_max(1, conv_min(conv_ceil(s->C, kg_get_threads()), SUM_BYTES / VBYTES / plan.sums));
  plan.tap_bytes = conv_round(plan.sums * (int64_t)sizeof(int64_t), 64);
  plan.planes_bytes = conv_round((plan.x.channel + CONV_SLACK) * (int64_t)sizeof(real), 64);
  plan.worker_bytes = plan.planes_bytes + plan.together * plan.sums * VBYTES;
  return plan;
}

/* One plane of y, `pitch` columns wide, with planes of x whose rows are `width` apart. */
typedef struct {
  const real *planes, *y;
  const int64_t *offset;
  int64_t taps, width, pitch;
  real *sums;
} weight_tile;

/* `rows` rows, a vector of columns of which the first n are there. */
static inline __attribute__((always_inline)) void few_taps(const weight_tile *d, int64_t p, int64_t q,
                                                           int64_t n, const int rows, const int whole) {
  const real *y = d->y + p * d->pitch + q, *x = d->planes + p * d->width + q;
  const mask there = whole ? (mask){0} : first_lanes(n);
  vec g[ROWS];
#pragma GCC unroll 4
  for (int i = 0; i < rows; i++) g[i] = whole ? load(y + i * d->pitch) : load_n(y + i * d->pitch, n);
  for (int64_t t = 0; t < d->taps; t += FEW) {
    vec acc[FEW];
#pragma GCC unroll 4
    for (int j = 0; j < FEW; j++) acc[j] = load(d->sums + (t + j) * VL);
#pragma GCC unroll 4
    for (int i = 0; i < rows; i++)
#pragma GCC unroll 4
      for (int j = 0; j < FEW; j++) {
        vec v = load(x + i * d->width + d->offset[t + j]);
        acc[j] += g[i] * (whole ? v : (vec)((mask)v & there));
      }
#pragma GCC unroll 4
    for (int j = 0; j < FEW; j++) store(d->sums + (t + j) * VL, acc[j]);
  }
}

/* 3 x 3 taps of neighbouring inputs. */
static inline __attribute__((always_inline)) void nine_taps(const weight_tile *d, vec acc[9], int64_t p,
                                                            int64_t q, int64_t n, const int rows,
                                                            const int whole, const int stride) {
  const real *y = d->y + p * d->pitch + q, *x = d->planes + stride * (p * d->width + q);
  const mask there = whole ? (mask){0} : first_lanes(n);
  vec g[ROWS];
#pragma GCC unroll 4
  for (int i = 0; i < rows; i++) g[i] = whole ? load(y + i * d->pitch) : load_n(y + i * d->pitch, n);
#pragma GCC unroll 9
  for (int h = 0; h < stride * (rows - 1) + 3; h++, x += d->width) {
    vec v[7];
    conv_row(v, x, 3, stride);
#pragma GCC unroll 3
    for (int t = 0; t < 3; t++) {
      if (!whole) v[t] = (vec)((mask)v[t] & there);
#pragma GCC unroll 3
      for (int r = h % stride; r < 3; r += stride)
        if (h >= r && (h - r) / stride < rows) acc[3 * r + t] += g[(h - r) / stride] * v[t];
    }
  }
}

static void plane_of_few(const weight_tile *d, int64_t rows, int64_t columns) {
  int64_t q = 0, p;
  for (; q + VL <= columns; q += VL) {
    for (p = 0; p + ROWS <= rows; p += ROWS) few_taps(d, p, q, VL, ROWS, 1);
    for (; p < rows; p++) few_taps(d, p, q, VL, 1, 1);
  }
  if (q == columns) return;
  for (p = 0; p + ROWS <= rows; p += ROWS) few_taps(d, p, q, columns - q, ROWS, 0);
  for (; p < rows; p++) few_taps(d, p, q, columns - q, 1, 0);
}

static inline __attribute__((always_inline)) void plane_of_nine(const weight_tile *d, int64_t rows,
                                                                int64_t columns, const int stride) {
  vec acc[9];
  int64_t q = 0, p;
#pragma GCC unroll 9
  for (int t = 0; t < 9; t++) acc[t] = load(d->sums + t * VL);
  for (; q + VL <= columns; q += VL) {
    for (p = 0; p + ROWS <= rows; p += ROWS) nine_taps(d, acc, p, q, VL, ROWS, 1, stride);
    for (; p < rows; p++) nine_taps(d, acc, p, q, VL, 1, 1, stride);
  }
  if (q < columns) {
    for (p = 0; p + ROWS <= rows; p += ROWS) nine_taps(d, acc, p, q, columns - q, ROWS, 0, stride);
    for (; p < rows; p++) nine_taps(d, acc, p, q, columns - q, 1, 0, stride);
  }
#pragma GCC unroll 9
  for (int t = 0; t < 9; t++) store(d->sums + t * VL, acc[t]);
}

static void plane_by_1(const weight_tile *d, int64_t rows, int64_t columns) {
  plane_of_nine(d, rows, columns, 1);
}
static void plane_by_2(const weight_tile *d, int64_t rows, int64_t columns) {
  plane_of_nine(d, rows, columns, 2);
}

typedef struct {
  const weight_plan *plan;
  const real *x, *y;
  real *w;
  int64_t *offset;
  char *workers;
} weight_run;

/* Channels [begin, end). */
static void differentiate(void *context, int64_t begin, int64_t end, int worker) {
  const weight_run *run = context;
  const weight_plan *plan = run->plan;
  const conv_shape *s = &plan->s;
  int64_t taps = s->R * s->S;
  real *planes = (real *)(run->workers + worker * plan->worker_bytes);
  real *sums = (real *)((char *)planes + plan->planes_bytes);
  memset(planes, 0, (size_t)plan->planes_bytes);
  for (int64_t first = begin; first < end; first += plan->together) {
    int64_t count = conv_min(plan->together, end - first);
    memset(sums, 0, (size_t)(count * plan->sums * VBYTES));
    for (int64_t n = 0; n < s->N; n++)
      for (int64_t c = first; c < first + count; c++)
        for (int64_t p = 0; p < s->P; p += plan->rows) {
          int64_t plane = n * s->C + c, rows = conv_min(plan->rows, s->P - p);
          NAME(conv_fill)(planes, &plan->x, s, run->x + plane * s->H * s->W, 1, p, rows);
          weight_tile d = {planes, run->y + (plane * s->P + p) * s->Q,  run->offset, taps, plan->x.grid.width,
                           s->Q,   sums + (c - first) * plan->sums * VL};
          if (!nine(s)) plane_of_few(&d, rows, s->Q);
          else (s->stride_w == 1 ? plane_by_1 : plane_by_2)(&d, rows, s->Q);
        }
    for (int64_t c = first; c < first + count; c++)
      for (int64_t t = 0; t < taps; t++)
        run->w[c * taps + t] = sum_of_lanes(load(sums + ((c - first) * plan->sums + t) * VL));
  }
}

double NAME(conv2d_weight_depthwise_cost)(const conv_shape *s) {
  return s->Cg == 1 && s->Kg == 1 ? conv_work(s) / 0.9 / kg_get_threads() : INFINITY;
}

int64_t NAME(conv2d_weight_depthwise_workspace)(const kg_instruction *in) {
  weight_plan plan = plan_of(in);
  return plan.tap_bytes + kg_get_threads() * plan.worker_bytes;
}

int NAME(conv2d_weight_depthwise)(const kg_instruction *in) {
  weight_plan plan = plan_of(in);
  const conv_shape *s = &plan.s;
  char *workspace = in->workspace;
  weight_run run = {&plan, in->args[0], in->args[2], in->args[1], in->workspace, workspace + plan.tap_bytes};
  int64_t taps = s->R * s->S;
  for (int64_t t = 0; t < plan.sums; t++) { /* the last one again, to make them FEW */
    int64_t tap = conv_min(t, taps - 1);
    run.offset[t] = NAME(conv_tap)(&plan.x, s, tap / s->S, tap % s->S);
  }
  kg_parallel(differentiate, &run, s->C, conv_grain(s->N * s->P * s->Q * taps / 8));
  return KG_OK;
}
