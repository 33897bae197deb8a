/* The one place that knows about threads. */
#ifndef PARALLEL_H
#define PARALLEL_H
#include <stdint.h>

enum { KG_MAX_THREADS = 64 };

/* Call body(context, begin, end, worker) so that the ranges cover [0, n) once. The cut depends only on
 * n, grain and the thread count, so results are the same from run to run. At most one range per worker
 * and none shorter than `grain` unless n is: small work stays on the caller's thread.
 * worker < kg_get_threads() names a slice of per-thread workspace. Nested calls run on one thread. */
typedef void kg_body(void *context, int64_t begin, int64_t end, int worker);
void kg_parallel(kg_body *body, void *context, int64_t n, int64_t grain);

#endif
