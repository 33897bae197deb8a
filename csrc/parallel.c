/* A team of threads that waits for parallel loops: POSIX threads, or the caller alone where there are none.
 *
 * A loop is cut into as many ranges as it has threads, and each range is *claimed*: by a worker that is
 * awake, or by the caller once it is through with its own. So a worker that sleeps, or whose core another
 * program has, delays nothing that has not begun, and what is computed does not depend on who came first.
 *
 *   ticket    serial number of the loop, its ranges, ranges claimed: one word, so that a worker that comes
 *             late claims nothing of a later loop by mistake; a claim is a compare-and-swap
 *   waiting   a worker that finds nothing spins for SPIN, in which most next loops come, and then sleeps;
 *             the caller spins and sleeps likewise for ranges that others still run. A worker that was
 *             woken on its caller's core, all others being busy, does not spin: that would stop the caller
 *   callers   one loop at a time has the team. A second caller's ranges, as those of a loop in a loop, run
 *             on its own thread
 *   fork      only the calling thread lives on in the child, which starts a team of its own when needed
 *   exit      workers are detached, touch nothing but this file's memory while idle, and end with the process */
#define _GNU_SOURCE /* sched_getcpu */
#include "parallel.h"
#include <stdatomic.h>
#include "kernels.h"

static atomic_int threads = 1;
static _Thread_local int held;   /* this thread's kg_get_threads(), while not 0 */
static _Thread_local int inside; /* this thread runs a range */

void kg_set_threads(int count) { threads = count < 1 ? 1 : count > KG_MAX_THREADS ? KG_MAX_THREADS : count; }
int kg_get_threads(void) { return held ? held : threads; }

int kg_hold_threads(void) {
  const int before = held;
  held = kg_get_threads();
  return before;
}
void kg_release_threads(int before) { held = before; }

typedef struct {
  kg_body *body;
  void *context;
  int64_t n;
  int ranges;
} loop;

static void run_range(const loop *l, int worker) {
  l->body(l->context, l->n * worker / l->ranges, l->n * (worker + 1) / l->ranges, worker);
}

#ifdef _WIN32
static int run_in_team(const loop *l) { return (void)l, 0; }
#else
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <time.h>

/* Measured (2 virtual cores of Zen 5; libgomp in brackets): a loop that finds its worker spinning costs 0.2
 * us (1.3), one that wakes it 8 us (30), and the worker is there 25 us later. Where another program keeps
 * the second core busy, two ranges of 100 us take 203 us (319). */
enum { SPIN = 50000 /* ns */, PAUSES = 32 /* between looks at the clock */ };

static struct {
  _Alignas(64) atomic_uint_fast64_t ticket; /* serial << 16 | ranges << 8 | claimed */
  loop loop;                                /* whose ticket that is */
  int held;                                 /* its caller's kg_get_threads() */
  atomic_int core;                          /* where its caller was */
  _Alignas(64) atomic_int done;             /* ranges of it that were run */
  _Alignas(64) atomic_int taken;            /* a caller has the team */
  int started;                              /* workers */
  atomic_int sleepers;                      /* workers asleep, or about to be */
  atomic_int caller_sleeps;
  pthread_mutex_t lock; /* of the two conditions */
  pthread_cond_t loop_came, done_came;
} team = {.lock = PTHREAD_MUTEX_INITIALIZER,
          .loop_came = PTHREAD_COND_INITIALIZER,
          .done_came = PTHREAD_COND_INITIALIZER};

static inline void pause_core(void) {
#if defined(__x86_64__)
  __builtin_ia32_pause();
#elif defined(__aarch64__)
  __asm__ volatile("isb");
#endif
}

static int64_t now(void) {
  struct timespec t;
  clock_gettime(CLOCK_MONOTONIC, &t);
  return (int64_t)t.tv_sec * 1000000000 + t.tv_nsec;
}

#ifdef __linux__
static int this_core(void) { return sched_getcpu(); }
static int beside_caller(void) { return this_core() == team.core; }
#else
static int this_core(void) { return 0; }
static int beside_caller(void) { return 0; }
#endif

/* What is waited for: a loop later than `seen`; the end of the present one. */
static int loop_came(uint64_t seen) { return atomic_load(&team.ticket) >> 16 != seen; }
static int all_done(uint64_t ranges) { return (uint64_t)atomic_load(&team.done) == ranges; }

/* Wait until come(that): awake for `time`, then asleep. `asleep` says so to whoever makes it come: it is set
 * before come() is asked for the last time, and read after come() was made true. */
