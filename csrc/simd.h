/* The vector type that kernels are written in, and the ISA parameters they are compiled with.
 *
 * A kernel file is compiled once per (ISA, real type): KG_ISA_<NAME> and KG_REAL (32 or 64) come from
 * the command line, NAME(f) gives each copy its own symbol (f_avx512_f32). Only this file may use
 * intrinsics. */
#ifndef SIMD_H
#define SIMD_H
#include <stdint.h>
#include <string.h>
#include "kernels.h"

#define KG_JOIN_(a, b, c) a##_##b##_##c
#define KG_JOIN(a, b, c) KG_JOIN_(a, b, c)
#if KG_REAL == 64
typedef double real;
typedef int64_t lane; /* an integer as wide as a real: comparisons give vectors of them */
#define NAME(f) KG_JOIN(f, KG_ISA, f64)
#else
typedef float real;
typedef int32_t lane;
#define NAME(f) KG_JOIN(f, KG_ISA, f32)
#endif

/* Vector bytes and the number of vector registers. */
#if defined(KG_ISA_avx512)
#include <immintrin.h>
enum { VBYTES = 64, VREGS = 32 };
#elif defined(KG_ISA_avx2)
#include <immintrin.h>
enum { VBYTES = 32, VREGS = 16 };
#elif defined(KG_ISA_neon)
#include <arm_neon.h>
enum { VBYTES = 16, VREGS = 32 };
#else
#if defined(__x86_64__)
#include <emmintrin.h>
#endif
enum { VBYTES = 16, VREGS = 16 };
#endif
enum { VL = VBYTES / sizeof(real) }; /* elements in a vector */

typedef real vec __attribute__((vector_size(VBYTES)));
typedef lane mask __attribute__((vector_size(VBYTES)));
typedef real unaligned_vec __attribute__((vector_size(VBYTES), aligned(sizeof(real)), may_alias));

static inline vec load(const real *p) { return *(const unaligned_vec *)p; }
static inline void store(real *p, vec v) { *(unaligned_vec *)p = v; }
static inline vec splat(real x) { return x - (vec){0}; }

/* The first n of VL elements (0 <= n <= VL); the rest of the vector is zero. */
#if defined(KG_ISA_avx512) && KG_REAL == 64
static inline vec load_n(const real *p, int64_t n) {
  return (vec)_mm512_maskz_loadu_pd((__mmask8)((1u << n) - 1), p);
}
static inline void store_n(real *p, vec v, int64_t n) {
  _mm512_mask_storeu_pd(p, (__mmask8)((1u << n) - 1), (__m512d)v);
}
#elif defined(KG_ISA_avx512)
static inline vec load_n(const real *p, int64_t n) {
  return (vec)_mm512_maskz_loadu_ps((__mmask16)((1u << n) - 1), p);
}
static inline void store_n(real *p, vec v, int64_t n) {
  _mm512_mask_storeu_ps(p, (__mmask16)((1u << n) - 1), (__m512)v);
}
#else
static inline vec load_n(const real *p, int64_t n) {
  vec v = {0};
  memcpy(&v, p, (size_t)n * sizeof(real));
  return v;
}
static inline void store_n(real *p, vec v, int64_t n) { memcpy(p, &v, (size_t)n * sizeof(real)); }
#endif

