/* Convolution, and its gradient in the input, with images in the lanes (conv_images.h):
 *   forward  y[n, k, p, q] = act(bias[k] + sum_c,r,s w[k, c, r, s] * x[n, c, h, v])
 *   input    x[n, c, h, v] = sum_k,r,s w[k, c, r, s] * y[n, k, p, q]
 *            over h = p * stride_h + r * dilation_h - pad_h, v = q * stride_w + s * dilation_w - pad_w.
 *
 * One function does both, since each only has to know which taps meet an input (or output) for each place it
 * computes. Arrays contiguous, the one written apart from the others. Each thread takes a block of images of
 * one group: it turns what it reads into lanes and computes the places VL at a time, whose sums are turned
 * back while they are in L1. */
#include <math.h>
#include "conv_images.h"
#include "gemm.h"
#include "parallel.h"

typedef struct {
  int64_t channels, rows, columns; /* of a group */
} side;

typedef struct {
  conv_shape s;
  int input;     /* the gradient in the input, not forward */
  side from, to; /* what is read, what is written */
  image_blocks images;
  int64_t most;    /* output channels of a tile */
  int64_t channel; /* places from one channel to the next in the lanes */
  int64_t panel_bytes, window_bytes, lane_bytes, sum_bytes, worker_bytes;
} image_plan;

static image_blocks blocks_of(int64_t images, int64_t fitting, int64_t threads) {
  return image_blocks_of(images, conv_max(1, conv_min(IMAGE_VECTORS, fitting)), threads);
}

/* Channels are parted where the same place of all of them would fall into the same sets of L1. */
static int64_t channel_of(int64_t places, int64_t vectors) {
  return places * vectors * VBYTES % 4096 ? places : places + conv_ceil(17 * CONV_LINE, vectors * VL);
}

static image_plan plan_of(const conv_shape *s, int input) {
  image_plan plan = {.s = *s, .input = input};
  const side x = {s->Cg, s->H, s->W}, y = {s->Kg, s->P, s->Q};
  plan.from = input ? y : x;
  plan.to = input ? x : y;
  const int64_t places = plan.from.rows * plan.from.columns, from = plan.from.channels * places;
  plan.images = blocks_of(s->N, CONV_CACHE / conv_max(1, from * VBYTES), kg_get_threads());
  plan.channel = channel_of(places, plan.images.vectors);
  plan.most = image_rows[plan.images.vectors];
  plan.panel_bytes = conv_round(s->groups * s->Kg * s->Cg * s->R * s->S * (int64_t)sizeof(real), 64);
  plan.window_bytes = conv_round((plan.to.rows + plan.to.columns) * (int64_t)sizeof(image_window), 64);
  plan.lane_bytes = plan.from.channels * plan.channel * plan.images.vectors * VBYTES;
  plan.sum_bytes = plan.to.channels * VL * plan.images.vectors * VBYTES;
  plan.worker_bytes = plan.lane_bytes + plan.sum_bytes;
  return plan;
}

/* The windows of one axis: `outputs` places, `limit` inputs. Sources rise, as in the direct algorithms. */
static image_axis find_windows(image_window *window, int input, int64_t outputs, int64_t limit, int64_t taps,
                               int64_t stride, int64_t dilation, int64_t pad) {
  image_axis axis = {1, 1, window};
  for (int64_t o = 0; o < outputs; o++, window++) {
    *window = (image_window){0};
    for (int64_t i = 0, last = 0, at; i < taps; i++) {
      const int64_t t = input ? taps - 1 - i : i;
      if (input) {
        at = o + pad - t * dilation;
        if (at < 0 || at % stride) continue;
        at /= stride;
      } else {
        at = o * stride + t * dilation - pad;
      }
      if (at < 0 || at >= limit) continue;
      if (!window->count++) window->tap = t, window->source = at;
      else
        axis.tap_step = t - last,
        axis.source_step = at - (window->source + (window->count - 2) * axis.source_step);
      last = t;
    }
  }
  return axis;
}

typedef struct {
  const image_plan *plan;
  const real *from, *bias;
  real *to, *panels;
  image_axis h, w;
  char *workers;
} image_run;