static inline void await(int (*come)(uint64_t), uint64_t that, int64_t time, atomic_int *asleep,
                         pthread_cond_t *condition) {
  for (int64_t start = now(); now() - start < time;)
    for (int i = 0; i < PAUSES; i++) {
      if (come(that)) return;
      pause_core();
    }
  pthread_mutex_lock(&team.lock);
  atomic_fetch_add(asleep, 1);
  while (!come(that)) pthread_cond_wait(condition, &team.lock);
  atomic_fetch_sub(asleep, 1);
  pthread_mutex_unlock(&team.lock);
}

static void wake(int count, atomic_int *asleep, pthread_cond_t *condition) {
  if (!atomic_load(asleep)) return;
  pthread_mutex_lock(&team.lock); /* whoever is about to sleep does, and hears it */
  pthread_mutex_unlock(&team.lock);
  for (; count > 0; count--) pthread_cond_signal(condition);
}

/* Claim and run ranges of the present loop until none is left; its serial number. */
static uint64_t run_ranges(void) {
  uint64_t ticket = atomic_load(&team.ticket);
  while ((ticket & 255) < (ticket >> 8 & 255)) {
    if (!atomic_compare_exchange_weak(&team.ticket, &ticket, ticket + 1)) continue;
    const int ranges = team.loop.ranges; /* the loop's fields stand until all of its ranges are done */
    held = team.held;
    run_range(&team.loop, (int)(ticket & 255));
    if (atomic_fetch_add(&team.done, 1) + 1 == ranges) wake(1, &team.caller_sleeps, &team.done_came);
    ticket = atomic_load(&team.ticket);
  }
  return ticket >> 16;
}

static void *work(void *unused) {
  (void)unused;
  inside = 1;
  for (;;) {
    const uint64_t seen = run_ranges();
    await(loop_came, seen, beside_caller() ? 0 : SPIN, &team.sleepers, &team.loop_came);
  }
  return 0;
}

/* Called by whoever has the team. Signals are for the program's own threads. */
static void start_workers(int count) {
  sigset_t all, before;
  sigfillset(&all);
  pthread_sigmask(SIG_SETMASK, &all, &before);
  for (pthread_t thread; team.started < count; team.started++) {
    if (pthread_create(&thread, 0, work, 0)) break; /* without it, the others claim its ranges */
    pthread_detach(thread);
  }
  pthread_sigmask(SIG_SETMASK, &before, 0);
}

static void reset_in_child(void) {
  atomic_store(&team.ticket, 0);
  atomic_store(&team.taken, 0);
  atomic_store(&team.sleepers, 0);
  atomic_store(&team.caller_sleeps, 0);
  team.started = 0;
  team.lock = (pthread_mutex_t)PTHREAD_MUTEX_INITIALIZER;
  team.loop_came = team.done_came = (pthread_cond_t)PTHREAD_COND_INITIALIZER;
}
__attribute__((constructor)) static void watch_forks(void) { pthread_atfork(0, 0, reset_in_child); }

/* 0 when another caller has the team. */
static int run_in_team(const loop *l) {
  if (atomic_exchange(&team.taken, 1)) return 0;
  if (team.started < l->ranges - 1) start_workers(l->ranges - 1);
  team.loop = *l;
  team.held = kg_get_threads();
  team.core = this_core();
  team.done = 0;
  const uint64_t serial = (team.ticket >> 16) + 1;
  atomic_store(&team.ticket, serial << 16 | (uint64_t)l->ranges << 8);
  wake(l->ranges - 1, &team.sleepers, &team.loop_came);
  run_ranges();
  await(all_done, (uint64_t)l->ranges, SPIN, &team.caller_sleeps, &team.done_came);
  atomic_store(&team.taken, 0);
  return 1;
}
#endif

void kg_parallel(kg_body *body, void *context, int64_t n, int64_t grain) {
  if (n <= 0) return;
  int64_t ranges = grain > 0 ? n / grain : n;
  if (ranges > kg_get_threads()) ranges = kg_get_threads();
  if (ranges < 2 || inside) {
    body(context, 0, n, 0);
    return;
  }
  const loop l = {body, context, n, (int)ranges};
  const int before = kg_hold_threads();
  inside = 1;
  if (!run_in_team(&l))
    for (int worker = 0; worker < l.ranges; worker++) run_range(&l, worker);
  inside = 0;
  kg_release_threads(before);
}
