/* The gradient of a convolution in its input:
 *   x[n, c, h, v] = sum_k,r,s w[k, c, r, s] * y[n, k, p, q]   over h = p * stride_h + r * dilation_h - pad_h,
 *                                                             v = q * stride_w + s * dilation_w - pad_w.
 *
 * Arrays contiguous, x apart from the others. The rows h whose (h + pad) leaves the remainder a when
 * divided by the stride are met only by the taps with r * dilation = a (modulo stride). For each pair of such
 * remainders ("phase") the gradient is a plain convolution without stride: with h + pad = stride * m + a,
 * tap r reads y at p = m - r * dilation / stride. So all phases run the shifted product (conv.h) over the
 * same zero-padded planes of y, and each writes its own
 * rows and columns of x; or, where that wastes more, they are the parts of the broadcast product. */
#include "conv.h"
#include "parallel.h"

/* One axis: h + pad = stride * m + a. */
typedef struct {
  int64_t taps, stride, pad, dilation, length;
  int64_t low, count; /* the m that occur: low .. low + count */
  int64_t reach;      /* the largest r * dilation / stride */
} phase_axis;

static phase_axis axis_of(int64_t taps, int64_t stride, int64_t pad, int64_t dilation, int64_t length) {
  int64_t low = pad / stride;
  return (phase_axis){taps,
                      stride,
                      pad,
                      dilation,
                      length,
                      low,
                      (length - 1 + pad) / stride - low + 1,
                      (taps - 1) * dilation / stride};
}

/* The m in [from, to) of phase a that lie inside x. */
static void phase_range(const phase_axis *axis, int64_t a, int64_t *from, int64_t *to) {
  *from = conv_max(*from, (axis->pad - a + axis->stride - 1) / axis->stride);
  *to = conv_min(*to, (axis->length - 1 + axis->pad - a + axis->stride) / axis->stride);
}

typedef struct {
  conv_shape s;
  phase_axis h, w;
  int64_t phases;
  conv_grid grid; /* of a full band */
  int64_t plane;
  int64_t rows, bands; /* m of a band, bands of an image */
  conv_lanes lanes;    /* for the broadcast product */
  int64_t panel;       /* elements of the panels of a group */
  int64_t dense;       /* elements of a phase's output before it is dealt into x; 0 without stride */
  int two;             /* phases of columns dealt together */
  int within;          /* y itself serves as planes */
  int64_t tap_bytes, panel_bytes, planes_bytes, dense_bytes, vector_bytes,
      worker_bytes; /* the workspace, in this order */
} input_plan;

/* Elements of the panel of a group's `terms`: the same for each of its phases put together. */
static int64_t panel_size(const input_plan *plan, int64_t terms) {
  return plan->lanes.vectors ? NAME(conv_broadcast_panel)(plan->s.Cg, plan->lanes.vectors, terms)
                             : NAME(conv_panel_size)(plan->s.Cg, terms);
}

