/* Counter-based random numbers: Philox4x32-10 (Salmon, Moraes, Dror, Shaw, "Parallel random numbers: as
 * easy as 1, 2, 3", SC 2011).
 *
 * A block is four 32-bit words, a pure function of a 64-bit key (the seed) and a 128-bit counter, so any
 * element can be made by any thread or vector lane and is the same. Block b of a draw has the counter
 * (counter_low + b, counter_high). The stream's words are those of the blocks in turn; a float32 element
 * takes one word, a float64 or int64 element two (the low half first):
 *   words      the bits themselves
 *   uniform    (word >> 8) 2^-24, (word >> 11) 2^-53: in [0, 1), each value exact
 *   normal     mean + std z, where Box and Muller (1958) turn words 2i and 2i + 1 into two z:
 *              sqrt(-2 log u) cos(2 pi t), sqrt(-2 log u) sin(2 pi t), u in (0, 1], t uniform
 *   mask       uniform < keep ? scale : 0 (dropout)
 *   integers   low + floor(word range / 2^64), without bias: Lemire's test (ACM TOMACS 29, 2019) rejects
 *              a word with probability < range / 2^64, and the element then takes its word from the block
 *              of the same counter_low and the next counter_high
 *
 * out: contiguous, any alignment. Threads cut the blocks; the numbers do not depend on the cut. */
#include "parallel.h"
#include "simd.h"

#if KG_REAL == 64
typedef uint64_t word;
enum { MANTISSA = 52 };
#else
typedef uint32_t word;
enum { MANTISSA = 23 };
#endif
enum { BLOCKS = VBYTES / 8 }; /* made at once: one in each 64-bit lane; they fill two vectors of words */

typedef word words __attribute__((vector_size(VBYTES)));

enum { WORDS, UNIFORM, NORMAL, MASK, INTEGERS };

typedef struct {
  void *out;
  int64_t count;
  uint64_t key, low, high;
  int kind;
  real mean_or_keep, std_or_scale;
  uint64_t first, range; /* INTEGERS: the lowest, and how many */
} draw;

/* Words 0, 2, 4 ... and 1, 3, 5 ... of BLOCKS blocks. The lanes' high halves hold rubbish until the end:
 * nothing moves down from them but through the products, which ignore them. */
static inline void philox(uint64_t key, uint64_t low, uint64_t high, words *even, words *odd) {
  wide counter;
  for (int i = 0; i < BLOCKS; i++) counter[i] = low + (uint64_t)i;
  wide c0 = counter, c1 = counter >> 32, c2 = high + (wide){0}, c3 = (high >> 32) + (wide){0};
  uint32_t k0 = (uint32_t)key, k1 = (uint32_t)(key >> 32);
  for (int round = 0; round < 10; round++) {
    wide p = multiply_low_halves(c0, 0xD2511F53u), q = multiply_low_halves(c2, 0xCD9E8D57u);
    c0 = (q >> 32) ^ c1 ^ k0;
    c2 = (p >> 32) ^ c3 ^ k1;
    c1 = q;
    c3 = p;
    k0 += 0x9E3779B9u;
    k1 += 0xBB67AE85u;
  }
  const uint64_t half = 0xffffffffu;
#if KG_REAL == 64
  *even = (c0 & half) | c1 << 32;
  *odd = (c2 & half) | c3 << 32;
#else
  *even = (words)((c0 & half) | c2 << 32);
  *odd = (words)((c1 & half) | c3 << 32);
#endif
}

static inline vec from_bits(words w) { return (vec)w; }
static inline words to_bits(vec v) { return (words)v; }

/* In [0, 1), as wide as the mantissa. */
static inline vec uniform(words w) {
#if KG_REAL == 64
  /* By halves, each made exact in the mantissa of 2^52: no ISA but AVX-512 converts 64-bit integers. */
  const vec base = splat(0x1p52);
  vec upper = from_bits(w >> 32 | to_bits(base)) - base;
  vec lower = from_bits((w >> 11 & 0x1fffff) | to_bits(base)) - base;
  return upper * 0x1p-32 + lower * 0x1p-53;
#else
  return __builtin_convertvector((mask)(w >> 8), vec) * 0x1p-24f;
#endif
}

/* In (0, 1], with as long a tail towards zero as the word allows. */
static inline vec uniform_above_zero(words w) {
#if KG_REAL == 64
  return uniform(w) + 0x1p-54;
#else
  return __builtin_convertvector((mask)(w >> 1), vec) * 0x1p-31f + 0x1p-32f;
#endif
}

