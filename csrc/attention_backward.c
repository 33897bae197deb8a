/* KG_ATTENTION_BACKWARD: the gradients of KG_ATTENTION in q, k and v.
 *
 * Formula   with p as in attention.c, made again from q, k and what was kept:
 *           dv = p^T g,   ds = p (g v^T - delta),  delta = sum(g y) over a row;
 *           dq = scale ds k,   dk = scale ds^T q      (Dao et al. 2022)
 * Shapes    as of KG_ATTENTION. Any of dq, dk, dv may be NULL.
 * Passes    a group of PANELS panels meets the keys of its head a block at a time: of ds it makes dq in scratch,
 *           and with p it adds to dk and dv, which stay in the caches. One pass: five products.
 * Threads   heads are cut among them; where there are too few heads, the groups of each too, whose sums of dk
 *           and dv are added up at the end: from one thread count to another these may differ by rounding. */
#include "attention.h"

enum { PANELS = 4, LONG = PANELS * NR };

/* A group's memory. Transposed: q (e), g (v_width), dq (e), panel after panel; plain: rows of q, of g;
 * p and ds (KEYS, LONG). */
typedef struct {
  real *q, *g, *dq, *rows_q, *rows_g, *p, *ds, *top, *weight, *delta;
} group;

INLINE int64_t group_reals(const attention_job *j) {
  return LONG * (2 * j->e + j->v_width + j->pitch_e + j->pitch_v + 2 * KEYS + 3);
}

INLINE group group_of(const attention_job *j, real *memory) {
  group o;
  o.q = memory, o.g = o.q + j->e * LONG, o.dq = o.g + j->v_width * LONG, o.rows_q = o.dq + j->e * LONG;
  o.rows_g = o.rows_q + LONG * j->pitch_e, o.p = o.rows_g + LONG * j->pitch_v, o.ds = o.p + KEYS * LONG;
  o.top = o.ds + KEYS * LONG, o.weight = o.top + LONG, o.delta = o.weight + LONG;
  return o;
}

/* to (n, pitch) = scale x (n, width); zeros behind the width. */
static void copy_rows(real *to, int64_t pitch, const real *x, int64_t row, int64_t n, int64_t width,
                      real scale) {
  for (int64_t i = 0; i < n; i++)
    for (int64_t c = 0; c < pitch; c += VL)
      store(to + i * pitch + c, load_filled(x + i * row + c, width - c, 0) * scale);
}

/* All that is known of n queries before keys are looked at. Lanes behind the n-th weigh nothing. */
static void begin_group(const attention_job *j, group o, int64_t outer, int64_t head, int64_t query,
                        int64_t n) {
  const real *q = j->q + at(j->at_q, outer, head, query), *g = j->g + at(j->at_g, outer, head, query);
  const real *y = j->out + at(j->at_y, outer, head, query);
  const int64_t row = (outer * j->heads + head) * j->queries + query;
  for (int64_t i = 0; i < n; i += NR) {
    NAME(attention_pack)(o.q + i * j->e, q + i * j->at_q.row, j->at_q.row, n - i, j->e, j->scale);
    NAME(attention_pack)(o.g + i * j->v_width, g + i * j->at_g.row, j->at_g.row, n - i, j->v_width, 1);
  }
  copy_rows(o.rows_q, j->pitch_e, q, j->at_q.row, n, j->e, j->scale);
  copy_rows(o.rows_g, j->pitch_v, g, j->at_g.row, n, j->v_width, 1);
  for (int64_t i = 0; i < LONG; i++) {
    o.top[i] = o.weight[i] = o.delta[i] = 0;
    if (i >= n) continue;
    o.top[i] = j->top[row + i], o.weight[i] = j->weight[row + i];
    vec sum = splat(0);
    for (int64_t c = 0; c < j->v_width; c += VL)
      sum += load(o.rows_g + i * j->pitch_v + c) * load_filled(y + i * j->at_y.row + c, j->v_width - c, 0);
    o.delta[i] = sum_of_lanes(sum);
  }
}

/* p and ds, which come as s and g v^T, of `count` keys and the panel whose lanes begin at `lane`. */
static void weigh(group o, int64_t lane, int64_t count) {
  for (int64_t i = lane; i < lane + NR; i += VL) {
    const vec top = load(o.top + i), weight = load(o.weight + i), delta = load(o.delta + i);
    for (int64_t c = 0; c < count; c++) {
      real *p = o.p + c * LONG + i, *ds = o.ds + c * LONG + i;
      const vec v = exp_below(load(p) - top) * weight;
      store(p, v);
      store(ds, v * (load(ds) - delta));
    }
  }
}

