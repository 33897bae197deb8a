/* Elementary functions of whole vectors, in plain arithmetic: one source for every ISA and both types.
 *
 * Each function reduces its argument to a small interval, evaluates a polynomial there (near-minimax fits
 * of the remainder named beside the coefficients) and puts the result together again. Zeros, infinities,
 * NaN and denormals follow IEEE. Largest errors seen, in units in the last place, worst ISA, over every
 * 199th float32 and a million float64 (against float64 and long double):
 *
 *             exp   expm1  log   log1p  sin   cos   tanh  sigmoid  erf   pow
 *   float32   1.1   1.7    0.8   0.8    2.4   2.4   2.4   2.3      2.7   1.2
 *   float64   1.1   2.4    0.8   0.9    2.0   2.0   2.5   2.2      4.0   1.2
 *
 * Products and sums are contracted to fused ones where the ISA has them; nothing here depends on it. */
#ifndef KG_ELEMENTARY_H
#define KG_ELEMENTARY_H
#include <math.h>
#include "simd.h"

#if KG_REAL == 64
typedef uint64_t unsigned_lane;
enum { MANTISSA = 52, EXPONENT_BIAS = 1023 };
#define R(f32, f64) (f64)
#else
typedef uint32_t unsigned_lane;
enum { MANTISSA = 23, EXPONENT_BIAS = 127 };
#define R(f32, f64) (f32)
#endif
typedef unsigned_lane umask __attribute__((vector_size(VBYTES)));

/* x + MAGIC leaves the nearest integer to x in the low bits (for |x| < 2^(MANTISSA - 1)). */
#define MAGIC R(12582912.f, 6755399441055744.)
#define POLY(z, c) poly(z, c, sizeof(c) / sizeof *(c))

static const lane SIGN = (lane)((unsigned_lane)1 << (8 * sizeof(real) - 1));

static inline vec choose(mask m, vec a, vec b) { return (vec)((m & (mask)a) | (~m & (mask)b)); }
static inline vec flag(mask m) { return (vec)(m & (mask)splat(1)); } /* 1 where true, else 0 */
static inline vec absolute(vec x) { return (vec)((mask)x & ~SIGN); }
static inline vec with_sign(vec x, vec sign) { return (vec)(((mask)x & ~SIGN) | ((mask)sign & SIGN)); }
static inline vec maximum(vec a, vec b) { return choose((a > b) | (a != a), a, b); } /* NaN wins */
static inline vec minimum(vec a, vec b) { return choose((a < b) | (a != a), a, b); }
static inline vec negate(vec x) { return (vec)((mask)x ^ SIGN); }

/* c[0] + c[1] z + c[2] z^2 + ... */
static inline __attribute__((always_inline)) vec poly(vec z, const real *c, int n) {
  vec p = splat(c[n - 1]);
#pragma GCC unroll 32
  for (int i = n - 2; i >= 0; i--) p = p * z + c[i];
  return p;
}

/* Rounding. From 2^MANTISSA on every number is an integer already. */
static inline vec nearest(vec x) { /* ties to even */
  vec r = (absolute(x) + R(8388608.f, 4503599627370496.)) - R(8388608.f, 4503599627370496.);
  return choose(absolute(x) < R(8388608.f, 4503599627370496.), with_sign(r, x), x);
}
static inline vec floor_v(vec x) {
  vec r = nearest(x);
  return with_sign(r - flag(r > x), x);
}
static inline vec ceil_v(vec x) { return negate(floor_v(negate(x))); }
static inline vec sign_v(vec x) { return choose(x == x, flag(x > 0) - flag(x < 0), x); }

/* 2^n for integers n (held as reals) in the range of normal exponents. */
static inline vec power_of_two(vec n) { return (vec)((umask)(n + (MAGIC + EXPONENT_BIAS)) << MANTISSA); }

/* The family of exp --------------------------------------------------------------------------------
 * x = n ln 2 + r, |r| <= ln(2)/2;  exp(r) = 1 + r + r^2 P(r). */

static const real exp_poly[] = {
#if KG_REAL == 64
    0.500000000000000102,   0.166666666666666745,    0.0416666666666241240,    0.00833333333332223559,
    0.00138888889172153339, 0.000198412698865057346, 0.0000248015212938009501, 2.75572424316975520e-6,
    2.76200893416120542e-7, 2.51100146371519855e-8
#else
    0.500000003f, 0.166665770f, 0.0416663754f, 0.00836318124f, 0.00139411011f
#endif
};
#define LN2_HIGH R(0x1.62e4p-1f, 0x1.62e42fefa3p-1) /* times any exponent: exact */
#define LN2_LOW R(0x1.7f7d1cp-20f, 0x1.3de6af278ece6p-42)