static input_plan plan_of(const conv_shape *s) {
  input_plan plan = {.s = *s};
  plan.h = axis_of(s->R, s->stride_h, s->pad_h, s->dilation_h, s->H);
  plan.w = axis_of(s->S, s->stride_w, s->pad_w, s->dilation_w, s->W);
  plan.phases = s->stride_h * s->stride_w;
  int64_t reach_h = plan.h.reach, reach_w = plan.w.reach, columns = plan.w.count;
  conv_axis across = {plan.w.low - reach_w, 1, s->Q};
  int64_t share = conv_share(across, columns + reach_w, reach_w);
  plan.grid = (conv_grid){0, columns + reach_w - share, share};
  plan.within = across.first == 0 && columns + reach_w == s->Q && plan.h.low == reach_h &&
                plan.h.count + reach_h == s->P && plan.phases == 1 && s->P * s->Q % 1024 != 0;

  int64_t threads = kg_get_threads(), units = conv_max(1, s->N * s->groups);
  int64_t row_bytes = (s->Kg + (plan.phases > 1 ? s->Cg : 0)) * plan.grid.width * (int64_t)sizeof(real);
  int64_t fitting = CONV_CACHE / conv_max(1, row_bytes) - reach_h;
  plan.bands = conv_ceil(plan.h.count, conv_max(1, conv_max(fitting, 2 * reach_h)));
  plan.bands = conv_min(plan.h.count, conv_max(plan.bands, conv_ceil(threads, units)));
  plan.rows = conv_ceil(plan.h.count, conv_max(1, plan.bands));
  plan.bands = conv_ceil(plan.h.count, conv_max(1, plan.rows));
  /* A tile reads whole vectors, in the last band too. */
  int64_t last = plan.h.count - (plan.bands - 1) * plan.rows;
  plan.within = plan.within && (last - 1) * s->Q + s->W >= VL;
  plan.grid.rows = plan.rows + reach_h;
  plan.plane = plan.within ? s->P * s->Q : conv_plane_size(plan.grid);
  int64_t taps = conv_ceil(s->R, s->stride_h) * conv_ceil(s->S, s->stride_w); /* of a phase, about */
  int64_t images = plan.bands == 1 ? conv_min(s->N, units / threads) : 1;
  int64_t rows = conv_ceil(s->H, s->stride_h), across_x = conv_ceil(s->W, s->stride_w);
  int64_t shifted = (rows - 1) * plan.grid.width + across_x;
  plan.lanes =
      NAME(conv_lanes_of)(s->Cg, images, s->H * s->W, plan.phases, shifted, s->Kg, taps, s->R * s->S);
  if (plan.bands > 1) plan.lanes = (conv_lanes){.images = 1};
  plan.panel = panel_size(&plan, s->Kg * s->R * s->S);
  plan.dense = plan.phases > 1 && !plan.lanes.vectors ? s->Cg * plan.rows * columns : 0;

  int64_t vectors = plan.lanes.vectors ? 0 : conv_vector_count(plan.rows, columns, plan.grid.width);
  plan.tap_bytes = conv_round((2 * s->R * s->S + plan.phases + 1) * (int64_t)sizeof(int64_t), 64);
  plan.panel_bytes = conv_round(plan.panel * s->groups * (int64_t)sizeof(real), 64);
  plan.planes_bytes =
      plan.within
          ? 0
          : conv_round((plan.lanes.images * s->Kg * plan.plane + CONV_SLACK) * (int64_t)sizeof(real), 64);
  plan.two = s->stride_w == 2 && s->W > 1; /* then both phases have columns */
  plan.dense_bytes = conv_round((plan.two ? 2 : 1) * plan.dense * (int64_t)sizeof(real), 64);
  plan.vector_bytes = conv_round(vectors * (int64_t)sizeof(conv_vector), 64);
  plan.worker_bytes = plan.planes_bytes + plan.dense_bytes + plan.vector_bytes + plan.lanes.bytes;
  return plan;
}

/* It suits every shape. Phases are dealt into x, and their taps are picked one by one. */
double NAME(conv2d_input_direct_cost)(const conv_shape *s) {
  const input_plan plan = plan_of(s);
  const double taps = (double)(s->K * s->Cg * s->R * s->S);
  double cost = conv_direct_cost(s);
  if (!plan.lanes.vectors) {
    const int64_t shifted = (plan.rows - 1) * plan.grid.width + plan.w.count;
    const double bands = (double)(s->N * s->groups * plan.bands * plan.phases);
    cost = conv_greater(cost,
                        bands * NAME(conv_shifted_cost)(s->Cg, shifted, s->Kg * s->R * s->S / plan.phases));
    if (!plan.within) cost += bands / (double)plan.phases * conv_copy_cost(s->Kg, plan.grid);
  } else { /* all taps of each place, whether they meet an output or not */
    const int64_t lanes = conv_round(s->Cg, plan.lanes.vectors * VL) / VL;
    cost = conv_greater(cost, (double)(s->N * s->groups * s->H * s->W * lanes) *
                                  (double)(s->Kg * s->R * s->S / plan.phases) / 0.95);
  }
  return (plan.phases > 1 ? 1.2 * cost + 10 * taps : cost) / kg_get_threads();
}

int64_t NAME(conv2d_input_direct_workspace)(const kg_instruction *in) {
  const conv_shape s = conv_shape_of(in);
  input_plan plan = plan_of(&s);
  return plan.tap_bytes + plan.panel_bytes + kg_get_threads() * plan.worker_bytes;
}

typedef struct {
  const input_plan *plan;
  const real *y, *w;
  real *x;
  int64_t *offset, *place; /* of all taps, phase after phase */
  int64_t *start;          /* [phases + 1]: each phase's first tap */
  char *panels, *workers;
} input_run;

