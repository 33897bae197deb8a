/* The one place that knows about threads. */
#ifndef PARALLEL_H
#define PARALLEL_H
#include <stdint.h>

enum { KG_MAX_THREADS = 64 };

/* Call body(context, begin, end, worker) so that the ranges cover [0, n) once. The cut depends only on
 * n, grain and the thread count, never on which threads were free, so results are the same from run to
 * run. At most one range per worker and none shorter than `grain` unless n is: small work stays on the
 * caller's thread. `worker` numbers the ranges and names a slice of per-thread workspace, worker <
 * kg_get_threads(). A call from a range of a loop that was cut runs on that thread, uncut. */
typedef void kg_body(void *context, int64_t begin, int64_t end, int worker);
void kg_parallel(kg_body *body, void *context, int64_t n, int64_t grain);

/* Between these two kg_get_threads() answers the same on this thread, whatever other threads set: the
 * workspace that was asked for still fits when the kernel runs. `held` is what the first returned. */
int kg_hold_threads(void);
void kg_release_threads(int held);

#endif
