// SPDX-License-Identifier: ISC
// The table, and the ways in and out of it.
#include "settings_struct.h"

#include "config.h"
#include "status.h"
#include "try.h"

#include <errno.h>
#include <float.h>
#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define MOST_STEPS 1e15

#define STEP(field) offsetof(Settings, step.field)
#define RUN(field) offsetof(Settings, field)
const Setting settings_table[] = {
    {"steps", SET_WHOLE, RUN(steps), 0, MOST_STEPS, false, "N", "how long, in steps"},
    {"minutes", SET_NUMBER, RUN(minutes), 0.01, 1e6, true, "M", "or in minutes"},
    {"batch", SET_WHOLE32, STEP(batch), 1, 65536, true, "N", "crops of a step, of all processes"},
    {"length", SET_WHOLE32, STEP(length), 2, 1 << 24, true, "N", "samples of a crop"},
    {"learning_rate", SET_NUMBER, STEP(learning_rate), 0, 10, true, "X", "the highest"},
    {"warmup_steps", SET_WHOLE, STEP(warmup_steps), 0, MOST_STEPS, true, "N",
     "the rate rises from 0 for so long"},
    {"cosine", SET_BOOL, RUN(cosine), 0, 1, true, "BOOL", "then falls to 0, or stays"},
    {"b1", SET_NUMBER, STEP(b1), 0, 1, true, "X", "AdamW's first decay"},
    {"b2", SET_NUMBER, STEP(b2), 0, 1, true, "X", "its second"},
    {"eps", SET_NUMBER, STEP(eps), 0, 1, true, "X", "its epsilon"},
    {"weight_decay", SET_NUMBER, STEP(weight_decay), 0, 10, true, "X", "of every weight"},
    {"clip", SET_NUMBER, STEP(clip), 0, 1e30, true, "X", "longest gradient, in bits"},
    {"skip_threshold", SET_NUMBER, STEP(skip_threshold), 0, DBL_MAX, true, "X|none",
     "a longer one is not followed at all"},
    {"ema_rate", SET_NUMBER, STEP(ema_rate), 0, 1, true, "X", "of the averaged weights"},
    {"dropout", SET_NUMBER, STEP(dropout), 0, 0.99, true, "X", "of each residual branch"},
    {"carry", SET_BOOL, STEP(carry), 0, 1, true, "BOOL", "crops go on where the last ended"},
    {"bfloat16", SET_BOOL, STEP(bfloat16), 0, 1, true, "BOOL", "products in bfloat16"},
    {"seed", SET_WHOLE, STEP(seed), 0, 9007199254740992.0, true, "N",
     "of first weights, crops, dropout"},
    {"threads", SET_WHOLE32, STEP(threads), 1, 1024, false, "N", "default: the cores"},
    {"memory", SET_BYTES, STEP(memory_bytes), 0, 1e18, false, "N[K|M|G]", "use no more"},
    {"trim_silence", SET_NUMBER, RUN(trim_silence), 0, 200, true, "DB",
     "cut ends so far below a file's peak"},
    {"strict", SET_BOOL, RUN(strict), 0, 1, false, "BOOL",
     "a file that cannot be read ends the run"},
    {"raw_rate", SET_WHOLE, RUN(raw_rate), 0, 768000, true, "HZ",
     "read .raw files too: 16-bit PCM of this rate"},
    {"raw_channels", SET_WHOLE, RUN(raw_channels), 1, 64, true, "N", "and so many channels"},
    {"valid_every", SET_WHOLE, RUN(valid_every), 0, MOST_STEPS, false, "N",
     "steps; 0: twenty times a run"},
    {"valid_seconds", SET_NUMBER, RUN(valid_seconds), 0, 1e9, false, "S",
     "of sound in each but the last"},
    {"checkpoint_every", SET_WHOLE, RUN(checkpoint_every), 0, MOST_STEPS, false, "N",
     "steps; 0: once a minute"},
    {"sample_seconds", SET_NUMBER, RUN(sample_seconds), 0, 3600, false, "S",
     "of sound generated at each validation"},
    {"sample_temperature", SET_NUMBER, RUN(sample_temperature), 0, 4, false, "T", "of that sound"},
    {NULL, SET_BOOL, 0, 0, 0, false, NULL, NULL},
};

