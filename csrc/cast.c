/* KG_CAST: y[i] = x[i], int64 to reals, rounded to nearest: the times that a network is told, say. One thread. */
#include "simd.h"

int NAME(cast)(const kg_instruction *in) {
  const int64_t *x = in->args[0];
  real *y = in->args[1];
  for (int64_t i = 0; i < in->sizes[0]; i++) y[i] = (real)x[i];
  return KG_OK;
}
