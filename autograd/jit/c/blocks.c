/* y = x with each element repeated in a block of rows x columns; x (lines, width). */
static void enlarge(const real *x, real *y, int64_t lines, int64_t width, int64_t rows, int64_t columns) {
  for (int64_t line = 0; line < lines; line++, x += width)
    for (int64_t r = 0; r < rows; r++)
      for (int64_t i = 0; i < width; i++)
        for (int64_t c = 0; c < columns; c++) *y++ = x[i];
}

/* x (lines, width) = the sums of the blocks of y. */
static void block_sums(real *x, const real *y, int64_t lines, int64_t width, int64_t rows, int64_t columns) {
  for (int64_t line = 0; line < lines; line++, x += width) {
    for (int64_t i = 0; i < width; i++) x[i] = 0;
    for (int64_t r = 0; r < rows; r++)
      for (int64_t i = 0; i < width; i++)
        for (int64_t c = 0; c < columns; c++) x[i] += *y++;
  }
}