/* sums (count, pitch) += w^T x for w (count, LONG) and n rows of x (n, pitch). */
static void add_rows(const real *w, int64_t count, const real *x, int64_t n, int64_t pitch, real *sums,
                     int64_t row) {
  for (int64_t c = 0; c < pitch; c += NR)
    NAME(attention_product)(count, n, w, LONG, 1, x + c, pitch, sums + c, row, pitch - c > VL ? 2 : 1, 1);
}

/* How many keys of the block from `key` on the panel from `query` on looks at, of n queries. */
INLINE int64_t keys_of(const attention_job *j, int64_t query, int64_t n, int64_t key) {
  const int64_t left = seen(j, query + (n < NR ? n : NR) - 1) - key;
  return left < 0 ? 0 : left < KEYS ? left : KEYS;
}

static void one_group(const attention_job *j, group o, int64_t outer, int64_t head, int64_t query, real *dk,
                      int64_t dk_row, real *dv, int64_t dv_row) {
  const int64_t n = j->queries - query < LONG ? j->queries - query : LONG, last = seen(j, query + n - 1);
  begin_group(j, o, outer, head, query, n);
  for (int64_t key = 0; key < last; key += KEYS) {
    const real *k = j->k + at(j->at_k, outer, head, key), *v = j->v + at(j->at_v, outer, head, key);
    for (int64_t i = 0; i < n; i += NR) {
      const int64_t count = keys_of(j, query + i, n - i, key);
      real *p = o.p + i, *ds = o.ds + i;
      NAME(attention_product)(count, j->e, k, j->at_k.row, 1, o.q + i * j->e, NR, p, LONG, 2, 0);
      NAME(attention_product)(count, j->v_width, v, j->at_v.row, 1, o.g + i * j->v_width, NR, ds, LONG, 2, 0);
      NAME(attention_limit)(j, outer, head, query + i, n - i < NR ? n - i : NR, key, count, p, LONG);
      weigh(o, i, count);
      if (count && j->dq)
        NAME(attention_product)(j->e, count, k, 1, j->at_k.row, ds, LONG, o.dq + i * j->e, NR, 2, key > 0);
    }
    /* In causal attention, the keys that this panel is the first to see. */
    for (int64_t i = 0, from = 0, to; i < n; i += NR, from = to) {
      to = keys_of(j, query + i, n - i, key);
      real *p = o.p + from * LONG + i, *ds = o.ds + from * LONG + i;
      real *g = o.rows_g + i * j->pitch_v, *q = o.rows_q + i * j->pitch_e;
      if (dv) add_rows(p, to - from, g, n - i, j->pitch_v, dv + (key + from) * dv_row, dv_row);
      if (dk) add_rows(ds, to - from, q, n - i, j->pitch_e, dk + (key + from) * dk_row, dk_row);
    }
  }
  if (!j->dq) return;
  real *dq = j->dq + at(j->at_dq, outer, head, query);
  for (int64_t i = 0; i < n; i += NR) {
    for (int64_t c = 0; c < j->e * NR; c += VL)
      store(o.dq + i * j->e + c, load(o.dq + i * j->e + c) * j->scale);
    NAME(attention_unpack)
    (dq + i * j->at_dq.row, j->at_dq.row, n - i < NR ? n - i : NR, j->e, o.dq + i * j->e, o.p);
  }
}

/* Where an item adds up dk and dv: in place where their rows are whole vectors and nobody else adds to them. */
INLINE int in_place(const attention_job *j) {
  return j->parts == 1 && j->pitch_e == j->e && j->pitch_v == j->v_width;
}
INLINE real *sums_of(const attention_job *j, int64_t i) {
  return (real *)j->sums + i * j->keys * (j->pitch_e + j->pitch_v);
}

static void rows_to(real *to, int64_t row, const real *from, int64_t pitch, int64_t n, int64_t width) {
  for (int64_t i = 0; i < n; i++) memcpy(to + i * row, from + i * pitch, (size_t)width * sizeof(real));
}

