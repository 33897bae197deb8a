/* KG_SGD and KG_ADAM: one pass over a parameter, its gradient and the optimiser's state, in place.
 *
 * Arrays    contiguous, of n elements, not overlapping; args may be NULL where said in kernels.h.
 * Formulas  those of torch.optim.SGD, Adam and AdamW, below beside the code.
 * Threads   n is cut among them. */
#include <math.h>
#include "parallel.h"
#include "simd.h"

enum { GRAIN = 65536 };

typedef struct {
  real *param, *first, *second, *largest;
  const real *grad;
  int nesterov, begin;                           /* begin: the state holds nothing yet */
  real sign, rate, momentum, keep, weight_decay; /* keep: 1 - dampening */
  real shrink, rest1, beta2, rest2, root_correction, eps;
} update;

/* g = sign g + weight_decay p;  b = momentum b + (1 - dampening) g  (b = g the first time);
 * p -= rate (nesterov ? g + momentum b : b) */
static inline __attribute__((always_inline)) void sgd_vector(const update *u, int64_t i, int64_t n) {
  vec p = n == VL ? load(u->param + i) : load_n(u->param + i, n);
  vec g = n == VL ? load(u->grad + i) : load_n(u->grad + i, n);
  g = g * u->sign + p * u->weight_decay;
  if (u->first) {
    vec b = n == VL ? load(u->first + i) : load_n(u->first + i, n);
    b = u->begin ? g : b * u->momentum + g * u->keep;
    if (n == VL) store(u->first + i, b);
    else store_n(u->first + i, b, n);
    g = u->nesterov ? g + b * u->momentum : b;
  }
  p -= g * u->rate;
  if (n == VL) store(u->param + i, p);
  else store_n(u->param + i, p, n);
}

/* p = shrink p (decoupled decay: shrink = 1 - rate weight_decay), g = sign g + weight_decay p (coupled);
 * m += (1 - beta1) (g - m);  v = beta2 v + (1 - beta2) g^2;  w = max(w, v) if amsgrad;
 * p -= rate / (1 - beta1^t) m / (sqrt(v or w) / sqrt(1 - beta2^t) + eps) */
static inline __attribute__((always_inline)) void adam_vector(const update *u, int64_t i, int64_t n) {
  vec p = n == VL ? load(u->param + i) : load_n(u->param + i, n);
  vec g = n == VL ? load(u->grad + i) : load_n(u->grad + i, n);
  vec m = n == VL ? load(u->first + i) : load_n(u->first + i, n);
  vec v = n == VL ? load(u->second + i) : load_n(u->second + i, n);
  p = p * u->shrink;
  g = g * u->sign + p * u->weight_decay;
  m += (g - m) * u->rest1;
  v = v * u->beta2 + g * g * u->rest2;
  if (n == VL) store(u->first + i, m), store(u->second + i, v);
  else store_n(u->first + i, m, n), store_n(u->second + i, v, n);
  if (u->largest) {
    vec w = n == VL ? load(u->largest + i) : load_n(u->largest + i, n);
    mask wider = (w > v) | (w != w); /* NaN wins, as in torch.maximum */
    v = (vec)((wider & (mask)w) | (~wider & (mask)v));
    if (n == VL) store(u->largest + i, v);
    else store_n(u->largest + i, v, n);
  }
  p -= m * u->rate / (sqrt_v(v) / u->root_correction + u->eps);
  if (n == VL) store(u->param + i, p);
  else store_n(u->param + i, p, n);
}

static void sgd_range(void *context, int64_t begin, int64_t end, int worker) {
  (void)worker;
  int64_t i = begin;
  for (; i + VL <= end; i += VL) sgd_vector(context, i, VL);
  if (i < end) sgd_vector(context, i, end - i);
}

static void adam_range(void *context, int64_t begin, int64_t end, int worker) {
  (void)worker;
  int64_t i = begin;
  for (; i + VL <= end; i += VL) adam_vector(context, i, VL);
  if (i < end) adam_vector(context, i, end - i);
}

int NAME(sgd)(const kg_instruction *in) {
  update u = {.param = in->args[0], .grad = in->args[1], .first = in->args[2]};
  u.sign = in->sizes[1] ? -1 : 1;
  u.nesterov = (int)in->sizes[2];
  u.begin = (int)in->sizes[3];
  u.rate = (real)in->values[0];
  u.momentum = (real)in->values[1];
  u.keep = (real)(1 - in->values[2]);
  u.weight_decay = (real)in->values[3];
  kg_parallel(sgd_range, &u, in->sizes[0], GRAIN);
  return KG_OK;
}

int NAME(adam)(const kg_instruction *in) {
  const double *v = in->values, rate = v[0], beta1 = v[1], beta2 = v[2], decay = v[4], step = v[5];
  update u = {.param = in->args[0], .grad = in->args[1], .first = in->args[2]};
  u.second = in->args[3];
  u.largest = in->args[4];
  u.sign = in->sizes[1] ? -1 : 1;
  u.shrink = in->sizes[2] ? (real)(1 - rate * decay) : 1;
  u.weight_decay = in->sizes[2] ? 0 : (real)decay;
  u.rest1 = (real)(1 - beta1);
  u.beta2 = (real)beta2;
  u.rest2 = (real)(1 - beta2);
  u.rate = (real)(rate / (1 - pow(beta1, step)));
  u.root_correction = (real)sqrt(1 - pow(beta2, step));
  u.eps = (real)v[3];
  kg_parallel(adam_range, &u, in->sizes[0], GRAIN);
  return KG_OK;
}
