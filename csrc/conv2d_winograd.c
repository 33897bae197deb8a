/* Convolution with 3 x 3 taps, or 4 x 4 and stride 2, and its gradient in x, by Winograd's minimal filtering
 * (conv_winograd.h). The gradient is the convolution of y with the taps turned round and the two kinds of channels
 * exchanged; its phases are outputs of their own, that of the same channel beside each other in the sums.
 *
 * Arrays contiguous, the output apart from the others. Of the two operands of the matrix products of the points, data and
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
  int64_t points, channels; /* of the products */
  int64_t strips, units;    /* of panels, together `wide`: all phases of the outputs */
  int64_t wide;
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
  const int64_t stride = s.stride_h, taps = s.R / stride, weights = s.R * s.R;
  wino_planes *from = &plan.from, *to = &plan.to;
  int64_t rows, columns; /* outputs of a phase */
  if (in->kernel == KG_CONV2D) {
    *from = (wino_planes){.channels = s.C, .H = s.H, .W = s.W, .pad_h = s.pad_h, .pad_w = s.pad_w};
    *to = (wino_planes){.channels = s.K, .H = s.P, .W = s.Q, .deal = 1};
    from->deal = stride;
    rows = s.P, columns = s.Q;
    plan.filters = (wino_filters){in->args[1], s.K, s.C, s.C * weights, weights, .flipped = 0};
  } else {
    /* h + pad = stride * m + a: phase a from m = pad / stride on. */
    const int64_t low_h = s.pad_h / stride, low_w = s.pad_w / stride;
    *from = (wino_planes){.channels = s.K, .H = s.P, .W = s.Q, .deal = 1};
    from->pad_h = taps - 1 - low_h, from->pad_w = taps - 1 - low_w;
    *to = (wino_planes){.channels = s.C, .H = s.H, .W = s.W, .deal = stride};
    to->pad_h = s.pad_h - stride * low_h, to->pad_w = s.pad_w - stride * low_w;
    rows = conv_ceil(s.H + to->pad_h, stride), columns = conv_ceil(s.W + to->pad_w, stride);
    plan.filters = (wino_filters){in->args[1], s.C, s.K, weights, s.C * weights, .flipped = 1};
  }
  from->taps = to->taps = plan.filters.taps = taps;
  plan.filters.channel_phases = wino_phases(from);
  plan.filters.output_phases = wino_phases(to);
  from->rows = to->rows = conv_ceil(rows, WINO_STEP);
  from->columns = to->columns = conv_ceil(columns, WINO_STEP);
  plan.points = wino_points_of(taps);
  plan.channels = wino_channels(from);
  const int64_t channels = plan.channels, row = wino_row(channels),
                size = plan.points * (int64_t)sizeof(real);
  plan.strips = s.N * to->rows;
  plan.wide = conv_max(NR, wino_phases(to) * VL);
  plan.units = conv_ceil(wino_channels(to), plan.wide);
  const int64_t tiles = plan.strips * to->columns;
  plan.filters_first = tiles >= wino_channels(to);
  int64_t first, piece;
  if (plan.filters_first) {
    const int64_t fitting = conv_max(1, PIECE / (size * (row + plan.wide) * to->columns));
    plan.group = conv_ceil(plan.strips, conv_round(conv_ceil(plan.strips, fitting), kg_get_threads()));
    plan.chunk = channels;
    first = plan.units * (plan.wide / NR) * wino_row(channels * NR);
    piece = wino_row(plan.group * to->columns * row);
  } else {
    plan.group = plan.strips;
    plan.chunk = conv_ceil(channels, conv_ceil(channels, conv_max(16, FILTERS / (size * plan.wide))));
    plan.chunk = conv_round(plan.chunk, wino_phases(from) == 1 ? 1 : wino_phases(from) * VL);
    first = wino_row(tiles * row);
    piece = plan.wide / NR * wino_row(plan.chunk * NR);
  }
  plan.scratch = conv_max(NAME(wino_scratch)(from, plan.group), NAME(wino_scratch)(to, plan.group));
  plan.first_bytes = conv_round(first * size, 64);
  plan.piece_bytes = conv_round(piece * size, 64);
  plan.sum_bytes = conv_round(wino_row(plan.group * to->columns * plan.wide) * size, 64);
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
  const int64_t row = wino_row(plan->channels);
  return (wino_points){memory, wino_row(strips * plan->from.columns * row), row};
}