/* exp(x) = 2^n (1 + p): returns p, sets n. */
static inline vec exp_reduced(vec x, vec *n) {
  *n = (x * R(1.44269504f, 1.4426950408889634) + MAGIC) - MAGIC;
  vec r = (x - *n * LN2_HIGH) - *n * LN2_LOW;
  return r + r * r * POLY(r, exp_poly);
}

static inline vec clip(vec x, real low, real high) { /* NaN stays */
  x = choose(x > high, splat(high), x);
  return choose(x < low, splat(low), x);
}

static inline vec exp_v(vec x) {
  vec n, p = exp_reduced(clip(x, R(-104.f, -746.), R(89.f, 710.)), &n);
  /* In two steps, so that results past either end of the range round to infinity, denormals and zero. */
  vec half = (n * (real)0.5 + MAGIC) - MAGIC, scale = power_of_two(half);
  return (p * scale + scale) * power_of_two(n - half);
}

static inline vec expm1_v(vec x) {
  vec n, p = exp_reduced(clip(x, R(-30.f, -60.), R(89.f, 710.)), &n);
  vec scale = power_of_two(n - 1); /* half of it: n reaches one past the largest exponent */
  vec y = (scale * p + (scale - (real)0.5)) * 2;
  return choose(absolute(x) < R(0x1p-26f, 0x1p-55), x, choose(n == 0, p, y));
}

static inline vec tanh_v(vec x) { /* t / (t + 2), t = exp(2|x|) - 1 */
  vec n, p = exp_reduced(clip(absolute(x) * 2, 0, R(20.f, 44.)), &n);
  vec scale = power_of_two(n), t = scale * p + (scale - 1);
  return with_sign(t / (t + 2), x);
}

static inline vec sigmoid_v(vec x) { /* 1 / (1 + e) or e / (1 + e), e = exp(-|x|): never overflows */
  vec e = exp_v(negate(absolute(x)));
  return choose(x < 0, e, splat(1)) / (1 + e);
}

/* The family of log --------------------------------------------------------------------------------
 * u = 2^k (1 + f), sqrt(1/2) <= 1 + f < sqrt(2);  s = f / (2 + f), z = s^2;
 * log(1 + f) = f - (f^2/2 - s (f^2/2 + z L(z))). */

static const real log_poly[] = {
#if KG_REAL == 64
    0.666666666666666973, 0.399999999998985080, 0.285714286263706687, 0.222222110774860965,
    0.181828928814514516, 0.153316081389940596, 0.146177348364372031
#else
    0.666666666f, 0.400001227f, 0.285507415f, 0.233322650f
#endif
};

/* log(u) + correction, for positive finite u; NaN for negative u, the limits for 0 and infinity. */
static inline vec log_corrected(vec u, vec correction) {
  const umask root_half = (umask)splat(R(0x1.6a09e6p-1f, 0x1.6a09e667f3bcdp-1));
  const real smallest = R(0x1p-126f, 0x1p-1022);
  vec v = choose(u < smallest, u * R(0x1p24f, 0x1p54), u); /* denormals */
  umask bits = (umask)v - root_half + ((unsigned_lane)EXPONENT_BIAS << MANTISSA);
  umask exponent = bits >> MANTISSA; /* biased: never negative */
  vec k = ((vec)(exponent | (umask)splat(R(0x1p23f, 0x1p52))) - R(0x1p23f, 0x1p52)) - (real)EXPONENT_BIAS;
  vec f = (vec)((umask)v - ((exponent - EXPONENT_BIAS) << MANTISSA)) - 1;
  k -= flag(u < smallest) * R(24.f, 54.);
  vec s = f / (f + 2), z = s * s, half_square = f * f * (real)0.5;
  vec tail = s * (half_square + z * POLY(z, log_poly)) + (k * LN2_LOW + correction);
  vec y = k * LN2_HIGH - ((half_square - tail) - f);
  y = choose(u == 0, splat(-(real)INFINITY), y);
  y = choose((u > 0) | (u == 0), y, splat((real)NAN));
  return choose(u == (real)INFINITY, u, y);
}

static inline vec log_v(vec x) { return log_corrected(x, splat(0)); }

static inline vec log1p_v(vec x) {
  vec u = 1 + x; /* what the sum lost, to first order, is the correction */
  vec lost = choose(x > 1, 1 - (u - x), x - (u - 1)) / u;
  lost = choose((u > 0) & (u < (real)INFINITY), lost, splat(0));
  return choose(absolute(x) < R(0x1p-26f, 0x1p-55), x, log_corrected(u, lost));
}

/* The circle ---------------------------------------------------------------------------------------
 * x = n pi/2 + r, |r| <= pi/4, by subtracting n times pi/2 in parts whose products with n are exact;
 * arguments past CIRCLE_LIMIT go to the C library, lane by lane. */

