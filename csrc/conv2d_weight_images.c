/* The gradient of a convolution in its weights with images in the lanes (conv_images.h):
 *   w[k, c, r, s] = sum_p,q sum_n y[k, p, q, n] * x[c, p * stride_h + r * dilation_h - pad_h,
 *                                                     q * stride_w + s * dilation_w - pad_w, n].
 *
 * Arrays contiguous, w apart from the others. A vector of images at a time, x (in zero-padded planes where
 * there is padding or a stride) and bands of rows of y are turned into lanes. The inner sums (conv_inner.c)
 * then run along rows whose elements are vectors: every load is aligned and no lane idle, however short the
 * rows. The bands are so short that y stays in L1 while all inputs and taps pass.
 *
 * Threads take whole chunks of output channels, so nothing is added up between them and the result does not
 * depend on their number. */
#include <math.h>
#include "conv_images.h"
#include "parallel.h"

/* Bytes of y, of as many outputs as conv_inner holds at once. */
enum { BAND_BYTES = 29 << 10, BAND_OUTPUTS = VREGS == 32 ? 4 : 2 };

/* Of a sum's coming and going, in vector multiply-adds. */
enum { IMAGE_SUM = 4 };

typedef struct {
  conv_shape s;
  conv_layout x;
  int64_t outputs, chunks; /* output channels of a chunk, chunks of a group */
  int64_t rows;            /* of a band */
  int64_t image;           /* elements of the planes of an image, all channels of a group */
  int64_t offset_bytes, planes_bytes, x_bytes, y_bytes, sum_bytes, worker_bytes; /* in this order */
} weight_plan;

static weight_plan plan_of(const conv_shape *s) {
  weight_plan plan = {.s = *s};
  const int64_t threads = kg_get_threads(), terms = s->Cg * s->R * s->S;
  plan.chunks = s->groups % threads ? conv_max(1, conv_min(s->Kg, threads)) : 1;
  plan.outputs = conv_ceil(s->Kg, plan.chunks);
  plan.chunks = conv_ceil(s->Kg, conv_max(1, plan.outputs));
  const int64_t fitting = conv_max(1, BAND_BYTES / (BAND_OUTPUTS * VBYTES * conv_max(1, s->Q)));
  plan.rows = conv_ceil(s->P, conv_max(1, conv_ceil(s->P, fitting)));
  plan.x = NAME(conv_layout_of)(s, CONV_PHASES);
  NAME(conv_layout_rows)(&plan.x, s, s->P);
  plan.image = s->Cg * plan.x.channel;
  plan.offset_bytes = conv_round(terms * (int64_t)sizeof(int64_t), 64);
  plan.planes_bytes = plan.x.within ? 0 : plan.image * VBYTES + CONV_SLACK * (int64_t)sizeof(real);
  plan.x_bytes = plan.image * VBYTES;
  plan.y_bytes = plan.outputs * plan.rows * s->Q * VBYTES;
  plan.sum_bytes = plan.outputs * terms * VBYTES;
  plan.worker_bytes = plan.offset_bytes + plan.planes_bytes + plan.x_bytes + plan.y_bytes + plan.sum_bytes;
  return plan;
}

typedef struct {
  const weight_plan *plan;
  const real *x, *y;
  real *w;
  char *workers;
} weight_run;

/* w[i] = the sum of the lanes of sums[i]. */
static void add_lanes(real *w, const real *sums, int64_t n) {
  for (int64_t i = 0; i < n; i += VL) {
    const int64_t count = conv_min(VL, n - i);
    vec v[VL];
#pragma GCC unroll 16
    for (int64_t j = 0; j < VL; j++) v[j] = load(sums + (i + conv_min(j, count - 1)) * VL);
    transpose(v);
#pragma GCC unroll 4
    for (int half = VL / 2; half; half /= 2)
#pragma GCC unroll 8
      for (int j = 0; j < half; j++) v[j] += v[j + half];
    store_n(w + i, v[0], count);
  }
}

