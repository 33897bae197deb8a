/* The gradient of a convolution in its weights:
 *   w[k, c, r, s] = sum_n,p,q y[n, k, p, q] * x[n, c, p * stride_h + r * dilation_h - pad_h,
 *                                               q * stride_w + s * dilation_w - pad_w].
 *
 * Arrays contiguous, w apart from the others. The weights are cut into (group, output chunk, input chunk)
 * and each thread computes whole pieces over all images, so nothing is added up between threads and the
 * result does not depend on their number. For each block of images or rows, x goes into zero-padded planes
 * and y is transposed to have output channels in the lanes; then come the outer sums of conv.h. With few taps
 * or output channels the inner sums are faster: the lanes run along the rows, and y stays where it is. */
#include "conv.h"
#include "lanes.h"
#include "parallel.h"
#include "transpose.h"

typedef struct {
  conv_shape s;
  conv_layout x;
  int inner;                        /* inner sums, not outer */
  int64_t vectors;                  /* of output channels in a chunk; 1 for inner */
  int64_t outputs, output_chunks;   /* output channels in a chunk */
  int64_t channels, channel_chunks; /* input channels in a chunk */
  int64_t images, rows, bands;      /* a block: images, or a band of rows of one */
  int64_t lines;                    /* lines at a time: their y stays in L1 */
  int64_t sums;                     /* elements of a piece */
  int64_t pieces, together;         /* all there are; how many a thread works on at a time */
  int64_t offset_bytes, planes_bytes, y_bytes, line_bytes, sum_bytes; /* of a worker, in this order */
} weight_plan;

/* So many outputs are worth a plane for each tap. */
enum { MANY_OUTPUTS = 16 };

/* Cycles for VL products of an input and an output: inner sums waste lanes at the end of a row; outer ones
 * waste those beyond the last channel, wait for their loads with a single vector, and transpose y. */
static int inner_is_faster(const conv_shape *s) {
  double taps = (double)(s->Cg * s->R * s->S),
         rows = (double)conv_round(s->Q, VL) / (double)conv_max(1, s->Q);
  double lanes = (double)conv_round(s->Kg, VL) / (double)conv_max(1, s->Kg);
  return 1.1 * taps * rows < (s->Kg <= VL ? 1.4 : 1) * taps * lanes + 7;
}

