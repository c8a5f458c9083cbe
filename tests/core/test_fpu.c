// SPDX-License-Identifier: ISC
// The sound does not depend on the floating-point mode that a host left, which it gets back.
#include <cenote/cenote.h>

#include <fenv.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "golden.h"

enum { FRAMES = 2000 };

static void render(const CenoteModel *model, float *out)
{
  CenoteVoice *voice;
  assert_int_equal(cenote_voice_new(model, &voice), CENOTE_OK);
  cenote_voice_render(voice, out, FRAMES);
  cenote_voice_free(voice);
}

static void a_voice_sounds_the_same_in_every_rounding_mode(void **state)
{
  (void)state;
  static const int modes[] = {FE_DOWNWARD, FE_UPWARD, FE_TOWARDZERO};
  static float usual[FRAMES];
  static float other[FRAMES];
  char path[512];
  CenoteModel *model;
  golden_path("tiny.safetensors", path);
  assert_int_equal(cenote_model_load(path, &model, NULL), CENOTE_OK);
  render(model, usual);
  for (size_t i = 0; i < sizeof modes / sizeof *modes; ++i) {
    assert_int_equal(fesetround(modes[i]), 0);
    render(model, other);
    const int after = fegetround();
    fesetround(FE_TONEAREST);
    assert_int_equal(after, modes[i]);
    assert_memory_equal(usual, other, sizeof usual);
  }
  cenote_model_free(model);
}

int main(void)
{
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(a_voice_sounds_the_same_in_every_rounding_mode),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
