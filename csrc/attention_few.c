/* KG_ATTENTION of few queries, as when a text is written word by word: k and v are read once, bound by memory.
 * A lane is a key here: VL dot products at a time, whose vectors of sums are transposed and added up. */
#include "attention.h"

/* s (count, up to whole vectors) = q (whole vectors) k^T; 0 behind them. */
static void dot_products(real *s, const real *q, const real *k, int64_t row, int64_t e, int64_t count) {
  const int64_t whole = e / VL * VL;
  for (int64_t i = 0; i < count; i += VL, k += VL * row) {
    vec sums[VL];
#pragma GCC unroll 16
    for (int l = 0; l < VL; l++) {
      vec sum = splat(0);
      if (i + l < count) {
        for (int64_t c = 0; c < whole; c += VL) sum += load(q + c) * load(k + l * row + c);
        if (whole < e) sum += load(q + whole) * load_n(k + l * row + whole, e - whole);
      }
      sums[l] = sum;
    }
    transpose(sums);
    vec total = sums[0];
#pragma GCC unroll 16
    for (int l = 1; l < VL; l++) total += sums[l];
    store(s + i, total);
  }
}

void NAME(attention_few)(void *job, int64_t begin, int64_t end, int worker) {
  const attention_job *j = job;
  real *q = (real *)(j->scratch + worker * j->slice), *s = q + j->pitch_e;
  const epilogue plain = {0};
  for (int64_t row = begin; row < end; row++) {
    const int64_t query = row % j->queries, unit = row / j->queries, outer = unit / j->heads;
    const int64_t head = unit % j->heads, count = seen(j, query), whole = whole_vectors(count);
    const real *x = j->q + at(j->at_q, outer, head, query), *k = j->k + at(j->at_k, outer, head, 0);
    for (int64_t c = 0; c < j->pitch_e; c += VL) store(q + c, load_filled(x + c, j->e - c, 0) * j->scale);
    dot_products(s, q, k, j->at_k.row, j->e, count);
    const int64_t start = at(j->at_mask, outer, head, query);
    for (int64_t i = 0; i < count && j->mask_kind; i++) {
      const real number = mask_number(j->mask, start + i * j->mask_column, j->mask_kind);
      s[i] = masked(splat(s[i]), splat(number), j->mask_kind)[0];
    }
    for (int64_t i = count; i < whole; i++) s[i] = -(real)INFINITY;
    vec most = splat(-R(FLT_MAX, DBL_MAX)), sums = splat(0);
    for (int64_t i = 0; i < whole; i += VL) most = greater_of(load(s + i), most);
    const real top = maximum_of_lanes(most);
    for (int64_t i = 0; i < whole; i += VL) {
      const vec p = exp_below(load(s + i) - top);
      store(s + i, p), sums += p;
    }
    const real sum = sum_of_lanes(sums), weight = sum == 0 ? 0 : 1 / sum;
    j->top[row] = top, j->weight[row] = weight;
    real *y = j->y + at(j->at_y, outer, head, query);
    const real *v = j->v + at(j->at_v, outer, head, 0);
    if (sum != 0) NAME(vector_product)(j->v_width, count, s, 1, v, j->at_v.row, 1, y, plain);
    for (int64_t c = 0; c < j->v_width; c++) y[c] = sum == 0 ? 0 : y[c] * weight;
  }
}
