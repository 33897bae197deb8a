/* Threads by OpenMP where the compiler has it, else by one thread.
 *
 * libgomp hangs a forked child that enters a parallel region after its parent did, so a child of a fork
 * runs everything on its own thread. */
#include "parallel.h"
#include "kernels.h"
#ifdef _OPENMP
#include <omp.h>
#endif
#ifndef _WIN32
#include <pthread.h>
#endif

static int threads = 1;

#ifndef _WIN32
static int forked = 0;
static void in_child(void) { forked = 1; }
__attribute__((constructor)) static void watch_forks(void) { pthread_atfork(0, 0, in_child); }
#else
enum { forked = 0 };
#endif

void kg_set_threads(int count) { threads = count < 1 ? 1 : count > KG_MAX_THREADS ? KG_MAX_THREADS : count; }
int kg_get_threads(void) { return forked ? 1 : threads; }

void kg_parallel(kg_body *body, void *context, int64_t n, int64_t grain) {
  if (n <= 0) return;
  int64_t workers = grain > 0 ? n / grain : n;
  if (workers > kg_get_threads()) workers = kg_get_threads();
#ifdef _OPENMP
  if (workers > 1 && !omp_in_parallel()) {
#pragma omp parallel num_threads((int)workers)
    {
      int64_t worker = omp_get_thread_num(), team = omp_get_num_threads();
      body(context, n * worker / team, n * (worker + 1) / team, (int)worker);
    }
    return;
  }
#endif
  body(context, 0, n, 0);
}