/* a0 b0 a1 b1 ... of the first and of the last halves. */
#if !defined(__clang__) && __GNUC__ < 12
#define __builtin_shufflevector(a, b, ...) __builtin_shuffle(a, b, (mask){__VA_ARGS__})
#endif
#if defined(KG_ISA_avx512) && KG_REAL == 32
static inline vec interleave_low(vec a, vec b) {
  return __builtin_shufflevector(a, b, 0, 16, 1, 17, 2, 18, 3, 19, 4, 20, 5, 21, 6, 22, 7, 23);
}
static inline vec interleave_high(vec a, vec b) {
  return __builtin_shufflevector(a, b, 8, 24, 9, 25, 10, 26, 11, 27, 12, 28, 13, 29, 14, 30, 15, 31);
}
#elif defined(KG_ISA_avx512) || (defined(KG_ISA_avx2) && KG_REAL == 32)
static inline vec interleave_low(vec a, vec b) {
  return __builtin_shufflevector(a, b, 0, 8, 1, 9, 2, 10, 3, 11);
}
static inline vec interleave_high(vec a, vec b) {
  return __builtin_shufflevector(a, b, 4, 12, 5, 13, 6, 14, 7, 15);
}
#elif defined(KG_ISA_avx2) || KG_REAL == 32
static inline vec interleave_low(vec a, vec b) { return __builtin_shufflevector(a, b, 0, 4, 1, 5); }
static inline vec interleave_high(vec a, vec b) { return __builtin_shufflevector(a, b, 2, 6, 3, 7); }
#else
static inline vec interleave_low(vec a, vec b) { return __builtin_shufflevector(a, b, 0, 2); }
static inline vec interleave_high(vec a, vec b) { return __builtin_shufflevector(a, b, 1, 3); }
#endif

/* The elements 0, 2, 4, ... of a row, given its first vector and that which begins at VL - 1 (so that nothing
 * behind the last of them is read). */
static inline vec evens(vec a, vec b) {
#if defined(KG_ISA_avx512) && KG_REAL == 32
  return __builtin_shufflevector(a, b, 0, 2, 4, 6, 8, 10, 12, 14, 17, 19, 21, 23, 25, 27, 29, 31);
#elif defined(KG_ISA_avx512) || (defined(KG_ISA_avx2) && KG_REAL == 32)
  return __builtin_shufflevector(a, b, 0, 2, 4, 6, 9, 11, 13, 15);
#elif defined(KG_ISA_avx2) || KG_REAL == 32
  return __builtin_shufflevector(a, b, 0, 2, 5, 7);
#else
  return __builtin_shufflevector(a, b, 0, 3);
#endif
}

/* The elements 0, 2, ... and 1, 3, ... of a row in two vectors. */
static inline void unzip(vec a, vec b, vec *even, vec *odd) {
#if defined(KG_ISA_avx512) && KG_REAL == 32
  *even = __builtin_shufflevector(a, b, 0, 2, 4, 6, 8, 10, 12, 14, 16, 18, 20, 22, 24, 26, 28, 30);
  *odd = __builtin_shufflevector(a, b, 1, 3, 5, 7, 9, 11, 13, 15, 17, 19, 21, 23, 25, 27, 29, 31);
#elif defined(KG_ISA_avx512) || (defined(KG_ISA_avx2) && KG_REAL == 32)
  *even = __builtin_shufflevector(a, b, 0, 2, 4, 6, 8, 10, 12, 14);
  *odd = __builtin_shufflevector(a, b, 1, 3, 5, 7, 9, 11, 13, 15);
#elif defined(KG_ISA_avx2) || KG_REAL == 32
  *even = __builtin_shufflevector(a, b, 0, 2, 4, 6);
  *odd = __builtin_shufflevector(a, b, 1, 3, 5, 7);
#else
  *even = __builtin_shufflevector(a, b, 0, 2);
  *odd = __builtin_shufflevector(a, b, 1, 3);
#endif
}

/* The elements 1, 2, ..., VL of a row in two vectors. */
static inline vec following(vec a, vec b) {
#if defined(KG_ISA_avx512) && KG_REAL == 32
  return __builtin_shufflevector(a, b, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16);
#elif defined(KG_ISA_avx512) || (defined(KG_ISA_avx2) && KG_REAL == 32)
  return __builtin_shufflevector(a, b, 1, 2, 3, 4, 5, 6, 7, 8);
#elif defined(KG_ISA_avx2) || KG_REAL == 32
  return __builtin_shufflevector(a, b, 1, 2, 3, 4);
#else
  return __builtin_shufflevector(a, b, 1, 2);
#endif
}

/* Transpose the VL x VL block held in r. Each round interleaves row i with row i + VL/2; after log2(VL)
 * rounds row and column have changed places. Fully unrolled, so that r stays in registers. */
