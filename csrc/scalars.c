/* KG_SCALARS: a register machine over doubles, for functions of single numbers.
 *
 * Formula   for each run in order: r[out + i] = op(r[a + i da], r[b + i db], r[c + i dc]), i < n; the ops are
 *           those of scalar_ops.def. A network does the same for each of its inputs, so whoever lays out the
 *           registers (autograd/jit/scalar_code.py) finds long runs, and they go by in vectors.
 * Aliasing  a run does not read what it writes.
 * Threads   one.
 * Rounding  each op rounds as in Python: products and sums are not fused. */
#ifdef __clang__
#pragma STDC FP_CONTRACT OFF
#else
#pragma GCC optimize("fp-contract=off")
#endif
#include <math.h>
#include "simd.h"

#define SQRT_HALF 0.7071067811865476
#define SQRT_2_OVER_PI 0.7978845608028654

typedef struct {
  int32_t op, n, out, a, da, b, db, c, dc;
} run;

enum {
#define OP(name, expression) OP_##name,
#include "scalar_ops.def"
#undef OP
};

/* Python's max and min of two floats. */
static inline double larger(double a, double b) { return b > a ? b : a; }
static inline double smaller(double a, double b) { return b < a ? b : a; }

static inline double sigmoid(double a) {
  const double e = exp(-fabs(a));
  return (a >= 0 ? 1 : e) / (1 + e);
}

/* a % b and a // b as CPython's float_rem and float_floor_div have them: the remainder takes b's sign. By 0:
 * what NumPy gives. */
static double modulo(double a, double b) {
  const double m = fmod(a, b);
  if (m == 0) return copysign(0, b);
  return (b < 0) != (m < 0) ? m + b : m;
}

static double floor_divide(double a, double b) {
  if (b == 0) return a / b;
  const double m = fmod(a, b);
  double quotient = (a - m) / b;
  if (m != 0 && (b < 0) != (m < 0)) quotient -= 1;
  if (quotient == 0) return copysign(0, a / b);
  const double whole = floor(quotient);
  return quotient - whole > 0.5 ? whole + 1 : whole;
}

/* Three loops that compilers make vectors of, for the distances that are frequent, and one for all others. */
#define LOOP(A, B, C, expression)                                \
  for (int32_t i = 0; i < n; i++) {                              \
    const double a = x[i * (A)], b = y[i * (B)], c = z[i * (C)]; \
    (void)a, (void)b, (void)c;                                   \
    out[i] = (expression);                                       \
  }
#define OP(name, expression)                                                   \
  case OP_##name:                                                              \
    if (s->da == 1 && s->db == 1 && s->dc == 0) LOOP(1, 1, 0, expression)      \
    else if (s->da == 0 && s->db == 1 && s->dc == 0) LOOP(0, 1, 0, expression) \
    else if (s->da == 1 && s->db == 0 && s->dc == 0) LOOP(1, 0, 0, expression) \
    else LOOP(s->da, s->db, s->dc, expression)                                 \
    break;

/* args: runs registers   sizes: how many runs */
int NAME(scalars)(const kg_instruction *in) {
  const run *s = in->args[0];
  double *r = in->args[1];
  for (const run *end = s + in->sizes[0]; s < end; s++) {
    const int32_t n = s->n;
    double *restrict out = r + s->out;
    const double *x = r + s->a, *y = r + s->b, *z = r + s->c;
    switch (s->op) {
#include "scalar_ops.def"
      default: return KG_BAD_ARGUMENT;
    }
  }
  return KG_OK;
}
