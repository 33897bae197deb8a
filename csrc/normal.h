/* Elementary functions of the normal distribution: gelu, its gradient and erf (see elementary.h).
 *
 * The tail Q(t) = exp(-t^2/2) W(t), t >= 0, where W, a Mills ratio, varies slowly: W = u P(u - 1/2),
 * u = 1 / (1 + TAIL_SCALE t). */

#ifndef KG_NORMAL_H
#define KG_NORMAL_H
#include "elementary.h"

#define TAIL_SCALE R(0.38f, 0.25)
#define TAIL_END R(14.5f, 39.) /* past it Q is 0 */
static const real tail_poly[] = {
#if KG_REAL == 64
    0.188821282603937879,
    0.303948320985946041,
    0.387137400742214866,
    0.373043715919317231,
    0.241586299563678691,
    0.0603215117334684123,
    -0.0556750778723264506,
    -0.0521861906234461284,
    0.00853403572190858904,
    0.0295801511308471515,
    -0.0004885068763078519,
    -0.0179940698992074183,
    0.000733743641340312371,
    0.0121244334933798565,
    -0.00257790319931224627,
    -0.00836833978566043843,
    0.00444386978109483945,
    0.00508000234521291134,
    -0.0055561797757204788,
    -0.00176346703071301124,
    0.00504062648479979176,
    -0.000921377304294741556,
    -0.00253382347974774776,
    0.00140704717185192443
#else
    0.271114707f,  0.346452653f,    0.241319716f,   0.010938867f, -0.104416721f, -0.0115034766f,
    0.0660810322f, -0.00977790169f, -0.0402492173f, 0.0247264542f
#endif
};

static inline vec mills(vec t) {
  vec u = 1 / (1 + t * TAIL_SCALE), v = u - (real)0.5;
  return u * POLY(v, tail_poly);
}

/* x Phi(x) = max(x, 0) - |x| Q(|x|)
 *
 * float32 takes Q(t), t < TABLE_END, from the nearest of 16 points c, a quarter apart: a polynomial in v = t - c,
 * whose constant term has two parts, so that only the last sum and product round. There is nothing to divide
 * and no exponential: twice as fast as the way through W, with errors of 2.0 ULP instead of 5.3. The few numbers
 * further out take t Q(t) = exp(-t^2/2) (1/sqrt(2 pi) + u F(u)), u = 1/t^2. */