/* x -> c[0] + c[1] x + ... + c[n-1] x^(n-1) */
static inline vec polynomial(vec x, const real *c, int n) {
  vec y = splat(c[n - 1]);
  for (int i = n - 2; i >= 0; i--) y = y * x + c[i];
  return y;
}

/* log x of normal x > 0: x = 2^e m with m in [sqrt(1/2), sqrt 2), log m = 2 atanh((m - 1) / (m + 1)). */
static inline vec logarithm(vec x) {
  static const real series[] = {2,       2. / 3,  2. / 5,  2. / 7,  2. / 9, /* as many as float32 needs */
                                2. / 11, 2. / 13, 2. / 15, 2. / 17, 2. / 19, 2. / 21};
  const vec root_half = splat((real)0.70710678118654752), base = splat((real)1.5 * ((word)1 << MANTISSA));
  mask exponent = (mask)(to_bits(x) - to_bits(root_half)) >> MANTISSA;
  vec m = from_bits(to_bits(x) - ((words)exponent << MANTISSA));
  vec e = from_bits(to_bits(base) + (words)exponent) - base;
  vec s = (m - 1) / (m + 1);
  return e * (real)0.69314718055994531 + s * polynomial(s * s, series, KG_REAL == 64 ? 11 : 5);
}

/* cos and sin of 2 pi t, t in [0, 1): a quarter turn is taken off exactly, the rest is a Taylor series on
 * [-pi/4, pi/4]. */
static inline void turn(vec t, vec *cosine, vec *sine) {
  enum { TERMS = KG_REAL == 64 ? 9 : 5 };
  static const real c[] = {1,
                           -1. / 2,
                           1. / 24,
                           -1. / 720,
                           1. / 40320,
                           -1. / 3628800,
                           1. / 479001600,
                           -1. / 87178291200,
                           1. / 20922789888000};
  static const real s[] = {1,
                           -1. / 6,
                           1. / 120,
                           -1. / 5040,
                           1. / 362880,
                           -1. / 39916800,
                           1. / 6227020800,
                           -1. / 1307674368000,
                           1. / 355687428096000};
  const vec base = splat((real)1.5 * ((word)1 << MANTISSA));
  vec shifted = t * 4 + base; /* rounds to the nearest integer, which stands in the lowest bits */
  words quarter = to_bits(shifted);
  vec x = (t - (shifted - base) * (real)0.25) * (real)6.28318530717958648, square = x * x;
  vec near_cos = polynomial(square, c, TERMS);
  vec near_sin = x * polynomial(square, s, TERMS);
  words swap = -(quarter & 1);
  const int sign = sizeof(real) * 8 - 2; /* shifts bit 1 into the sign */
  words cos_sign = ((quarter + 1) & 2) << sign, sin_sign = (quarter & 2) << sign;
  *cosine = from_bits(((to_bits(near_sin) & swap) | (to_bits(near_cos) & ~swap)) ^ cos_sign);
  *sine = from_bits(((to_bits(near_cos) & swap) | (to_bits(near_sin) & ~swap)) ^ sin_sign);
}

static inline vec square_root(vec x) {
  for (int i = 0; i < VL; i++)
    x[i] = KG_REAL == 64 ? (real)__builtin_sqrt(x[i]) : (real)__builtin_sqrtf((float)x[i]);
  return x;
}

/* Store elements 2i from `even` and 2i + 1 from `odd` as the stream has them; n of the 2 VL are wanted. */
static inline void store_stream(real *out, vec even, vec odd, int64_t n) {
  vec first = interleave_low(even, odd), last = interleave_high(even, odd);
  if (n >= 2 * VL) {
    store(out, first);
    store(out + VL, last);
  } else {
    store_n(out, first, n < VL ? n : VL);
    if (n > VL) store_n(out + VL, last, n - VL);
  }
}

