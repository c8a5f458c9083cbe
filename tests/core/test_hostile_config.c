// SPDX-License-Identifier: ISC
// Configurations that the step cannot run, or that the tensors beside them do not fit: each key
// missing, of the wrong type, out of range, and doubled; what is unknown.
#include "hostile.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

/// config[key] = the value that json spells; a key "rnn.KEY" is one of rnn.
static void change(const char *golden, const char *key, const char *json, const char *what,
                   const char *more)
{
  Parts parts = take_apart(golden);
  json_t *config = config_of(&parts);
  if (strncmp(key, "rnn.", 4) == 0) set(json_object_get(config, "rnn"), key + 4, json);
  else set(config, key, json);
  set_config(&parts, config);
  put_parts(&parts);
  bad(what, more);
  json_decref(config);
  drop(&parts);
}

static void a_bad_value_is_named_with_its_key(void **state)
{
  (void)state;
  static const struct {
    const char *key;
    const char *json;
    const char *what;
  } table[] = {
      {"base_dim", "0", "is 0, want 1 to 4096"},
      {"base_dim", "-16", "is -16, want 1 to 4096"},
      {"base_dim", "4097", "is 4097, want 1 to 4096"},
      {"base_dim", "1152921504606846976", "is 1152921504606846976, want 1 to 4096"},
      {"base_dim", "16.0", "not a whole number"},
      {"base_dim", "\"16\"", "not a whole number"},
      {"base_dim", "17", "want even for the sine input"},
      {"pool_temporal", "2", "not a list"},
      {"pool_temporal", "[2, 0]", "is 0, want 1 to 64"},
      {"pool_temporal", "[2, 65]", "is 65, want 1 to 64"},
      {"pool_temporal", "[2, 4611686018427387904]", "want 1 to 64"},
      {"pool_temporal", "[2, true]", "not a whole number"},
      {"pool_temporal", "[2, 2, 2, 2, 2, 2, 2, 2]", "not a list of 0 to 7"},
      {"pool_features", "[1]", "has 1 entries, want 2"},
      {"pool_features", "[1, -1]", "want 1 to 4096"},
      {"pool_features", "[256, 2]", "level 2 is 8192 wide, want at most 4096"},
      {"pool_features", "null", "not a list"},
      {"model_structure", "[[], []]", "not a list of 3 lists"},
      {"model_structure", "[[], [], []]", "level 2 is not a list of 1 to 64"},
      {"model_structure", "[[], [], [\"mwa\"]]", "is \"mwa\", want one of: rglru, lru, conv, mlp"},
      {"model_structure", "[[], [], [7]]", "is not a string"},
      {"model_structure", "\"rglru\"", "not a list"},
      {"unet", "1", "not true or false"},
      {"norm", "\"batch\"", "is \"batch\", want one of: layer, rms, none"},
      {"norm", "true", "want one of"},
      {"use_gating", "\"true\"", "not true or false"},
      {"use_temporal_cnn", "0", "not true or false"},
      {"input_transform", "\"fourier\"", "want one of: sine, embed, mlp"},
      {"ff_expand", "0", "want 1 to"},
      {"ff_expand", "65536", "times width 16 more than 65536"},
      {"ff_expand", "9007199254740993", "want 1 to 65536"},
      {"conv_kernel_size", "0", "want 1 to"},
      {"conv_feature_group_count", "0", "want 1 to"},
      {"conv_pooling", "[]", "not true or false"},
      {"rnn", "[]", "not an object"},
      {"rnn.block_type", "\"gru\"", "is \"gru\", want one of: rglru, lru"},
      {"rnn.d_hidden", "0", "want 1 to"},
      {"rnn.d_hidden", "1152921504606846976", "want 1 to"},
      {"rnn.d_hidden", "33", "odd, want even"},
      {"rnn.only_real", "\"no\"", "not true or false"},
      {"rnn.input_norm", "null", "not true or false"},
      {"rnn.n_diag_blocks", "0", "want 1 to"},
      {"rnn.n_diag_blocks", "3", "does not divide 32 hidden"},
      {"rnn.log_a_scale", "\"-8\"", "not a number"},
      {"rnn.log_a_scale", "1e300", "not a number within 1e6"},
      {"rnn.adaptive_d", "2", "not true or false"},
      {"sample_rate", "0", "want 1 to"},
      {"sample_rate", "44100.5", "not a whole number"},
      {"sample_rate", "4294967297", "want 1 to"},
      {"encoding", "\"alaw\"", "is \"alaw\", want one of: mulaw, linear"},
      {"num_classes", "255", "is 255, want 256 to 256"},
      {"baseline", "256", "is 256, want 0 to 255"},
      {"baseline", "-1", "is -1, want 0 to 255"},
      {"min_max_scaling", "\"\"", "not true or false"},
      {"colour", "1", "unknown key"},
      {"rnn.colour", "1", "rnn: unknown key"},
  };
  for (size_t i = 0; i < sizeof table / sizeof *table; ++i) {
    const char *dot = strchr(table[i].key, '.');
    change("tiny.safetensors", table[i].key, table[i].json, dot ? dot + 1 : table[i].key,
           table[i].what);
  }
}

static void convolutions_must_fit_their_width(void **state)
{
  (void)state;
  change("lru_conv.safetensors", "conv_feature_group_count", "7", "conv_feature_group_count 7",
         "does not divide width");
  change("lru_conv.safetensors", "conv_kernel_size", "65536", "conv_kernel_size", "more than");
  change("tiny.safetensors", "pool_temporal", "[64, 64]", "downpool", "want [16, 64]");
}

