/* KG_FINITE: KG_NOT_FINITE if one of n numbers, contiguous, is NaN or infinite. It writes nothing: in a program
 * it stands before what must not happen then. One thread. */
#include "simd.h"

int NAME(finite)(const kg_instruction *in) {
  const real *x = in->args[0];
  int finite = 1;
  for (int64_t i = 0; i < in->sizes[0]; i++) finite &= x[i] - x[i] == 0;
  return finite ? KG_OK : KG_NOT_FINITE;
}