static weight_plan plan_of(const kg_instruction *in) {
  weight_plan plan = {.s = conv_shape_of(in)};
  const conv_shape *s = &plan.s;
  int64_t threads = kg_get_threads(), taps = s->R * s->S;
  plan.inner = inner_is_faster(s);
  /* Outputs are cut in `units`: into chunks that a tile can hold, and so that all threads have as much to do
   * where neither groups nor channels can see to that. */
  int64_t vectors = conv_ceil(s->Kg, VL), units = plan.inner ? s->Kg : vectors;
  plan.output_chunks = plan.inner ? 1 : conv_ceil(vectors, CONV_SUM_VECTORS);
  if (s->groups * plan.output_chunks % threads && (plan.inner ? units >= 4 * threads : s->Cg < 4 * threads))
    plan.output_chunks = conv_min(units, conv_round(plan.output_chunks, threads));
  int64_t each = conv_ceil(units, conv_max(1, plan.output_chunks));
  plan.output_chunks = conv_ceil(units, conv_max(1, each));
  plan.vectors = plan.inner ? 1 : each;
  plan.outputs = plan.inner ? each : each * VL;

  int64_t sum_bytes = taps * each * VBYTES, pieces = s->groups * plan.output_chunks;
  plan.channel_chunks = conv_ceil(s->Cg * sum_bytes, CONV_CACHE / 2);
  if (pieces % threads) plan.channel_chunks = conv_round(conv_max(1, plan.channel_chunks), threads);
  plan.channels = conv_max(1, conv_ceil(s->Cg, conv_max(1, plan.channel_chunks)));
  plan.channel_chunks = conv_ceil(s->Cg, plan.channels);

  plan.x = NAME(conv_layout_of)(s, !plan.inner             ? CONV_WHOLE
                                   : s->Kg >= MANY_OUTPUTS ? CONV_TAPS
                                                           : CONV_PHASES);
  plan.x.within = plan.x.within && !plan.inner; /* inner sums read past the end */
  int64_t reach = plan.x.reach_h;
  int64_t x_row = plan.channels * plan.x.phases_h * plan.x.phases_w * plan.x.grid.width;
  int64_t row_bytes = conv_max(x_row, s->Q * plan.vectors * VL) * (int64_t)sizeof(real);
  plan.images = conv_max(1, conv_min(s->N, (plan.inner ? 512 : 128) / conv_max(1, s->P * s->Q)));
  plan.bands = conv_ceil(s->P * row_bytes, CONV_CACHE / 2);
  plan.rows = conv_min(s->P, conv_max(conv_ceil(s->P, conv_max(1, plan.bands)), 2 * reach));
  if (plan.images > 1) plan.rows = s->P;
  plan.bands = conv_ceil(s->P, conv_max(1, plan.rows));
  plan.lines = conv_max(1, (24 << 10) / (conv_max(1, s->Q) * plan.vectors * VBYTES));
  NAME(conv_layout_rows)(&plan.x, s, plan.rows);

  int64_t terms = plan.channels * taps;
  plan.sums = each * terms * VL;
  int64_t planes = plan.x.within ? 0 : plan.images * plan.channels * plan.x.channel + CONV_SLACK;
  plan.offset_bytes = conv_round(terms * (int64_t)sizeof(int64_t), 64);
  plan.planes_bytes = conv_round(planes * (int64_t)sizeof(real), 64);
  int64_t places = plan.inner ? 0 : plan.images * s->Q * plan.rows * plan.vectors * VL;
  plan.y_bytes = conv_round(places * (int64_t)sizeof(real), 64);
  plan.line_bytes = conv_round(2 * plan.images * plan.rows * (int64_t)sizeof(int64_t), 64);
  /* Small pieces (depthwise) together, image after image: x and y are then read in the order of memory. */
  plan.pieces = pieces * plan.channel_chunks;
  plan.together =
      conv_max(1, conv_min(plan.pieces, CONV_CACHE / 4 / conv_max(1, plan.sums * (int64_t)sizeof(real))));
  plan.sum_bytes = conv_round(plan.together * plan.sums * (int64_t)sizeof(real), 64);
  return plan;
}

static int64_t worker_bytes(const weight_plan *plan) {
  return plan->offset_bytes + plan->planes_bytes + plan->y_bytes + plan->line_bytes + plan->sum_bytes;
}

/* It suits every shape. Outer sums work on whole vectors of outputs, and wait for the loads of a single one.
 * Inner sums copy x for each tap, or where outputs are few begin and end with every row, whose last vector is
 * not full. */
double NAME(conv2d_weight_direct_cost)(const conv_shape *s) {
  conv_shape whole = *s;
  double cost;
  if (!inner_is_faster(s)) {
    whole.K = s->groups * conv_round(s->Kg, VL);
    cost = conv_direct_cost(&whole) * (s->Kg <= VL ? 1.1 : 1);
  } else if (s->Kg >= MANY_OUTPUTS) {
    cost = conv_direct_cost(s) + conv_copy_cost(s->N * s->C * s->R * s->S, (conv_grid){s->P, s->Q, 0});
  } else {
    const double row = (double)conv_max(1, s->Q) / VL;
    cost = conv_direct_cost(s) * ((double)conv_ceil(s->Q, VL) + 0.75) / row;
  }
  return cost / kg_get_threads();
}

int64_t NAME(conv2d_weight_direct_workspace)(const kg_instruction *in) {
  weight_plan plan = plan_of(in);
  return kg_get_threads() * worker_bytes(&plan);
}

/* One piece of the weights on one thread. */
typedef struct {
  const weight_plan *plan;
  const real *x, *y;
  real *w;
  real *planes, *places, *sums; /* places: y with output channels in the lanes */
  int64_t *offset, *x_line, *y_line;
  int64_t group, k, outputs, c, channels; /* the piece: k and c count within the group */
} weight_piece;