/* Elements of the points of a panel of filters: NR outputs of `channels`. */
static int64_t panel_size(const wino_plan *plan, int64_t channels) {
  return plan->points * wino_row(channels * NR);
}

/* sums = (or +=) data @ filters for every point: `tiles` x `channels` by `channels` x wide. */
static void multiply(const wino_plan *plan, wino_points sums, wino_points data, const real *filters,
                     int64_t tiles, int64_t channels, int accumulate) {
  const int64_t blocks = conv_ceil(tiles, MR);
  for (int64_t k = 0; k < plan->wide; k += NR, filters += panel_size(plan, channels))
    for (int64_t point = 0; point < plan->points; point++)
      for (int64_t i = 0; i < blocks; i++) {
        const int64_t from = tiles * i / blocks, to = tiles * (i + 1) / blocks;
        NAME(micro_kernel)
        (to - from, NR, channels, data.data + point * data.point_size + from * data.row, data.row, 1,
         filters + point * wino_row(channels * NR), NR,
         sums.data + point * sums.point_size + from * sums.row + k, sums.row,
         (epilogue){.accumulate = accumulate});
      }
}

/* The outputs of a unit of panels. */
static void put(const wino_run *run, wino_points sums, int64_t unit, int64_t first, int64_t last,
                int worker) {
  const wino_planes *to = &run->plan->to;
  const int64_t vector = wino_phases(to) * VL;
  for (int64_t k = 0, c = unit * run->plan->wide / wino_phases(to); k < run->plan->wide && c < to->channels;
       k += vector, c += VL, sums.data += vector)
    NAME(wino_outputs)(sums, to, run->to, run->end, c, first, last, scratch_of(run, worker));
}

static wino_points sums_of(const wino_run *run, int worker) {
  const wino_plan *plan = run->plan;
  return (wino_points){(real *)(run->workers + worker * plan->worker_bytes + plan->piece_bytes),
                       wino_row(plan->group * plan->to.columns * plan->wide), plan->wide};
}

/* The panels of a unit, of so many channels. */
static void filters_of(const wino_plan *plan, real *to, int64_t unit, int64_t first, int64_t count) {
  for (int64_t k = 0; k < plan->wide; k += NR, to += panel_size(plan, count))
    NAME(wino_filter_points)(to, &plan->filters, unit * plan->wide + k, first, count);
}

/* Filters first: by units of panels; then a unit is a group of strips. */
static real *filters_at(const wino_run *run, int64_t unit) {
  const wino_plan *plan = run->plan;
  return (real *)run->first + unit * (plan->wide / NR) * panel_size(plan, plan->channels);
}

static void transform_filters(void *context, int64_t begin, int64_t end, int worker) {
  (void)worker;
  const wino_run *run = context;
  for (int64_t unit = begin; unit < end; unit++)
    filters_of(run->plan, filters_at(run, unit), unit, 0, run->plan->channels);
}

static void convolve_strips(void *context, int64_t begin, int64_t end, int worker) {
  const wino_run *run = context;
  const wino_plan *plan = run->plan;
  wino_points data = data_in(plan, run->workers + worker * plan->worker_bytes, plan->group),
              sums = sums_of(run, worker);
  for (int64_t unit = begin; unit < end; unit++) {
    const int64_t first = unit * plan->group, last = conv_min(plan->strips, first + plan->group);
    for (int64_t c = 0; c < plan->from.channels; c += VL) NAME(wino_data)
    (wino_from(data, c * wino_phases(&plan->from), 0), &plan->from, run->from, c, first, last,
     scratch_of(run, worker));
    for (int64_t k = 0; k < plan->units; k++) {
      multiply(plan, sums, data, filters_at(run, k), (last - first) * plan->from.columns, plan->channels, 0);
      put(run, sums, k, first, last, worker);
    }
  }
}

