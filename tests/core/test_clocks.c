// SPDX-License-Identifier: ISC
// A step whose levels have clocks of their own, against the same written down as a recursion.
#include "golden.h"
#include "voices.h"

#include "rt/rt.h"

#include <cenote/cenote.h>

#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>

enum { STEPS = 300 };

/// Clock, freeze and tick of one level, counted here in quarters of a run.
typedef struct Clock {
  uint32_t quarters; ///< runs asked for each time, times 4
  uint32_t owed;
  bool freeze;
  uint32_t ticks;
} Clock;

static uint32_t runs(Clock *clock)
{
  uint32_t count = 0;
  if (!clock->freeze) {
    clock->owed += clock->quarters;
    count = clock->owed / 4;
    clock->owed %= 4;
  }
  if (clock->ticks > 0) ++count, --clock->ticks;
  return count;
}

static void blocks(CenoteVoice *voice, uint32_t level, const CnBlock *block, uint32_t count)
{
  for (uint32_t j = 0; j < count; ++j) cn_block(voice->model, &block[j], level, &voice, 1);
}

/// Runs a level `count` times on input[width], and those below it as they fall due.
static void descend(CenoteVoice *voice, Clock *clock, uint32_t level, const float *input,
                    uint32_t count)
{
  const CenoteModel *model = voice->model;
  const CnLevel *at = &model->level[level];
  float copy[64];
  assert_true(at->width <= 64);
  memcpy(copy, input, at->width * sizeof *copy);
  for (uint32_t r = 0; r < count; ++r) {
    memcpy(voice->scratch.x[level], copy, at->width * sizeof *copy);
    blocks(voice, level, at->down, at->downs);
    if (level + 1 < model->levels) {
      if (cn_pool_push(model->kernels, &at->pool, level, voice)) {
        const uint32_t deep = runs(&clock[level + 1]);
        descend(voice, clock, level + 1, voice->scratch.x[level + 1], deep);
        if (deep > 0) cn_pool_take(&at->pool, level, voice);
      }
      cn_pool_pull(model->kernels, &at->pool, level, voice);
    }
    blocks(voice, level, at->up, at->ups);
  }
}

static void answer(CenoteVoice *voice, Clock *clock, float *logits)
{
  const CenoteModel *model = voice->model;
  const CnScratch *scratch = &voice->scratch;
  const float *normed = scratch->normed;
  descend(voice, clock, 0, model->input + (size_t)voice->state->code * model->input_stride, 1);
  model->kernels->layer_norm(scratch->normed, scratch->x[0], model->norm, model->norm_bias,
                             model->level[0].width);
  cn_product(model->kernels, &model->head, &voice, 1, &normed, &logits, false);
}

static void check_model(const char *name, uint32_t seed)
{
  CenoteModel *model = voices_model(name);
  CenoteVoice *voice = voices_new(model, 1);
  CenoteVoice *plain = voices_new(model, 1);
  Clock clock[CN_MAX_LEVELS] = {{4, 0, false, 0}};
  static float want[CENOTE_CLASSES];
  static float got[CENOTE_CLASSES];
  for (uint32_t i = 1; i < model->levels; ++i) clock[i].quarters = 4;
  for (uint32_t step = 0; step < STEPS; ++step) {
    seed = seed * 1664525u + 1013904223u;
    const uint32_t level = 1 + (seed >> 20) % (model->levels - 1);
    Clock *one = &clock[level];
    if (seed >> 28 == 0) {
      one->quarters = (seed >> 8) % 17;
      if (one->quarters == 4) one->owed = 0; // as the setter says
      cenote_voice_set_level_clock(voice, level, (float)one->quarters * 0.25f);
    } else if (seed >> 28 == 1) {
      one->freeze = seed >> 8 & 1;
      cenote_voice_set_level_freeze(voice, level, one->freeze);
    } else if (seed >> 28 == 2) {
      if (one->ticks < CN_TICKS) ++one->ticks;
      cenote_voice_level_tick(voice, level);
    }
    const uint8_t code = (uint8_t)(seed >> 12);
    answer(plain, clock, want);
    cenote_voice_listen(voice, &code, 1, got);
    assert_memory_equal(got, want, sizeof got);
    plain->state->code = code;
  }
  for (uint32_t i = 0; i < model->levels; ++i)
    assert_true(voices_memory(voice, i) == voices_memory(plain, i));
  cenote_voice_free(voice);
  cenote_voice_free(plain);
  cenote_model_free(model);
}

static void clocks_and_ticks_are_as_a_recursion_has_them(void **state)
{
  (void)state;
  for (const char *const *name = golden_names; *name; ++name)
    for (uint32_t seed = 1; seed < 4; ++seed) check_model(*name, seed);
}

int main(void)
{
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(clocks_and_ticks_are_as_a_recursion_has_them),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
