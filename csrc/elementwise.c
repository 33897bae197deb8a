/* KG_ELEMENTWISE: a short register program, run over tiles that stay in the L1 cache.
 *
 * Formula   outputs[i] = program(inputs[i], values) for every i of the iteration space; each step is one
 *           op of ops.def applied to a whole tile of 256 elements.
 * Strides   any, in elements, per operand and dimension (0 broadcasts, negative allowed). Operands that
 *           are contiguous over a tile are read and written in place; others are staged through a tile.
 * Aliasing  an output may be the same array as an input if its step is the last one (see kernels.h).
 * Stores    outputs larger than the caches go past them, through a tile, a line at a time.
 * Threads   the tiles are cut among them; the result does not depend on how. */
#include "normal.h"
#include "parallel.h"

enum { DIMS = 6, REGISTERS = 16, OPERANDS = 15, VALUES = 16 };
enum { FIRST_OPERAND = 16, FIRST_VALUE = 32, SLOTS = 48 };
/* Tiles are as long as lets a program's buffers share the L1 cache, within bounds; a program that needs
 * none (one op over contiguous arrays) is only cut for the threads. */
enum { SHORTEST = 256, LONGEST = 4096, UNBUFFERED = 8192, CACHE_BYTES = 24576 };
enum { GRAIN = 20000 }; /* cycles that a thread is worth waking for */

typedef struct {
  int64_t kind, strides[DIMS];
} operand;
typedef struct {
  int64_t op, out, in[4];
} step;
typedef struct {
  int64_t steps, inputs, outputs, values, registers, ndim, shape[DIMS];
  operand operands[]; /* then the steps */
} plan;

/* One function per op; n is a multiple of VL. The result may be one of the arguments. */
typedef void tile_op(real *out, const real *a, const real *b, const real *c, const real *d, int64_t n);
#define LOAD_1 vec a = load(a_ + i);
#define LOAD_2 LOAD_1 vec b = load(b_ + i);
#define LOAD_3 LOAD_2 vec c = load(c_ + i);
#define LOAD_4 LOAD_3 vec d = load(d_ + i);
#define OP(name, arguments, cycles, expression)                                                      \
  static void name##_tile(real *out, const real *a_, const real *b_, const real *c_, const real *d_, \
                          int64_t n) {                                                               \
    (void)b_, (void)c_, (void)d_;                                                                    \
    for (int64_t i = 0; i < n; i += VL) {                                                            \
      LOAD_##arguments store(out + i, expression);                                                   \
    }                                                                                                \
  }
#include "ops.def"
#undef OP
static tile_op *const tile_ops[] = {
#define OP(name, arguments, cycles, expression) name##_tile,
#include "ops.def"
#undef OP
};
static const uint8_t costs[] = {
#define OP(name, arguments, cycles, expression) cycles,
#include "ops.def"
#undef OP
};

/* How an operand is met: contiguous, one number, one short row again and again (laid out once, so often that a
 * tile may begin anywhere in the row), or staged through its tile. */
enum { FLAT, CONSTANT, REPEATED, STRIDED };

typedef struct {
  const kg_instruction *in;
  const plan *p;
  const step *steps;
  int64_t operands, total, row, tile;
  int64_t row_tiles; /* tiles in a row of the innermost dimension; 0 when they run across rows */
  int64_t buffer;    /* elements of workspace per worker */
  int64_t shape[DIMS];
  int access[OPERANDS];
  int streamed; /* outputs are stored past the caches */
} job;

static int64_t round_up(int64_t n) { return (n + VL - 1) / VL * VL; }

/* From this many bytes on, an output leaves the cache before it is read again: storing it past the caches
 * saves reading its lines first. An output that is an input too has its lines there already. */
enum { STREAMED_BYTES = 1 << 24 };

static int by_rows(const job *j) { return j->p->ndim > 1 && j->row >= SHORTEST; }

static int streams(const job *j) {
  const kg_instruction *in = j->in;
  const plan *p = j->p;
  int streamed = j->total * (int64_t)sizeof(real) >= STREAMED_BYTES;
  streamed &= !by_rows(j) || j->row % VL == 0; /* such stores want whole vectors in their places */
  for (int64_t o = p->inputs; o < p->inputs + p->outputs; o++) {
    streamed &= (uintptr_t)in->args[1 + o] % VBYTES == 0;
    for (int64_t i = 0; i < p->inputs; i++) streamed &= in->args[1 + i] != in->args[1 + o];
  }
  return streamed;
}

