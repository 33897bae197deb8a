/* The arithmetic of a task: dot products, errors, updates (words.h). */
#include "words.h"

/* Columns of a tile, by registers: of the products of two rows, and of the updates (w and its change). */
enum { WIDE = VREGS == 32 ? 6 : 4 };

/* BODY(v, n, full) for the vectors of a row: whole ones, and what is left. */
#define ALONG(dim, BODY)                                \
  do {                                                  \
    int64_t v_ = 0;                                     \
    for (; v_ + VL <= (dim); v_ += VL) BODY(v_, VL, 1); \
    if (v_ < (dim)) BODY(v_, (dim)-v_, 0);              \
  } while (0)

/* Lane i: the sum of r[i], for all i below `count` (known when compiled). */
INLINE vec sums_of(const vec *r, int count) {
  vec t[VL];
#pragma GCC unroll 16
  for (int i = 0; i < VL; i++) t[i] = i < count ? r[i] : (vec){0};
#pragma GCC unroll 4
  for (int half = VL / 2; half; half /= 2)
#pragma GCC unroll 8
    for (int i = 0; i < half; i++)
      t[i] = interleave_low(t[i], t[i + half]) + interleave_high(t[i], t[i + half]);
  return t[0];
}

/* out[i] = sum of r[i]; up to VL - 1 numbers behind them are written too. */
INLINE void store_sums(real *out, const vec *r, int count) {
#pragma GCC unroll 8
  for (int i = 0; i < count; i += VL) store(out + i, sums_of(r + i, count - i < VL ? count - i : VL));
}

/* z[i, k] = x_i . w_k for `count` rows (1 or 2) and `wide` columns. z's rows are `pitch` apart. */
INLINE void products(int count, int wide, real *const *x, real *const *w, int64_t dim, real *z,
                     int64_t pitch) {
  vec sums[2 * WIDE];
  real out[2 * WIDE + VL];
#pragma GCC unroll 16
  for (int i = 0; i < count * wide; i++) sums[i] = (vec){0};
#define BODY(v, n, full)                                                \
  do {                                                                  \
    const vec a = load_part(x[0] + v, n, full);                         \
    const vec b = count == 2 ? load_part(x[1] + v, n, full) : (vec){0}; \
    _Pragma("GCC unroll 8") for (int k = 0; k < wide; k++) {            \
      const vec c = load_part(w[k] + v, n, full);                       \
      sums[k] += a * c;                                                 \
      if (count == 2) sums[wide + k] += b * c;                          \
    }                                                                   \
  } while (0)
  ALONG(dim, BODY);
#undef BODY
  if (pitch == wide) { /* z is filled in order */
    store_sums(z, sums, count * wide);
    return;
  }
  store_sums(out, sums, count * wide);
  for (int i = 0; i < count; i++)
    for (int k = 0; k < wide; k++) z[i * pitch + k] = out[i * wide + k];
}

/* w_k += sum of g[i, k] x_i, x_i += sum of g[i, k] w_k, for `wide` columns, the first and the last ones or others:
 * all from the numbers before. The changes of x wait in `error` (rows, width) until the last columns. */
INLINE void update(int wide, int first, int last, const words_task *t, real *const *w, int64_t dim,
                   const real *g, real *error) {
  const int64_t rows = t->rows, pitch = t->columns, width = whole_vectors(dim);
#define BODY(v, n, full)                                                                          \
  do {                                                                                            \
    vec old[WIDE], change[WIDE];                                                                  \
    _Pragma("GCC unroll 8") for (int k = 0; k < wide; k++) old[k] = load_part(w[k] + v, n, full), \
                                                           change[k] = (vec){0};                  \
    for (int64_t i = 0; i < rows; i++) {                                                          \
      const vec x = load_part(t->row[i] + v, n, full);                                            \
      vec dx = first ? (vec){0} : load(error + i * width + v);                                    \
      _Pragma("GCC unroll 8") for (int k = 0; k < wide; k++) {                                    \
        const vec factor = splat(g[i * pitch + k]);                                               \
        dx += factor * old[k];                                                                    \
        change[k] += factor * x;                                                                  \
      }                                                                                           \
      if (last) store_part(t->row[i] + v, x + dx, n, full);                                       \
      else store(error + i * width + v, dx);                                                      \
    }                                                                                             \
    _Pragma("GCC unroll 8") for (int k = 0; k < wide; k++)                                        \
        store_part(w[k] + v, old[k] + change[k], n, full);                                        \
  } while (0)
  ALONG(dim, BODY);
#undef BODY
}

/* The columns in tiles as even as can be: CALL(width known when compiled). */
#if defined(KG_ISA_avx512) || defined(KG_ISA_neon)
#define MORE_WIDTHS(CALL) \
  case 5: CALL(5); break; \
  case 6:                 \
    CALL(6);              \
    break;
#else
#define MORE_WIDTHS(CALL)
#endif
#define BY_WIDTH(wide, CALL) \
  switch (wide) {            \
    case 1: CALL(1); break;  \
    case 2: CALL(2); break;  \
    case 3: CALL(3); break;  \
    case 4:                  \
      CALL(4);               \
      break;                 \
      MORE_WIDTHS(CALL)      \
  }