/* Data first: a unit is a vector of channels of an image; then panels of filters. */
static void transform_data(void *context, int64_t begin, int64_t end, int worker) {
  const wino_run *run = context;
  const wino_plan *plan = run->plan;
  const int64_t blocks = conv_ceil(plan->from.channels, VL), rows = plan->from.rows;
  for (int64_t unit = begin; unit < end; unit++) {
    const int64_t image = unit / blocks, c = unit % blocks * VL;
    const wino_points at = wino_from(data_in(plan, run->first, plan->strips), c * wino_phases(&plan->from),
                                     image * rows * plan->from.columns);
    NAME(wino_data)(at, &plan->from, run->from, c, image * rows, (image + 1) * rows, scratch_of(run, worker));
  }
}

static void convolve_panels(void *context, int64_t begin, int64_t end, int worker) {
  const wino_run *run = context;
  const wino_plan *plan = run->plan;
  real *filters = (real *)(run->workers + worker * plan->worker_bytes);
  const wino_points data = data_in(plan, run->first, plan->strips), sums = sums_of(run, worker);
  for (int64_t unit = begin; unit < end; unit++) {
    for (int64_t c = 0; c < plan->channels; c += plan->chunk) {
      const int64_t count = conv_min(plan->chunk, plan->channels - c);
      filters_of(plan, filters, unit, c, count);
      multiply(plan, sums, wino_from(data, c, 0), filters, plan->strips * plan->from.columns, count, c > 0);
    }
    put(run, sums, unit, 0, plan->strips, worker);
  }
}

static int convolve(const kg_instruction *in, const real *from, real *to, wino_end end) {
  const wino_plan plan = plan_of(in);
  char *workspace = in->workspace;
  wino_run run = {&plan, from, end, to, workspace, workspace + plan.first_bytes};
  const int64_t tiles = plan.group * plan.from.columns, filters = plan.channels * plan.wide / VL;
  const int64_t products = plan.points * tiles * filters; /* of a unit and a group */
  if (plan.filters_first) {
    kg_parallel(transform_filters, &run, plan.units, conv_grain(filters * TRANSFORM));
    kg_parallel(convolve_strips, &run, conv_ceil(plan.strips, plan.group),
                conv_grain(plan.units * (products + tiles * TRANSFORM)));
  } else {
    kg_parallel(transform_data, &run, plan.strips / plan.from.rows * conv_ceil(plan.from.channels, VL),
                conv_grain(plan.from.rows * plan.from.columns * TRANSFORM));
    kg_parallel(convolve_panels, &run, plan.units, conv_grain(products));
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
 * where it is shorter, or its tiles smaller), one of a filter 200: two multiply-adds each. */
static double cost(const conv_shape *s, int64_t from, int64_t from_phases, int64_t to, int64_t to_phases,
                   int64_t rows, int64_t columns) {
  const int64_t points = wino_points_of(s->R / s->stride_h);
  const double tiles = (double)(s->N * conv_ceil(rows, WINO_STEP) * conv_ceil(columns, WINO_STEP));
  const double outputs = (double)conv_round(to * to_phases, conv_max(NR, to_phases * VL)) / VL;
  const double vectors = (double)(from_phases * conv_ceil(from, VL));
  const double channels = (double)(from_phases * (from_phases > 1 ? conv_round(from, VL) : from));
  const double products = (double)points * tiles * channels * outputs / 0.8;
  return (products + (double)points / 36 * (300 + 20 * VL) * tiles * (vectors + outputs) +
          400 * channels * outputs) /
         kg_get_threads();
}

double NAME(conv2d_winograd_cost)(const conv_shape *s) {
  return wino_suits(s) ? cost(s, s->C, s->stride_h * s->stride_w, s->K, 1, s->P, s->Q) : INFINITY;
}
double NAME(conv2d_input_winograd_cost)(const conv_shape *s) {
  return wino_suits(s) ? cost(s, s->K, 1, s->C, s->stride_h * s->stride_w,
                              conv_ceil(s->H + s->pad_h % s->stride_h, s->stride_h),
                              conv_ceil(s->W + s->pad_w % s->stride_w, s->stride_w))
                       : INFINITY;
}