static job prepare(const kg_instruction *in) {
  const plan *p = in->args[0];
  job j = {.in = in, .p = p, .operands = p->inputs + p->outputs, .total = 1};
  memcpy(j.shape, p->shape, sizeof j.shape);
  if (in->sizes[0]) j.shape[0] = in->sizes[0];
  j.row = j.shape[p->ndim - 1];
  j.steps = (const step *)(p->operands + j.operands);
  int64_t contiguous[DIMS], tiles = p->registers + p->values, tails = 0, rows = 0;
  for (int64_t d = p->ndim - 1; d >= 0; d--) {
    contiguous[d] = j.total;
    j.total *= j.shape[d];
  }
  j.streamed = streams(&j);
  for (int64_t i = 0; i < j.operands; i++) {
    const operand *o = &p->operands[i];
    int flat = !o->kind, constant = i < p->inputs, repeated = constant && !by_rows(&j);
    for (int64_t d = 0; d < p->ndim; d++) {
      flat &= o->strides[d] == contiguous[d] || j.shape[d] == 1;
      constant &= o->strides[d] == 0 || j.shape[d] == 1;
      repeated &= o->strides[d] == 0 || j.shape[d] == 1 || d == p->ndim - 1;
    }
    j.access[i] = flat ? FLAT : constant ? CONSTANT : repeated ? REPEATED : STRIDED;
    rows += j.access[i] == REPEATED;
    if (flat && !(j.streamed && i >= p->inputs)) tails++;
    else tiles++;
  }
  j.tile = tiles ? CACHE_BYTES / (int64_t)sizeof(real) / tiles / SHORTEST * SHORTEST : UNBUFFERED;
  if (tiles) j.tile = j.tile < SHORTEST ? SHORTEST : j.tile > LONGEST ? LONGEST : j.tile;
  if (by_rows(&j)) { /* tiles of nearly equal length that end where a row does */
    j.row_tiles = (j.row + j.tile - 1) / j.tile;
    j.tile = round_up((j.row + j.row_tiles - 1) / j.row_tiles);
    j.row_tiles = (j.row + j.tile - 1) / j.tile;
  }
  if (j.tile > round_up(j.total)) j.tile = round_up(j.total) + !j.total * VL;
  j.buffer = tiles * j.tile + tails * VL + rows * round_up(j.row);
  return j;
}

static int fits(const plan *p) {
  return p->inputs + p->outputs <= OPERANDS && p->registers <= REGISTERS && p->values <= VALUES &&
         p->ndim >= 1 && p->ndim <= DIMS;
}

int64_t NAME(elementwise_workspace)(const kg_instruction *in) {
  if (!fits(in->args[0])) return 0;
  return kg_get_threads() * prepare(in).buffer * (int64_t)sizeof(real);
}

/* n elements (n > 0) with a stride into or out of a tile. */
static void gather(real *tile, const void *from, int64_t kind, int64_t stride, int64_t n) {
  if (kind) {
    const uint8_t *p = from;
    if (stride == 1) /* a loop of its own, which compilers turn into vectors */
      for (int64_t i = 0; i < n; i++) tile[i] = p[i];
    else
      for (int64_t i = 0; i < n; i++) tile[i] = p[i * stride];
  } else {
    const real *p = from;
    if (stride == 1) memcpy(tile, p, (size_t)n * sizeof(real));
    else if (stride == 0)
      for (int64_t i = 0; i < n; i++) tile[i] = *p;
    else
      for (int64_t i = 0; i < n; i++) tile[i] = p[i * stride];
  }
}
static void scatter(void *to, const real *tile, int64_t kind, int64_t stride, int64_t n) {
  if (kind) {
    uint8_t *p = to;
    if (stride == 1)
      for (int64_t i = 0; i < n; i++) p[i] = tile[i] != 0;
    else
      for (int64_t i = 0; i < n; i++) p[i * stride] = tile[i] != 0;
  } else {
    real *p = to;
    if (stride == 1) memcpy(p, tile, (size_t)n * sizeof(real));
    else
      for (int64_t i = 0; i < n; i++) p[i * stride] = tile[i];
  }
}

/* Move the elements [start, start + n) of the iteration space between an operand and its tile, row by
 * row of the innermost dimension. */
static void stage(const job *j, const operand *o, char *base, real *tile, int64_t start, int64_t n, int out) {
  int64_t size = o->kind ? 1 : (int64_t)sizeof(real), last = j->p->ndim - 1, row = j->row;
  while (n > 0) {
    int64_t column = start % row, rest = start / row, offset = column * o->strides[last];
    for (int64_t d = last - 1; d >= 0 && rest; d--) {
      offset += rest % j->shape[d] * o->strides[d];
      rest /= j->shape[d];
    }
    int64_t count = n < row - column ? n : row - column;
    if (out) scatter(base + offset * size, tile, o->kind, o->strides[last], count);
    else gather(tile, base + offset * size, o->kind, o->strides[last], count);
    tile += count, start += count, n -= count;
  }
}

