/* What both ways of a recurrent layer need: its weight in panels, tiles of the product with it, and who takes
 * which sequences (recurrent.h). */
#include "recurrent.h"
#include "transpose.h"

/* Panels of four vectors are read the fewest times, those of two leave the least behind the end. */
static int64_t vectors_for(int64_t units) { return (units + 2 * VL - 1) / (2 * VL) % 2 ? 2 : 4; }

sequence NAME(sequence_of)(const int64_t *sizes, const int64_t *starts, int back) {
  const int kind = (int)sizes[0];
  sequence s = {.kind = kind,
                .steps = sizes[1],
                .batch = sizes[2],
                .hidden = sizes[3],
                .reverse = sizes[4] != 0,
                .gates = gates_of(kind),
                .starts = starts};
  const int gated = kind >= GRU && !back;
  s.vectors = gated ? s.gates : vectors_for(s.hidden);
  const int64_t units = gated ? VL : s.vectors * VL;
  s.panels = (s.hidden + units - 1) / units;
  return s;
}

/* Threads -------------------------------------------------------------------------------------------- */

enum { GRAIN = 1 << 19 }; /* multiplications */

int64_t NAME(workers)(const sequence *s) {
  const int64_t work = start_of(s, s->steps) * s->gates * s->hidden * s->hidden / GRAIN;
  const int64_t most = lesser(kg_get_threads(), s->batch);
  return work < 1 ? 1 : lesser(work, most);
}

int64_t NAME(first_sequence)(const sequence *s, int64_t which, int64_t count) {
  if (!s->starts || which == 0 || which == count) return s->batch * which / count;
  const int64_t wanted = s->starts[s->steps] * which / count;
  int64_t r = 0;
  for (int64_t rows = 0, t = s->steps; r < s->batch && rows < wanted; r++) { /* lengths never grow with r */
    while (size_of(s, t - 1) <= r) t--;
    rows += t;
  }
  return r;
}

/* Panels --------------------------------------------------------------------------------------------- */

typedef struct {
  const sequence *s;
  const real *weight;
} packing;

static void gate_panels(void *context, int64_t begin, int64_t end, int worker) {
  const packing *p = context;
  const sequence *s = p->s;
  const int64_t h = s->hidden, vectors = s->vectors, pitch = vectors * VL;
  (void)worker;
  for (int64_t i = begin; i < end; i++) {
    const int64_t panel = i / vectors, v = i % vectors;
    const int64_t unit = s->gates == 1 ? i * VL : panel * VL, gate = s->gates == 1 ? 0 : v;
    real *to = s->packed + panel * h * pitch + v * VL;
    for (int64_t k = 0; k < h; k += VL)
      transpose_tile(to + k * pitch, pitch, p->weight + (gate * h + unit) * h + k, h, lesser(h - unit, VL),
                     lesser(h - k, VL));
  }
}

void NAME(pack_gates)(const sequence *s, const real *weight) {
  packing p = {s, weight};
  kg_parallel(gate_panels, &p, s->panels * s->vectors, 65536 / (s->hidden * VL) + 1);
}

static void unit_panels(void *context, int64_t begin, int64_t end, int worker) {
  const packing *p = context;
  const int64_t h = p->s->hidden, pitch = p->s->vectors * VL, depth = p->s->gates * h;
  (void)worker;
  for (int64_t panel = begin; panel < end; panel++) {
    const real *from = p->weight + panel * pitch;
    real *to = p->s->packed + panel * depth * pitch;
    const int64_t units = h - panel * pitch;
    for (int64_t k = 0; k < depth; k++, from += h, to += pitch)
      for (int64_t u = 0; u < pitch; u += VL)
        store(to + u, units >= u + VL ? load(from + u) : units > u ? load_n(from + u, units - u) : (vec){0});
  }
}

void NAME(pack_units)(const sequence *s, const real *weight) {
  packing p = {s, weight};
  kg_parallel(unit_panels, &p, s->panels, 65536 / (s->gates * s->hidden * s->vectors * VL) + 1);
}

