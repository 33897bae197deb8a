/* Convolution with 3 x 3 taps, and its gradient in x, by Winograd's minimal filtering (conv_winograd.h). The
 * gradient is the convolution of y with the taps turned round and the two kinds of channels exchanged.
 *
 * Arrays contiguous, the output apart from the others. Of the two operands of the 36 matrix products, data and
 * filters, the smaller is transformed first, whole; the other one piece by piece, each multiplied while it is
 * in cache: strips of tiles against all filters, or a panel of filters against all tiles. The sums of a piece
 * go through the last transform at once. Threads share out transforms and pieces, so no sum depends on their
 * number. */
#include <math.h>
#include "conv_winograd.h"
#include "parallel.h"

typedef struct {
  wino_planes from, to;
  wino_filters filters;
  int64_t strips, panels;
  int filters_first; /* they are the smaller operand */
  int64_t group;     /* strips of a piece; all where the filters come in pieces */
  int64_t chunk;     /* channels whose filters are transformed at a time */
  int64_t scratch;   /* elements, of a worker */
  int64_t first_bytes, piece_bytes, sum_bytes, worker_bytes;
} wino_plan;

enum { PIECE = 640 << 10, FILTERS = 1280 << 10 }; /* bytes: points and sums of a group; filters of a piece */

static wino_plan plan_of(const kg_instruction *in) {
  const conv_shape s = conv_shape_of(in);
  wino_plan plan = {0};
  const int64_t taps = WINO_TAPS * WINO_TAPS;
  if (in->kernel == KG_CONV2D) {
    plan.from = (wino_planes){.channels = s.C, .H = s.H, .W = s.W, .pad_h = s.pad_h, .pad_w = s.pad_w};
    plan.to = (wino_planes){.channels = s.K, .H = s.P, .W = s.Q};
    plan.filters = (wino_filters){in->args[1], s.K, s.C, s.C * taps, taps, 0};
  } else {
    plan.from =
        (wino_planes){.channels = s.K, .H = s.P, .W = s.Q, .pad_h = 2 - s.pad_h, .pad_w = 2 - s.pad_w};
    plan.to = (wino_planes){.channels = s.C, .H = s.H, .W = s.W};
    plan.filters = (wino_filters){in->args[1], s.C, s.K, taps, s.C * taps, 1};
  }
  wino_planes *from = &plan.from, *to = &plan.to;
  from->rows = to->rows = conv_ceil(to->H, WINO_STEP);
  from->columns = to->columns = conv_ceil(to->W, WINO_STEP);
  const int64_t channels = from->channels, row = wino_row(channels),
                size = WINO_POINTS * (int64_t)sizeof(real);
  plan.strips = s.N * to->rows;
  plan.panels = conv_ceil(to->channels, NR);
  const int64_t tiles = plan.strips * to->columns;
  plan.filters_first = tiles >= to->channels;
  int64_t first, piece;
  if (plan.filters_first) {
    const int64_t fitting = conv_max(1, PIECE / (size * (row + NR) * to->columns));
    plan.group = conv_ceil(plan.strips, conv_round(conv_ceil(plan.strips, fitting), kg_get_threads()));
    plan.chunk = channels;
    first = plan.panels * wino_row(channels * NR);
    piece = wino_row(plan.group * to->columns * row);
  } else {
    plan.group = plan.strips;
    plan.chunk = conv_ceil(channels, conv_ceil(channels, conv_max(16, FILTERS / (size * NR))));
    first = wino_row(tiles * row);
    piece = wino_row(plan.chunk * NR);
  }
  plan.scratch = conv_max(NAME(wino_scratch)(from, plan.group), NAME(wino_scratch)(to, plan.group));
  plan.first_bytes = conv_round(first * size, 64);
  plan.piece_bytes = conv_round(piece * size, 64);
  plan.sum_bytes = conv_round(wino_row(plan.group * to->columns * NR) * size, 64);
  plan.worker_bytes =
      plan.piece_bytes + plan.sum_bytes + conv_round(plan.scratch * (int64_t)sizeof(real), 64);
  return plan;
}