/* Add to the sums images [n, n + images), rows [first, first + rows) of each, by outer sums. */
static void add_outer(const weight_piece *d, const real *planes, int64_t planes_image, const real *y,
                      int64_t images, int64_t rows) {
  const weight_plan *plan = d->plan;
  const conv_shape *s = &plan->s;
  int64_t places = rows * s->Q, lane_count = plan->vectors * VL;
  for (int64_t i = 0; i < images; i++) {
    for (int64_t row = 0; row < rows; row++) {
      d->x_line[i * rows + row] = i * planes_image + row * plan->x.step_h * plan->x.grid.width;
      d->y_line[i * rows + row] = (i * rows + row) * s->Q * lane_count;
    }
    for (int64_t k = 0; k < lane_count; k += VL) {
      const real *from = y + (i * s->K + k) * s->P * s->Q;
      real *to = d->places + i * places * lane_count + k;
      for (int64_t f = 0; f < places; f += VL)
        transpose_tile(to + f * lane_count, lane_count, from + f, s->P * s->Q, conv_min(VL, d->outputs - k),
                       conv_min(VL, places - f));
    }
  }
  conv_sum sum = {.planes = planes,
                  .y = d->places,
                  .offset = d->offset,
                  .terms = d->channels * s->R * s->S,
                  .columns = s->Q,
                  .step = plan->x.step_w,
                  .vectors = plan->vectors,
                  .sums = d->sums};
  for (int64_t line = 0; line < images * rows; line += sum.lines) {
    sum.lines = conv_min(plan->lines, images * rows - line);
    sum.x_line = d->x_line + line;
    sum.y_line = d->y_line + line;
    NAME(conv_outer)(&sum);
  }
}

/* The same by inner sums, where y is: over all places of the images, or along every row of them. */
static void add_inner(const weight_piece *d, int64_t planes_image, const real *y, int64_t images,
                      int64_t rows) {
  const conv_shape *s = &d->plan->s;
  const int whole = d->plan->x.dealing == CONV_TAPS;
  conv_dots sum = {.offset = d->offset,
                   .terms = d->channels * s->R * s->S,
                   .y_end = d->y + s->N * s->K * s->P * s->Q,
                   .outputs = d->outputs,
                   .y_size = s->P * s->Q,
                   .images = whole ? images : rows,
                   .planes_image = whole ? planes_image : d->plan->x.grid.width,
                   .y_image = whole ? s->K * s->P * s->Q : s->Q,
                   .places = whole ? rows * s->Q : s->Q,
                   .sums = d->sums};
  for (int64_t i = 0; i < (whole ? 1 : images); i++) {
    sum.planes = d->planes + i * planes_image;
    sum.y = y + i * s->K * s->P * s->Q;
    NAME(conv_inner)(&sum);
  }
}

static void add_block(const weight_piece *d, int64_t n, int64_t images, int64_t first, int64_t rows) {
  const weight_plan *plan = d->plan;
  const conv_shape *s = &plan->s;
  int64_t image = s->C * s->H * s->W,
          planes_image = plan->x.within ? image : plan->channels * plan->x.channel;
  const real *x = d->x + n * image + (d->group * s->Cg + d->c) * s->H * s->W;
  const real *y = d->y + ((n * s->K + d->group * s->Kg + d->k) * s->P + first) * s->Q;
  for (int64_t i = 0; i < images && !plan->x.within; i++)
    NAME(conv_fill)(d->planes + i * planes_image, &plan->x, s, x + i * image, d->channels, first, rows);
  if (plan->inner) add_inner(d, planes_image, y, images, rows);
  else
    add_outer(d, plan->x.within ? x + first * s->stride_h * s->W : d->planes, planes_image, y, images, rows);
}