/* Tiles ---------------------------------------------------------------------------------------------- */

/* X(i) for every row that a tile of 2, 3 and 4 vectors can have. Accumulators are named one by one, as in
 * gemm_tile.c. */
#if defined(KG_ISA_avx512)
#define EACH_2(X) X(0) X(1) X(2) X(3) X(4) X(5) X(6) X(7) X(8) X(9) X(10) X(11) X(12) X(13)
#define EACH_3(X) X(0) X(1) X(2) X(3) X(4) X(5) X(6) X(7) X(8)
#define EACH_4(X) X(0) X(1) X(2) X(3) X(4) X(5)
#elif defined(KG_ISA_avx2)
#define EACH_2(X) X(0) X(1) X(2) X(3) X(4) X(5)
#define EACH_3(X) X(0) X(1) X(2)
#define EACH_4(X) X(0) X(1)
#elif defined(KG_ISA_neon)
#define EACH_2(X) X(0) X(1) X(2) X(3) X(4) X(5) X(6) X(7) X(8) X(9) X(10) X(11)
#define EACH_3(X) X(0) X(1) X(2) X(3) X(4) X(5) X(6) X(7)
#define EACH_4(X) X(0) X(1) X(2) X(3) X(4) X(5)
#else
#define EACH_2(X) X(0) X(1) X(2) X(3)
#define EACH_3(X) X(0) X(1) X(2)
#define EACH_4(X) X(0) X(1)
#endif

INLINE void tile(const int vectors, const int rows, int64_t k, lines x, const real *restrict w, vec *sums) {
  const real *restrict a = x.at;
  const int64_t stride = x.stride;
#define START(i) vec s##i##_0 = {0}, s##i##_1 = {0}, s##i##_2 = {0}, s##i##_3 = {0};
  EACH_2(START)
  for (int64_t p = 0; p < k; p++, w += vectors * VL) {
    const vec w0 = load(w), w1 = load(w + VL), w2 = vectors > 2 ? load(w + 2 * VL) : w0,
              w3 = vectors > 3 ? load(w + 3 * VL) : w0;
#define MULTIPLY(i)                         \
  if (i < rows) {                           \
    const vec b = splat(a[i * stride + p]); \
    s##i##_0 += b * w0, s##i##_1 += b * w1; \
    if (vectors > 2) s##i##_2 += b * w2;    \
    if (vectors > 3) s##i##_3 += b * w3;    \
  }
    EACH_2(MULTIPLY)
  }
#define STORE(i)                                                    \
  if (i < rows) {                                                   \
    sums[i * vectors] = s##i##_0, sums[i * vectors + 1] = s##i##_1; \
    if (vectors > 2) sums[i * vectors + 2] = s##i##_2;              \
    if (vectors > 3) sums[i * vectors + 3] = s##i##_3;              \
  }
  EACH_2(STORE)
}

#define COPY(vectors, i)                                                               \
  static void tile_##vectors##_##i(int64_t k, lines x, const real *panel, vec *sums) { \
    tile(vectors, i + 1, k, x, panel, sums);                                           \
  }
#define COPY_2(i) COPY(2, i)
#define COPY_3(i) COPY(3, i)
#define COPY_4(i) COPY(4, i)
EACH_2(COPY_2)
EACH_3(COPY_3)
EACH_4(COPY_4)

#define POINTER_2(i) tile_2_##i,
#define POINTER_3(i) tile_3_##i,
#define POINTER_4(i) tile_4_##i,
static recurrent_tile *const tiles[3][ROWS_2] = {
    {EACH_2(POINTER_2)}, {EACH_3(POINTER_3)}, {EACH_4(POINTER_4)}};

recurrent_tile *NAME(tile_of)(int64_t vectors, int64_t rows) { return tiles[vectors - 2][rows - 1]; }
