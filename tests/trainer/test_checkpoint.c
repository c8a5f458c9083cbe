// SPDX-License-Identifier: ISC
// Checkpoints: what is written comes back; what is damaged is refused by name, and nothing of it is
// taken for a run. And the settings that a run is told by.
#include "checkpoint.h"
#include "settings_struct.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

static const char path[] = "test_checkpoint.ckpt";
static const char model[] =
    "{\"base_dim\":8,\"pool_temporal\":[2],\"pool_features\":[1],\"model_structure\":[[\"rglru\"],"
    "[\"rglru\"]],\"unet\":true,\"norm\":\"layer\",\"use_gating\":true,\"use_temporal_cnn\":false,"
    "\"input_transform\":\"sine\",\"ff_expand\":2,\"conv_kernel_size\":3,"
    "\"conv_feature_group_count\":1,\"conv_pooling\":true,\"rnn\":{\"block_type\":\"rglru\","
    "\"d_hidden\":8,\"only_real\":false,\"input_norm\":true,\"n_diag_blocks\":2,\"log_a_scale\":"
    "-8.0,\"adaptive_d\":false},\"sample_rate\":16000,\"encoding\":\"mulaw\",\"num_classes\":256,"
    "\"baseline\":128,\"min_max_scaling\":false}";

static Trainer *new_trainer(bool carry)
{
  CnWeights weights;
  Trainer *trainer;
  CenoteError err = {""};
  TrainerOptions options;
  trainer_defaults(&options);
  options.batch = 2;
  options.length = 64;
  options.warmup_steps = 1;
  options.carry = carry;
  if (trainer_init_weights("test", model, 1, &weights, &err) != CENOTE_OK) fail_msg("%s", err.text);
  if (trainer_new(&weights, &options, &trainer, &err) != CENOTE_OK) fail_msg("%s", err.text);
  cn_weights_clear(&weights);
  return trainer;
}

static void step(Trainer *trainer, bool carry)
{
  uint8_t codes[128];
  StepResult result;
  const uint64_t n = *trainer_state(trainer).steps;
  for (int i = 0; i < 128; ++i) codes[i] = (uint8_t)(100 + (i * 7 + (int)n * 3) % 50);
  trainer_step(trainer, codes, NULL, carry ? (const bool[2]){n == 0, n == 0} : NULL, &result);
}

static void save(Trainer *trainer)
{
  CenoteError err = {""};
  const Checkpoint checkpoint = {.settings = json_pack("{s:i}", "batch", 2),
                                 .model = json_loads(model, 0, NULL),
                                 .total_steps = 77,
                                 .data = UINT64_C(0xfedcba9876543210),
                                 .processes = 3,
                                 .batch = 2,
                                 .log_bytes = 1234,
                                 .elapsed_s = 2.5};
  if (checkpoint_save(path, &checkpoint, trainer, &err) != CENOTE_OK) fail_msg("%s", err.text);
  json_decref(checkpoint.settings);
  json_decref(checkpoint.model);
}

static void what_is_written_comes_back(void **state)
{
  (void)state;
  for (int carry = 0; carry < 2; ++carry) {
    Trainer *one = new_trainer(carry != 0);
    for (int i = 0; i < 3; ++i) step(one, carry != 0);
    save(one);
    Checkpoint checkpoint;
    CenoteError err = {""};
    assert_int_equal(checkpoint_open(path, &checkpoint, &err), CENOTE_OK);
    assert_int_equal(checkpoint.total_steps, 77);
    assert_true(checkpoint.data == UINT64_C(0xfedcba9876543210));
    assert_int_equal(checkpoint.processes, 3);
    assert_int_equal(checkpoint.log_bytes, 1234);
    assert_true(fabs(checkpoint.elapsed_s - 2.5) < 1e-12);
    assert_int_equal(json_integer_value(json_object_get(checkpoint.settings, "batch")), 2);
    checkpoint_clear(&checkpoint);
    // Another trainer takes it up, and both go on alike.
    Trainer *two = new_trainer(carry != 0);
    assert_int_equal(checkpoint_restore(path, two, 2, &err), CENOTE_OK);
    assert_int_equal(*trainer_state(two).steps, 3);
    for (int i = 0; i < 2; ++i) step(one, carry != 0), step(two, carry != 0);
    const TrainerState a = trainer_state(one);
    const TrainerState b = trainer_state(two);
    const size_t bytes = a.count * sizeof(real);
    assert_memory_equal(a.weights, b.weights, bytes);
    assert_memory_equal(a.m, b.m, bytes);
    assert_memory_equal(a.v, b.v, bytes);
    assert_memory_equal(a.ema, b.ema, bytes);
    assert_int_equal(*a.counter, *b.counter);
    trainer_free(one);
    trainer_free(two);
  }
}