typedef struct {
  const wino_plan *plan;
  const real *from;
  wino_end end;
  real *to;
  char *first, *workers;
} wino_run;

static real *scratch_of(const wino_run *run, int worker) {
  const wino_plan *plan = run->plan;
  return (real *)(run->workers + worker * plan->worker_bytes + plan->piece_bytes + plan->sum_bytes);
}

static wino_points data_in(const wino_plan *plan, void *memory, int64_t strips) {
  const int64_t row = wino_row(plan->from.channels);
  return (wino_points){memory, wino_row(strips * plan->from.columns * row), row};
}

/* sums = (or +=) data @ filters for every point: `tiles` x `channels` by `channels` x NR. */
static void multiply(wino_points sums, wino_points data, const real *filters, int64_t tiles, int64_t channels,
                     int accumulate) {
  const int64_t blocks = conv_ceil(tiles, MR);
  for (int point = 0; point < WINO_POINTS; point++)
    for (int64_t i = 0; i < blocks; i++) {
      const int64_t from = tiles * i / blocks, to = tiles * (i + 1) / blocks;
      NAME(micro_kernel)
      (to - from, NR, channels, data.data + point * data.point_size + from * data.row, data.row, 1,
       filters + point * wino_row(channels * NR), NR, sums.data + point * sums.point_size + from * NR, NR,
       (epilogue){.accumulate = accumulate});
    }
}

static void put(const wino_run *run, wino_points sums, int64_t k, int64_t first, int64_t last, int worker) {
  for (int64_t half = 0; half < NR && k + half < run->plan->to.channels; half += VL, sums.data += VL)
    NAME(wino_outputs)
  (sums, &run->plan->to, run->to, run->end, k + half, first, last, scratch_of(run, worker));
}

static wino_points sums_of(const wino_run *run, int worker) {
  const wino_plan *plan = run->plan;
  return (wino_points){(real *)(run->workers + worker * plan->worker_bytes + plan->piece_bytes),
                       wino_row(plan->group * plan->to.columns * NR), NR};
}

/* Filters first: a unit is a panel; then a group of strips. */
static void transform_filters(void *context, int64_t begin, int64_t end, int worker) {
  (void)worker;
  const wino_run *run = context;
  const wino_filters *f = &run->plan->filters;
  for (int64_t panel = begin; panel < end; panel++) NAME(wino_filter_points)
  ((real *)run->first + panel * WINO_POINTS * wino_row(f->channels * NR), f, panel * NR, 0, f->channels);
}

static void convolve_strips(void *context, int64_t begin, int64_t end, int worker) {
  const wino_run *run = context;
  const wino_plan *plan = run->plan;
  const int64_t channels = plan->from.channels, columns = plan->from.columns;
  wino_points data = data_in(plan, run->workers + worker * plan->worker_bytes, plan->group),
              sums = sums_of(run, worker);
  for (int64_t unit = begin; unit < end; unit++) {
    const int64_t first = unit * plan->group, last = conv_min(plan->strips, first + plan->group);
    for (int64_t c = 0; c < channels; c += VL) {
      NAME(wino_data)(wino_from(data, c, 0), &plan->from, run->from, c, first, last, scratch_of(run, worker));
    }
    for (int64_t panel = 0; panel < plan->panels; panel++) {
      multiply(sums, data, (const real *)run->first + panel * WINO_POINTS * wino_row(channels * NR),
               (last - first) * columns, channels, 0);
      put(run, sums, panel * NR, first, last, worker);
    }
  }
}

/* Data first: a unit is a vector of channels of an image; then a panel of filters. */
static void transform_data(void *context, int64_t begin, int64_t end, int worker) {
  const wino_run *run = context;
  const wino_plan *plan = run->plan;
  const int64_t blocks = conv_ceil(plan->from.channels, VL), rows = plan->from.rows;
  for (int64_t unit = begin; unit < end; unit++) {
    const int64_t image = unit / blocks, c = unit % blocks * VL;
    wino_points at = data_in(plan, run->first, plan->strips);
    at.data += c + image * rows * plan->from.columns * at.row;
    NAME(wino_data)(at, &plan->from, run->from, c, image * rows, (image + 1) * rows, scratch_of(run, worker));
  }
}

