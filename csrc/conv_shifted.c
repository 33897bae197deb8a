/* The shifted product of conv.h: y_k[f] = bias[k] + sum_c,t panel[k, c, t] * planes[c, offset[t] + f].
 *
 * A tile is KR outputs x PV vectors of places, held in registers; every step loads PV vectors at a shifted
 * place (unaligned) and multiplies them with KR broadcast weights. Registers: KR * PV accumulators, PV
 * vectors, one weight: 8 x 3 + 3 + 1 = 28 of 32, or 4 x 3 + 3 + 1 = 16 of 16. Few outputs take more
 * vectors instead: the loads of a tile stay below its multiplications.
 *
 * y_k are `y_size` apart and don't overlap the planes or the panel. One thread: callers share out the work.
 */
#include "conv.h"

#if defined(KG_ISA_avx512) || defined(KG_ISA_neon)
#define KR 8 /* 32 vector registers */
#else
#define KR 4
#endif

/* Outputs held together when `left` remain: KR, else a power of two; three are done as four. */
static int64_t block_of(int64_t left) {
  if (left >= KR || left == KR - 1) return KR;
  return left >= 3 ? 4 : left;
}

int64_t NAME(conv_panel_size)(int64_t outputs, int64_t terms) {
  int64_t padded = 0;
  for (int64_t k = outputs / KR * KR; k < outputs; k += block_of(outputs - k))
    padded += block_of(outputs - k);
  return (padded + outputs / KR * KR) * terms;
}

void NAME(conv_pack_panel)(real *panel, const real *w, int64_t outputs, int64_t channels, int64_t taps,
                           int64_t k_stride, int64_t c_stride, const int64_t *place) {
  for (int64_t k = 0, block; k < outputs; k += block) {
    block = block_of(outputs - k);
    for (int64_t c = 0; c < channels; c++)
      for (int64_t t = 0; t < taps; t++, panel += block) {
        const real *from = w + k * k_stride + c * c_stride + place[t];
        for (int64_t i = 0; i < block; i++) panel[i] = k + i < outputs ? from[i * k_stride] : 0;
      }
  }
}

int64_t NAME(conv_vectors)(conv_vector *vector, int64_t rows, int64_t columns, int64_t width, int within) {
  int64_t count = conv_vector_count(rows, columns, width), places = (rows - 1) * width + columns;
  for (int64_t v = 0, row = 0, column = 0, to = 0; v < count; v++) {
    uint32_t keep = 0;
    int64_t lanes = conv_min(VL, places - v * VL);
    vector[v] = (conv_vector){v * VL, to, 0, 0};
    for (int64_t i = 0; i < lanes; i++) {
      keep |= (uint32_t)(column < columns) << i;
      if (++column == width) column = 0, row++;
    }
    if (within && lanes < VL) { /* begin earlier, where the last vector's places are again */
      keep <<= VL - lanes;
      vector[v].at = places - VL;
    }
    vector[v].keep = keep;
    vector[v].count = to + VL > rows * columns ? __builtin_popcount(keep) : VL;
    to += __builtin_popcount(keep);
  }
  return count;
}

/* In order of place, so that what is written too much is written again. */
static inline void put(real *y, vec v, const conv_vector *to) {
  v = compress(v, to->keep);
  if (to->count == VL) store(y, v);
  else store_n(y, v, to->count);
}

