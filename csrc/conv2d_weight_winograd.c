/* The gradient of a convolution in its weights, 3 x 3 or 4 x 4 with stride 2, by Winograd's minimal filtering
 * (conv_winograd.h): the same tiles as forward, with the 4 x 4 gradients of a tile as the filter that 3 x 3 outputs are
 * wanted of, or 2 x 2 for each phase. So for each point  sums (C, K) = data' (C, tiles) @ gradients (tiles, K).
 *
 * Arrays contiguous, w apart from the others. Tiles come in groups, large enough to pay for fetching the sums
 * each time. Many tiles: each of as many parts as there are threads transforms and multiplies its own groups,
 * a block of x's channels while its points are in cache, adding to its own sums; these are added up, in their
 * order, by the last transform, so results depend on the number of threads, by no more than rounding. Few tiles,
 * or sums that would fill memory: all threads transform a group, then they share out the sums in pieces; where
 * one group is all, a piece is transformed to weights while it is in cache. */
#include <math.h>
#include "conv_winograd.h"
#include "parallel.h"

enum { CHANNELS = 4 * MR };             /* of a piece of sums; NR outputs */
enum { PART_TILES = 112, TILES = 256 }; /* of a group */
enum { BLOCK = 64 };                    /* channels of x that a part multiplies at a time */
enum { PART_SUMS = 80 << 20 };          /* bytes of the sums of all parts */
enum { SHARED_POINTS = 16 << 20 };      /* bytes of points that stay in the cache all threads share */

typedef struct {
  wino_planes x, y;
  int64_t points, channels;             /* of the products */
  int64_t piece, block;                 /* channels of a piece; of x's points at a time */
  int64_t strips, group, groups, parts; /* no parts: sums in pieces */
  int64_t pieces;
  int64_t wide; /* elements of a row of sums */
  /* The workspace: for each part all four; or points for all, sums for each piece (or worker, if there is one
   * group), scratch for each worker. */
  int64_t x_bytes, y_bytes, sum_bytes, scratch_bytes;
} weight_plan;

/* Are there tiles enough to pay for sums of as many parts as threads? Half as many are where pieces would fetch
 * their points from memory. */
static int suits_parts(const weight_plan *plan, int64_t K, int64_t bytes) {
  const int64_t tiles = plan->strips * plan->x.columns, most = conv_max(plan->channels, K);
  const int far = tiles * (plan->channels + K) * bytes > SHARED_POINTS;
  return tiles * (1 + far) >= most &&
         kg_get_threads() * plan->channels * conv_round(K, VL) * bytes <= PART_SUMS;
}

static weight_plan plan_of(const kg_instruction *in) {
  const conv_shape s = conv_shape_of(in);
  const int64_t rows = conv_ceil(s.P, WINO_STEP), columns = conv_ceil(s.Q, WINO_STEP);
  const int64_t taps = s.R / s.stride_h, points = wino_points_of(taps);
  const int64_t bytes = points * (int64_t)sizeof(real), wide = conv_round(s.K, VL);
  weight_plan plan = {.x = {s.C, s.H, s.W, s.pad_h, s.pad_w, rows, columns, taps, s.stride_h},
                      .y = {s.K, s.P, s.Q, 0, 0, rows, columns, taps, 1},
                      .points = points,
                      .strips = s.N * rows};
  const int64_t phases = wino_phases(&plan.x);
  plan.channels = wino_channels(&plan.x);
  plan.piece = phases == 1 ? CHANNELS : conv_round(CHANNELS, phases * VL);
  const int in_parts = suits_parts(&plan, s.K, bytes);
  const int64_t fewest = conv_ceil(plan.strips, conv_ceil(in_parts ? PART_TILES : TILES, columns));
  plan.parts = in_parts ? conv_min(kg_get_threads(), fewest) : 0;
  plan.group = conv_ceil(plan.strips, conv_round(fewest, conv_max(1, plan.parts)));
  plan.groups = conv_ceil(plan.strips, plan.group);
  plan.pieces = conv_ceil(plan.channels, plan.piece) * conv_ceil(s.K, NR);
  plan.wide = in_parts ? wide : NR;
  const int64_t tiles = plan.group * columns;
  int64_t scratch =
      conv_max(NAME(wino_scratch)(&plan.x, plan.group), NAME(wino_scratch)(&plan.y, plan.group));
  scratch = conv_max(scratch, plan.piece * taps * taps * VL);
  plan.block = in_parts ? conv_min(plan.channels, conv_round(BLOCK, phases * VL)) : plan.channels;
  plan.x_bytes = wino_row(tiles * wino_row(plan.block)) * bytes;
  plan.y_bytes = wino_row(tiles * wino_row(s.K)) * bytes;
  plan.sum_bytes = wino_row((in_parts ? plan.channels : plan.piece) * plan.wide) * bytes;
  plan.scratch_bytes = conv_round(scratch * (int64_t)sizeof(real), 64);
  return plan;
}

/* How many sums there are, if there are no parts. */
static int64_t sums_of(const weight_plan *plan) { return plan->groups > 1 ? plan->pieces : kg_get_threads(); }