/* Units [begin, end) of all (block of images, group). */
static void convolve(void *context, int64_t begin, int64_t end, int worker) {
  const image_run *run = context;
  const image_plan *plan = run->plan;
  const conv_shape *s = &plan->s;
  const side *from = &plan->from, *to = &plan->to;
  const int64_t from_group = from->channels * from->rows * from->columns, places = to->rows * to->columns;
  const int64_t from_image = s->groups * from_group, to_image = s->groups * to->channels * places;
  real *lanes = (real *)(run->workers + worker * plan->worker_bytes);
  real *sums = (real *)((char *)lanes + plan->lane_bytes);
  for (int64_t unit = begin; unit < end; unit++) {
    const int64_t group = unit % s->groups, n = unit / s->groups * plan->images.vectors * VL;
    const int64_t images = conv_min(plan->images.vectors * VL, s->N - n), vectors = conv_ceil(images, VL);
    const int64_t channel = plan->channel * vectors * VL;
    const real *x = run->from + n * from_image + group * from_group;
    if (plan->channel * from->channels == from_group) /* one long row */
      NAME(images_in)(lanes, vectors, x, from_image, images, from_group);
    else
      for (int64_t c = 0; c < from->channels; c++) NAME(images_in)
    (lanes + c * channel, vectors, x + c * from->rows * from->columns, from_image, images,
     from->rows * from->columns);
    const image_product product = {
        .x = lanes,
        .channels = from->channels,
        .channel_size = channel,
        .rows = from->rows,
        .columns = from->columns,
        .taps_h = s->R,
        .taps_w = s->S,
        .h = run->h,
        .w = run->w,
        .panel = run->panels + group * s->Kg * s->Cg * s->R * s->S,
        .bias = run->bias ? run->bias + group * to->channels : NULL,
        .outputs = to->channels,
        .vectors = vectors,
        .relu = s->activation == RELU,
        .y = sums,
    };
    real *y = run->to + n * to_image + group * to->channels * places;
    for (int64_t f = 0; f < places; f += VL) {
      const int64_t count = conv_min(VL, places - f), row = VL * vectors * VL;
      NAME(image_places)(&product, plan->most, f, count, to->columns);
      if (s->activation && !product.relu)
        NAME(activate)((activation)s->activation, to->channels, count * vectors * VL, sums, row);
      for (int64_t k = 0; k < to->channels; k++)
        NAME(images_out)(y + k * places + f, to_image, images, sums + k * row, vectors, count);
    }
  }
}

static int64_t workspace(const kg_instruction *in, int input) {
  const conv_shape s = conv_shape_of(in);
  const image_plan plan = plan_of(&s, input);
  return plan.panel_bytes + plan.window_bytes + kg_get_threads() * plan.worker_bytes;
}

static int run_all(const kg_instruction *in, int input) {
  conv_shape s = conv_shape_of(in);
  if (input) s.activation = 0;
  const image_plan plan = plan_of(&s, input);
  const side *from = &plan.from, *to = &plan.to;
  if (s.N * to->channels * to->rows * to->columns == 0) return KG_OK;
  char *memory = in->workspace;
  image_window *windows = (image_window *)(memory + plan.panel_bytes);
  image_run run = {.plan = &plan,
                   .from = in->args[input ? 2 : 0],
                   .to = in->args[input ? 0 : 2],
                   .bias = input ? NULL : in->args[3],
                   .panels = (real *)memory,
                   .workers = memory + plan.panel_bytes + plan.window_bytes};
  run.h = find_windows(windows, input, to->rows, from->rows, s.R, s.stride_h, s.dilation_h, s.pad_h);
  run.w = find_windows(windows + to->rows, input, to->columns, from->columns, s.S, s.stride_w, s.dilation_w,
                       s.pad_w);
  const int64_t taps = s.R * s.S, panel = s.Kg * s.Cg * taps;
  const int64_t k_stride = input ? taps : s.Cg * taps, c_stride = input ? s.Cg * taps : taps;
  for (int64_t group = 0; group < s.groups; group++) NAME(image_pack)
  (run.panels + group * panel, (const real *)in->args[1] + group * panel, to->channels, from->channels, taps,
   k_stride, c_stride, plan.most);
  kg_parallel(convolve, &run, plan.images.blocks * s.groups,
              conv_grain(plan.images.vectors * panel * s.P * s.Q * VL / 8));
  return KG_OK;
}

/* Every tile does its products, or the loads of a step where they take longer, or waits for the sums of the
 * step before. */
static double cost(const conv_shape *s, int input) {
  const image_plan plan = plan_of(s, input);
  const side *from = &plan.from, *to = &plan.to;
  const int64_t read = from->channels * from->rows * from->columns;
  const int64_t written = to->channels * to->rows * to->columns, vectors = plan.images.vectors;
  if (read * VBYTES > CONV_CACHE || s->N * written == 0) return INFINITY;
  const int64_t met = image_met(s->R, s->stride_h, s->dilation_h, s->pad_h, s->H, s->P) *
                      image_met(s->S, s->stride_w, s->dilation_w, s->pad_w, s->W, s->Q);
  int64_t step = 0, tiles = 0; /* of a place */
  for (int64_t k = 0, rows; k < to->channels; k += rows, tiles++) {
    rows = image_block(to->channels, plan.most, k);
    step += conv_max(rows * vectors, conv_max(rows + vectors, IMAGE_WAIT));
  }
  const double products = (double)(met * from->channels * step) / 0.93;
  const double ends = (double)(to->rows * to->columns * tiles * IMAGE_END);
  const double turned = image_turning(read, s->groups * read) + image_turning(written, s->groups * written);
  return (products + ends + (double)vectors * turned) *
         (double)conv_ceil(plan.images.blocks * s->groups, kg_get_threads());
}

double NAME(conv2d_images_cost)(const conv_shape *s) { return cost(s, 0); }
double NAME(conv2d_input_images_cost)(const conv_shape *s) { return cost(s, 1); }
int64_t NAME(conv2d_images_workspace)(const kg_instruction *in) { return workspace(in, 0); }
int64_t NAME(conv2d_input_images_workspace)(const kg_instruction *in) { return workspace(in, 1); }
int NAME(conv2d_images)(const kg_instruction *in) { return run_all(in, 0); }
int NAME(conv2d_input_images)(const kg_instruction *in) { return run_all(in, 1); }
