/* KG_ATTENTION: scaled dot-product attention without a matrix of all scores (Dao et al., "FlashAttention",
 * 2022; the softmax that is corrected as it goes: Milakov and Gimelshein, 2018).
 *
 * Formula   y = p v,  p = exp(s - top) weight,  s = scale q k^T + mask,  top = max s,  weight = 1 / sum exp(s - top)
 *           over the keys; 0 where a query may look at none. top and weight are kept for the backward pass,
 *           rather than their one log-sum-exp: that could not tell rows of very large scores apart.
 * Shapes    see kernels.h; q, k, v, y of any strides but the last
 * Passes    a group of panels shares a block of keys: scores, their exponentials and what these make of v, in
 *           the nearest caches. In causal attention a panel stops at its last query.
 *           Few queries (a text that is written) would leave most lanes empty: see attention_few.c.
 * Threads   groups are cut among them: the result does not depend on how many there are. */
#include "attention.h"

enum { GROUP = 4 };

typedef struct {
  real *q, *y, *top, *sum; /* (e, NR), (v_width, NR), (NR), (NR) */
} panel;

INLINE int64_t panel_reals(const attention_job *j) { return (j->e + j->v_width + 2) * NR; }

INLINE panel panel_of(const attention_job *j, real *memory, int64_t i) {
  real *q = memory + i * panel_reals(j), *y = q + j->e * NR, *top = y + j->v_width * NR;
  return (panel){q, y, top, top + NR};
}

/* Exponentials of scores s (count, NR), in place; top, sum and y of the panel are made to fit. */
static void soften(panel p, real *s, int64_t count, int first) {
  vec a = load(p.top), b = load(p.top + VL), c = a, d = b;
  const vec old_a = a, old_b = b;
  int64_t i = 0;
  for (; i + 2 <= count; i += 2) {
    const real *at = s + i * NR;
    a = greater_of(load(at), a), b = greater_of(load(at + VL), b);
    c = greater_of(load(at + NR), c), d = greater_of(load(at + NR + VL), d);
  }
  if (i < count) a = greater_of(load(s + i * NR), a), b = greater_of(load(s + i * NR + VL), b);
  a = greater_of(a, c), b = greater_of(b, d);
  store(p.top, a), store(p.top + VL, b);
  c = exp_below(old_a - a), d = exp_below(old_b - b);
  vec sum_a = load(p.sum) * c, sum_b = load(p.sum + VL) * d;
  if (!first && any((c != 1) | (d != 1)))
    for (real *y = p.y; y < p.top; y += NR) store(y, load(y) * c), store(y + VL, load(y + VL) * d);
  for (real *at = s; at < s + count * NR; at += NR) {
    c = exp_below(load(at) - a), d = exp_below(load(at + VL) - b);
    store(at, c), store(at + VL, d);
    sum_a += c, sum_b += d;
  }
  store(p.sum, sum_a), store(p.sum + VL, sum_b);
}

static void finish_panel(const attention_job *j, panel p, int64_t outer, int64_t head, int64_t query,
                         int64_t n, real *tile) {
  const int64_t row = (outer * j->heads + head) * j->queries + query;
  for (int64_t i = 0; i < NR; i += VL) {
    const vec sum = load(p.sum + i);
    const mask blind = sum == 0;
    const vec weight = choose(blind, splat(0), 1 / sum);
    for (int64_t c = 0; c < j->v_width; c++) {
      real *y = p.y + c * NR + i;
      store(y, choose(blind, splat(0), load(y) * weight));
    }
    if (i >= n) continue;
    store_first(j->top + row + i, load(p.top + i), n - i);
    store_first(j->weight + row + i, weight, n - i);
  }
  NAME(attention_unpack)(j->y + at(j->at_y, outer, head, query), j->at_y.row, n, j->v_width, p.y, tile);
}

static void attend(void *context, int64_t begin, int64_t end, int worker) {
  const attention_job *j = context;
  real *panels = (real *)(j->scratch + worker * j->slice), *s = panels + GROUP * panel_reals(j);
  const int64_t length = j->group * NR;
  for (int64_t item = begin; item < end; item++) {
    const int64_t unit = item / j->groups, outer = unit / j->heads, head = unit % j->heads;
    int64_t place =
        item % j->groups; /* early and late ones in turn: in causal attention late ones are long */
    place = place & 1 ? j->groups - 1 - place / 2 : place / 2;
    const int64_t query = place * length, n = j->queries - query < length ? j->queries - query : length;
    const real *q = j->q + at(j->at_q, outer, head, query);
    for (int64_t i = 0; i < n; i += NR) {
      panel p = panel_of(j, panels, i / NR);
      NAME(attention_pack)(p.q, q + i * j->at_q.row, j->at_q.row, n - i, j->e, j->scale);
      for (int64_t l = 0; l < NR; l++) p.top[l] = -R(FLT_MAX, DBL_MAX), p.sum[l] = 0;
    }
    const int64_t last = seen(j, query + n - 1);
    for (int64_t key = 0; key < last; key += KEYS) {
      const real *k = j->k + at(j->at_k, outer, head, key), *v = j->v + at(j->at_v, outer, head, key);
      for (int64_t i = 0; i < n; i += NR) {
        const int64_t rows = n - i < NR ? n - i : NR, left = seen(j, query + i + rows - 1) - key;
        const int64_t count = left < KEYS ? left : KEYS;
        if (count <= 0) continue;
        panel p = panel_of(j, panels, i / NR);
        NAME(attention_product)(count, j->e, k, j->at_k.row, 1, p.q, NR, s, NR, 2, 0);
        NAME(attention_limit)(j, outer, head, query + i, rows, key, count, s, NR);
        soften(p, s, count, key == 0);
        NAME(attention_product)(j->v_width, count, v, 1, j->at_v.row, s, NR, p.y, NR, 2, key > 0);
      }
    }
    for (int64_t i = 0; i < n; i += NR)
      finish_panel(j, panel_of(j, panels, i / NR), outer, head, query + i, n - i < NR ? n - i : NR, s);
  }
}

static int64_t slice_of(const attention_job *j) {
  const int64_t panels = GROUP * panel_reals(j) + KEYS * NR, row = j->pitch_e + whole_vectors(j->keys);
  return ((j->queries > FEW ? panels : row) * (int64_t)sizeof(real) + 4095) / 4096 * 4096 + 64;
}

int64_t NAME(attention_workspace)(const kg_instruction *in) {
  const attention_job j = NAME(attention_of)(in);
  return slice_of(&j) * kg_get_threads();
}

int NAME(attention)(const kg_instruction *in) {
  attention_job j = NAME(attention_of)(in);
  if (j.queries < 1 || j.keys < 1 || j.e < 1 || j.v_width < 1) return KG_BAD_ARGUMENT;
  const int64_t units = j.outer * j.heads, row = j.keys * (j.e + j.v_width);
  j.y = in->args[4], j.top = in->args[5], j.weight = j.top + units * j.queries;
  j.scratch = in->workspace, j.slice = slice_of(&j);
  if (j.queries <= FEW) {
    kg_parallel(NAME(attention_few), &j, units * j.queries, 65536 / row + 1);
    return KG_OK;
  }
  const int64_t panels = (j.queries + NR - 1) / NR, threads = kg_get_threads();
  j.group = units * panels / (4 * threads); /* enough groups for all threads */
  j.group = j.group < 1 ? 1 : j.group > GROUP ? GROUP : j.group;
  j.groups = (panels + j.group - 1) / j.group;
  kg_parallel(attend, &j, units * j.groups, 65536 / (j.group * NR * row) + 1);
  return KG_OK;
}
