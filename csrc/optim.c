/* KG_SGD, KG_ADAM and KG_RMSPROP: one pass over parameters, their gradients and the optimiser's state.
 *
 * Arrays    columns of addresses (kernels.h), a row per parameter: contiguous, updated in place, those of
 *           different rows not overlapping. One call serves a whole model, for a call costs as much as the
 *           update of some thousand elements.
 * Formulas  those of torch.optim, below beside the code. They are elementwise: results depend neither on
 *           which rows share a call nor on the cut.
 * Threads   the elements of all rows, one after the other, are cut among them. */
#include <math.h>
#include "parallel.h"
#include "simd.h"

enum { GRAIN = 65536 };

typedef struct {
  real *param, *first, *second, *third; /* state: NULL where there is none */
  const real *grad;
  int begin;                  /* the state holds nothing yet */
  real rate, root_correction; /* Adam's at this step */
} row;

/* What all rows share. */
typedef struct {
  const int64_t *counts, *steps;
  void *const *columns[5];
  int64_t rows;
  int nesterov;
  real sign, rate, momentum, weight_decay, eps;
  real keep;                        /* SGD: 1 - dampening */
  real shrink, rest1, beta2, rest2; /* RMSprop: alpha is beta2 */
  double raw_rate, raw_beta1, raw_beta2;
} update;

static inline vec get(const real *p, int64_t n) { return n == VL ? load(p) : load_n(p, n); }
static inline void put(real *p, vec v, int64_t n) {
  if (n == VL) store(p, v);
  else store_n(p, v, n);
}

/* g = sign g + weight_decay p;  b = momentum b + (1 - dampening) g  (b = g the first time);
 * p -= rate (nesterov ? g + momentum b : b) */
static inline __attribute__((always_inline)) void sgd_vector(const update *u, const row *r, int64_t i,
                                                             int64_t n) {
  vec p = get(r->param + i, n), g = get(r->grad + i, n);
  g = g * u->sign + p * u->weight_decay;
  if (r->first) {
    vec b = get(r->first + i, n);
    b = r->begin ? g : b * u->momentum + g * u->keep;
    put(r->first + i, b, n);
    g = u->nesterov ? g + b * u->momentum : b;
  }
  put(r->param + i, p - g * u->rate, n);
}

/* p = shrink p (decoupled decay: shrink = 1 - rate weight_decay), g = sign g + weight_decay p (coupled);
 * m += (1 - beta1) (g - m);  v = beta2 v + (1 - beta2) g^2;  w = max(w, v) if amsgrad;
 * p -= rate / (1 - beta1^t) m / (sqrt(v or w) / sqrt(1 - beta2^t) + eps) */
static inline __attribute__((always_inline)) void adam_vector(const update *u, const row *r, int64_t i,
                                                              int64_t n) {
  vec p = get(r->param + i, n), g = get(r->grad + i, n), m = get(r->first + i, n), v = get(r->second + i, n);
  p = p * u->shrink;
  g = g * u->sign + p * u->weight_decay;
  m += (g - m) * u->rest1;
  v = v * u->beta2 + g * g * u->rest2;
  put(r->first + i, m, n);
  put(r->second + i, v, n);
  if (r->third) {
    vec w = get(r->third + i, n);
    mask wider = (w > v) | (w != w); /* NaN wins, as in torch.maximum */
    v = (vec)((wider & (mask)w) | (~wider & (mask)v));
    put(r->third + i, v, n);
  }
  put(r->param + i, p - m * r->rate / (sqrt_v(v) / r->root_correction + u->eps), n);
}

/* g = sign g + weight_decay p;  v = alpha v + (1 - alpha) g^2;  m += (1 - alpha) (g - m) if centered;
 * d = g / (sqrt(v - m^2) + eps);  b = momentum b + d;  p -= rate (b or d) */
static inline __attribute__((always_inline)) void rmsprop_vector(const update *u, const row *r, int64_t i,
                                                                 int64_t n) {
  vec p = get(r->param + i, n), g = get(r->grad + i, n), v = get(r->first + i, n);
  g = g * u->sign + p * u->weight_decay;
  v = v * u->beta2 + g * g * u->rest2;
  put(r->first + i, v, n);
  if (r->second) {
    vec m = get(r->second + i, n);
    m += (g - m) * u->rest2;
    put(r->second + i, m, n);
    v -= m * m;
  }
  vec d = g / (sqrt_v(v) + u->eps);
  if (r->third) {
    d += get(r->third + i, n) * u->momentum;
    put(r->third + i, d, n);
  }
  put(r->param + i, p - d * u->rate, n);
}