#if KG_REAL == 64
static inline vec gelu_v(vec x) {
  vec t = lesser_of(splat(TAIL_END), absolute(x)), n, p = bell_reduced(t, &n), w = t * mills(t);
  return greater_of(splat((real)-0.), x) - times_two_to(w + w * p, n);
}
#else
#define TABLE_END 3.7f
enum { TAIL_TERMS = 7 };
static const real tail_near[TAIL_TERMS + 1][16] = {
    /* the constant, its second part, then powers of v */
    {0.5f, 0.401293665f, 0.308537543f, 0.22662735f, 0.158655256f, 0.105649777f, 0.066807203f, 0.0400591567f,
     0.0227501318f, 0.0122244731f, 0.00620966544f, 0.00297976332f, 0.00134989806f, 0.000577025057f,
     0.000232629085f, 8.84172841e-05f},
    {-9.4202754e-13f, 9.14573568e-09f, -4.09401174e-09f, 2.52402261e-09f, -2.10030911e-09f, -3.08868167e-09f,
     -1.72513878e-09f, 1.48155045e-10f, 1.61944695e-10f, -4.04784768e-10f, -1.18620666e-10f, -8.32538204e-11f,
     -2.37769189e-11f, -1.49120675e-11f, -5.95990158e-12f, 1.17714833e-12f},
    {-0.39894228f, -0.386668116f, -0.352065327f, -0.301137432f, -0.241970725f, -0.182649086f, -0.129517596f,
     -0.0862773189f, -0.0539909665f, -0.0317396517f, -0.0175283004f, -0.00909356243f, -0.00443184838f,
     -0.00202904805f, -0.000872682703f, -0.000352595694f},
    {1.01150599e-09f, 0.0483335152f, 0.0880163316f, 0.112926536f, 0.120985361f, 0.114155677f, 0.0971381959f,
     0.0754926538f, 0.053990967f, 0.0357071091f, 0.0219103764f, 0.012503649f, 0.00664777285f, 0.00329720311f,
     0.00152719462f, 0.000661116778f},
    {0.0664901273f, 0.0604166932f, 0.0440080963f, 0.0219580101f, 1.62446151e-07f, -0.0171231793f,
     -0.0269827144f, -0.0296577889f, -0.0269955076f, -0.0214904442f, -0.0153373177f, -0.00994612157f,
     -0.0059091488f, -0.00323379832f, -0.00163627572f, -0.000767624018f},
    {-1.72117822e-07f, -0.0118317125f, -0.0201703389f, -0.0229380029f, -0.0201639655f, -0.0136746675f,
     -0.0060710093f, 0.000393192077f, 0.0044991504f, 0.00613702051f, 0.00593393444f, 0.00475390963f,
     0.00332385269f, 0.00207792629f, 0.00117723092f, 0.000609488865f},
    {-0.00994116835f, -0.00844532135f, -0.00457527251f, 0.000137721953f, 0.00401195151f, 0.00596503608f,
     0.00585358414f, 0.00430598392f, 0.0022527937f, 0.000468968297f, -0.000659331385f, -0.00111789732f,
     -0.00110567508f, -0.000865197805f, -0.000579178298f, -0.000342766933f},
    {7.35093818e-06f, 0.00192924097f, 0.00306203659f, 0.00302615673f, 0.00200304842f, 0.000567271173f,
     -0.000660003997f, -0.00130657671f, -0.00134353985f, -0.000984956971f, -0.000508639353f, -0.00011665481f,
     0.000111444756f, 0.000191262597f, 0.000179590234f, 0.000131527193f},
};
static const real tail_far[] = {-0.398940181f, 1.19562934f,  -5.84909207f,
                                34.9915131f,   -179.789602f, 488.963933f};

static inline vec far_from_zero(vec t) { /* t Q(t), t >= TABLE_END */
  t = lesser_of(splat(TAIL_END), t);
  vec n, p = bell_reduced(t, &n), u = 1 / (t * t), w = 0.398942292f + u * POLY(u, tail_far);
  return times_two_to(w + w * p, n);
}

static inline vec gelu_v(vec x) {
  vec t = absolute(x), shifted = t + 0x1.8p21f, v = t - (shifted - 0x1.8p21f);
  vec q = pick(tail_near[TAIL_TERMS], (umask)shifted);
#pragma GCC unroll 8
  for (int i = TAIL_TERMS - 1; i >= 1; i--) q = q * v + pick(tail_near[i], (umask)shifted);
  vec w = t * (pick(tail_near[0], (umask)shifted) + q);
  mask far = ~(t < TABLE_END);
  if (__builtin_expect(any(far), 0)) w = choose(far, far_from_zero(t), w);
  return greater_of(splat((real)-0.), x) - w;
}
#endif

/* g times the derivative of gelu: Phi(x) + x exp(-x^2/2) / sqrt(2 pi). Past TAIL_END it is 1 or 0, and NaN at
 * infinity, 0 times infinity. */
static inline vec gelu_gradient_v(vec g, vec x) {
  vec t = lesser_of(splat(TAIL_END), absolute(x)), n, p = bell_reduced(t, &n);
  vec density = times_two_to(1 + p, n), tail = mills(t) * density;
  return g * (choose(x < 0, tail, 1 - tail) + x * (density * R(0.398942280f, 0.39894228040143268)));
}

/* erf: x + x E(x^2) for |x| <= 1.  Beyond: 1 - 2 Q(sqrt(2) |x|). */

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
static inline vec erf_v(vec x) {
  vec a = absolute(x), z = x * x;
  vec near = x + x * POLY(z, erf_near);
  mask beyond = a > 1;
  if (!any(beyond)) return near;
  vec t = clip(a, 1, R(4.f, 6.)) * R(1.41421356f, 1.4142135623730951), n, p = bell_reduced(t, &n);
  return choose(beyond, with_sign(1 - 2 * (mills(t) * times_two_to(1 + p, n)), x), near);
}

#endif