#define CIRCLE_LIMIT R(1e4f, 1e5)
static const real half_pi[] = {
#if KG_REAL == 64
    0x1.921fb544p+0, 0x1.0b4611a6p-34, 0x1.3198a2ep-69, 0x1.b839a252049c1p-104
#else
    0x1.92p+0f,   0x1.fb4p-12f,   0x1.444p-24f, 0x1.68cp-39f,
    0x1.1a4p-54f, 0x1.13198ap-65f
#endif
};
static const real sin_poly[] = {
#if KG_REAL == 64
    -0.166666666666666646,   0.00833333333333094917, -0.000198412698367592046, 2.75573161027216877e-6,
    -2.50511318547170975e-8, 1.59181285214602173e-10
#else
    -0.166666647f, 0.00833274888f, -0.000195879835f
#endif
};
static const real cos_poly[] = {
#if KG_REAL == 64
    0.0416666666666666654,  -0.00138888888888873975, 0.0000248015872987659129, -2.75573172717588165e-7,
    2.08761462602415530e-9, -1.13826310184569427e-11
#else
    0.0416666647f, -0.00138883035f, 2.45480152e-5f
#endif
};

/* sin(x + quarters pi/2) for 0 <= x < CIRCLE_LIMIT */
static inline vec circle(vec x, int quarters) {
  vec shifted = x * R(0.636619772f, 0.63661977236758134) + MAGIC, n = shifted - MAGIC, r = x;
#pragma GCC unroll 8
  for (unsigned i = 0; i < sizeof half_pi / sizeof *half_pi; i++) r = r - n * half_pi[i];
  umask quadrant = (umask)shifted + (unsigned_lane)quarters;
  vec z = r * r;
  vec s = r + r * (z * POLY(z, sin_poly));
  vec c = (1 - z * (real)0.5) + z * z * POLY(z, cos_poly);
  vec y = choose((mask)(quadrant << (8 * sizeof(real) - 1)) < 0, c, s);
  return (vec)((mask)y ^ ((mask)(quadrant << (8 * sizeof(real) - 2)) & SIGN));
}

/* y with the lanes of m replaced by f(a, b). */
static __attribute__((noinline, unused)) vec by_lane(real (*f)(real, real), vec y, mask m, vec a, vec b) {
  for (int i = 0; i < VL; i++)
    if (m[i]) y[i] = f(a[i], b[i]);
  return y;
}
static inline real sin_lane(real x, real unused) { return (void)unused, R(sinf, sin)(x); }
static inline real cos_lane(real x, real unused) { return (void)unused, R(cosf, cos)(x); }
static inline real pow_lane(real x, real y) { return R(powf, pow)(x, y); }

static inline vec sin_v(vec x) {
  vec y = circle(absolute(x), 0);
  y = (vec)((mask)y ^ ((mask)x & SIGN));
  mask far = ~(absolute(x) < CIRCLE_LIMIT);
  return any(far) ? by_lane(sin_lane, y, far, x, x) : y;
}
static inline vec cos_v(vec x) {
  vec y = circle(absolute(x), 1);
  mask far = ~(absolute(x) < CIRCLE_LIMIT);
  return any(far) ? by_lane(cos_lane, y, far, x, x) : y;
}

/* erf ----------------------------------------------------------------------------------------------
 * |x| <= 1: x + x E(x^2).  Beyond: 1 - exp(-Q(|x| - centre)), Q = -log(erfc). */

static const real erf_near[] = {
#if KG_REAL == 64
    0.128379167095512574,   -0.376126389031837482,    0.112837916709548844,    -0.0268661706450778615,
    0.00522397762482831308, -0.000854832698141958303, 0.000120553311327647322, -0.0000149255957681580857,
    1.64610084215128454e-6, -1.63503957051045053e-7,  1.46603257211484438e-8,  -1.13749458185861485e-9,
    5.96067114785842891e-11
#else
    0.128379166f,   -0.376126271f,    0.112836002f,  -0.0268544443f,
    0.00518953478f, -0.000802083626f, 7.88910277e-5f
#endif
};
static const real erf_far[] = {
#if KG_REAL == 64
    14.1124374021415650,      7.26609958826294288,     0.966753054467864816,      0.00522565915558705057,
    -0.000873681301644720697, 0.000147308685265008600, -0.0000243839144485939543, 3.86796676723432289e-6,
    -6.24268433334417514e-7,  5.24238472235171495e-8,  -1.09129818310087707e-8,   1.71868090657835143e-8,
    1.67369628164239124e-8,   9.08422147292683493e-9,  3.14222972945631395e-9,    6.80948588961342594e-10,
    8.73911836903324387e-11,  4.86261468701692336e-12
#else
    7.80681530f,     5.35268061f,     0.943891842f,  0.0108535025f, -0.00216652395f,
    0.000430909489f, -6.18206354e-5f, 2.16859091e-5f
#endif
};