/* The finished sums into w. */
static void write_weights(const weight_piece *d) {
  const conv_shape *s = &d->plan->s;
  int64_t taps = s->R * s->S, terms = d->channels * taps, pitch = s->Cg * taps,
          lane_count = d->plan->vectors * VL;
  real *w = d->w + ((d->group * s->Kg + d->k) * s->Cg + d->c) * taps;
  real tile[VL * VL];
  for (int64_t k = 0; k < d->outputs; k += d->plan->inner ? 1 : VL)
    for (int64_t t = 0; t < terms; t += VL) {
      int64_t count = conv_min(VL, terms - t);
      if (d->plan->inner) {
        const real *sums = d->sums + (k * terms + t) * VL;
        for (int64_t i = 0; i < count; i++) {
          w[k * pitch + t + i] = sum_of_lanes(load(sums + i * VL));
        }
        continue;
      }
      transpose_tile(tile, VL, d->sums + t * lane_count + k, lane_count, count, VL);
      for (int64_t i = 0; i < conv_min(VL, d->outputs - k); i++)
        store_n(w + (k + i) * pitch + t, load(tile + i * VL), count);
    }
}

typedef struct {
  const weight_plan *plan;
  const real *x, *y;
  real *w;
  char *workers;
} weight_run;

/* Pieces are numbered by (group, output chunk, input chunk). */
static void take(weight_piece *d, int64_t piece) {
  const weight_plan *plan = d->plan;
  d->c = piece % plan->channel_chunks * plan->channels;
  d->channels = conv_min(plan->channels, plan->s.Cg - d->c);
  d->k = piece / plan->channel_chunks % plan->output_chunks * plan->outputs;
  d->outputs = conv_min(plan->outputs, plan->s.Kg - d->k);
  d->group = piece / plan->channel_chunks / plan->output_chunks;
}

/* Pieces [begin, end). */
static void differentiate(void *context, int64_t begin, int64_t end, int worker) {
  const weight_run *run = context;
  const weight_plan *plan = run->plan;
  const conv_shape *s = &plan->s;
  char *own = run->workers + worker * worker_bytes(plan);
  weight_piece d = {.plan = plan, .x = run->x, .y = run->y, .w = run->w, .offset = (int64_t *)own};
  d.planes = (real *)(own += plan->offset_bytes);
  d.places = (real *)(own += plan->planes_bytes);
  d.x_line = (int64_t *)(own += plan->y_bytes);
  d.y_line = d.x_line + plan->images * plan->rows;
  for (int64_t t = 0; t < plan->channels * s->R * s->S; t++)
    d.offset[t] =
        t / (s->R * s->S) * plan->x.channel + NAME(conv_tap)(&plan->x, s, t / s->S % s->R, t % s->S);
  real *sums = (real *)(own + plan->line_bytes);
  memset(d.planes, 0, (size_t)plan->planes_bytes);
  for (int64_t piece = begin, last; piece < end; piece = last) {
    last = conv_min(end, piece + plan->together);
    memset(sums, 0, (size_t)((last - piece) * plan->sums) * sizeof(real));
    for (int64_t n = 0; n < s->N; n += plan->images)
      for (int64_t first = 0; first < s->P; first += plan->rows)
        for (int64_t i = piece; i < last; i++) {
          d.sums = sums + (i - piece) * plan->sums;
          take(&d, i);
          add_block(&d, n, conv_min(plan->images, s->N - n), first, conv_min(plan->rows, s->P - first));
        }
    for (int64_t i = piece; i < last; i++) {
      d.sums = sums + (i - piece) * plan->sums;
      take(&d, i);
      write_weights(&d);
    }
  }
}

int NAME(conv2d_weight_direct)(const kg_instruction *in) {
  weight_plan plan = plan_of(in);
  const conv_shape *s = &plan.s;
  weight_run run = {&plan, in->args[0], in->args[2], in->args[1], in->workspace};
  int64_t work = plan.outputs * plan.channels * s->R * s->S * s->N * s->P * s->Q / 8;
  kg_parallel(differentiate, &run, plan.pieces, conv_grain(work));
  return KG_OK;
}