/* kind is a constant where this is called, so each kind has a loop of its own. */
static inline void elements(const draw *d, int kind, int64_t begin, int64_t end) {
  for (int64_t step = begin; step < end; step++) {
    words even, odd;
    philox(d->key, d->low + (uint64_t)(step * BLOCKS), d->high, &even, &odd);
    vec a, b;
    if (kind == WORDS) {
      a = (vec)even;
      b = (vec)odd;
    } else if (kind == NORMAL) {
      vec cosine, sine, radius = square_root(logarithm(uniform_above_zero(even)) * -2) * d->std_or_scale;
      turn(uniform(odd), &cosine, &sine);
      a = d->mean_or_keep + radius * cosine;
      b = d->mean_or_keep + radius * sine;
    } else {
      a = uniform(even);
      b = uniform(odd);
      if (kind == MASK) {
        a = (vec)((mask)splat(d->std_or_scale) & (a < d->mean_or_keep));
        b = (vec)((mask)splat(d->std_or_scale) & (b < d->mean_or_keep));
      }
    }
    store_stream((real *)d->out + step * 2 * VL, a, b, d->count - step * 2 * VL);
  }
}

#if KG_REAL == 64
/* floor(word range / 2^64); the low half of the product tells whether the word must be rejected. */
static inline uint64_t scaled(uint64_t word, uint64_t range, uint64_t *low_half) {
  unsigned __int128 product = (unsigned __int128)word * range;
  *low_half = (uint64_t)product;
  return (uint64_t)(product >> 64);
}

/* `first` added, for a range below 2^32: word range / 2^32 is the sum of two products of 64 bits, whose upper
 * half is the number. *doubtful where the lower half is 0, as where the word may have to be rejected. */
static inline words scaled_words(words w, uint32_t range, uint64_t first, mask *doubtful) {
  words sum = multiply_low_halves(w >> 32, range) + (multiply_low_halves(w, range) >> 32);
  *doubtful |= (mask)((sum & 0xffffffffu) == 0);
  return (sum >> 32) + first;
}

static void integers(const draw *d, int64_t begin, int64_t end) {
  const uint64_t rejected_below = -d->range % d->range; /* 2^64 mod range */
  int64_t *out = d->out;
  for (int64_t step = begin; step < end; step++) {
    words pair[2];
    uint64_t low = d->low + (uint64_t)(step * BLOCKS), low_half;
    philox(d->key, low, d->high, &pair[0], &pair[1]);
    if (d->range >> 32 == 0) {
      mask doubtful = {0};
      words even = scaled_words(pair[0], (uint32_t)d->range, d->first, &doubtful);
      words odd = scaled_words(pair[1], (uint32_t)d->range, d->first, &doubtful);
      if (!any(doubtful)) {
        store_stream((real *)out + step * 2 * VL, (vec)even, (vec)odd, d->count - step * 2 * VL);
        continue;
      }
    }
    for (int64_t i = 0; i < 2 * VL && step * 2 * VL + i < d->count; i++) {
      uint64_t value = scaled(pair[i & 1][i >> 1], d->range, &low_half);
      for (uint64_t attempt = 1; low_half < rejected_below; attempt++) {
        words again[2];
        philox(d->key, low, d->high + attempt, &again[0], &again[1]);
        value = scaled(again[i & 1][i >> 1], d->range, &low_half);
      }
      out[step * 2 * VL + i] = (int64_t)(d->first + value);
    }
  }
}
#endif

static void body(void *context, int64_t begin, int64_t end, int worker) {
  const draw *d = context;
  (void)worker;
  switch (d->kind) {
    case WORDS: elements(d, WORDS, begin, end); break;
    case UNIFORM: elements(d, UNIFORM, begin, end); break;
    case NORMAL: elements(d, NORMAL, begin, end); break;
    case MASK: elements(d, MASK, begin, end); break;
#if KG_REAL == 64
    case INTEGERS: integers(d, begin, end); break;
#endif
  }
}

int NAME(random)(const kg_instruction *in) {
  const int64_t *n = in->sizes;
  draw d = {.out = in->args[0],
            .kind = (int)n[0],
            .count = n[1],
            .key = (uint64_t)n[2],
            .low = (uint64_t)n[3],
            .high = (uint64_t)n[4],
            .first = (uint64_t)n[5],
            .range = (uint64_t)n[6],
            .mean_or_keep = (real)in->values[0],
            .std_or_scale = (real)in->values[1]};
  if (d.kind < WORDS || d.kind > INTEGERS || d.count < 0) return KG_BAD_ARGUMENT;
  if (d.kind == INTEGERS && (KG_REAL != 64 || d.range == 0)) return KG_BAD_ARGUMENT;
  kg_parallel(body, &d, (d.count + 2 * VL - 1) / (2 * VL), 1024);
  return KG_OK;
}