static inline vec erf_v(vec x) {
  vec a = absolute(x), z = x * x;
  vec near = x + x * POLY(z, erf_near);
  mask beyond = a > 1;
  if (!any(beyond)) return near;
  vec t = clip(a, 1, R(4.f, 6.)) - R(2.5f, 3.5), n;
  vec p = exp_reduced(negate(POLY(t, erf_far)), &n), scale = power_of_two(n);
  return choose(beyond, with_sign(1 - (p * scale + scale), x), near);
}

/* pow ----------------------------------------------------------------------------------------------
 * x^y = exp(y log x). The product is as large as 88 (710), so log x is carried in two parts, the second
 * holding what the first has rounded away; products of halves of a number are exact. Zeros, negative x,
 * denormals, infinities and NaN go to the C library, lane by lane. */

/* (L(z) - 2/3) / z */
static const real pow_poly[] = {
#if KG_REAL == 64
    0.400000000000000000, 0.285714285714285645, 0.222222222222284790, 0.181818181796436640,
    0.153846157629245275, 0.133332964084187030, 0.117668181346791659, 0.104562234144555940,
    0.107632982794849953
#else
    0.400000152f, 0.285621858f, 0.230499279f
#endif
};

static inline vec upper_half(vec x) { return (vec)((mask)x & R(~(lane)0xfff, ~(lane)0x7ffffff)); }

/* a b - product, where product is a b rounded. */
static inline vec lost_in_product(vec a, vec b, vec product) {
  vec ah = upper_half(a), bh = upper_half(b), al = a - ah, bl = b - bh;
  return ((ah * bh - product) + ah * bl + al * bh) + al * bl;
}

static inline vec pow_v(vec x, vec y) {
  const umask root_half = (umask)splat(R(0x1.6a09e6p-1f, 0x1.6a09e667f3bcdp-1));
  mask special = ~((x >= R(0x1p-126f, 0x1p-1022)) & (x < (real)INFINITY) & (absolute(y) < (real)INFINITY));
  umask bits = (umask)x - root_half + ((unsigned_lane)EXPONENT_BIAS << MANTISSA);
  umask exponent = bits >> MANTISSA;
  vec k = ((vec)(exponent | (umask)splat(R(0x1p23f, 0x1p52))) - R(0x1p23f, 0x1p52)) - (real)EXPONENT_BIAS;
  vec m = (vec)((umask)x - ((exponent - EXPONENT_BIAS) << MANTISSA)), f = m - 1;
  /* s = f / (m + 1) and z = s^2, in two parts each */
  vec d = m + 1, d_low = m - (d - 1), s = f / d, sd = rounded(s * d);
  vec s_low = (((f - sd) - lost_in_product(s, d, sd)) - s * d_low) / d;
  vec z = rounded(s * s), z_low = lost_in_product(s, s, z) + 2 * s * s_low;
  /* log m = 2 s + s z (2/3 + z P(z)) */
  vec tail = z * POLY(z, pow_poly);
  vec u = tail + R(0x1.555556p-1f, 0x1.5555555555555p-1);
  vec u_low =
      (R(0x1.555556p-1f, 0x1.5555555555555p-1) - u) + tail + R(-0x1.555556p-26f, 0x1.5555555555555p-55);
  vec w = rounded(z * u), w_low = lost_in_product(z, u, w) + z * u_low + z_low * u;
  vec v = rounded(s * w), v_low = lost_in_product(s, w, v) + s * w_low + s_low * w;
  vec g = 2 * s + v, g_low = ((2 * s - g) + v) + (v_low + 2 * s_low);
  vec h = k * LN2_HIGH, log_x = h + g, log_low = ((h - log_x) + g) + (g_low + k * LN2_LOW);
  vec p = rounded(y * log_x), p_low = lost_in_product(y, log_x, p) + y * log_low;
  p_low = choose(absolute(p) < R(104.f, 746.), p_low, splat(0));
  p = clip(p, R(-104.f, -746.), R(89.f, 710.));
  vec n = (p * R(1.44269504f, 1.4426950408889634) + MAGIC) - MAGIC;
  vec r = ((p - n * LN2_HIGH) - n * LN2_LOW) + p_low, e = r + r * r * POLY(r, exp_poly);
  vec half = (n * (real)0.5 + MAGIC) - MAGIC, scale = power_of_two(half);
  vec result = (e * scale + scale) * power_of_two(n - half);
  return any(special) ? by_lane(pow_lane, result, special, x, y) : result;
}

#endif