static double get(const Settings *settings, const Setting *setting)
{
  const void *at = (const char *)settings + setting->at;
  switch (setting->kind) {
  case SET_WHOLE32:
    return *(const uint32_t *)at;
  case SET_WHOLE:
  case SET_BYTES:
    return (double)*(const uint64_t *)at;
  case SET_NUMBER:
    return *(const double *)at;
  case SET_BOOL:
    break;
  }
  return *(const bool *)at ? 1.0 : 0.0;
}

static CenoteStatus put(Settings *settings, const Setting *setting, double value, CenoteError *err)
{
  const bool number = setting->kind == SET_NUMBER;
  const bool endless = value == HUGE_VAL && setting->high >= DBL_MAX;
  if (!endless &&
      (!(value >= setting->low && value <= setting->high) || (!number && value > floor(value))))
    return cn_fail(err, CENOTE_BAD_ARGUMENT, "%s: want a %snumber from %g to %g", setting->name,
                   number ? "" : "whole ", setting->low, setting->high);
  void *at = (char *)settings + setting->at;
  switch (setting->kind) {
  case SET_WHOLE32:
    *(uint32_t *)at = (uint32_t)value;
    break;
  case SET_WHOLE:
  case SET_BYTES:
    *(uint64_t *)at = (uint64_t)value;
    break;
  case SET_NUMBER:
    *(double *)at = value;
    break;
  case SET_BOOL:
    *(bool *)at = value > 0.0;
    break;
  }
  return CENOTE_OK;
}

CenoteStatus settings_set(Settings *settings, const Setting *setting, const char *text,
                          CenoteError *err)
{
  char *end = NULL;
  double value = (double)NAN;
  if (setting->kind == SET_BOOL) {
    if (strcmp(text, "true") == 0 || strcmp(text, "false") == 0)
      return put(settings, setting, text[0] == 't', err);
    return cn_fail(err, CENOTE_BAD_ARGUMENT, "%s: %s is neither true nor false", setting->name,
                   text);
  }
  if (strcmp(text, "none") == 0 && setting->high >= DBL_MAX)
    return put(settings, setting, HUGE_VAL, err);
  // Neither blanks, nor hexadecimal, nor "nan": what strtod takes beyond plain numbers.
  const size_t digits = strspn(text, "0123456789+-.eE");
  if (digits > 0 && text[digits + (text[digits] != '\0')] == '\0' && text[digits] != 'x')
    value = strtod(text, &end);
  if (end && setting->kind == SET_BYTES && end[0] != '\0' && end[1] == '\0') {
    const char *unit = strchr("KMG", end[0]);
    if (unit) value *= pow(1024.0, (double)(1 + (unit - "KMG"))), ++end;
    value = floor(value);
  }
  if (!end || *end != '\0')
    return cn_fail(err, CENOTE_BAD_ARGUMENT, "%s: %s is not a number", setting->name, text);
  return put(settings, setting, value, err);
}

static CenoteStatus put_json(const char *name, Settings *settings, const Setting *setting,
                             const json_t *value, CenoteError *err)
{
  CenoteError why;
  CenoteStatus status;
  if (json_is_null(value) && setting->high >= DBL_MAX)
    status = put(settings, setting, HUGE_VAL, &why);
  else if (setting->kind == SET_BOOL ? !json_is_boolean(value) : !json_is_number(value))
    return cn_fail(err, CENOTE_BAD_ARGUMENT, "%s: %s: not a %s", name, setting->name,
                   setting->kind == SET_BOOL ? "boolean" : "number");
  else
    status =
        put(settings, setting,
            json_is_boolean(value) ? (double)json_is_true(value) : json_number_value(value), &why);
  return status == CENOTE_OK ? status : cn_fail(err, status, "%s: %s", name, why.text);
}

static bool is_key(const char *name)
{
  for (const SettingsKey *key = settings_keys; key->name; ++key) {
    const char *dot = strchr(key->name, '.');
    if (strcmp(key->name, name) == 0 || (dot && strcmp(name, "rnn") == 0)) return true;
  }
  return false;
}

