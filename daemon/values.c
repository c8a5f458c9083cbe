// SPDX-License-Identifier: ISC
#include "values.h"

#include <inttypes.h>
#include <math.h>
#include <stdio.h>

static const struct {
  const char *path; ///< behind /voice/N or /voice/N/level/L
  char type;
  CommandKind command;
  double start;
} table[VALUES] = {
    [VALUE_MASTER_GAIN] = {"/gain", 'f', COMMAND_MASTER_GAIN, 0.0},
    [VALUE_MASTER_MUTE] = {"/mute", 'T', COMMAND_MASTER_MUTE, 0.0},
    [VALUE_RUN] = {"/run", 'T', COMMAND_RUN, 1.0},
    [VALUE_SEED] = {"/seed", 'h', COMMAND_SEED, 0.0},
    [VALUE_TEMPERATURE] = {"/temperature", 'f', COMMAND_TEMPERATURE, 1.0},
    [VALUE_TOP_K] = {"/top_k", 'i', COMMAND_TOP_K, 256.0},
    [VALUE_TOP_P] = {"/top_p", 'f', COMMAND_TOP_P, 1.0},
    [VALUE_GAIN] = {"/gain", 'f', COMMAND_GAIN, 0.0},
    [VALUE_MUTE] = {"/mute", 'T', COMMAND_MUTE, 0.0},
    [VALUE_PAN] = {"/pan", 'f', COMMAND_PAN, 0.0},
    [VALUE_ATTACK] = {"/attack", 'f', COMMAND_ATTACK, 0.0},
    [VALUE_RELEASE] = {"/release", 'f', COMMAND_RELEASE, 50.0},
    [VALUE_FADE] = {"/fade", 'f', COMMAND_FADE, 10.0},
    [VALUE_SPEED] = {"/speed", 'f', COMMAND_SPEED, 1.0},
    [VALUE_LISTEN] = {"/listen", 'T', COMMAND_LISTEN, 0.0},
    [VALUE_LEVEL_GAIN] = {"/gain", 'f', COMMAND_LEVEL_GAIN, 1.0},
    [VALUE_LEVEL_FREEZE] = {"/freeze", 'T', COMMAND_LEVEL_FREEZE, 0.0},
    [VALUE_LEVEL_CLOCK] = {"/clock", 'f', COMMAND_LEVEL_CLOCK, 1.0},
    [VALUE_LEVEL_NOISE] = {"/noise", 'f', COMMAND_LEVEL_NOISE, 0.0},
};

void values_init(Values *values, uint64_t seed)
{
  for (int v = 0; v < VALUES; ++v)
    for (uint32_t k = 0; k < ENGINE_VOICES; ++k)
      for (uint32_t l = 0; l < ENGINE_LEVELS; ++l)
        values->value[v][k][l] = (Number){table[v].start, (int64_t)table[v].start};
  for (uint32_t k = 0; k < ENGINE_VOICES; ++k)
    values->value[VALUE_SEED][k][0] = (Number){(double)(seed + k), (int64_t)(seed + k)};
}

void values_set(Values *values, const OscPeer *from, Value value, uint32_t voice, uint32_t level,
                Number number)
{
  values->value[value][voice][level] = number;
  Owed *owed = &values->owed[value][voice][level];
  values->owing += !owed->owed;
  owed->owed = true;
  owed->setter = from ? *from : (OscPeer){.socket = -1};
}

Number values_get(const Values *values, Value value, uint32_t voice, uint32_t level)
{
  return values->value[value][voice][level];
}

double values_default(Value value)
{
  return table[value].start;
}

bool values_toggle(Value value)
{
  return table[value].type == 'T';
}

double values_linear(double db)
{
  return db <= -90.0 ? 0.0 : db == 0.0 ? 1.0 : pow(10.0, db / 20.0);
}

Command values_command(Value value, uint32_t voice, uint32_t level, Number number)
{
  const bool db = value == VALUE_GAIN || value == VALUE_MASTER_GAIN;
  return (Command){.kind = table[value].command,
                   .voice = (int32_t)voice,
                   .level = level,
                   .number = db ? values_linear(number.real) : number.real,
                   .whole = (uint64_t)number.whole};
}

void values_add(const Values *values, Value value, uint32_t voice, uint32_t level,
                lo_message message)
{
  const Number number = values_get(values, value, voice, level);
  if (table[value].type == 'f') lo_message_add_float(message, (float)number.real);
  else if (table[value].type == 'h') lo_message_add_int64(message, number.whole);
  else lo_message_add_int32(message, (int32_t)number.whole);
}

void values_address(Value value, uint32_t voice, uint32_t level, char address[static 64])
{
  if (value < VALUE_VOICE) snprintf(address, 64, "%s", table[value].path);
  else if (value < VALUE_LEVEL)
    snprintf(address, 64, "/voice/%" PRIu32 "%s", voice + 1, table[value].path);
  else
    snprintf(address, 64, "/voice/%" PRIu32 "/level/%" PRIu32 "%s", voice + 1, level,
             table[value].path);
}
