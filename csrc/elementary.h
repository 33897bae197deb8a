/* Elementary functions of whole vectors, in plain arithmetic: one source for every ISA and both types.
 *
 * Each function reduces its argument to a small interval, evaluates a polynomial there (near-minimax fits
 * of the remainder named beside the coefficients) and puts the result together again. Zeros, infinities,
 * NaN and denormals follow IEEE. tests/ulp.py holds the bounds on their errors; `make ulp` measures them for
 * every float32.
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
static inline vec maximum(vec a, vec b) { return choose(a != a, a, greater_of(a, b)); } /* NaN wins */
static inline vec minimum(vec a, vec b) { return choose(a != a, a, lesser_of(a, b)); }
static inline vec negate(vec x) { return (vec)((mask)x ^ SIGN); }

/* c[0] + c[1] z + c[2] z^2 + ... by Horner's rule: as fast here as two chains, and more exact. */
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
    0.5f, 0.166665182f, 0.041666206f, 0.00836895313f, 0.00139506022f
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

/* exp(-t^2/2) = 2^n (1 + p): returns p, sets n. The square is carried in two parts. */
static inline vec bell_reduced(vec t, vec *n) {
  vec square = rounded(t * t), lost = lost_in_product(t, t, square);
  *n = (square * R(-0.72134752f, -0.7213475204444817) + MAGIC) - MAGIC;
  vec r = ((square + *n * (2 * LN2_HIGH)) + (*n * (2 * LN2_LOW) + lost)) * (real)-0.5;
  return r + r * r * POLY(r, exp_poly);
}

static inline vec clip(vec x, real low, real high) { /* NaN stays */
  return lesser_of(splat(high), greater_of(splat(low), x));
}

static inline vec exp_v(vec x) { /* as above, but what r loses in rounding counts: below 1 ULP */
  x = clip(x, R(-104.f, -746.), R(89.f, 710.));
  vec n = (x * R(1.44269504f, 1.4426950408889634) + MAGIC) - MAGIC;
  vec exact = x - n * LN2_HIGH, r = exact - n * LN2_LOW;
  return times_two_to(1 + (exact + (r * r * POLY(r, exp_poly) - n * LN2_LOW)), n);
}

static inline vec expm1_v(vec x) {
  vec n, p = exp_reduced(clip(x, R(-30.f, -60.), R(89.f, 710.)), &n);
  vec scale = power_of_two(n - 1); /* half of it: n reaches one past the largest exponent */
  vec y = (scale * p + (scale - (real)0.5)) * 2;
  return choose(absolute(x) < R(0x1p-26f, 0x1p-55), x, choose(n == 0, p, y));
}

/* 1 / (1 + exp(-x)) = w / (w + 1 + p), where exp(-x) = 2^n (1 + p) and w = 2^-n: nothing overflows. */
static inline vec sigmoid_v(vec x) {
  vec n, p = exp_reduced(negate(clip(x, R(-104.f, -746.), R(40.f, 80.))), &n);
  vec w = times_two_to(splat(1), negate(n));
  return w / (1 + (w + p));
}

static inline vec silu_v(vec x) { /* x sigmoid(x), multiplied by w last so that denormals are rounded once */
  x = greater_of(splat(R(-110.f, -760.)), x);
  vec n, p = exp_reduced(negate(lesser_of(splat(R(40.f, 80.)), x)), &n);
  vec w = times_two_to(splat(1), negate(n));
  return times_two_to(x / (1 + (w + p)), negate(n));
}

/* g times the derivative of silu: s (1 + x (1 - s)), s = sigmoid(x). With e = exp(-|x|), s is 1 / (1 + e) or
 * e / (1 + e). Far out e is 0: the derivative is the limit there, and NaN at infinity, 0 times infinity. */
static inline vec silu_gradient_v(vec g, vec x) {
  vec n, p = exp_reduced(negate(lesser_of(splat(R(104.f, 746.)), absolute(x))), &n);
  vec e = times_two_to(1 + p, n), inverse = 1 / (1 + e);
  vec s = choose(x < 0, e, splat(1)) * inverse, rest = choose(x < 0, splat(1), e) * inverse;
  return g * (s * (1 + x * rest));
}