/* Where [start, start + n) of an operand lies in memory as it stands, or NULL. */
static real *in_place(const job *j, int k, char *base, int64_t start, int64_t n) {
  const plan *p = j->p;
  const operand *o = &p->operands[k];
  if (o->kind || n % VL) return 0;
  if (j->access[k] == FLAT) return (real *)base + start;
  if (!j->row_tiles || o->strides[p->ndim - 1] != 1) return 0;
  int64_t rest = start / j->row, offset = start % j->row; /* the tile lies within one row */
  for (int64_t d = p->ndim - 2; d >= 0 && rest; d--) {
    offset += rest % j->shape[d] * o->strides[d];
    rest /= j->shape[d];
  }
  return (real *)base + offset;
}

/* Run the steps on [start, start + n); n is a multiple of VL or less than VL. */
static void run_tile(const job *j, real **slot, real *const *own, int64_t start, int64_t n) {
  const plan *p = j->p;
  int staged[OPERANDS];
  for (int64_t i = 0; i < j->operands; i++) {
    if (j->access[i] == CONSTANT) continue;
    if (j->access[i] == REPEATED) {
      slot[FIRST_OPERAND + i] = own[i] + start % j->row;
      continue;
    }
    real *direct = in_place(j, i, j->in->args[1 + i], start, n);
    staged[i] = !direct || (j->streamed && i >= p->inputs);
    slot[FIRST_OPERAND + i] = staged[i] ? own[i] : direct;
    if (direct || i >= p->inputs) continue;
    stage(j, &p->operands[i], j->in->args[1 + i], own[i], start, n, 0);
    if (n < VL) store(own[i], load_n(own[i], n)); /* defined numbers in the lanes past the end */
  }
  for (int64_t s = 0; s < p->steps; s++) {
    const step *now = &j->steps[s];
    tile_ops[now->op](slot[now->out], slot[now->in[0]], slot[now->in[1]], slot[now->in[2]], slot[now->in[3]],
                      round_up(n));
  }
  for (int64_t i = p->inputs; i < j->operands; i++) {
    if (!staged[i]) continue;
    if (j->streamed && j->access[i] == FLAT && n % VL == 0)
      for (int64_t x = 0; x < n; x += VL)
        store_past((real *)j->in->args[1 + i] + start + x, load(own[i] + x));
    else stage(j, &p->operands[i], j->in->args[1 + i], own[i], start, n, 1);
  }
}

static void run_tiles(void *context, int64_t begin, int64_t end, int worker) {
  const job *j = context;
  const plan *p = j->p;
  real *slot[SLOTS], *own[OPERANDS];
  real *buffer = (real *)j->in->workspace + worker * j->buffer;
  for (int64_t i = 0; i < p->registers; i++, buffer += j->tile) slot[i] = buffer;
  for (int64_t i = 0; i < p->values; i++, buffer += j->tile) {
    slot[FIRST_VALUE + i] = buffer;
    for (int64_t x = 0; x < j->tile; x += VL) store(buffer + x, splat((real)j->in->values[i]));
  }
  for (int64_t i = 0; i < j->operands; i++) {
    slot[FIRST_OPERAND + i] = own[i] = buffer;
    if (j->access[i] == CONSTANT) {
      gather(buffer, j->in->args[1 + i], p->operands[i].kind, 0, 1);
      for (int64_t x = j->tile - VL; x >= 0; x -= VL) store(buffer + x, splat(buffer[0]));
    }
    if (j->access[i] == REPEATED) {
      stage(j, &p->operands[i], j->in->args[1 + i], buffer, 0, j->row, 0);
      for (int64_t x = j->row; x < j->row + j->tile; x++) buffer[x] = buffer[x - j->row];
      buffer += round_up(j->row);
    }
    buffer += j->access[i] == FLAT && !(j->streamed && i >= p->inputs) ? VL : j->tile;
  }
  for (int64_t t = begin; t < end; t++) {
    int64_t start = t * j->tile, left = j->total - start;
    if (j->row_tiles) {
      int64_t column = t % j->row_tiles * j->tile;
      start = t / j->row_tiles * j->row + column;
      left = j->row - column;
    }
    int64_t n = left < j->tile ? left : j->tile, tail = n % VL;
    if (n > tail) run_tile(j, slot, own, start, n - tail);
    if (tail) run_tile(j, slot, own, start + n - tail, tail);
  }
  if (j->streamed) end_stores_past();
}

int NAME(elementwise)(const kg_instruction *in) {
  const plan *p = in->args[0];
  if (!fits(p)) return KG_BAD_ARGUMENT;
  job j = prepare(in);
  if (!j.total) return KG_OK;
  int64_t tiles = j.row_tiles ? j.total / j.row * j.row_tiles : (j.total + j.tile - 1) / j.tile;
  int64_t cycles = 2 * j.operands; /* for 16 elements */
  for (int64_t s = 0; s < p->steps; s++) cycles += costs[j.steps[s].op];
  kg_parallel(run_tiles, &j, tiles, GRAIN * 16 / cycles / j.tile + 1);
  return KG_OK;
}