static void convolve_panels(void *context, int64_t begin, int64_t end, int worker) {
  const wino_run *run = context;
  const wino_plan *plan = run->plan;
  const int64_t channels = plan->from.channels;
  real *filters = (real *)(run->workers + worker * plan->worker_bytes);
  wino_points sums = sums_of(run, worker);
  for (int64_t panel = begin; panel < end; panel++) {
    for (int64_t c = 0; c < channels; c += plan->chunk) {
      const int64_t count = conv_min(plan->chunk, channels - c);
      wino_points data = data_in(plan, run->first, plan->strips);
      data.data += c;
      NAME(wino_filter_points)(filters, &plan->filters, panel * NR, c, count);
      multiply(sums, data, filters, plan->strips * plan->from.columns, count, c > 0);
    }
    put(run, sums, panel * NR, 0, plan->strips, worker);
  }
}

static int convolve(const kg_instruction *in, const real *from, real *to, wino_end end) {
  const wino_plan plan = plan_of(in);
  char *workspace = in->workspace;
  wino_run run = {&plan, from, end, to, workspace, workspace + plan.first_bytes};
  const int64_t channels = plan.from.channels, tiles = plan.group * plan.from.columns;
  const int64_t products = WINO_POINTS * tiles * channels * NR / VL; /* of a panel and a group */
  if (plan.filters_first) {
    kg_parallel(transform_filters, &run, plan.panels, conv_grain(channels * NR / VL * TRANSFORM));
    kg_parallel(convolve_strips, &run, conv_ceil(plan.strips, plan.group),
                conv_grain(plan.panels * (products + tiles * TRANSFORM)));
  } else {
    kg_parallel(transform_data, &run, plan.strips / plan.from.rows * conv_ceil(channels, VL),
                conv_grain(plan.from.rows * plan.from.columns * TRANSFORM));
    kg_parallel(convolve_panels, &run, plan.panels, conv_grain(products));
  }
  return KG_OK;
}

static int64_t workspace_of(const kg_instruction *in) {
  const wino_plan plan = plan_of(in);
  return plan.first_bytes + kg_get_threads() * plan.worker_bytes;
}

int64_t NAME(conv2d_winograd_workspace)(const kg_instruction *in) { return workspace_of(in); }
int64_t NAME(conv2d_input_winograd_workspace)(const kg_instruction *in) { return workspace_of(in); }

int NAME(conv2d_winograd)(const kg_instruction *in) {
  const wino_end end = {in->args[3], (activation)conv_shape_of(in).activation};
  return convolve(in, in->args[0], in->args[2], end);
}
int NAME(conv2d_input_winograd)(const kg_instruction *in) {
  return convolve(in, in->args[2], in->args[0], (wino_end){NULL, NONE});
}

/* The products reach four fifths of the peak; a vector of a tile costs about 300 cycles at either end (fewer
 * where it is shorter), one of a filter 200: two multiply-adds each. */
static double cost(const conv_shape *s, int64_t from, int64_t to, int64_t H, int64_t W) {
  const double tiles = (double)(s->N * conv_ceil(H, WINO_STEP) * conv_ceil(W, WINO_STEP));
  const double outputs = (double)conv_round(to, NR) / VL, channels = (double)conv_ceil(from, VL);
  const double products = WINO_POINTS * tiles * (double)from * outputs / 0.8;
  return (products + (300 + 20 * VL) * tiles * (channels + outputs) + 400 * (double)from * outputs) /
         kg_get_threads();
}

double NAME(conv2d_winograd_cost)(const conv_shape *s) {
  return wino_suits(s) ? cost(s, s->C, s->K, s->P, s->Q) : INFINITY;
}
double NAME(conv2d_input_winograd_cost)(const conv_shape *s) {
  return wino_suits(s) ? cost(s, s->K, s->C, s->H, s->W) : INFINITY;
}
