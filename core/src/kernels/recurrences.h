// SPDX-License-Identifier: ISC
// RG-LRU and LRU on vectors: a part of vector.h, which includes it.
#ifndef CN_RECURRENCES_H
#define CN_RECURRENCES_H

/// Units that a recurrence takes through one stage after the other: stages of a few operations on
/// vectors that do not depend on each other keep the CPU busy where one long chain would not.
enum { STAGE = 128 };

typedef struct Stage {
  float turn[STAGE]; ///< sigmoid(ga)
  float in[STAGE];   ///< what u is multiplied with
  float m[STAGE];    ///< |a| - 1
  float re[STAGE];   ///< a - 1
  float im[STAGE];
} Stage;

static ALWAYS_INLINE void open_gates(Stage *s, const float *gx, const float *ga, bool brief,
                                     bool whole, uint32_t n)
{
  EACH_VECTOR(whole)
  {
    const Real x = load_some(gx + i, m);
    const Real a = load_some(ga + i, m);
    const Real turn = brief ? sigmoid_brief(a) : sigmoid_real(a);
    const Real in = brief ? sigmoid_brief(x) : sigmoid_real(x);
    store(s->turn + i, turn);
    store(s->in + i, in);
  }
}

static ALWAYS_INLINE void find_sizes(Stage *s, const float *rate, bool input_norm, bool brief,
                                     bool whole, uint32_t n)
{
  EACH_VECTOR(whole)
  {
    Real size;
    Real scale;
    const Real turn = load(s->turn + i);
    if (brief) rglru_a_brief(turn, load_some(rate + i, m), &size, &scale);
    else rglru_a(turn, load_some(rate + i, m), &size, &scale);
    store(s->m + i, size);
    if (input_norm) store(s->in + i, load(s->in + i) * sqrt_real(scale));
  }
}

/// How an angle's sine and cosine are had.
typedef enum Turn { TURN_BRIEF, TURN_NEAR, TURN_ANY } Turn;

static ALWAYS_INLINE void find_turns(Stage *s, const float *angle, Turn how, bool whole, uint32_t n)
{
  EACH_VECTOR(whole)
  {
    Real re;
    Real im;
    const Real turned = load_some(angle + i, m) * load(s->turn + i);
    const Real size = load(s->m + i);
    if (how == TURN_BRIEF) rglru_turn_brief(turned, size, &re, &im);
    else if (how == TURN_NEAR) rglru_turn_near(turned, size, &re, &im);
    else rglru_turn(turned, size, &re, &im);
    store(s->re + i, re);
    store(s->im + i, im);
  }
}

static ALWAYS_INLINE void recur_real(const Stage *s, float *h, const float *u, bool whole,
                                     uint32_t n)
{
  EACH_VECTOR(whole)
  {
    const Real was = load_some(h + i, m);
    store_some(h + i, was + (load(s->m + i) * was + load(s->in + i) * load_some(u + i, m)), m);
  }
}

static ALWAYS_INLINE void recur_complex(const Stage *s, float *re, float *im, const float *u_re,
                                        const float *u_im, bool whole, uint32_t n)
{
  EACH_VECTOR(whole)
  {
    const Real in = load(s->in + i);
    const Real a_re = load(s->re + i);
    const Real a_im = load(s->im + i);
    const Real x = load_some(re + i, m);
    const Real y = load_some(im + i, m);
    store_some(re + i, x + ((a_re * x - a_im * y) + in * load_some(u_re + i, m)), m);
    store_some(im + i, y + ((a_re * y + a_im * x) + in * load_some(u_im + i, m)), m);
  }
}

/// Units k to k + n - 1.
static ALWAYS_INLINE void rglru_some(float *restrict h, const CnRecurrence *r, const float *u,
                                     const float *gx, const float *ga, bool brief, bool whole,
                                     uint32_t k, uint32_t n)
{
  Stage s;
  open_gates(&s, gx + k, ga + k, brief, whole, n);
  find_sizes(&s, r->rate + k, r->input_norm, brief, whole, n);
  if (!r->angle) {
    recur_real(&s, h + k, u + k, whole, n);
    return;
  }
  if (brief) find_turns(&s, r->angle + k, TURN_BRIEF, whole, n);
  else if (r->near) find_turns(&s, r->angle + k, TURN_NEAR, whole, n);
  else find_turns(&s, r->angle + k, TURN_ANY, whole, n);
  recur_complex(&s, h + k, h + r->units + k, u + k, u + r->units + k, whole, n);
}

static void rglru(float *restrict h, const CnRecurrence *r, const float *u, const float *gx,
                  const float *ga, bool brief)
{
  for (uint32_t k = 0; k < r->units; k += STAGE) {
    const uint32_t n = r->units - k < STAGE ? r->units - k : STAGE;
    if (n % LANES != 0) rglru_some(h, r, u, gx, ga, brief, false, k, n);
    else if (brief) rglru_some(h, r, u, gx, ga, true, true, k, n);
    else rglru_some(h, r, u, gx, ga, false, true, k, n);
  }
}

static void lru(float *restrict h, const CnRecurrence *r, const float *u)
{
  const uint32_t units = r->units;
  for (uint32_t k = 0; k < units; k += LANES) {
    const uint32_t m = rest_of(units, k);
    const Real a_re = load_some(r->a_re + k, m);
    const Real rest_re = load_some(r->rest_re + k, m);
    const Real scale = load_some(r->scale + k, m);
    const Real re = load_some(h + k, m);
    if (!r->a_im) {
      store_some(h + k, a_re * re + (rest_re * re + scale * load_some(u + k, m)), m);
      continue;
    }
    const Real a_im = load_some(r->a_im + k, m);
    const Real rest_im = load_some(r->rest_im + k, m);
    const Real im = load_some(h + units + k, m);
    store_some(
        h + k,
        (a_re * re - a_im * im) + ((rest_re * re - rest_im * im) + scale * load_some(u + k, m)), m);
    store_some(h + units + k,
               (a_re * im + a_im * re) +
                   ((rest_re * im + rest_im * re) + scale * load_some(u + units + k, m)),
               m);
  }
}

#endif
