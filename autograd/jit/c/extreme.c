/* The gradient of z, the largest (or smallest) of x over outer and inner: g, shared evenly by those equal
 * to z. x and dx are (outer, kept, inner, columns), z and g (kept, columns). */
static void extreme_backward(const real *x, const real *z, const real *g, real *dx, int64_t outer,
                             int64_t kept, int64_t inner, int64_t columns) {
  for (int64_t k = 0; k < kept; k++)
    for (int64_t c = 0; c < columns; c++, z++, g++) {
      int64_t count = 0;
      for (int64_t i = 0; i < outer * inner; i++)
        count += x[((i / inner * kept + k) * inner + i % inner) * columns + c] == *z;
      for (int64_t i = 0; i < outer * inner; i++) {
        const int64_t at = ((i / inner * kept + k) * inner + i % inner) * columns + c;
        dx[at] = x[at] == *z ? *g / (real)count : count ? 0 : (real)NAN;
      }
    }
}