/* Units [begin, end) of all (group, chunk of outputs). */
static void differentiate(void *context, int64_t begin, int64_t end, int worker) {
  const weight_run *run = context;
  const weight_plan *plan = run->plan;
  const conv_shape *s = &plan->s;
  const int64_t taps = s->R * s->S, terms = s->Cg * taps, places = s->P * s->Q;
  const int64_t x_image = s->C * s->H * s->W, y_image = s->K * places;
  char *own = run->workers + worker * plan->worker_bytes;
  int64_t *offset = (int64_t *)own;
  real *planes = (real *)(own += plan->offset_bytes), *x_lanes = (real *)(own += plan->planes_bytes);
  real *y_lanes = (real *)(own += plan->x_bytes), *sums = (real *)(own + plan->y_bytes);
  for (int64_t t = 0; t < terms; t++)
    offset[t] = (t / taps * plan->x.channel + NAME(conv_tap)(&plan->x, s, t / s->S % s->R, t % s->S)) * VL;
  memset(planes, 0, (size_t)plan->planes_bytes);
  for (int64_t unit = begin; unit < end; unit++) {
    const int64_t group = unit / plan->chunks, k = unit % plan->chunks * plan->outputs;
    const int64_t outputs = conv_min(plan->outputs, s->Kg - k);
    memset(sums, 0, (size_t)(outputs * terms * VBYTES));
    for (int64_t n = 0; n < s->N; n += VL) {
      const int64_t images = conv_min(VL, s->N - n);
      const real *x = run->x + n * x_image + group * s->Cg * s->H * s->W;
      const real *y = run->y + n * y_image + (group * s->Kg + k) * places;
      for (int64_t i = 0; i < images && !plan->x.within; i++)
        NAME(conv_fill)(planes + i * plan->image, &plan->x, s, x + i * x_image, s->Cg, 0, s->P);
      NAME(images_in)
      (x_lanes, 1, plan->x.within ? x : planes, plan->x.within ? x_image : plan->image, images, plan->image);
      for (int64_t first = 0; first < s->P; first += plan->rows) {
        const int64_t rows = conv_min(plan->rows, s->P - first), size = rows * s->Q;
        for (int64_t i = 0; i < outputs; i++)
          NAME(images_in)(y_lanes + i * size * VL, 1, y + i * places + first * s->Q, y_image, images, size);
        const conv_dots dots = {.planes = x_lanes + first * plan->x.grid.width * VL,
                                .offset = offset,
                                .terms = terms,
                                .planes_image = plan->x.grid.width * VL,
                                .y = y_lanes,
                                .y_end = y_lanes + outputs * size * VL,
                                .outputs = outputs,
                                .y_size = size * VL,
                                .y_image = s->Q * VL,
                                .images = rows,
                                .places = s->Q * VL,
                                .sums = sums};
        NAME(conv_inner)(&dots);
      }
    }
    add_lanes(run->w + (group * s->Kg + k) * terms, sums, outputs * terms);
  }
}

/* Every thread turns all of x. */
double NAME(conv2d_weight_images_cost)(const conv_shape *s) {
  const weight_plan plan = plan_of(s);
  const int64_t places = s->P * s->Q, terms = s->Cg * s->R * s->S, vectors = conv_ceil(s->N, VL);
  if (plan.x_bytes > CONV_CACHE / 2 || plan.sum_bytes > CONV_CACHE / 2) return INFINITY;
  const double products = (double)(plan.outputs * terms * places) / 0.93;
  double moved = image_turning(plan.image, plan.x.within ? s->C * s->H * s->W : plan.image) +
                 image_turning(plan.outputs * places, s->K * places);
  if (!plan.x.within) moved += conv_copy_cost(s->Cg * plan.x.phases_h * plan.x.phases_w * VL, plan.x.grid);
  const double ends = (double)(plan.outputs * terms * (conv_ceil(s->P, conv_max(1, plan.rows)) * IMAGE_SUM));
  return ((double)vectors * (products + moved + ends) + (double)(plan.outputs * terms * IMAGE_TURN)) *
         (double)conv_ceil(s->groups * plan.chunks, kg_get_threads());
}

int64_t NAME(conv2d_weight_images_workspace)(const kg_instruction *in) {
  const conv_shape s = conv_shape_of(in);
  return kg_get_threads() * plan_of(&s).worker_bytes;
}

int NAME(conv2d_weight_images)(const kg_instruction *in) {
  const conv_shape s = conv_shape_of(in);
  const weight_plan plan = plan_of(&s);
  const weight_run run = {&plan, in->args[0], in->args[2], in->args[1], in->workspace};
  kg_parallel(differentiate, (void *)&run, s.groups * plan.chunks,
              conv_grain(plan.outputs * s.Cg * s.R * s.S * s.N * s.P * s.Q / 8));
  return KG_OK;
}
