/* KG_COUNT: y[i] = x[i] + delta, of int64: the counters of a program (batches seen, say). x may be y; one
 * thread. */
#include "simd.h"

int NAME(count)(const kg_instruction *in) {
  const int64_t *x = in->args[0];
  int64_t *y = in->args[1];
  for (int64_t i = 0; i < in->sizes[0]; i++) y[i] = x[i] + in->sizes[1];
  return KG_OK;
}
