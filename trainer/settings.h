// SPDX-License-Identifier: ISC
// What a run is told: one table of names feeds the command line, --config files, checkpoints and
// the metadata of the weights. Names are the reference's, with _ for words.
#ifndef TRAINER_SETTINGS_H
#define TRAINER_SETTINGS_H

#include <cenote/cenote.h>

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/// settings_struct.h has what is in it.
typedef struct Settings Settings;

/// One setting by its table entry.
typedef struct Setting {
  const char *name;
  enum { SET_WHOLE32, SET_WHOLE, SET_NUMBER, SET_BOOL, SET_BYTES } kind;
  size_t at; ///< in Settings
  double low;
  double high;
  bool kept; ///< a part of what the weights are a function of: a resumed run may not change it
  const char *value; ///< how --help calls it
  const char *help;
} Setting;

/// The table; name NULL at the end.
extern const Setting settings_table[];

/// A key of the model's configuration, "base_dim" or "rnn.d_hidden", and what it is.
typedef struct SettingsKey {
  const char *name;
  const char *help;
} SettingsKey;
extern const SettingsKey settings_keys[];

/// A whole configuration.
typedef struct SettingsSize {
  const char *name;
  const char *model; ///< JSON
  const char *step;  ///< JSON of settings that differ from the reference's defaults
  const char *costs; ///< for --help
} SettingsSize;
extern const SettingsSize settings_sizes[];

/// The reference's defaults and the size of that name. NULL: no such size, or no memory.
Settings *settings_new(const char *size);
/// NULL is fine.
void settings_free(Settings *settings);

/// Have both the same model?
bool settings_same_model(const Settings *a, const Settings *b);

/// Set one by its name from text. err says what is wrong.
CenoteStatus settings_set(Settings *settings, const Setting *setting, const char *text,
                          CenoteError *err);
/// A key of the model from text: JSON, or a bare word, or numbers with commas between.
CenoteStatus settings_set_key(Settings *settings, const char *name, const char *text,
                              CenoteError *err);

/// Settings and keys of the model from a JSON object, `name` opens errors. With `partial` what is
/// not in it stays; otherwise every setting must be there.
CenoteStatus settings_from_json(const char *name, const json_t *object, bool partial,
                                Settings *settings, CenoteError *err);
CenoteStatus settings_from_file(const char *path, Settings *settings, CenoteError *err);

/// All settings, or those alone that the weights are a function of; without the model. NULL: no
/// memory.
json_t *settings_to_json(const Settings *settings, bool kept_only);

/// Is the model one that can be? err names the key.
CenoteStatus settings_check(const Settings *settings, CenoteError *err);

/// The model's configuration as compact text; free() it.
char *settings_model(const Settings *settings);

#endif