static void all_products(int64_t rows, real *const *x, int64_t columns, real *const *w, int64_t dim,
                         real *z) {
  const int64_t tiles = (columns + WIDE - 1) / WIDE;
  for (int64_t tile = 0; tile < tiles; tile++) {
    const int64_t from = columns * tile / tiles, wide = columns * (tile + 1) / tiles - from;
    int64_t i = 0;
#define CALL(n) products(2, n, x + i, w + from, dim, z + i * columns + from, columns)
    for (; i + 2 <= rows; i += 2) BY_WIDTH(wide, CALL)
#undef CALL
#define CALL(n) products(1, n, x + i, w + from, dim, z + i * columns + from, columns)
    if (i < rows) BY_WIDTH(wide, CALL)
#undef CALL
  }
}

static void all_updates(const words_task *t, int64_t dim, const real *g, real *error) {
  const int64_t columns = t->columns, tiles = (columns + WIDE - 1) / WIDE;
  for (int64_t tile = 0; tile < tiles; tile++) {
    const int64_t from = columns * tile / tiles, wide = columns * (tile + 1) / tiles - from;
    real *const *w = t->column + from;
#define CALL(n)                                                           \
  if (tiles == 1) update(n, 1, 1, t, w, dim, g, error);                   \
  else if (!tile) update(n, 1, 0, t, w, dim, g, error);                   \
  else if (tile + 1 < tiles) update(n, 0, 0, t, w, dim, g + from, error); \
  else update(n, 0, 1, t, w, dim, g + from, error)
    BY_WIDTH(wide, CALL)
#undef CALL
  }
}

/* z becomes rate (yes - all sigmoid(z)); the sum of the losses all softplus(z) - yes z. There is room for whole
 * vectors. */
static double errors(real *z, const real *yes, const real *all, int64_t count, real rate) {
  vec loss = {0};
  for (int64_t i = 0; i < count; i += VL) {
    const vec x = count - i < VL ? load_n(z + i, count - i) : load(z + i);
    const vec y = count - i < VL ? load_n(yes + i, count - i) : load(yes + i);
    const vec a = count - i < VL ? load_n(all + i, count - i) : load(all + i);
    vec n, p = exp_reduced(negate(lesser_of(splat(R(104.f, 746.)), absolute(x))), &n);
    const vec e = times_two_to(1 + p, n), inverse = 1 / (1 + e);
    const vec sigmoid = choose(x < 0, e, splat(1)) * inverse;
    const vec softplus = greater_of(splat(0), x) + (e + e * e * POLY(e, softplus_poly));
    store(z + i, (y - a * sigmoid) * rate);
    loss += a * softplus - y * x;
  }
  return (double)sum_of_lanes(loss);
}

static void separate_rows(const words_job *j, const words_task *t, words_scratch *s) {
  const int64_t rows = t->rows, columns = t->columns;
  for (int64_t i = 0; i < rows; i++)
    for (int64_t k = 0; k < columns; k += VL) {
      store(s->yes + i * columns + k, load(t->yes + k) * t->times[i]);
      store(s->all + i * columns + k, load(t->all + k) * t->times[i]);
    }
  all_products(rows, t->row, columns, t->column, j->dim, s->z);
  s->loss += errors(s->z, s->yes, s->all, rows * columns, t->rate);
  all_updates(t, j->dim, s->z, s->error);
}

static void rows_together(const words_job *j, const words_task *t, words_scratch *s) {
  real *const hidden = s->hidden;
  const real share = 1 / (real)t->rows, scale = j->mean ? share : 1, back = j->divide ? share : 1;
#define BODY(v, n, full)                                                            \
  do {                                                                              \
    vec sum = {0};                                                                  \
    for (int64_t i = 0; i < t->rows; i++) sum += load_part(t->row[i] + v, n, full); \
    store(hidden + v, sum * scale);                                                 \
  } while (0)
  ALONG(j->dim, BODY);
#undef BODY
  all_products(1, &hidden, t->columns, t->column, j->dim, s->z);
  s->loss += errors(s->z, t->yes, t->all, t->columns, t->rate);
#define BODY(v, n, full)                                                              \
  do {                                                                                \
    const vec x = load(hidden + v);                                                   \
    vec change = {0};                                                                 \
    for (int64_t k = 0; k < t->columns; k++) {                                        \
      const vec w = load_part(t->column[k] + v, n, full), g = splat(s->z[k]);         \
      change += g * w;                                                                \
      store_part(t->column[k] + v, w + g * x, n, full);                               \
    }                                                                                 \
    change *= back;                                                                   \
    for (int64_t i = 0; i < t->rows; i++)                                             \
      store_part(t->row[i] + v, load_part(t->row[i] + v, n, full) + change, n, full); \
  } while (0)
  ALONG(j->dim, BODY);
#undef BODY
}

void NAME(words_step)(const words_job *j, const words_task *t, words_scratch *s) {
  if (j->together) rows_together(j, t, s);
  else separate_rows(j, t, s);
}