/* Input channels whose weights are packed as one unit of work. */
static int64_t chunk_of(const input_plan *plan) {
  return plan->lanes.vectors ? plan->lanes.vectors * VL : CONV_CHUNK;
}

/* Taps in falling order, which is the rising order of the places they read. */
static void find_taps(const input_run *run) {
  const input_plan *plan = run->plan;
  const phase_axis *h = &plan->h, *w = &plan->w;
  int64_t count = 0;
  for (int64_t phase = 0; phase < plan->phases; phase++) {
    run->start[phase] = count;
    for (int64_t r = h->taps - 1; r >= 0; r--)
      for (int64_t t = w->taps - 1; t >= 0; t--)
        if (r * h->dilation % h->stride == phase / w->stride &&
            t * w->dilation % w->stride == phase % w->stride) {
          int64_t row = h->reach - r * h->dilation / h->stride,
                  column = w->reach - t * w->dilation / w->stride;
          run->offset[count] = row * plan->grid.width + column;
          run->place[count++] = r * w->taps + t;
        }
  }
  run->start[plan->phases] = count;
}

/* Units are (group, phase, chunk of input channels). */
static void pack_weights(void *context, int64_t begin, int64_t end, int worker) {
  (void)worker;
  const input_run *run = context;
  const input_plan *plan = run->plan;
  const conv_shape *s = &plan->s;
  int64_t all = s->R * s->S, chunk = chunk_of(plan), chunks = conv_ceil(s->Cg, chunk);
  for (int64_t unit = begin; unit < end; unit++) {
    int64_t c = unit % chunks * chunk, phase = unit / chunks % plan->phases,
            group = unit / chunks / plan->phases;
    int64_t first = run->start[phase], taps = run->start[phase + 1] - first,
            channels = conv_min(chunk, s->Cg - c);
    real *panel =
        (real *)run->panels + group * plan->panel + panel_size(plan, s->Kg * first) + c * s->Kg * taps;
    const real *w = run->w + (group * s->Kg * s->Cg + c) * all;
    if (plan->lanes.vectors) NAME(conv_pack_broadcast)
    (panel, w, channels, plan->lanes.vectors, s->Kg, taps, all, s->Cg * all, run->place + first);
    else NAME(conv_pack_panel)(panel, w, channels, s->Kg, taps, all, s->Cg * all, run->place + first); }
}

/* A phase's output [channels, rows, columns] before it is dealt into x, where its first element is `target`. */
typedef struct {
  real *target;
  const real *dense;
  int64_t columns;
} dealt;

static void deal(dealt d, const conv_shape *s, int64_t rows) {
  for (int64_t c = 0; c < s->Cg; c++)
    for (int64_t i = 0; i < rows; i++, d.dense += d.columns) {
      real *to = d.target + (c * s->H + i * s->stride_h) * s->W;
      for (int64_t j = 0; j < d.columns; j++) to[s->stride_w * j] = d.dense[j];
    }
}

/* Two neighbouring phases of stride 2 at once, in whole vectors. */
static void deal_two(dealt a, dealt b, const conv_shape *s, int64_t rows) {
  if (a.target > b.target) {
    dealt first = b;
    b = a, a = first;
  }
  for (int64_t c = 0; c < s->Cg; c++)
    for (int64_t i = 0; i < rows; i++, a.dense += a.columns, b.dense += b.columns) {
      real *to = a.target + (c * s->H + i * s->stride_h) * s->W;
      int64_t j = 0;
      for (; j + VL <= b.columns; j += VL) {
        vec even = load(a.dense + j), odd = load(b.dense + j);
        store(to + 2 * j, interleave_low(even, odd));
        store(to + 2 * j + VL, interleave_high(even, odd));
      }
      for (; j < a.columns; j++) {
        to[2 * j] = a.dense[j];
        if (j < b.columns) to[2 * j + 1] = b.dense[j];
      }
    }
}

/* Rows of x that no tap meets, from the first of them on. */
static void clear_rows(real *x, const conv_shape *s, int64_t rows) {
  for (int64_t c = 0; c < s->Cg; c++)
    for (int64_t i = 0; i < rows; i++)
      memset(x + (c * s->H + i * s->stride_h) * s->W, 0, (size_t)s->W * sizeof(real));
}