static row row_of(const update *u, int64_t k) {
  void *a[5];
  for (int i = 0; i < 5; i++) a[i] = u->columns[i] ? u->columns[i][k] : 0;
  row r = {.param = a[0], .grad = a[1], .first = a[2], .second = a[3], .third = a[4]};
  r.begin = u->steps && u->steps[k] == 1;
  return r;
}

static void adam_corrections(const update *u, double step, real *rate, real *root) {
  *rate = (real)(u->raw_rate / (1 - pow(u->raw_beta1, step)));
  *root = (real)sqrt(1 - pow(u->raw_beta2, step));
}

/* The elements [begin, end) of all rows, counted through. Copies of what is shared and of the row are local,
 * so that writing an array cannot change them. */
#define RANGE(name, vector, is_adam)                                                             \
  static void name(void *context, int64_t begin, int64_t end, int worker) {                      \
    const update u = *(const update *)context;                                                   \
    (void)worker;                                                                                \
    int64_t start = 0, step = 0;                                                                 \
    real rate = 0, root = 0;                                                                     \
    for (int64_t k = 0; k < u.rows && start < end; start += u.counts[k++]) {                     \
      int64_t count = u.counts[k], i = begin > start ? begin - start : 0;                        \
      int64_t stop = end - start < count ? end - start : count;                                  \
      if (i >= stop) continue;                                                                   \
      row r = row_of(&u, k);                                                                     \
      if (is_adam) {                                                                             \
        if (u.steps[k] != step) adam_corrections(&u, (double)(step = u.steps[k]), &rate, &root); \
        r.rate = rate, r.root_correction = root;                                                 \
      }                                                                                          \
      for (; i + VL <= stop; i += VL) vector(&u, &r, i, VL);                                     \
      if (i < stop) vector(&u, &r, i, stop - i);                                                 \
    }                                                                                            \
  }
RANGE(sgd_range, sgd_vector, 0)
RANGE(adam_range, adam_vector, 1)
RANGE(rmsprop_range, rmsprop_vector, 0)
#undef RANGE

static update shared(const kg_instruction *in) {
  update u = {.counts = in->args[0], .steps = in->args[6], .rows = in->sizes[0]};
  for (int i = 0; i < 5; i++) u.columns[i] = in->args[1 + i];
  u.sign = in->sizes[1] ? -1 : 1;
  u.rate = (real)in->values[0];
  return u;
}

static void cut(kg_body *range, update *u) {
  int64_t total = 0;
  for (int64_t k = 0; k < u->rows; k++) total += u->counts[k];
  kg_parallel(range, u, total, GRAIN);
}

int NAME(sgd)(const kg_instruction *in) {
  update u = shared(in);
  u.nesterov = (int)in->sizes[2];
  u.momentum = (real)in->values[1];
  u.keep = (real)(1 - in->values[2]);
  u.weight_decay = (real)in->values[3];
  cut(sgd_range, &u);
  return KG_OK;
}

int NAME(adam)(const kg_instruction *in) {
  const double *v = in->values, rate = v[0], beta1 = v[1], beta2 = v[2], decay = v[4];
  update u = shared(in);
  u.raw_rate = rate;
  u.raw_beta1 = beta1;
  u.raw_beta2 = beta2;
  u.shrink = in->sizes[2] ? (real)(1 - rate * decay) : 1;
  u.weight_decay = in->sizes[2] ? 0 : (real)decay;
  u.rest1 = (real)(1 - beta1);
  u.beta2 = (real)beta2;
  u.rest2 = (real)(1 - beta2);
  u.eps = (real)v[3];
  cut(adam_range, &u);
  return KG_OK;
}

int NAME(rmsprop)(const kg_instruction *in) {
  const double *v = in->values;
  update u = shared(in);
  u.beta2 = (real)v[1];
  u.rest2 = (real)(1 - v[1]);
  u.eps = (real)v[2];
  u.weight_decay = (real)v[3];
  u.momentum = (real)v[4];
  cut(rmsprop_range, &u);
  return KG_OK;
}