static inline __attribute__((always_inline)) void transpose(vec r[VL]) {
  vec t[VL];
#pragma GCC unroll 4
  for (int round = 1; round < VL; round *= 2) {
#pragma GCC unroll 8
    for (int i = 0; i < VL / 2; i++) {
      t[2 * i] = interleave_low(r[i], r[i + VL / 2]);
      t[2 * i + 1] = interleave_high(r[i], r[i + VL / 2]);
    }
#pragma GCC unroll 16
    for (int i = 0; i < VL; i++) r[i] = t[i];
  }
}

/* The 64-bit products of b and the low half of each 64-bit lane, whatever the high halves hold. (Compilers
 * make the portable line three multiplications.) */
typedef uint64_t wide __attribute__((vector_size(VBYTES)));
#if defined(KG_ISA_avx512)
static inline wide multiply_low_halves(wide a, uint32_t b) {
  return (wide)_mm512_mul_epu32((__m512i)a, _mm512_set1_epi64(b));
}
#elif defined(KG_ISA_avx2)
static inline wide multiply_low_halves(wide a, uint32_t b) {
  return (wide)_mm256_mul_epu32((__m256i)a, _mm256_set1_epi64x(b));
}
#elif defined(__x86_64__)
static inline wide multiply_low_halves(wide a, uint32_t b) {
  return (wide)_mm_mul_epu32((__m128i)a, _mm_set1_epi64x(b));
}
#elif defined(KG_ISA_neon)
static inline wide multiply_low_halves(wide a, uint32_t b) {
  return (wide)vmull_n_u32(vmovn_u64((uint64x2_t)a), b);
}
#else
static inline wide multiply_low_halves(wide a, uint32_t b) { return (a & 0xffffffffu) * b; }
#endif
/* Is any lane of m true? */
static inline int any(mask m) {
#if defined(KG_ISA_avx512)
  return _mm512_test_epi64_mask((__m512i)m, (__m512i)m) != 0;
#elif defined(KG_ISA_avx2)
  return !_mm256_testz_si256((__m256i)m, (__m256i)m);
#elif defined(KG_ISA_neon)
  return vmaxvq_u32((uint32x4_t)m) != 0;
#else
  lane all = 0;
  for (int i = 0; i < VL; i++) all |= m[i];
  return all != 0;
#endif
}

/* x as it is: the compiler must not fuse the product that made it into a sum. */
static inline vec rounded(vec x) {
#if defined(__x86_64__)
  __asm__("" : "+x"(x));
#elif defined(__aarch64__)
  __asm__("" : "+w"(x));
#else
  __asm__("" : "+m"(x));
#endif
  return x;
}

/* x in a register: the compiler must not load it again for every use. */
static inline vec held(vec x) {
#if defined(KG_ISA_avx512)
  __asm__("" : "+v"(x));
#elif defined(__x86_64__)
  __asm__("" : "+x"(x));
#elif defined(__aarch64__)
  __asm__("" : "+w"(x));
#endif
  return x;
}

static inline vec sqrt_v(vec x) {
#if defined(KG_ISA_avx512) && KG_REAL == 64
  return (vec)_mm512_sqrt_pd((__m512d)x);
#elif defined(KG_ISA_avx512)
  return (vec)_mm512_sqrt_ps((__m512)x);
#elif defined(KG_ISA_avx2) && KG_REAL == 64
  return (vec)_mm256_sqrt_pd((__m256d)x);
#elif defined(KG_ISA_avx2)
  return (vec)_mm256_sqrt_ps((__m256)x);
#elif defined(KG_ISA_neon) && KG_REAL == 64
  return (vec)vsqrtq_f64((float64x2_t)x);
#elif defined(KG_ISA_neon)
  return (vec)vsqrtq_f32((float32x4_t)x);
#elif KG_REAL == 64
  for (int i = 0; i < VL; i++) x[i] = __builtin_sqrt(x[i]);
  return x;
#else
  for (int i = 0; i < VL; i++) x[i] = __builtin_sqrtf(x[i]);
  return x;
#endif
}