/* Planes of y for the m in [low, high), from `images` images; where they are. */
static const real *fill(const input_plan *plan, real *planes, int64_t image_size, const real *y,
                        int64_t images, int64_t low, int64_t high) {
  const conv_shape *s = &plan->s;
  if (plan->within) return y + (low - plan->h.reach) * s->Q;
  conv_grid grid = plan->grid;
  grid.rows = high - low + plan->h.reach;
  for (int64_t i = 0; i < images; i++) NAME(conv_planes)
  (planes + i * image_size, plan->plane, s->Kg, grid, y + i * s->K * s->P * s->Q, s->P * s->Q, s->Q,
   (conv_axis){low - plan->h.reach, 1, s->P}, (conv_axis){plan->w.low - plan->w.reach, 1, s->Q},
   plan->bands == 1);
  return planes;
}

static const real *panel_of(const input_run *run, int64_t group, int64_t phase) {
  return (const real *)run->panels + group * run->plan->panel +
         panel_size(run->plan, run->plan->s.Kg * run->start[phase]);
}

/* Bands [begin, end) of all (image, group, band), by the shifted product. */
static void convolve(void *context, int64_t begin, int64_t end, int worker) {
  const input_run *run = context;
  const input_plan *plan = run->plan;
  const conv_shape *s = &plan->s;
  real *memory = (real *)(run->workers + worker * plan->worker_bytes);
  real *dense = (real *)((char *)memory + plan->planes_bytes);
  conv_vector *vector = (conv_vector *)((char *)dense + plan->dense_bytes);
  memset(memory, 0, (size_t)plan->planes_bytes);
  int64_t vectors = 0, made_rows = -1, made_columns = -1; /* what the vectors were made for */
  for (int64_t unit = begin; unit < end; unit++) {
    int64_t band = unit % plan->bands, group = unit / plan->bands % s->groups,
            n = unit / plan->bands / s->groups;
    int64_t low = plan->h.low + band * plan->rows,
            high = conv_min(low + plan->rows, plan->h.low + plan->h.count);
    const real *y = run->y + (n * s->K + group * s->Kg) * s->P * s->Q;
    const real *planes = fill(plan, memory, 0, y, 1, low, high);
    real *x = run->x + (n * s->C + group * s->Cg) * s->H * s->W;
    dealt before = {0};
    for (int64_t phase = 0; phase < plan->phases; phase++) {
      int64_t a = phase / s->stride_w, b = phase % s->stride_w;
      int64_t from = low, to = high, left = plan->w.low, right = left + plan->w.count;
      phase_range(&plan->h, a, &from, &to);
      phase_range(&plan->w, b, &left, &right);
      if (from >= to) continue;
      const int64_t *start = run->start + phase - b;
      if (start[0] == start[s->stride_w]) {
        if (!b) clear_rows(x + (from * s->stride_h + a - s->pad_h) * s->W, s, to - from);
        continue;
      }
      if (left >= right) continue;
      if (to - from != made_rows || right - left != made_columns) {
        made_rows = to - from;
        made_columns = right - left;
        vectors = NAME(conv_vectors)(vector, made_rows, made_columns, plan->grid.width, plan->within);
      }
      real *target = x + (from * s->stride_h + a - s->pad_h) * s->W + left * s->stride_w + b - s->pad_w;
      conv_product product = {
          .planes = planes + (from - low) * plan->grid.width + left - plan->w.low,
          .channels = s->Kg,
          .channel_size = plan->plane,
          .taps = run->start[phase + 1] - run->start[phase],
          .offset = run->offset + run->start[phase],
          .panel = panel_of(run, group, phase),
          .outputs = s->Cg,
          .vectors = vectors,
          .vector = vector,
          .y = plan->dense ? dense + (plan->two ? b * plan->dense : 0) : target,
          .y_size = plan->dense ? made_rows * made_columns : s->H * s->W,
      };
      if (product.taps) NAME(conv_shifted)(&product);
      else memset(product.y, 0, (size_t)(s->Cg * made_rows * made_columns) * sizeof(real));
      if (!plan->dense) continue;
      dealt now = {target, product.y, made_columns};
      if (!plan->two) deal(now, s, made_rows);
      else if (b) deal_two(before, now, s, made_rows);
      before = now;
    }
  }
}

