/* Convolution: y[n, k, p, q] = bias[k] + sum_c,r,s w[k, c, r, s] * x[n, c, p * stride_h + r * dilation_h -
 * pad_h, q * stride_w + s * dilation_w - pad_w] (0 outside x), c within the group of k.
 *
 * All arrays contiguous, y apart from the others. Each thread takes images (or bands of rows of one),
 * copies its input into zero-padded planes, one per channel and phase of the stride, and runs the shifted
 * product (conv.h) from there straight into y; or, where rows are so short that this wastes lanes, the
 * broadcast product. Without stride and padding x itself serves as planes. */
#include "conv.h"
#include "gemm.h"
#include "parallel.h"

typedef struct {
  conv_shape s;
  conv_layout x;       /* planes of a full band */
  int64_t rows, bands; /* output rows of a band, bands of an image */
  conv_lanes lanes;    /* for the broadcast product */
  int64_t panel;       /* elements of a group's panel */
  int64_t offset_bytes, panel_bytes, planes_bytes, vector_bytes,
      worker_bytes; /* the workspace, in this order */
} conv_plan;

static conv_plan plan_of(const conv_shape *s) {
  conv_plan plan = {.s = *s};
  plan.x = NAME(conv_layout_of)(s, CONV_PHASES);
  plan.x.within = plan.x.within && s->H * s->W % 1024; /* planes 4 KB apart would share a few cache sets */

  /* Bands: planes within the cache, but not so few rows that their overlap costs; work for all threads. */
  int64_t threads = kg_get_threads(), units = conv_max(1, s->N * s->groups), reach = plan.x.reach_h;
  int64_t row_bytes = s->Cg * plan.x.phases_h * plan.x.phases_w * plan.x.grid.width * (int64_t)sizeof(real);
  int64_t fitting = CONV_CACHE / conv_max(1, row_bytes) - reach;
  plan.bands = conv_ceil(s->P, conv_max(1, conv_max(fitting, 2 * reach)));
  plan.bands = conv_min(s->P, conv_max(plan.bands, conv_ceil(threads, units)));
  plan.rows = conv_ceil(s->P, conv_max(1, plan.bands));
  plan.bands = conv_ceil(s->P, conv_max(1, plan.rows));
  int64_t last = s->P - (plan.bands - 1) * plan.rows; /* rows of the last band: a tile reads whole vectors */
  plan.x.within = plan.x.within && (last - 1) * s->W + s->Q >= VL;
  NAME(conv_layout_rows)(&plan.x, s, plan.rows);
  int64_t images = plan.bands == 1 ? conv_min(s->N, units / threads) : 1, taps = s->R * s->S;
  int64_t shifted = (plan.rows - 1) * plan.x.grid.width + s->Q;
  plan.lanes = NAME(conv_lanes_of)(s->Kg, images, plan.rows * s->Q, 1, shifted, s->Cg, taps, taps);
  if (plan.bands > 1) plan.lanes = (conv_lanes){.images = 1};
  if (plan.lanes.vectors) {
    plan.x = NAME(conv_layout_of)(s, CONV_WHOLE);
    plan.x.within = plan.x.within && s->H * s->W % 1024;
    NAME(conv_layout_rows)(&plan.x, s, plan.rows);
  }
  plan.panel = plan.lanes.vectors ? NAME(conv_broadcast_panel)(s->Kg, plan.lanes.vectors, s->Cg * taps)
                                  : NAME(conv_panel_size)(s->Kg, s->Cg * taps);

  int64_t vectors = conv_vector_count(plan.rows, s->Q, plan.x.grid.width);
  int64_t planes = plan.x.within ? 0 : plan.lanes.images * s->Cg * plan.x.channel + CONV_SLACK;
  plan.offset_bytes = conv_round(2 * s->R * s->S * (int64_t)sizeof(int64_t), 64);
  plan.panel_bytes = conv_round(plan.panel * s->groups * (int64_t)sizeof(real), 64);
  plan.planes_bytes = conv_round(planes * (int64_t)sizeof(real), 64);
  plan.vector_bytes = conv_round(vectors * (int64_t)sizeof(conv_vector), 64);
  plan.worker_bytes = plan.planes_bytes + plan.vector_bytes + plan.lanes.bytes;
  return plan;
}

/* It suits every shape. */
double NAME(conv2d_direct_cost)(const conv_shape *s) {
  const conv_plan plan = plan_of(s);
  double cost = conv_direct_cost(s);
  if (!plan.lanes.vectors) {
    int64_t shifted = (plan.rows - 1) * plan.x.grid.width + s->Q;
    double bands = (double)(s->N * s->groups * plan.bands);
    cost = conv_greater(cost, bands * NAME(conv_shifted_cost)(s->Kg, shifted, s->Cg * s->R * s->S));
    if (!plan.x.within)
      cost += bands * conv_copy_cost(s->Cg * plan.x.phases_h * plan.x.phases_w, plan.x.grid);
  }
  return cost / kg_get_threads();
}

int64_t NAME(conv2d_direct_workspace)(const kg_instruction *in) {
  const conv_shape s = conv_shape_of(in);
  conv_plan plan = plan_of(&s);
  return plan.offset_bytes + plan.panel_bytes + kg_get_threads() * plan.worker_bytes;
}

typedef struct {
  const conv_plan *plan;
  const real *x, *w, *bias;
  real *y;
  int64_t *offset, *place;
  char *panels, *workers;
} conv_run;