CenoteStatus settings_from_json(const char *name, const json_t *object, bool partial,
                                Settings *settings, CenoteError *err)
{
  if (!json_is_object(object))
    return cn_fail(err, CENOTE_BAD_ARGUMENT, "%s: not a JSON object", name);
  for (const Setting *s = settings_table; s->name; ++s) {
    const json_t *value = json_object_get(object, s->name);
    if (value) CN_TRY(put_json(name, settings, s, value, err));
    else if (!partial) return cn_fail(err, CENOTE_BAD_ARGUMENT, "%s: no %s", name, s->name);
  }
  const char *key;
  json_t *value;
  json_object_foreach((json_t *)(uintptr_t)object, key, value)
  {
    const Setting *s = settings_table;
    while (s->name && strcmp(s->name, key) != 0) ++s;
    if (s->name) continue;
    if (!is_key(key)) return cn_fail(err, CENOTE_BAD_ARGUMENT, "%s: unknown key %s", name, key);
    json_t *inner = json_object_get(settings->model, key);
    const int set = json_is_object(inner) && json_is_object(value)
                        ? json_object_update(inner, value)
                        : json_object_set(settings->model, key, value);
    if (set != 0) return cn_fail(err, CENOTE_NO_MEMORY, "%s: out of memory", name);
  }
  return CENOTE_OK;
}

CenoteStatus settings_from_file(const char *path, Settings *settings, CenoteError *err)
{
  json_error_t error;
  json_t *object = json_load_file(path, JSON_REJECT_DUPLICATES, &error);
  if (!object)
    return cn_fail(err, CENOTE_FILE_ERROR, "%s: %s%s", path, error.line > 0 ? "JSON: " : "",
                   error.line > 0 ? error.text : strerror(errno));
  const CenoteStatus status = settings_from_json(path, object, true, settings, err);
  json_decref(object);
  return status;
}

json_t *settings_to_json(const Settings *settings, bool kept_only)
{
  json_t *object = json_object();
  for (const Setting *s = settings_table; s->name; ++s) {
    if (kept_only && !s->kept) continue;
    const double value = get(settings, s);
    json_t *item = s->kind == SET_BOOL     ? json_boolean(value > 0.0)
                   : isinf(value)          ? json_null()
                   : s->kind == SET_NUMBER ? json_real(value)
                                           : json_integer((json_int_t)value);
    json_object_set_new(object, s->name, item);
  }
  return object;
}

char *settings_model(const Settings *settings)
{
  return json_dumps(settings->model, JSON_COMPACT);
}

bool settings_same_model(const Settings *a, const Settings *b)
{
  return json_equal(a->model, b->model) != 0;
}

CenoteStatus settings_check(const Settings *settings, CenoteError *err)
{
  CnConfig config;
  char *text = settings_model(settings);
  if (!text) return cn_fail(err, CENOTE_NO_MEMORY, "out of memory");
  const CenoteStatus status = cn_config_parse("the model", text, strlen(text), &config, err);
  free(text);
  return status == CENOTE_BAD_MODEL ? CENOTE_BAD_ARGUMENT : status;
}

/// `text` as JSON: a number, true, a list; numbers with commas between as a list; else a string.
static json_t *read_value(const char *text)
{
  const size_t size = strlen(text);
  char *list = malloc(size + 3);
  if (!list) return NULL;
  snprintf(list, size + 3, "[%s]", text);
  json_t *value = json_loads(text, JSON_DECODE_ANY | JSON_REJECT_DUPLICATES, NULL);
  if (!value && strchr(text, ',')) value = json_loads(list, 0, NULL);
  free(list);
  return value ? value : json_string(text);
}

CenoteStatus settings_set_key(Settings *settings, const char *name, const char *text,
                              CenoteError *err)
{
  json_t *object = settings->model;
  if (strncmp(name, "rnn.", 4) == 0) {
    object = json_object_get(object, "rnn");
    name += 4;
  }
  json_t *value = read_value(text);
  const bool list = strcmp(name, "pool_temporal") == 0 || strcmp(name, "pool_features") == 0;
  if (list && json_is_integer(value)) value = json_pack("[o]", value); // one pool
  if (!value) return cn_fail(err, CENOTE_BAD_ARGUMENT, "%s: %s is not UTF-8", name, text);
  if (json_object_set_new(object, name, value) != 0)
    return cn_fail(err, CENOTE_NO_MEMORY, "out of memory");
  return CENOTE_OK;
}
