/* Block `low` of the stream of `seed`: Philox4x32-10 (Salmon, Moraes, Dror, Shaw, "Parallel random
 * numbers: as easy as 1, 2, 3", SC 2011). */
static void philox(uint64_t seed, uint64_t low, uint64_t high, uint32_t words[4]) {
  uint32_t c0 = (uint32_t)low, c1 = (uint32_t)(low >> 32), c2 = (uint32_t)high, c3 = (uint32_t)(high >> 32);
  uint32_t k0 = (uint32_t)seed, k1 = (uint32_t)(seed >> 32);
  for (int round = 0; round < 10; round++, k0 += 0x9E3779B9u, k1 += 0xBB67AE85u) {
    const uint64_t p = (uint64_t)c0 * 0xD2511F53u, q = (uint64_t)c2 * 0xCD9E8D57u;
    c0 = (uint32_t)(q >> 32) ^ c1 ^ k0;
    c2 = (uint32_t)(p >> 32) ^ c3 ^ k1;
    c1 = (uint32_t)q;
    c3 = (uint32_t)p;
  }
  words[0] = c0, words[1] = c1, words[2] = c2, words[3] = c3;
}

/* Words that an element takes, and elements of a block. */
enum { WORDS = sizeof(real) / 4, ELEMENTS = 4 / WORDS };

/* In [0, 1): 24 bits of a word, or 53 of two. */
static real unit(const uint32_t *word) {
  if (WORDS == 1) return (real)(word[0] >> 8) * (real)0x1p-24;
  return (real)(((uint64_t)word[WORDS - 1] << 32 | word[0]) >> 11) * (real)0x1p-53;
}

/* In (0, 1], with a long tail towards 0. */
static real unit_above_zero(const uint32_t *word) {
  if (WORDS == 1) return (real)(word[0] >> 1) * (real)0x1p-31 + (real)0x1p-32;
  return unit(word) + (real)0x1p-54;
}

/* The bits themselves. */
static void random_words(uint32_t *out, int64_t count, uint64_t seed, uint64_t block) {
  uint32_t words[4];
  for (int64_t i = 0; i < count; i++) {
    if (i % 4 == 0) philox(seed, block++, 0, words);
    out[i] = words[i % 4];
  }
}

/* The same in twos, the low half first. */
static void random_long_words(uint64_t *out, int64_t count, uint64_t seed, uint64_t block) {
  uint32_t words[4];
  for (int64_t i = 0; i < count; i++) {
    if (i % 2 == 0) philox(seed, block++, 0, words);
    out[i] = (uint64_t)words[i % 2 * 2 + 1] << 32 | words[i % 2 * 2];
  }
}

/* Uniform in [0, 1). */
static void random_uniform(real *out, int64_t count, uint64_t seed, uint64_t block) {
  uint32_t words[4];
  for (int64_t i = 0; i < count; i++) {
    if (i % ELEMENTS == 0) philox(seed, block++, 0, words);
    out[i] = unit(words + i % ELEMENTS * WORDS);
  }
}

/* Dropout: `scale` with probability `keep`, else 0. */
static void random_mask(real *out, int64_t count, uint64_t seed, uint64_t block, real keep, real scale) {
  uint32_t words[4];
  for (int64_t i = 0; i < count; i++) {
    if (i % ELEMENTS == 0) philox(seed, block++, 0, words);
    out[i] = unit(words + i % ELEMENTS * WORDS) < keep ? scale : 0;
  }
}

/* Normal, two of two (Box and Muller 1958). */
static void random_normal(real *out, int64_t count, uint64_t seed, uint64_t block, double mean, double std) {
  uint32_t words[4];
  for (int64_t i = 0; i < count; i += 2) {
    if (i % ELEMENTS == 0) philox(seed, block++, 0, words);
    const uint32_t *word = words + i % ELEMENTS * WORDS;
    const double radius = std * sqrt(-2 * log((double)unit_above_zero(word)));
    const double angle = 6.28318530717958648 * (double)unit(word + WORDS);
    out[i] = (real)(mean + radius * cos(angle));
    if (i + 1 < count) out[i + 1] = (real)(mean + radius * sin(angle));
  }
}

/* The upper 64 bits of a product, *low the others. */
static uint64_t multiply(uint64_t a, uint64_t b, uint64_t *low) {
  const uint64_t half = 0xffffffffu, bottom = (a & half) * (b & half);
  const uint64_t middle = (a >> 32) * (b & half) + (bottom >> 32),
                 other = (a & half) * (b >> 32) + (middle & half);
  *low = other << 32 | (bottom & half);
  return (a >> 32) * (b >> 32) + (middle >> 32) + (other >> 32);
}

/* first ... first + range - 1, without bias: a word of which too many would give one number is drawn
 * again, from the same block of the next stream (Lemire, ACM TOMACS 29, 2019). */
static void random_integers(int64_t *out, int64_t count, uint64_t seed, uint64_t block, uint64_t first,
                            uint64_t range) {
  const uint64_t rejected_below = (0 - range) % range;
  for (int64_t i = 0; i < count; i++) {
    uint64_t value, low, high = 0;
    do {
      uint32_t words[4];
      philox(seed, block + (uint64_t)i / 2, high++, words);
      value = multiply((uint64_t)words[i % 2 * 2 + 1] << 32 | words[i % 2 * 2], range, &low);
    } while (low < rejected_below);
    out[i] = (int64_t)(first + value);
  }
}