/* One tile: outputs k .. k + kr (of which `outputs` are real), vectors v .. v + pv. */
#define TILE(kr, pv)                                                                             \
  static void tile_##kr##x##pv(const conv_product *d, const real *panel, int64_t k, int64_t v) { \
    vec acc[kr][pv];                                                                             \
    _Pragma("GCC unroll 8") for (int i = 0; i < kr; i++) {                                       \
      vec start = splat(d->bias && k + i < d->outputs ? d->bias[k + i] : 0);                     \
      _Pragma("GCC unroll 8") for (int j = 0; j < pv; j++) acc[i][j] = start;                    \
    }                                                                                            \
    const real *plane = d->planes + d->vector[v].at;                                             \
    const int64_t *offset = d->offset;                                                           \
    int64_t taps = d->taps;                                                                      \
    for (int64_t c = 0; c < d->channels; c++, plane += d->channel_size)                          \
      for (int64_t t = 0; t < taps; t++, panel += kr) {                                          \
        const real *from = plane + offset[t];                                                    \
        vec b[pv];                                                                               \
        _Pragma("GCC unroll 8") for (int j = 0; j < pv; j++) b[j] = load(from + j * VL);         \
        _Pragma("GCC unroll 8") for (int i = 0; i < kr; i++) {                                   \
          vec a = splat(panel[i]);                                                               \
          _Pragma("GCC unroll 8") for (int j = 0; j < pv; j++) acc[i][j] += a * b[j];            \
        }                                                                                        \
      }                                                                                          \
    const conv_vector *to = d->vector + v;                                                       \
    real *y = d->y + k * d->y_size;                                                              \
    _Pragma("GCC unroll 8") for (int i = 0; i < kr; i++, y += d->y_size) {                       \
      if (i && k + i >= d->outputs) break;                                                       \
      _Pragma("GCC unroll 8") for (int j = 0; j < pv; j++) put(y + to[j].to, acc[i][j], to + j); \
    }                                                                                            \
  }

typedef void tile(const conv_product *, const real *, int64_t, int64_t);
typedef struct {
  int64_t vectors;
  tile *run;
} tile_row;

/* Widest first; each ends with one vector. */
#define TILES(kr, wide, middle)         \
  TILE(kr, wide)                        \
  TILE(kr, middle)                      \
  TILE(kr, 1)                           \
  static const tile_row tiles##kr[] = { \
      {wide, tile_##kr##x##wide}, {middle, tile_##kr##x##middle}, {1, tile_##kr##x1}};
#if KR == 8
TILES(8, 3, 2)
TILES(4, 6, 3)
TILES(2, 8, 4)
#else
TILES(4, 3, 2)
TILES(2, 4, 2)
#endif
TILES(1, 8, 4)

static const tile_row *tiles_of(int64_t block) {
  switch (block) {
#if KR == 8
    case 8: return tiles8;
#endif
    case 4: return tiles4;
    case 2: return tiles2;
    default: return tiles1;
  }
}

/* One block of outputs over the vectors [v, end), by the widest tiles whose places follow each other. */
static void run_tiles(const conv_product *d, int64_t block, const real *panel, int64_t k, int64_t v,
                      int64_t end) {
  const conv_vector *vector = d->vector;
  for (const tile_row *row = tiles_of(block); v < end; v += row->vectors) {
    while (v + row->vectors > end ||
           vector[v + row->vectors - 1].at != vector[v].at + (row->vectors - 1) * VL)
      row++;
    row->run(d, panel, k, v);
  }
}

void NAME(conv_shifted)(const conv_product *d) {
  int64_t terms = d->channels * d->taps, together = d->vectors;
  /* With few weights, the places of a tile stay in L1 while all blocks pass over them; with many, each
   * block passes over all places while its own weights stay in L2. */
  if (NAME(conv_panel_size)(d->outputs, terms) * (int64_t)sizeof(real) <= CONV_CACHE / 2)
    together = tiles_of(block_of(d->outputs < KR ? d->outputs : KR))->vectors;
  for (int64_t v = 0; v < d->vectors; v += together)
    for (int64_t k = 0, block; k < d->outputs; k += block) {
      block = block_of(d->outputs - k);
      run_tiles(d, block, d->panel + k * terms, k, v, conv_min(d->vectors, v + together));
    }
}

/* A vector that crosses a cache line, as most of these do, takes as long to load as four products (two with
 * vectors of half a line); compressing and storing one takes as long as six, or by single lanes. */
double NAME(conv_shifted_cost)(int64_t outputs, int64_t places, int64_t terms) {
  enum { LOAD = VBYTES / 16, STORE = VBYTES == 64 ? 6 : 3 * VL };
  double cost = 0;
  for (int64_t k = 0, block; k < outputs; k += block) {
    block = block_of(outputs - k);
    const int64_t vectors = tiles_of(block)->vectors;
    const int64_t step = conv_max(block * vectors, block + LOAD * vectors);
    cost += (double)(step * terms + STORE * block * vectors) / (double)vectors;
  }
  return cost * (double)conv_ceil(places, VL);
}