int64_t NAME(conv2d_weight_winograd_workspace)(const kg_instruction *in) {
  const weight_plan plan = plan_of(in);
  const int64_t points = plan.x_bytes + plan.y_bytes, threads = kg_get_threads();
  if (plan.parts) return threads * (points + plan.sum_bytes + plan.scratch_bytes);
  return points + sums_of(&plan) * plan.sum_bytes + threads * plan.scratch_bytes;
}

typedef struct {
  const weight_plan *plan;
  const real *x, *y;
  real *w;
  char *workspace;
  int64_t at; /* the group that all threads are at */
} weight_run;

typedef struct {
  wino_points x, y, sums;
  real *scratch;
} weight_memory;

/* Of a part, or of a worker. */
static weight_memory memory_of(const weight_run *run, int64_t which) {
  const weight_plan *plan = run->plan;
  const int64_t points = plan->x_bytes + plan->y_bytes, size = plan->points * (int64_t)sizeof(real);
  char *x = run->workspace, *sums, *scratch;
  if (plan->parts) {
    x += which * (points + plan->sum_bytes + plan->scratch_bytes);
    sums = x + points;
    scratch = sums + plan->sum_bytes;
  } else {
    sums = x + points + (plan->groups > 1 ? 0 : which * plan->sum_bytes);
    scratch = x + points + sums_of(plan) * plan->sum_bytes + which * plan->scratch_bytes;
  }
  return (weight_memory){{(real *)x, plan->x_bytes / size, wino_row(plan->block)},
                         {(real *)(x + plan->x_bytes), plan->y_bytes / size, wino_row(plan->y.channels)},
                         {(real *)sums, plan->sum_bytes / size, plan->wide},
                         (real *)scratch};
}

/* sums = (or +=) data' @ gradients at every point, `count` channels of x by `outputs` of y. */
static void multiply(int64_t points, wino_points sums, wino_points x, wino_points y, int64_t count,
                     int64_t outputs, int64_t tiles, int accumulate) {
  const int64_t blocks = conv_ceil(count, MR);
  for (int64_t point = 0; point < points;
       point++, x.data += x.point_size, y.data += y.point_size, sums.data += sums.point_size)
    for (int64_t k = 0; k < outputs; k += NR)
      for (int64_t i = 0; i < blocks; i++) {
        const int64_t from = count * i / blocks, to = count * (i + 1) / blocks;
        NAME(micro_kernel)
        (to - from, conv_min(NR, outputs - k), tiles, x.data + from, 1, x.row, y.data + k, y.row,
         sums.data + from * sums.row + k, sums.row, (epilogue){.accumulate = accumulate});
      }
}

/* The groups of a part. */
static void add_groups(void *context, int64_t begin, int64_t end, int worker) {
  (void)worker;
  const weight_run *run = context;
  const weight_plan *plan = run->plan;
  for (int64_t part = begin; part < end; part++) {
    const weight_memory own = memory_of(run, part);
    const int64_t from = plan->groups * part / plan->parts, to = plan->groups * (part + 1) / plan->parts;
    for (int64_t group = from; group < to; group++) {
      const int64_t first = group * plan->group, last = conv_min(plan->strips, first + plan->group);
      for (int64_t k = 0; k < plan->y.channels; k += VL)
        NAME(wino_gradient)(wino_from(own.y, k, 0), &plan->y, run->y, k, first, last, own.scratch);
      const int64_t phases = wino_phases(&plan->x), block = plan->block / phases;
      for (int64_t c = 0; c < plan->x.channels; c += block) {
        const int64_t end = conv_min(plan->x.channels, c + block);
        for (int64_t i = c; i < end; i += VL) NAME(wino_data)
        (wino_from(own.x, (i - c) * phases, 0), &plan->x, run->x, i, first, last, own.scratch);
        wino_points sums = own.sums;
        sums.data += c * phases * sums.row;
        multiply(plan->points, sums, own.x, own.y, conv_min(plan->block, plan->channels - c * phases),
                 plan->wide, (last - first) * plan->x.columns, group > from);
      }
    }
  }
}

/* A unit is a piece of channels by VL outputs. */
static void add_parts(void *context, int64_t begin, int64_t end, int worker) {
  const weight_run *run = context;
  const weight_plan *plan = run->plan;
  const int64_t part_size =
      (plan->x_bytes + plan->y_bytes + plan->sum_bytes + plan->scratch_bytes) / (int64_t)sizeof(real);
  const int64_t blocks = conv_ceil(plan->channels, plan->piece), count = plan->piece / wino_phases(&plan->x);
  for (int64_t unit = begin; unit < end; unit++) {
    const int64_t c = unit % blocks * count, k = unit / blocks * VL;
    wino_points sums = memory_of(run, 0).sums;
    sums.data += unit % blocks * plan->piece * sums.row + k;
    NAME(wino_weights)
    (run->w, plan->y.channels, &plan->x, k, c, conv_min(count, plan->x.channels - c), sums, plan->parts,
     part_size, memory_of(run, worker).scratch);
  }
}

