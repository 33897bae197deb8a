/* q (outer, heads, L, E), k (.., S, E), v (.., S, V), y (.., L, V) and the mask (outer, heads, L, S): the strides
 * of q, k, v and y (and then of their gradients) in all dimensions but the last, those of the mask in all. */
typedef struct {
  int64_t outer, heads, L, S, E, V, causal, mask_kind; /* 1 bool, 2 real */
  int64_t q[3], k[3], v[3], y[3], mask[4], g[3], dq[3], dk[3], dv[3];
} attention_shape;

/* Where row i of a head begins. */
static int64_t row_of(const int64_t *strides, int64_t outer, int64_t head, int64_t i) {
  return outer * strides[0] + head * strides[1] + i * strides[2];
}

/* Of query i and key j: -infinity where the mask or the order of time forbids it. */
static real score(const attention_shape *n, const real *q, const real *k, const void *mask, int64_t outer,
                  int64_t head, int64_t i, int64_t j, double scale) {
  if (n->causal && j > i) return -INFINITY;
  const int64_t at = row_of(n->mask, outer, head, i) + j * n->mask[3];
  if (n->mask_kind == 1 && !((const uint8_t *)mask)[at]) return -INFINITY;
  const real s =
      dot(n->E, q + row_of(n->q, outer, head, i), 1, k + row_of(n->k, outer, head, j), 1) * (real)scale;
  return n->mask_kind == 2 ? s + ((const real *)mask)[at] : s;
}

/* y = softmax(scale q k^T + mask) v, corrected as keys come. Kept are each row's maximum and 1 / sum. */
static void attention(const real *q, const real *k, const real *v, const void *mask, real *y, real *kept,
                      attention_shape n, double scale) {
  for (int64_t row = 0; row < n.outer * n.heads * n.L; row++) {
    const int64_t outer = row / n.L / n.heads, head = row / n.L % n.heads, i = row % n.L;
    real *to = y + row_of(n.y, outer, head, i), top = -INFINITY, sum = 0;
    for (int64_t c = 0; c < n.V; c++) to[c] = 0;
    for (int64_t j = 0; j < n.S; j++) {
      const real s = score(&n, q, k, mask, outer, head, i, j, scale);
      if (s == -INFINITY) continue;
      const real before = s > top ? exp(top - s) : 1, p = s > top ? 1 : exp(s - top);
      const real *of = v + row_of(n.v, outer, head, j);
      top = s > top ? s : top, sum = sum * before + p;
      for (int64_t c = 0; c < n.V; c++) to[c] = to[c] * before + p * of[c];
    }
    const real weight = sum == 0 ? 0 : 1 / sum;
    for (int64_t c = 0; c < n.V; c++) to[c] *= weight;
    kept[row] = top, kept[n.outer * n.heads * n.L + row] = weight;
  }
}

/* The gradients of attention in q, k and v, any of which may be NULL. */
static void attention_backward(const real *q, const real *k, const real *v, const void *mask, const real *y,
                               const real *kept, const real *g, real *dq, real *dk, real *dv,
                               attention_shape n, double scale) {
  for (int64_t u = 0; u < n.outer * n.heads; u++) {
    const int64_t outer = u / n.heads, head = u % n.heads;
    for (int64_t j = 0; j < n.S; j++) {
      for (int64_t c = 0; dk && c < n.E; c++) dk[row_of(n.dk, outer, head, j) + c] = 0;
      for (int64_t c = 0; dv && c < n.V; c++) dv[row_of(n.dv, outer, head, j) + c] = 0;
    }
    for (int64_t i = 0; i < n.L; i++) {
      const int64_t at_q = row_of(n.q, outer, head, i), at_dq = row_of(n.dq, outer, head, i);
      const real *of_g = g + row_of(n.g, outer, head, i), top = kept[u * n.L + i];
      const real weight = kept[(n.outer * n.heads + u) * n.L + i];
      const real delta = dot(n.V, of_g, 1, y + row_of(n.y, outer, head, i), 1);
      for (int64_t c = 0; dq && c < n.E; c++) dq[at_dq + c] = 0;
      for (int64_t j = 0; j < n.S; j++) {
        const real s = score(&n, q, k, mask, outer, head, i, j, scale);
        if (s == -INFINITY) continue;
        const int64_t at_k = row_of(n.k, outer, head, j), at_v = row_of(n.v, outer, head, j);
        const int64_t at_dk = row_of(n.dk, outer, head, j), at_dv = row_of(n.dv, outer, head, j);
        const real p = exp(s - top) * weight, ds = p * (dot(n.V, of_g, 1, v + at_v, 1) - delta) * (real)scale;
        for (int64_t c = 0; dq && c < n.E; c++) dq[at_dq + c] += ds * k[at_k + c];
        for (int64_t c = 0; dk && c < n.E; c++) dk[at_dk + c] += ds * q[at_q + c];
        for (int64_t c = 0; dv && c < n.V; c++) dv[at_dv + c] += p * of_g[c];
      }
    }
  }
}