/* Units are (group, chunk of output channels). */
static void pack_weights(void *context, int64_t begin, int64_t end, int worker) {
  (void)worker;
  const conv_run *run = context;
  const conv_shape *s = &run->plan->s;
  int64_t taps = s->R * s->S, terms = s->Cg * taps, vectors = run->plan->lanes.vectors;
  int64_t chunk = vectors ? vectors * VL : CONV_CHUNK, chunks = conv_ceil(s->Kg, chunk);
  for (int64_t unit = begin; unit < end; unit++) {
    int64_t k = unit % chunks * chunk, group = unit / chunks, outputs = conv_min(chunk, s->Kg - k);
    real *panel = (real *)run->panels + group * run->plan->panel + k * terms;
    const real *w = run->w + (group * s->Kg + k) * terms;
    if (vectors) NAME(conv_pack_broadcast)(panel, w, outputs, vectors, s->Cg, taps, terms, taps, run->place);
    else NAME(conv_pack_panel)(panel, w, outputs, s->Cg, taps, terms, taps, run->place);
  }
}

/* Units [begin, end) of all (images, group, band). */
static void convolve(void *context, int64_t begin, int64_t end, int worker) {
  const conv_run *run = context;
  const conv_plan *plan = run->plan;
  const conv_shape *s = &plan->s;
  real *planes = (real *)(run->workers + worker * plan->worker_bytes);
  conv_vector *vector = (conv_vector *)((char *)planes + plan->planes_bytes);
  conv_lanes lanes = plan->lanes;
  memset(planes, 0, (size_t)plan->planes_bytes);
  int64_t vectors = 0, vectors_rows = -1, x_image = s->C * s->H * s->W;
  int64_t image_size = plan->x.within ? x_image : s->Cg * plan->x.channel;
  if (lanes.vectors) {
    NAME(conv_lanes_in)(&lanes, (char *)vector + plan->vector_bytes);
    lanes.y_image = s->K * s->P * s->Q;
    for (int64_t i = 0; i < lanes.images * lanes.places; i++) {
      int64_t p = i % lanes.places / s->Q, q = i % s->Q;
      lanes.place[i] =
          i / lanes.places * image_size + p * plan->x.step_h * plan->x.grid.width + q * plan->x.step_w;
      lanes.slot[i] = i;
    }
  }
  for (int64_t unit = begin; unit < end; unit++) {
    int64_t band = unit % plan->bands, group = unit / plan->bands % s->groups;
    int64_t n = unit / plan->bands / s->groups * plan->lanes.images;
    int64_t first = band * plan->rows, rows = conv_min(plan->rows, s->P - first);
    const real *x = run->x + n * x_image + group * s->Cg * s->H * s->W;
    lanes.images = conv_min(plan->lanes.images, s->N - n);
    for (int64_t i = 0; i < lanes.images && !plan->x.within; i++)
      NAME(conv_fill)(planes + i * image_size, &plan->x, s, x + i * x_image, s->Cg, first, rows);
    conv_product product = {
        .planes = plan->x.within ? x + first * s->W : planes,
        .channels = s->Cg,
        .channel_size = plan->x.channel,
        .taps = s->R * s->S,
        .offset = run->offset,
        .panel = (const real *)run->panels + group * plan->panel,
        .bias = run->bias ? run->bias + group * s->Kg : NULL,
        .outputs = s->Kg,
        .vector = vector,
        .y = run->y + ((n * s->K + group * s->Kg) * s->P + first) * s->Q,
        .y_size = s->P * s->Q,
    };
    if (lanes.vectors) {
      conv_part part = {product.taps, product.offset, product.panel, lanes.places, lanes.place, lanes.slot};
      NAME(conv_broadcast)(&product, &lanes, &part, 1);
    } else {
      if (rows != vectors_rows)
        vectors = NAME(conv_vectors)(vector, vectors_rows = rows, s->Q, plan->x.grid.width, plan->x.within);
      product.vectors = vectors;
      NAME(conv_shifted)(&product);
    }
    for (int64_t i = 0; i < lanes.images && s->activation; i++) NAME(activate)
    ((activation)s->activation, s->Kg, rows * s->Q, product.y + i * s->K * s->P * s->Q, s->P * s->Q);
  }
}

int NAME(conv2d_direct)(const kg_instruction *in) {
  const conv_shape shape = conv_shape_of(in), *s = &shape;
  conv_plan plan = plan_of(s);
  if (s->N * s->K * s->P * s->Q == 0) return KG_OK;
  char *workspace = in->workspace;
  conv_run run = {&plan,
                  in->args[0],
                  in->args[1],
                  in->args[3],
                  in->args[2],
                  (int64_t *)workspace,
                  NULL,
                  workspace + plan.offset_bytes,
                  workspace + plan.offset_bytes + plan.panel_bytes};
  run.place = run.offset + s->R * s->S;
  for (int64_t r = 0; r < s->R; r++)
    for (int64_t t = 0; t < s->S; t++) {
      run.offset[r * s->S + t] = NAME(conv_tap)(&plan.x, s, r, t);
      run.place[r * s->S + t] = r * s->S + t;
    }
  int64_t terms = s->Cg * s->R * s->S, chunk = plan.lanes.vectors ? plan.lanes.vectors * VL : CONV_CHUNK;
  int64_t units = conv_ceil(s->N, plan.lanes.images) * s->groups * plan.bands;
  kg_parallel(pack_weights, &run, s->groups * conv_ceil(s->Kg, chunk),
              conv_grain(conv_min(s->Kg, chunk) * terms));
  kg_parallel(convolve, &run, units, conv_grain(plan.lanes.images * s->Kg * plan.rows * s->Q * terms / 8));
  return KG_OK;
}
