/* The kernels of one (ISA, real type), in the order of the enum of kernels.h. */
#include "simd.h"
#include "table.h"

#define KERNEL(name) int NAME(name)(const kg_instruction *);
#define KERNEL_WORKSPACE(name) KERNEL(name) int64_t NAME(name##_workspace)(const kg_instruction *);
#include "kernels.def"
#undef KERNEL
#undef KERNEL_WORKSPACE

#define KERNEL(name) {NAME(name), 0},
#define KERNEL_WORKSPACE(name) {NAME(name), NAME(name##_workspace)},
const kg_entry NAME(kg_table)[KG_KERNELS] = {
#include "kernels.def"
};
