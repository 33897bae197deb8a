/* What attention does to a panel of queries besides products: packing, masks, the order of time. */
#include "attention.h"

attention_job NAME(attention_of)(const kg_instruction *in) {
  const int64_t *s = in->sizes;
  attention_job j = {.q = in->args[0], .k = in->args[1], .v = in->args[2], .mask = in->args[3]};
  j.outer = s[0], j.heads = s[1], j.queries = s[2], j.keys = s[3], j.e = s[4], j.v_width = s[5];
  j.causal = (int)s[6], j.mask_kind = j.mask ? (int)s[7] : NO_MASK;
  apart *each[] = {&j.at_q, &j.at_k, &j.at_v, &j.at_y, &j.at_mask};
  for (int i = 0; i < 5; i++) *each[i] = (apart){s[8 + 3 * i], s[9 + 3 * i], s[10 + 3 * i]};
  j.mask_column = s[23];
  j.scale = (real)in->values[0];
  j.pitch_e = whole_vectors(j.e), j.pitch_v = whole_vectors(j.v_width);
  return j;
}

void NAME(attention_pack)(real *to, const real *x, int64_t row, int64_t n, int64_t width, real scale) {
  for (int64_t i = 0; i < NR; i += VL)
    for (int64_t c = 0; c < width; c += VL) {
      const int64_t rows = n - i < 0 ? 0 : n - i, columns = width - c < VL ? width - c : VL;
      transpose_tile(to + c * NR + i, NR, x + (rows ? i * row : 0) + c, row, rows, columns);
    }
  for (int64_t i = 0; i < width * NR && scale != 1; i += VL) store(to + i, load(to + i) * scale);
}

void NAME(attention_unpack)(real *y, int64_t row, int64_t n, int64_t width, const real *from, real *tile) {
  for (int64_t i = 0; i < n; i += VL)
    for (int64_t c = 0; c < width; c += VL) {
      const int64_t rows = n - i < VL ? n - i : VL, columns = width - c < VL ? width - c : VL;
      transpose_tile(tile, VL, from + c * NR + i, NR, columns, VL);
      for (int64_t r = 0; r < rows; r++) store_first(y + (i + r) * row + c, load(tile + r * VL), columns);
    }
}

INLINE void apply_mask(const attention_job *j, int64_t start, int64_t n, int64_t count, real *s,
                       int64_t pitch, const int kind) {
  const int64_t row = j->at_mask.row, column = j->mask_column;
  if (!row) { /* the same for all queries */
    for (int64_t c = 0; c < count; c++, s += pitch) {
      const vec m = splat(mask_number(j->mask, start + c * column, kind));
      store(s, masked(load(s), m, kind)), store(s + VL, masked(load(s + VL), m, kind));
    }
    return;
  }
  real numbers[VL * VL], turned[VL * VL];
  memset(numbers, 0, sizeof numbers);
  for (int64_t c = 0; c < count; c += VL)
    for (int64_t i = 0; i < n; i += VL) {
      const int64_t rows = n - i < VL ? n - i : VL, columns = count - c < VL ? count - c : VL;
      const int64_t first = start + i * row + c * column;
      for (int64_t r = 0; r < rows; r++)
        if (column == 1 && columns == VL)
          for (int64_t l = 0; l < VL; l++)
            numbers[r * VL + l] = mask_number(j->mask, first + r * row + l, kind);
        else
          for (int64_t l = 0; l < columns; l++)
            numbers[r * VL + l] = mask_number(j->mask, first + r * row + l * column, kind);
      transpose_tile(turned, VL, numbers, VL, rows, columns);
      for (int64_t l = 0; l < columns; l++) {
        real *to = s + (c + l) * pitch + i;
        store(to, masked(load(to), load(turned + l * VL), kind));
      }
    }
}

void NAME(attention_limit)(const attention_job *j, int64_t outer, int64_t head, int64_t query, int64_t n,
                           int64_t key, int64_t count, real *s, int64_t pitch) {
  const int64_t start = at(j->at_mask, outer, head, query) + key * j->mask_column;
  if (j->mask_kind == BOOL_MASK) apply_mask(j, start, n, count, s, pitch, BOOL_MASK);
  if (j->mask_kind == REAL_MASK) apply_mask(j, start, n, count, s, pitch, REAL_MASK);
  if (!j->causal || key + count <= query + 1) return;
  const vec never = splat(-(real)INFINITY);
  for (int64_t c = query + 1 > key ? query + 1 - key : 0; c < count; c++) { /* key + c is later than some */
    real *to = s + c * pitch;
    const int64_t later = key + c - query;
    store(to, choose(first_lanes(later), never, load(to)));
    store(to + VL, choose(first_lanes(later - VL), never, load(to + VL)));
  }
}