/* A unit is a vector of channels, of x or of y, of as many strips as an image has. */
static void transform_group(void *context, int64_t begin, int64_t end, int worker) {
  const weight_run *run = context;
  const weight_plan *plan = run->plan;
  const weight_memory own = memory_of(run, worker);
  const int64_t of_x = conv_ceil(plan->x.channels, VL), blocks = of_x + conv_ceil(plan->y.channels, VL);
  const int64_t start = run->at * plan->group, stop = conv_min(plan->strips, start + plan->group);
  for (int64_t unit = begin; unit < end; unit++) {
    const int64_t first = start + unit / blocks * plan->x.rows, last = conv_min(stop, first + plan->x.rows);
    const int64_t block = unit % blocks, c = block * VL, k = (block - of_x) * VL;
    const int64_t tile = (first - start) * plan->x.columns;
    if (block < of_x) NAME(wino_data)
    (wino_from(own.x, c * wino_phases(&plan->x), tile), &plan->x, run->x, c, first, last, own.scratch);
    else NAME(wino_gradient)(wino_from(own.y, k, tile), &plan->y, run->y, k, first, last, own.scratch); }
}

static void add_pieces(void *context, int64_t begin, int64_t end, int worker) {
  const weight_run *run = context;
  const weight_plan *plan = run->plan;
  const weight_memory own = memory_of(run, worker);
  const int64_t panels = conv_ceil(plan->y.channels, NR);
  const int64_t strips = conv_min(plan->group, plan->strips - run->at * plan->group);
  for (int64_t piece = begin; piece < end; piece++) {
    const int64_t first = piece / panels * plan->piece, c = first / wino_phases(&plan->x);
    const int64_t k = piece % panels * NR;
    const int64_t count = conv_min(plan->piece, plan->channels - first);
    const int64_t channels = conv_min(plan->piece / wino_phases(&plan->x), plan->x.channels - c);
    const int64_t outputs = conv_min(NR, conv_round(plan->y.channels - k, VL));
    wino_points sums = own.sums;
    if (plan->groups > 1) sums.data += piece * plan->sum_bytes / (int64_t)sizeof(real);
    multiply(plan->points, sums, wino_from(own.x, first, 0), wino_from(own.y, k, 0), count, outputs,
             strips * plan->x.columns, run->at > 0);
    if (run->at + 1 < plan->groups) continue;
    for (int64_t half = 0; half < outputs; half += VL) NAME(wino_weights)
    (run->w, plan->y.channels, &plan->x, k + half, c, channels, wino_from(sums, half, 0), 1, 0, own.scratch);
  }
}

int NAME(conv2d_weight_winograd)(const kg_instruction *in) {
  const weight_plan plan = plan_of(in);
  weight_run run = {&plan, in->args[0], in->args[2], in->args[1], in->workspace, 0};
  const int64_t x_blocks = conv_ceil(plan.x.channels, VL), y_blocks = conv_ceil(plan.y.channels, VL);
  const int64_t tiles = plan.group * plan.x.columns, piece = conv_min(plan.channels, plan.piece);
  if (plan.parts) {
    const int64_t products = plan.points * tiles * plan.channels * y_blocks;
    kg_parallel(add_groups, &run, plan.parts,
                conv_grain(products + tiles * (x_blocks + y_blocks) * TRANSFORM));
    kg_parallel(add_parts, &run, conv_ceil(plan.channels, plan.piece) * y_blocks,
                conv_grain(piece * TRANSFORM));
    return KG_OK;
  }
  for (; run.at < plan.groups; run.at++) {
    kg_parallel(transform_group, &run, conv_ceil(plan.group, plan.x.rows) * (x_blocks + y_blocks),
                conv_grain(plan.x.rows * plan.x.columns * TRANSFORM));
    kg_parallel(add_pieces, &run, plan.pieces,
                conv_grain(piece * NR / VL * (plan.points * tiles + TRANSFORM)));
  }
  return KG_OK;
}

/* The products reach three quarters of the peak; a vector of a tile costs about 200 cycles (fewer where it is
 * shorter), one of sums and the last transform 300: two multiply-adds each. */
double NAME(conv2d_weight_winograd_cost)(const conv_shape *s) {
  if (!wino_suits(s)) return INFINITY;
  const int64_t points = wino_points_of(s->R / s->stride_h), phases = s->stride_h * s->stride_w;
  const double tiles = (double)(s->N * conv_ceil(s->P, WINO_STEP) * conv_ceil(s->Q, WINO_STEP));
  const double outputs = (double)conv_ceil(s->K, VL), vectors = (double)(phases * conv_ceil(s->C, VL));
  const double channels = (double)(phases * (phases > 1 ? conv_round(s->C, VL) : s->C));
  const double products = (double)points * tiles * channels * outputs / 0.75;
  return (products + (double)points / 36 * (200 + 12 * VL) * tiles * (vectors + outputs) +
          600 * channels * outputs) /
         kg_get_threads();
}
