/* The gradient of a convolution in its 3 x 3 weights by Winograd's minimal filtering (conv_winograd.h): the same
 * tiles as forward, with the 4 x 4 gradients of a tile as the filter that 3 x 3 outputs are wanted of. So for
 * each of the 36 points  sums (C, K) = data' (C, tiles) @ gradients (tiles, K).
 *
 * Arrays contiguous, w apart from the others. With many tiles, each of as many parts as there are threads
 * transforms and multiplies its own, group after group, adding to its own sums, which stay in cache; the
 * parts are added up, in their order, by the last transform: results depend on the number of threads, by no
 * more than rounding. With fewer tiles than channels the sums are what is large: all tiles are transformed
 * first, and then the sums come piece by piece, each transformed to weights at once. */
#include <math.h>
#include "conv_winograd.h"
#include "gemm.h"
#include "parallel.h"

enum { CHANNELS = 4 * MR }; /* of a piece of sums */
enum { TILES = 112 };       /* of a group: enough to pay for fetching the sums */

typedef struct {
  wino_planes x, y;
  int64_t strips, group, groups, parts; /* parts = 0: all tiles first */
  int64_t wide;                         /* elements of a row of sums */
  int64_t scratch;
  int64_t x_bytes, y_bytes, sum_bytes,
      scratch_bytes; /* of a part; or the first two of all, the rest of a worker */
} weight_plan;

static weight_plan plan_of(const kg_instruction *in) {
  const conv_shape s = conv_shape_of(in);
  const int64_t rows = conv_ceil(s.P, WINO_STEP), columns = conv_ceil(s.Q, WINO_STEP);
  const int64_t bytes = WINO_POINTS * (int64_t)sizeof(real), threads = kg_get_threads();
  weight_plan plan = {.x = {s.C, s.H, s.W, s.pad_h, s.pad_w, rows, columns},
                      .y = {s.K, s.P, s.Q, 0, 0, rows, columns}};
  plan.strips = plan.group = s.N * rows;
  plan.groups = 1;
  plan.wide = NR;
  int64_t sums = CHANNELS * NR;
  if (plan.strips * columns > conv_max(s.C, s.K)) {
    const int64_t fitting = conv_ceil(TILES, columns);
    plan.parts = conv_min(threads, conv_ceil(plan.strips, fitting));
    plan.groups = conv_round(conv_ceil(plan.strips, fitting), plan.parts);
    plan.group = conv_ceil(plan.strips, plan.groups);
    plan.groups = conv_ceil(plan.strips, plan.group);
    plan.wide = conv_round(s.K, VL);
    sums = s.C * plan.wide;
  }
  const int64_t tiles = plan.group * columns;
  plan.scratch =
      conv_max(conv_max(NAME(wino_scratch)(&plan.x, plan.group), NAME(wino_scratch)(&plan.y, plan.group)),
               CHANNELS * WINO_TAPS * WINO_TAPS * VL);
  plan.x_bytes = wino_row(tiles * wino_row(s.C)) * bytes;
  plan.y_bytes = wino_row(tiles * wino_row(s.K)) * bytes;
  plan.sum_bytes = wino_row(sums) * bytes;
  plan.scratch_bytes = conv_round(plan.scratch * (int64_t)sizeof(real), 64);
  return plan;
}

int64_t NAME(conv2d_weight_winograd_workspace)(const kg_instruction *in) {
  const weight_plan plan = plan_of(in);
  const int64_t points = plan.x_bytes + plan.y_bytes, own = plan.sum_bytes + plan.scratch_bytes,
                threads = kg_get_threads();
  return plan.parts ? threads * (points + own) : points + threads * own;
}

typedef struct {
  const weight_plan *plan;
  const real *x, *y;
  real *w;
  char *workspace;
} weight_run;

/* The four pieces of memory of a part; or the first two of all and the others of a worker. */
typedef struct {
  wino_points x, y, sums;
  real *scratch;
} weight_memory;

static weight_memory memory_of(const weight_run *run, int64_t which) {
  const weight_plan *plan = run->plan;
  const int64_t points = plan->x_bytes + plan->y_bytes, own = plan->sum_bytes + plan->scratch_bytes;
  char *first = run->workspace + (plan->parts ? which * (points + own) : 0);
  char *second = first + points + (plan->parts ? 0 : which * own);
  const int64_t size = WINO_POINTS * (int64_t)sizeof(real);
  return (weight_memory){{(real *)first, plan->x_bytes / size, wino_row(plan->x.channels)},
                         {(real *)(first + plan->x_bytes), plan->y_bytes / size, wino_row(plan->y.channels)},
                         {(real *)second, plan->sum_bytes / size, plan->wide},
                         (real *)(second + plan->sum_bytes)};
}

/* sums = (or +=) data' @ gradients at every point, `count` channels of x by `outputs` of y. */
static void multiply(wino_points sums, wino_points x, wino_points y, int64_t count, int64_t outputs,
                     int64_t tiles, int accumulate) {
  const int64_t blocks = conv_ceil(count, MR);
  for (int point = 0; point < WINO_POINTS;
       point++, x.data += x.point_size, y.data += y.point_size, sums.data += sums.point_size)
    for (int64_t k = 0; k < outputs; k += NR)
      for (int64_t i = 0; i < blocks; i++) {
        const int64_t from = count * i / blocks, to = count * (i + 1) / blocks;
        NAME(micro_kernel)
        (to - from, conv_min(NR, outputs - k), tiles, x.data + from, 1, x.row, y.data + k, y.row,
         sums.data + from * sums.row + k, sums.row, (epilogue){.accumulate = accumulate});
      }
}