static void attend_back(void *context, int64_t begin, int64_t end, int worker) {
  const attention_job *j = context;
  const group o = group_of(j, (real *)(j->scratch + worker * j->slice));
  for (int64_t item = begin; item < end; item++) {
    const int64_t unit = item / j->parts, outer = unit / j->heads, head = unit % j->heads;
    real *dk = j->dk ? j->dk + at(j->at_dk, outer, head, 0) : 0, *to_k = dk;
    real *dv = j->dv ? j->dv + at(j->at_dv, outer, head, 0) : 0, *to_v = dv;
    int64_t dk_row = j->at_dk.row, dv_row = j->at_dv.row;
    if (!in_place(j)) {
      real *sums = sums_of(j, j->parts > 1 ? item : worker);
      dk = dk ? sums : 0, dv = dv ? sums + j->keys * j->pitch_e : 0, dk_row = j->pitch_e, dv_row = j->pitch_v;
    }
    for (int64_t i = 0; i < j->keys; i++) {
      if (dk) memset(dk + i * dk_row, 0, (size_t)j->pitch_e * sizeof(real));
      if (dv) memset(dv + i * dv_row, 0, (size_t)j->pitch_v * sizeof(real));
    }
    for (int64_t query = item % j->parts * LONG; query < j->queries; query += j->parts * LONG)
      one_group(j, o, outer, head, query, dk, dk_row, dv, dv_row);
    if (j->parts > 1 || in_place(j)) continue;
    if (dk) rows_to(to_k, j->at_dk.row, dk, dk_row, j->keys, j->e);
    if (dv) rows_to(to_v, j->at_dv.row, dv, dv_row, j->keys, j->v_width);
  }
}

/* Rows of dk and dv, from the sums of all parts. */
static void add_parts(void *context, int64_t begin, int64_t end, int worker) {
  const attention_job *j = context;
  (void)worker;
  for (int64_t i = begin; i < end; i++) {
    const int64_t unit = i / j->keys, key = i % j->keys, outer = unit / j->heads, head = unit % j->heads;
    real *sums = sums_of(j, unit * j->parts), *k = sums + key * j->pitch_e;
    real *v = sums + j->keys * j->pitch_e + key * j->pitch_v;
    for (int64_t part = 1; part < j->parts; part++) {
      const int64_t further = sums_of(j, part) - sums_of(j, 0);
      for (int64_t c = 0; c < j->pitch_e && j->dk; c += VL) store(k + c, load(k + c) + load(k + further + c));
      for (int64_t c = 0; c < j->pitch_v && j->dv; c += VL) store(v + c, load(v + c) + load(v + further + c));
    }
    if (j->dk) rows_to(j->dk + at(j->at_dk, outer, head, key), 0, k, 0, 1, j->e);
    if (j->dv) rows_to(j->dv + at(j->at_dv, outer, head, key), 0, v, 0, 1, j->v_width);
  }
}

/* The job, its parts, and how many bytes all its memory takes. */
static int64_t arrange(const kg_instruction *in, attention_job *job) {
  attention_job j = NAME(attention_of)(in);
  const int64_t *s = in->sizes + 24, threads = kg_get_threads(), units = j.outer * j.heads;
  apart *each[] = {&j.at_g, &j.at_dq, &j.at_dk, &j.at_dv};
  for (int i = 0; i < 4; i++) *each[i] = (apart){s[3 * i], s[3 * i + 1], s[3 * i + 2]};
  j.out = in->args[4], j.top = in->args[5], j.weight = j.top + units * j.queries, j.g = in->args[6];
  j.dq = in->args[7], j.dk = in->args[8], j.dv = in->args[9];
  const int64_t groups = (j.queries + LONG - 1) / LONG;
  for (j.parts = 1; units * j.parts % threads && units * j.parts < 4 * threads;) j.parts++;
  if (j.parts > groups) j.parts = groups;
  j.slice = (group_reals(&j) * (int64_t)sizeof(real) + 4095) / 4096 * 4096 + 64;
  *job = j;
  const int64_t sums = in_place(&j) ? 0 : j.parts > 1 ? units * j.parts : threads;
  return j.slice * threads + sums * j.keys * (j.pitch_e + j.pitch_v) * (int64_t)sizeof(real);
}

int64_t NAME(attention_backward_workspace)(const kg_instruction *in) {
  attention_job j;
  return arrange(in, &j);
}

int NAME(attention_backward)(const kg_instruction *in) {
  attention_job j;
  arrange(in, &j);
  j.scratch = in->workspace, j.sums = j.scratch + j.slice * kg_get_threads();
  if (j.queries < 1 || j.keys < 1 || j.e < 1 || j.v_width < 1) return KG_BAD_ARGUMENT;
  const int64_t units = j.outer * j.heads, work = j.queries * j.keys * (j.e + j.v_width) / j.parts;
  kg_parallel(attend_back, &j, units * j.parts, 32768 / (work + 1) + 1);
  if (j.parts > 1) kg_parallel(add_parts, &j, units * j.keys, 32768 / (j.e + j.v_width) + 1);
  return KG_OK;
}
