/* y[o, i, :] = x[o, index[i], :], of x (outer, size, inner) and y (outer, n, inner). */
static void gather_rows(const real *x, const int64_t *index, real *y, int64_t outer, int64_t size,
                        int64_t inner, int64_t n) {
  for (int64_t o = 0; o < outer; o++, x += size * inner)
    for (int64_t i = 0; i < n; i++, y += inner) {
      assert(index[i] >= 0 && index[i] < size);
      memcpy(y, x + index[i] * inner, (size_t)inner * sizeof(real));
    }
}

/* y[o, i, c] = x[o, index[o, i, c], c] */
static void gather_elements(const real *x, const int64_t *index, real *y, int64_t outer, int64_t size,
                            int64_t inner, int64_t n) {
  for (int64_t o = 0; o < outer; o++, x += size * inner)
    for (int64_t i = 0; i < n; i++)
      for (int64_t c = 0; c < inner; c++, index++) {
        assert(*index >= 0 && *index < size);
        *y++ = x[*index * inner + c];
      }
}

/* x[o, index[i], :] += y[o, i, :] */
static void add_to_rows(real *x, const int64_t *index, const real *y, int64_t outer, int64_t size,
                        int64_t inner, int64_t n) {
  for (int64_t o = 0; o < outer; o++, x += size * inner)
    for (int64_t i = 0; i < n; i++, y += inner) {
      assert(index[i] >= 0 && index[i] < size);
      for (int64_t c = 0; c < inner; c++) x[index[i] * inner + c] += y[c];
    }
}

/* x[o, index[o, i, c], c] += y[o, i, c] */
static void add_to_elements(real *x, const int64_t *index, const real *y, int64_t outer, int64_t size,
                            int64_t inner, int64_t n) {
  for (int64_t o = 0; o < outer; o++, x += size * inner)
    for (int64_t i = 0; i < n; i++)
      for (int64_t c = 0; c < inner; c++, index++) {
        assert(*index >= 0 && *index < size);
        x[*index * inner + c] += *y++;
      }
}