/* Many tiles: the groups of a part. */
static void add_groups(void *context, int64_t begin, int64_t end, int worker) {
  (void)worker;
  const weight_run *run = context;
  const weight_plan *plan = run->plan;
  for (int64_t part = begin; part < end; part++) {
    const weight_memory own = memory_of(run, part);
    const int64_t from = plan->groups * part / plan->parts, to = plan->groups * (part + 1) / plan->parts;
    for (int64_t group = from; group < to; group++) {
      const int64_t first = group * plan->group, last = conv_min(plan->strips, first + plan->group);
      for (int64_t c = 0; c < plan->x.channels; c += VL)
        NAME(wino_data)(wino_from(own.x, c, 0), &plan->x, run->x, c, first, last, own.scratch);
      for (int64_t k = 0; k < plan->y.channels; k += VL)
        NAME(wino_gradient)(wino_from(own.y, k, 0), &plan->y, run->y, k, first, last, own.scratch);
      multiply(own.sums, own.x, own.y, plan->x.channels, plan->wide, (last - first) * plan->x.columns,
               group > from);
    }
  }
}

/* A unit is CHANNELS channels by VL outputs. */
static void add_parts(void *context, int64_t begin, int64_t end, int worker) {
  const weight_run *run = context;
  const weight_plan *plan = run->plan;
  const int64_t part_size =
      (plan->x_bytes + plan->y_bytes + plan->sum_bytes + plan->scratch_bytes) / (int64_t)sizeof(real);
  const int64_t blocks = conv_ceil(plan->x.channels, CHANNELS);
  for (int64_t unit = begin; unit < end; unit++) {
    const int64_t c = unit % blocks * CHANNELS, k = unit / blocks * VL;
    wino_points sums = memory_of(run, 0).sums;
    sums.data += c * sums.row + k;
    NAME(wino_weights)
    (run->w, plan->y.channels, plan->x.channels, k, c, conv_min(CHANNELS, plan->x.channels - c), sums,
     plan->parts, part_size, memory_of(run, worker).scratch);
  }
}

/* Few tiles: a unit is a vector of channels of an image of x, or of y. */
static void transform_all(void *context, int64_t begin, int64_t end, int worker) {
  const weight_run *run = context;
  const weight_plan *plan = run->plan;
  const weight_memory own = memory_of(run, worker);
  const int64_t of_x = conv_ceil(plan->x.channels, VL), blocks = of_x + conv_ceil(plan->y.channels, VL);
  for (int64_t unit = begin; unit < end; unit++) {
    const int64_t first = unit / blocks * plan->x.rows, last = first + plan->x.rows, block = unit % blocks;
    const int64_t tile = first * plan->x.columns, c = block * VL, k = (block - of_x) * VL;
    if (block < of_x)
      NAME(wino_data)(wino_from(own.x, c, tile), &plan->x, run->x, c, first, last, own.scratch);
    else NAME(wino_gradient)(wino_from(own.y, k, tile), &plan->y, run->y, k, first, last, own.scratch);
  }
}

/* A unit is CHANNELS channels by NR outputs. */
static void make_pieces(void *context, int64_t begin, int64_t end, int worker) {
  const weight_run *run = context;
  const weight_plan *plan = run->plan;
  const weight_memory own = memory_of(run, worker);
  const int64_t panels = conv_ceil(plan->y.channels, NR);
  for (int64_t unit = begin; unit < end; unit++) {
    const int64_t c = unit / panels * CHANNELS, k = unit % panels * NR;
    const int64_t count = conv_min(CHANNELS, plan->x.channels - c),
                  outputs = conv_min(NR, conv_round(plan->y.channels - k, VL));
    multiply(own.sums, wino_from(own.x, c, 0), wino_from(own.y, k, 0), count, outputs,
             plan->strips * plan->x.columns, 0);
    for (int64_t half = 0; half < outputs; half += VL) NAME(wino_weights)
    (run->w, plan->y.channels, plan->x.channels, k + half, c, count, wino_from(own.sums, half, 0), 1, 0,
     own.scratch);
  }
}

int NAME(conv2d_weight_winograd)(const kg_instruction *in) {
  const weight_plan plan = plan_of(in);
  weight_run run = {&plan, in->args[0], in->args[2], in->args[1], in->workspace};
  const int64_t blocks = conv_ceil(plan.x.channels, CHANNELS);
  if (plan.parts) {
    kg_parallel(add_groups, &run, plan.parts, 1);
    kg_parallel(add_parts, &run, blocks * conv_ceil(plan.y.channels, VL), 1);
  } else {
    kg_parallel(transform_all, &run,
                plan.strips / plan.x.rows * (conv_ceil(plan.x.channels, VL) + conv_ceil(plan.y.channels, VL)),
                1);
    kg_parallel(make_pieces, &run, blocks * conv_ceil(plan.y.channels, NR), 1);
  }
  return KG_OK;
}

/* The products reach three quarters of the peak; a vector of a tile costs about 200 cycles (fewer where it is
 * shorter), one of sums and the last transform 300: two multiply-adds each. */
double NAME(conv2d_weight_winograd_cost)(const conv_shape *s) {
  if (!wino_suits(s)) return INFINITY;
  const double tiles = (double)(s->N * conv_ceil(s->P, WINO_STEP) * conv_ceil(s->Q, WINO_STEP));
  const double outputs = (double)conv_ceil(s->K, VL), channels = (double)conv_ceil(s->C, VL);
  const double products = WINO_POINTS * tiles * (double)s->C * outputs / 0.75;
  return (products + (200 + 12 * VL) * tiles * (channels + outputs) + 600 * (double)s->C * outputs) /
         kg_get_threads();
}