static unsigned char *read_file(size_t *size)
{
  FILE *file = fopen(path, "rb");
  assert_non_null(file);
  assert_int_equal(fseek(file, 0, SEEK_END), 0);
  *size = (size_t)ftell(file);
  rewind(file);
  unsigned char *bytes = malloc(*size);
  assert_non_null(bytes);
  assert_int_equal(fread(bytes, 1, *size, file), *size);
  fclose(file);
  return bytes;
}

static void write_file(const unsigned char *bytes, size_t size)
{
  FILE *file = fopen(path, "wb");
  assert_non_null(file);
  assert_int_equal(fwrite(bytes, 1, size, file), size);
  assert_int_equal(fclose(file), 0);
}

/// Refused by one of the two ways in, with a line that names the file.
static bool refused(Trainer *trainer)
{
  Checkpoint checkpoint;
  CenoteError err = {""};
  CenoteStatus status = checkpoint_open(path, &checkpoint, &err);
  if (status == CENOTE_OK) {
    checkpoint_clear(&checkpoint);
    status = checkpoint_restore(path, trainer, 2, &err);
  }
  if (status != CENOTE_OK && strncmp(err.text, path, sizeof path - 1) != 0)
    fail_msg("%s", err.text);
  return status != CENOTE_OK;
}

static void what_is_damaged_is_refused(void **state)
{
  (void)state;
  Trainer *trainer = new_trainer(false);
  step(trainer, false);
  save(trainer);
  size_t size;
  unsigned char *bytes = read_file(&size);
  size_t header = 0;
  for (int i = 7; i >= 0; --i) header = header << 8 | bytes[i];
  header += 8;
  for (size_t cut = 0; cut < size; cut += cut < header + 16 ? 13 : 997) {
    write_file(bytes, cut);
    assert_true(refused(trainer));
  }
  for (size_t at = header; at < size; at += 1009) {
    bytes[at] ^= 1;
    write_file(bytes, size);
    assert_true(refused(trainer));
    bytes[at] ^= 1;
  }
  // In the header a byte may not matter (how long the run took); nothing may crash.
  for (size_t at = 0; at < header; at += 3) {
    const unsigned char kept = bytes[at];
    bytes[at] = (unsigned char)(kept ^ 0x11);
    write_file(bytes, size);
    refused(trainer);
    bytes[at] = kept;
  }
  write_file(bytes, size);
  assert_false(refused(trainer));
  free(bytes);
  trainer_free(trainer);
  unlink(path);
}