/* Store past the caches, p aligned to VBYTES; end_stores_past() before another thread may read. */
#if defined(KG_ISA_avx512)
static inline void store_past(real *p, vec v) { _mm512_stream_ps((float *)p, (__m512)v); }
#elif defined(KG_ISA_avx2)
static inline void store_past(real *p, vec v) { _mm256_stream_ps((float *)p, (__m256)v); }
#elif defined(__x86_64__)
static inline void store_past(real *p, vec v) { _mm_stream_ps((float *)p, (__m128)v); }
#else
static inline void store_past(real *p, vec v) { store(p, v); }
#endif
static inline void end_stores_past(void) {
#if defined(__x86_64__)
  _mm_sfence();
#endif
}

/* The larger and the smaller of two; b where either is NaN or they are equal. */
#if defined(KG_ISA_avx512) && KG_REAL == 64
static inline vec greater_of(vec a, vec b) { return (vec)_mm512_max_pd((__m512d)a, (__m512d)b); }
static inline vec lesser_of(vec a, vec b) { return (vec)_mm512_min_pd((__m512d)a, (__m512d)b); }
#elif defined(KG_ISA_avx512)
static inline vec greater_of(vec a, vec b) { return (vec)_mm512_max_ps((__m512)a, (__m512)b); }
static inline vec lesser_of(vec a, vec b) { return (vec)_mm512_min_ps((__m512)a, (__m512)b); }
#elif defined(KG_ISA_avx2) && KG_REAL == 64
static inline vec greater_of(vec a, vec b) { return (vec)_mm256_max_pd((__m256d)a, (__m256d)b); }
static inline vec lesser_of(vec a, vec b) { return (vec)_mm256_min_pd((__m256d)a, (__m256d)b); }
#elif defined(KG_ISA_avx2)
static inline vec greater_of(vec a, vec b) { return (vec)_mm256_max_ps((__m256)a, (__m256)b); }
static inline vec lesser_of(vec a, vec b) { return (vec)_mm256_min_ps((__m256)a, (__m256)b); }
#elif defined(__x86_64__) && KG_REAL == 64
static inline vec greater_of(vec a, vec b) { return (vec)_mm_max_pd((__m128d)a, (__m128d)b); }
static inline vec lesser_of(vec a, vec b) { return (vec)_mm_min_pd((__m128d)a, (__m128d)b); }
#elif defined(__x86_64__)
static inline vec greater_of(vec a, vec b) { return (vec)_mm_max_ps((__m128)a, (__m128)b); }
static inline vec lesser_of(vec a, vec b) { return (vec)_mm_min_ps((__m128)a, (__m128)b); }
#else
static inline vec greater_of(vec a, vec b) { return (vec)(((a > b) & (mask)a) | (~(a > b) & (mask)b)); }
static inline vec lesser_of(vec a, vec b) { return (vec)(((a < b) & (mask)a) | (~(a < b) & (mask)b)); }
#endif

/* x 2^n for integers n (held as reals) up to 252 (2044) either way; exact but past the range's ends. */
#if defined(KG_ISA_avx512) && KG_REAL == 64
static inline vec times_two_to(vec x, vec n) { return (vec)_mm512_scalef_pd((__m512d)x, (__m512d)n); }
#elif defined(KG_ISA_avx512)
static inline vec times_two_to(vec x, vec n) { return (vec)_mm512_scalef_ps((__m512)x, (__m512)n); }
#else
static inline vec times_two_to(vec x, vec n) { /* by halves, whose powers of two are normal numbers */
  const real magic = KG_REAL == 64 ? (real)6755399441055744. : (real)12582912.;
  enum { BIAS = KG_REAL == 64 ? 1023 : 127, MANTISSA_BITS = KG_REAL == 64 ? 52 : 23 };
  vec half = (n * (real)0.5 + magic) - magic, rest = n - half;
  vec a = (vec)((mask)(half + (magic + BIAS)) << MANTISSA_BITS);
  vec b = (vec)((mask)(rest + (magic + BIAS)) << MANTISSA_BITS);
  return x * a * b;
}
#endif

/* What rounding took from product = a b: exact. (Left to the compiler, a b might be computed once, rounded,
 * and the difference be 0.) */