/* The parts of the broadcast product: one a phase. */
static void find_parts(const input_run *run, const conv_lanes *lanes, int64_t image_size, conv_part *part) {
  const input_plan *plan = run->plan;
  const conv_shape *s = &plan->s;
  int64_t *place = lanes->place, *slot = lanes->slot;
  for (int64_t phase = 0; phase < plan->phases; phase++, part++) {
    int64_t a = phase / s->stride_w, b = phase % s->stride_w;
    int64_t from = plan->h.low, to = from + plan->h.count, left = plan->w.low, right = left + plan->w.count;
    phase_range(&plan->h, a, &from, &to);
    phase_range(&plan->w, b, &left, &right);
    *part = (conv_part){.taps = run->start[phase + 1] - run->start[phase],
                        .offset = run->offset + run->start[phase],
                        .places = conv_max(0, to - from) * conv_max(0, right - left),
                        .place = place,
                        .slot = slot};
    for (int64_t i = 0; i < lanes->images; i++)
      for (int64_t m = from; m < to; m++)
        for (int64_t v = left; v < right; v++) {
          *place++ = i * image_size + (m - plan->h.low) * plan->grid.width + v - plan->w.low;
          *slot++ = (i * s->H + m * s->stride_h + a - s->pad_h) * s->W + v * s->stride_w + b - s->pad_w;
        }
  }
}

/* Units [begin, end) of all (images, group), by the broadcast product. */
static void broadcast(void *context, int64_t begin, int64_t end, int worker) {
  const input_run *run = context;
  const input_plan *plan = run->plan;
  const conv_shape *s = &plan->s;
  real *memory = (real *)(run->workers + worker * plan->worker_bytes);
  int64_t image_size = plan->within ? s->K * s->P * s->Q : s->Kg * plan->plane;
  conv_lanes lanes = plan->lanes;
  conv_part part[CONV_PARTS];
  NAME(conv_lanes_in)(&lanes, (char *)memory + plan->planes_bytes);
  find_parts(run, &lanes, image_size, part);
  lanes.y_image = s->C * s->H * s->W;
  memset(memory, 0, (size_t)plan->planes_bytes);
  for (int64_t unit = begin; unit < end; unit++) {
    int64_t group = unit % s->groups, n = unit / s->groups * plan->lanes.images;
    const real *y = run->y + (n * s->K + group * s->Kg) * s->P * s->Q;
    lanes.images = conv_min(plan->lanes.images, s->N - n);
    for (int64_t phase = 0; phase < plan->phases; phase++) part[phase].panel = panel_of(run, group, phase);
    conv_product product = {
        .planes = fill(plan, memory, image_size, y, lanes.images, plan->h.low, plan->h.low + plan->h.count),
        .channels = s->Kg,
        .channel_size = plan->plane,
        .outputs = s->Cg,
        .y = run->x + (n * s->C + group * s->Cg) * s->H * s->W,
        .y_size = s->H * s->W,
    };
    NAME(conv_broadcast)(&product, &lanes, part, plan->phases);
  }
}

int NAME(conv2d_input_direct)(const kg_instruction *in) {
  conv_shape s = conv_shape_of(in);
  if (s.N * s.C * s.H * s.W == 0) return KG_OK;
  input_plan plan = plan_of(&s);
  char *workspace = in->workspace;
  input_run run = {&plan,
                   in->args[2],
                   in->args[1],
                   in->args[0],
                   (int64_t *)workspace,
                   NULL,
                   NULL,
                   workspace + plan.tap_bytes,
                   workspace + plan.tap_bytes + plan.panel_bytes};
  run.place = run.offset + s.R * s.S;
  run.start = run.place + s.R * s.S;
  find_taps(&run);
  int64_t terms = s.Kg * s.R * s.S / plan.phases;
  int64_t chunk = chunk_of(&plan), units = conv_ceil(s.N, plan.lanes.images) * s.groups * plan.bands;
  kg_parallel(pack_weights, &run, s.groups * plan.phases * conv_ceil(s.Cg, chunk),
              conv_grain(conv_min(s.Cg, chunk) * terms));
  kg_parallel(plan.lanes.vectors ? broadcast : convolve, &run, units,
              conv_grain(plan.lanes.images * s.Cg * plan.rows * s.W * terms / 8));
  return KG_OK;
}