static void settings_go_to_json_and_back(void **state)
{
  (void)state;
  CenoteError err = {""};
  for (const SettingsSize *size = settings_sizes; size->name; ++size) {
    Settings *a = settings_new(size->name);
    Settings *b = settings_new("tiny");
    assert_non_null(a);
    assert_non_null(b);
    if (settings_check(a, &err) != CENOTE_OK) fail_msg("%s", err.text);
    a->step.skip_threshold = HUGE_VAL;
    a->step.learning_rate = 0.1 + 0.2; // no short number
    a->step.seed = (UINT64_C(1) << 53) - 1;
    json_t *json = settings_to_json(a, false);
    char *text = json_dumps(json, 0);
    json_t *read = json_loads(text, 0, NULL);
    assert_int_equal(settings_from_json("test", read, false, b, &err), CENOTE_OK);
    assert_true(b->step.learning_rate >= 0.1 + 0.2 && b->step.learning_rate <= 0.1 + 0.2);
    assert_true(isinf(b->step.skip_threshold));
    assert_true(b->step.seed == a->step.seed);
    json_t *again = settings_to_json(b, false);
    assert_true(json_equal(json, again));
    json_object_del(read, "b2");
    assert_int_not_equal(settings_from_json("test", read, false, b, &err), CENOTE_OK);
    assert_non_null(strstr(err.text, "no b2"));
    json_decref(json);
    json_decref(read);
    json_decref(again);
    free(text);
    settings_free(a);
    settings_free(b);
  }
  assert_null(settings_new("huge"));
  settings_free(NULL);
}

static const Setting *named(const char *name)
{
  const Setting *setting = settings_table;
  while (strcmp(setting->name, name) != 0) ++setting;
  return setting;
}

static void settings_are_read_from_text(void **state)
{
  (void)state;
  static const struct {
    const char *name;
    const char *text;
    bool good;
  } cases[] = {
      {"batch", "3", true},       {"batch", "0", false},       {"batch", "2.5", false},
      {"batch", "x", false},      {"batch", "", false},        {"batch", "nan", false},
      {"batch", "1e99", false},   {"clip", "1e30", true},      {"clip", "none", false},
      {"cosine", "true", true},   {"cosine", "1", false},      {"skip_threshold", "none", true},
      {"memory", "2G", true},     {"memory", "1.5K", true},    {"memory", "2X", false},
      {"dropout", "-0.1", false}, {"dropout", "0x1p-2", false}};
  Settings *settings = settings_new("small");
  CenoteError err = {""};
  for (size_t i = 0; i < sizeof cases / sizeof *cases; ++i)
    assert_int_equal(settings_set(settings, named(cases[i].name), cases[i].text, &err) == CENOTE_OK,
                     cases[i].good);
  assert_int_equal(settings->step.batch, 3);
  assert_int_equal(settings->step.memory_bytes, 1536);
  assert_true(settings->cosine && isinf(settings->step.skip_threshold));
  // Keys of the model.
  assert_int_equal(settings_set_key(settings, "pool_temporal", "5", &err), CENOTE_OK);
  assert_int_equal(settings_set_key(settings, "pool_features", "[1]", &err), CENOTE_OK);
  assert_int_equal(settings_set_key(settings, "model_structure", "[\"mlp\"],[\"conv\"]", &err),
                   CENOTE_OK);
  assert_int_equal(settings_set_key(settings, "norm", "rms", &err), CENOTE_OK);
  assert_int_equal(settings_set_key(settings, "rnn.d_hidden", "48", &err), CENOTE_OK);
  if (settings_check(settings, &err) != CENOTE_OK) fail_msg("%s", err.text);
  char *text = settings_model(settings);
  assert_non_null(strstr(text, "\"pool_temporal\":[5]"));
  assert_non_null(strstr(text, "\"norm\":\"rms\""));
  assert_non_null(strstr(text, "\"d_hidden\":48"));
  free(text);
  assert_int_equal(settings_set_key(settings, "norm", "[", &err), CENOTE_OK); // a word
  assert_int_equal(settings_check(settings, &err), CENOTE_BAD_ARGUMENT);
  assert_non_null(strstr(err.text, "norm"));
  settings_free(settings);
}

int main(void)
{
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(what_is_written_comes_back),
      cmocka_unit_test(what_is_damaged_is_refused),
      cmocka_unit_test(settings_go_to_json_and_back),
      cmocka_unit_test(settings_are_read_from_text),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