#if defined(KG_ISA_avx512) && KG_REAL == 64
static inline vec lost_in_product(vec a, vec b, vec product) {
  return (vec)_mm512_fmsub_pd((__m512d)a, (__m512d)b, (__m512d)product);
}
#elif defined(KG_ISA_avx512)
static inline vec lost_in_product(vec a, vec b, vec product) {
  return (vec)_mm512_fmsub_ps((__m512)a, (__m512)b, (__m512)product);
}
#elif defined(KG_ISA_avx2) && KG_REAL == 64
static inline vec lost_in_product(vec a, vec b, vec product) {
  return (vec)_mm256_fmsub_pd((__m256d)a, (__m256d)b, (__m256d)product);
}
#elif defined(KG_ISA_avx2)
static inline vec lost_in_product(vec a, vec b, vec product) {
  return (vec)_mm256_fmsub_ps((__m256)a, (__m256)b, (__m256)product);
}
#elif defined(KG_ISA_neon) && KG_REAL == 64
static inline vec lost_in_product(vec a, vec b, vec product) {
  return (vec)vfmaq_f64((float64x2_t)-product, (float64x2_t)a, (float64x2_t)b);
}
#elif defined(KG_ISA_neon)
static inline vec lost_in_product(vec a, vec b, vec product) {
  return (vec)vfmaq_f32((float32x4_t)-product, (float32x4_t)a, (float32x4_t)b);
}
#else
static inline vec upper_half(vec x) {
  return (vec)((mask)x & (KG_REAL == 64 ? ~(lane)0x7ffffff : ~(lane)0xfff));
}
static inline vec lost_in_product(vec a, vec b, vec product) { /* products of halves are exact */
  vec ah = upper_half(a), bh = upper_half(b), al = a - ah, bl = b - bh;
  return ((ah * bh - product) + ah * bl + al * bh) + al * bl;
}
#endif

/* table[i & 15] of 16 numbers, for each lane i of `index`. */
#if KG_REAL == 32
typedef uint32_t places __attribute__((vector_size(VBYTES)));
#if defined(KG_ISA_avx512)
static inline vec pick(const real table[16], places index) {
  return (vec)_mm512_permutexvar_ps((__m512i)index, (__m512)load(table));
}
#elif defined(KG_ISA_avx2)
static inline vec pick(const real table[16], places index) {
  __m256 low = _mm256_permutevar8x32_ps((__m256)load(table), (__m256i)index);
  __m256 high = _mm256_permutevar8x32_ps((__m256)load(table + 8), (__m256i)index);
  return (vec)_mm256_blendv_ps(low, high, (__m256)(index << 28)); /* by bit 3 */
}
#elif defined(KG_ISA_neon)
static inline vec pick(const real table[16], places index) {
  places bytes = (index & 15) * 0x04040404u + 0x03020100u;
  return (vec)vqtbl4q_u8(vld1q_u8_x4((const uint8_t *)table), (uint8x16_t)bytes);
}
#else
static inline vec pick(const real table[16], places index) {
  vec y;
  for (int i = 0; i < VL; i++) y[i] = table[index[i] & 15];
  return y;
}
#endif
#endif

/* The lanes whose bit is set in `keep`, one after the other; zeros or nothing behind them, up to VL in all.
 * (A masked store that crosses a cache line was measured to cost many times a whole one.) */
#if defined(KG_ISA_avx512) && KG_REAL == 64
static inline vec compress(vec v, uint32_t keep) {
  return (vec)_mm512_maskz_compress_pd((__mmask8)keep, (__m512d)v);
}
#elif defined(KG_ISA_avx512)
static inline vec compress(vec v, uint32_t keep) {
  return (vec)_mm512_maskz_compress_ps((__mmask16)keep, (__m512)v);
}
#else
static inline vec compress(vec v, uint32_t keep) {
  vec packed = {0};
  for (int i = 0, n = 0; i < VL; i++)
    if (keep >> i & 1) packed[n++] = v[i];
  return packed;
}
#endif

#endif
