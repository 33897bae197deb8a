/* What dispatch.c knows of a kernel: how to run it and how much scratch it asks for. */
#ifndef TABLE_H
#define TABLE_H
#include "kernels.h"

typedef int kg_kernel(const kg_instruction *);
typedef int64_t kg_workspace_size(const kg_instruction *);
typedef struct {
  kg_kernel *run;
  kg_workspace_size *workspace; /* NULL: none */
} kg_entry;

#endif