static const real tanh_poly[] = {
#if KG_REAL == 64
    -0.333333333333332982,    0.133333333333268328,    -0.0539682539638786443,  0.0218694883891035197,
    -0.00886323265278706959,  0.00359209253249972342,  -0.00145554598372137837, 0.000588457047368852459,
    -0.000233412723824741607, 8.33600624131267381e-05, -1.9521023406640702e-05
#else
    -0.333333194f, 0.133326024f, -0.0538538583f, 0.0210777596f, -0.00628247391f
#endif
};

static inline vec tanh_v(vec x) { /* x + x^3 T(x^2); beyond 0.55: 1 - 2 / (1 + exp(2 |x|)) */
  vec a = absolute(x), z = x * x;
  vec near = x + x * (z * POLY(z, tanh_poly)), far = 1 - 2 * sigmoid_v(a * -2);
  return with_sign(choose(a < R(0.55f, 0.55), near, far), x);
}

/* log(1 + exp(-|x|)) + max(x, 0), where log(1 + e) = e + e^2 L(e) for 0 <= e <= 1. */
static const real softplus_poly[] = {
#if KG_REAL == 64
    -0.499999999999999001,   0.333333333333139414,   -0.24999999998631639,    0.199999999504294923,
    -0.166666655786119139,   0.142856983749783506,   -0.124998352141274582,   0.111098500390511626,
    -0.0999264640699376733,  0.0905747209116422453,  -0.082126355852160271,   0.073414031226892551,
    -0.0631091858354403956,  0.0503903651536065506,  -0.0358770133193482138,  0.0218081188681391383,
    -0.0108078640194395285,  0.00413980792706761334, -0.00113963602889630708, 0.000199445230932795075,
    -1.65986971335581723e-05
#else
    -0.499999315f, 0.33330512f,    -0.249585882f, 0.196954012f,   -0.153553978f,
    0.106805585f,  -0.0576644689f, 0.0202045981f, -0.00331847533f
#endif
};

static inline vec softplus_v(vec x) {
  const real largest = R(0x1.fffffep127f, 0x1.fffffffffffffp1023);
  vec n, p = exp_reduced(negate(lesser_of(splat(R(104.f, 746.)), absolute(x))), &n);
  vec e = times_two_to(1 + p, n), positive = greater_of(splat(0), x), sum = positive + e;
  vec lost = positive - (lesser_of(splat(largest), sum) - e); /* infinity less infinity would be NaN */
  return sum + (lost + e * e * POLY(e, softplus_poly));
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
 * x = n pi/2 + r + low, |r| <= pi/4: n times pi/2 is taken away in parts, whose products with n are exact.
 * The first two differences are exact too; what the next two lose goes into `low`, with the last part.
 * Arguments past CIRCLE_LIMIT go to the C library, lane by lane. */

#define CIRCLE_LIMIT R(1e4f, 1e5)
static const real half_pi[] = {
#if KG_REAL == 64
    0x1.921fb544p+0, 0x1.0b4611a6p-34, 0x1.3198a2ep-69, 0x1.b839a252049c1p-104, 0
#else
    0x1.92p+0f, 0x1.fb4p-12f, 0x1.444p-24f, 0x1.68cp-39f, 0x1.1a6264p-54f
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
  vec shifted = x * R(0.636619772f, 0.63661977236758134) + MAGIC, n = shifted - MAGIC;
  vec a = (x - n * half_pi[0]) - n * half_pi[1];
  vec b = a - n * half_pi[2], lost = (a - b) - n * half_pi[2];
  vec r = b - n * half_pi[3], low = ((b - r) - n * half_pi[3]) + (lost - n * half_pi[4]);
  umask quadrant = (umask)shifted + (unsigned_lane)quarters;
  vec z = r * r, half = z * (real)0.5, w = 1 - half;
  vec s = r + (r * (z * POLY(z, sin_poly)) + low);
  vec c = w + (((1 - w) - half) + (z * z * POLY(z, cos_poly) - r * low));
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

/* pow ----------------------------------------------------------------------------------------------
 * x^y = exp(y log x). The product is as large as 88 (710), so log x is carried in two parts, the second
 * holding what the first has rounded away. Zeros, negative x, denormals, infinities and NaN go to the C
 * library, lane by lane. */

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
  vec result = times_two_to(1 + e, n);
  return any(special) ? by_lane(pow_lane, result, special, x, y) : result;
}

#endif