static void all_pools_together_are_bounded(void **state)
{
  (void)state;
  Parts parts = take_apart("tiny.safetensors");
  json_t *config = config_of(&parts);
  set(config, "pool_temporal", "[64, 64, 64]");
  set(config, "pool_features", "[1, 1, 1]");
  set(config, "model_structure", "[[], [], [], [\"mlp\"]]");
  set_config(&parts, config);
  put_parts(&parts);
  bad("pool_temporal", "all pools make 262144, want at most 65536");
  json_decref(config);
  drop(&parts);
}

/// A good configuration of another model: the first tensor that does not fit is named.
static void a_configuration_of_other_tensors_names_the_first(void **state)
{
  (void)state;
  static const struct {
    const char *key;
    const char *json;
    const char *what;
    const char *more;
  } table[] = {
      {"base_dim", "18", "levels.0.down.0.norm.weight", "shape [16], want [18]"},
      {"norm", "\"rms\"", "norm.bias", "not in the configuration"},
      {"norm", "\"none\"", "norm", "not in the configuration"},
      {"use_gating", "false", "gate", "not in the configuration"},
      {"use_temporal_cnn", "true", "no tensor", "conv.weight"},
      {"input_transform", "\"embed\"", "no tensor", "input.embedding"},
      {"input_transform", "\"mlp\"", "no tensor", "input.weight"},
      {"ff_expand", "3", "levels.0.down.1.gate.weight", "shape [32, 16], want [48, 16]"},
      {"conv_pooling", "false", "downpool.weight", "shape [16, 2], want [16, 32]"},
      {"unet", "false", "down.0", "not in the configuration"},
      {"model_structure", "[[], [], [\"rglru\"]]", "tensor levels.", "not in the configuration"},
      {"model_structure", "[[\"conv\"], [], [\"mlp\"]]", "no tensor", "conv.weight"},
      {"rnn.block_type", "\"lru\"", "gate_", "not in the configuration"},
      {"rnn.d_hidden", "64", "rnn.in.weight", "shape [32, 16], want [64, 16]"},
      {"rnn.d_hidden", "65536", "rnn.in.weight", "shape [32, 16], want [65536, 16]"},
      {"rnn.only_real", "true", "rnn.gate_x.weight", "shape [4, 4, 8], want [4, 8, 8]"},
      {"rnn.n_diag_blocks", "2", "rnn.gate_x.weight", "shape [4, 4, 8], want [2, 8, 16]"},
  };
  for (size_t i = 0; i < sizeof table / sizeof *table; ++i)
    change("tiny.safetensors", table[i].key, table[i].json, table[i].what, table[i].more);
}

/// Each key, of the configuration and of its rnn, taken out and then doubled.
static void every_key_is_wanted_once(void **state)
{
  (void)state;
  for (int inner = 0; inner < 2; ++inner) {
    Parts parts = take_apart("tiny.safetensors");
    json_t *config = config_of(&parts);
    json_t *object = inner ? json_object_get(config, "rnn") : config;
    json_t *names = json_array();
    const char *key;
    json_t *value;
    json_object_foreach(object, key, value) json_array_append_new(names, json_string(key));
    assert_int_equal(json_array_size(names), inner ? 7 : 19);
    for (size_t i = 0; i < json_array_size(names); ++i) {
      char no_key[64];
      key = json_string_value(json_array_get(names, i));
      value = json_incref(json_object_get(object, key));
      json_object_del(object, key);
      set_config(&parts, config);
      put_parts(&parts);
      snprintf(no_key, sizeof no_key, "%s: no %s", inner ? "config: rnn" : "config", key);
      bad(no_key, "");
      json_object_set_new(object, key, value);
      char *text = json_dumps(config, JSON_COMPACT);
      char *twice = malloc(strlen(text) + 64);
      assert_true(text && twice);
      char *brace = inner ? strstr(strstr(text, "\"rnn\""), "{") : text;
      assert_non_null(brace);
      sprintf(twice, "%.*s\"%s\":0,%s", (int)(brace + 1 - text), text, key, brace + 1);
      json_object_set_new(entry(&parts, "__metadata__"), "config", json_string(twice));
      put_parts(&parts);
      bad("config: duplicate object key", "");
      free(text);
      free(twice);
    }
    json_decref(names);
    json_decref(config);
    drop(&parts);
  }
}

static void metadata_of_another_format_is_refused(void **state)
{
  (void)state;
  static const struct {
    const char *key;
    const char *json;
    const char *what;
  } table[] = {
      {"format", "\"transformer\"", "format is transformer, want \"poolformer\""},
      {"format_version", "\"3\"", "format_version is 3, want"},
      {"config", "\"\"", "config: "},
      {"config", "\"[]\"", "config is not a JSON object"},
      {"config", "\"{\"", "config: "},
      {"config", "\"{}\"", "config: no base_dim"},
      {"config", "\"{\\\"base_dim\\\": 99999999999999999999}\"", "config: "},
      {"config", "7", "config is not a string"},
  };
  for (size_t i = 0; i < sizeof table / sizeof *table; ++i) {
    Parts parts = take_apart("tiny.safetensors");
    set(entry(&parts, "__metadata__"), table[i].key, table[i].json);
    put_parts(&parts);
    bad(table[i].what, "");
    json_object_del(entry(&parts, "__metadata__"), table[i].key);
    put_parts(&parts);
    bad(table[i].key, "missing");
    drop(&parts);
  }
}

int main(void)
{
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(a_bad_value_is_named_with_its_key),
      cmocka_unit_test(convolutions_must_fit_their_width),
      cmocka_unit_test(all_pools_together_are_bounded),
      cmocka_unit_test(a_configuration_of_other_tensors_names_the_first),
      cmocka_unit_test(every_key_is_wanted_once),
      cmocka_unit_test(metadata_of_another_format_is_refused),
  };
  return cmocka_run_group_tests(tests, hostile_begin, hostile_end);
}
