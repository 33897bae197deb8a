/* The activation behind a norm: z = act(y), y = (x - mean) r w + b, and the gradient back through it.
 *
 * Forward z is written where y would be. Backward y is computed again, by the same expression (so to the same
 * bits), from the x that the gradient reads anyway. So neither y nor its gradient takes a pass of its own. */
#ifndef KG_NORM_ACTIVATION_H
#define KG_NORM_ACTIVATION_H
#include "norm.h"

enum { PLAIN = 0, RELU = 1, SILU = 5, LEAKY_RELU = 6 }; /* the codes of KG_GEMM, and one that it has not */

/* As the ops of these names: relu(NaN) is NaN. `leak`: of leaky_relu, below 0. */
INLINE vec activated(int act, vec y, real leak) {
  if (act == RELU) return maximum(y, splat(0));
  if (act == LEAKY_RELU) return choose(y > 0, y, y * leak);
  return act == SILU ? silu_v(y) : y;
}

/* g act'(y) */
INLINE vec through(int act, vec g, vec y, real leak) {
  if (act == RELU) return choose(y <= 0, splat(0), g);
  if (act == LEAKY_RELU) return choose(y > 0, g, g * leak);
  return act == SILU ? silu_gradient_v(g, y) : g;
}

/* y as a function of d = x - mean: with one scale and shift, or a weight and bias (w, b) of each element. */
typedef struct {
  real scale, shift;
  const real *w, *b;
} affine;

INLINE vec scaled(affine a, vec d, int64_t i, int64_t n) {
  vec h = d * a.scale;
  if (a.w) h *= load_filled(a.w + i, n, 0);
  return h + (a.b ? load_filled(a.b + i, n, 0) : splat(a.shift));
}

/* Of a span whose weight is number `at`; with one weight an element, of a run whose first is. */
INLINE affine affine_of(const norm_job *j, real r, int64_t at) {
  const real *w = j->weight ? j->weight + at : 0, *b = j->bias ? j->bias + at : 0;
  if (j->span == 1) return (affine){r, 0, w, b};
  return (affine){w ? r * *w : r, b ? *b : 0, 0, 0};
}

/* DO(act), a copy of it for every activation. */
#define BY_ACTIVATION(act, DO)              \
  switch (act) {                            \
    case RELU: DO(RELU); break;             \
    case SILU: DO(SILU); break;             \
    case LEAKY_RELU: DO(LEAKY_RELU); break; \
    default: DO(PLAIN);                     \
  }
INLINE int known_activation(int act) {
  return act == PLAIN || act == RELU || act == SILU || act == LEAKY_RELU;
}

/* body(job, begin, end, worker, act) as a kg_body of its own for every activation: body_for(act). */
#define FOR_ACTIVATION(body, act)                                                   \
  static void body##_##act(void *context, int64_t begin, int64_t end, int worker) { \
    body(context, begin, end, worker, act);                                         \
  }
#define FOR_ACTIVATIONS(body)                      \
  FOR_ACTIVATION(body, PLAIN)                      \
  FOR_ACTIVATION(body, RELU)                       \
  FOR_ACTIVATION(body, SILU)                       \
  FOR_ACTIVATION(body, LEAKY_RELU)                 \
  static kg_body *body##_for(int act) {            \
    return act == RELU         ? body##_RELU       \
           : act == SILU       ? body##_SILU       \
           : act == LEAKY_RELU ? body##_LEAKY_RELU \
                               : body##_PLAIN;     \
  }

#endif
