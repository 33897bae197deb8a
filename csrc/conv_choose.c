/* Which algorithm computes a convolution: the cheapest by its own estimate, or the one that the instruction
 * asks for by its number in conv.def.
 *
 * A cost is a time in vector multiply-adds at the full speed of one core: count those of the thread that has
 * the most to do, divide by the share of the peak that the algorithm reaches, add what is moved besides.
 * It follows from the shape, the vector length and the number of threads alone, so the choice, and with it
 * every bit of the result, is the same in every run. INFINITY: the algorithm doesn't suit the shape. */
#include <math.h>
#include "conv.h"
#include "table.h"

#define ALGORITHM(kernel, name)                           \
  double NAME(name##_cost)(const conv_shape *);           \
  int64_t NAME(name##_workspace)(const kg_instruction *); \
  int NAME(name)(const kg_instruction *);
#include "conv.def"
#undef ALGORITHM

typedef struct {
  int kernel;
  double (*cost)(const conv_shape *);
  kg_workspace_size *workspace;
  kg_kernel *run;
} algorithm;

#define ALGORITHM(kernel, name) {kernel, NAME(name##_cost), NAME(name##_workspace), NAME(name)},
static const algorithm algorithms[] = {
#include "conv.def"
};
#undef ALGORITHM
enum { ALGORITHMS = sizeof algorithms / sizeof algorithms[0] };

/* NULL: the one that was asked for doesn't suit. */
static const algorithm *choose(const kg_instruction *in) {
  const conv_shape s = conv_shape_of(in);
  const algorithm *best = NULL;
  double least = INFINITY;
  for (int i = 0; i < ALGORITHMS; i++) {
    const algorithm *a = &algorithms[i];
    if (a->kernel != in->kernel || (s.algorithm && s.algorithm != i + 1)) continue;
    const double cost = a->cost(&s);
    if (cost < least) least = cost, best = a;
  }
  return best;
}

static int64_t workspace(const kg_instruction *in) {
  const algorithm *a = choose(in);
  return a ? a->workspace(in) : 0;
}

static int run(const kg_instruction *in) {
  const algorithm *a = choose(in);
  return a ? a->run(in) : KG_BAD_ARGUMENT;
}

int64_t NAME(conv2d_workspace)(const kg_instruction *in) { return workspace(in); }
int64_t NAME(conv2d_input_workspace)(const kg_instruction *in) { return workspace(in); }
int64_t NAME(conv2d_weight_workspace)(const kg_instruction *in) { return workspace(in); }
int NAME(conv2d)(const kg_instruction *in) { return run(in); }
int NAME(conv2d_input)(const kg_instruction *in) { return run(in); }
int NAME(conv2d_weight)(const kg_instruction *in) { return run(in); }
