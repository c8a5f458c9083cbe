// SPDX-License-Identifier: ISC
#include "replay.h"

#include "kit.h"
#include "replay_file.h"
#include "replay_log.h"
#include "rt/ring.h"
#include "rt/snapshot.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { MODELS = 256, OBJECTS = 4096, RING = 16384 };

/// Made from the log, not yet taken by the command that names it.
typedef struct Object {
  uint64_t name; ///< 0: free
  void *object;
  bool is_kit;
} Object;

typedef struct Weights {
  uint64_t hash;
  char path[1024];
  CenoteModel *model; ///< NULL: not needed so far
} Weights;

struct Replay {
  char path[1024];
  ReplayFile file;
  size_t at; ///< of the next chunk
  ReplayHead head;
  uint64_t begin, end;
  uint64_t next; ///< frame at which the next command was taken
  Weights weights[MODELS];
  size_t models;
  Object object[OBJECTS];
  float *heard; ///< what was listened to
  size_t heard_count, heard_at;
  Engine *engine;
  Ring *commands, *events, *input;
};

static CenoteStatus refuse(const Replay *replay, CenoteError *err, const char *why)
{
  snprintf(err->text, sizeof err->text, "%.900s: %.100s", replay->path, why);
  return CENOTE_BAD_STATE;
}

static void note_model(Replay *replay, const ReplayChunk *chunk)
{
  ReplayModel model;
  if (chunk->size != sizeof model || replay->models == MODELS) return;
  memcpy(&model, chunk->bytes, sizeof model);
  model.path[sizeof model.path - 1] = '\0';
  for (size_t i = 0; i < replay->models; ++i)
    if (replay->weights[i].hash == model.hash) return;
  Weights *weights = &replay->weights[replay->models++];
  weights->hash = model.hash;
  memcpy(weights->path, model.path, sizeof weights->path);
}

/// Look through all of it: head, end, models, what was heard.
static CenoteStatus survey(Replay *replay, ReplayChunk *snapshot, CenoteError *err)
{
  bool headed = false;
  ReplayChunk chunk;
  *snapshot = (ReplayChunk){0};
  for (size_t at = 8; replay_file_next(&replay->file, &at, &chunk);) {
    Logged logged;
    if (chunk.kind == REPLAY_HEAD && chunk.size != sizeof replay->head) {
      return refuse(replay, err, "a log of another version of cenoted");
    } else if (chunk.kind == REPLAY_HEAD) {
      memcpy(&replay->head, chunk.bytes, sizeof replay->head);
      headed = true;
    } else if (chunk.kind == REPLAY_MODEL) {
      note_model(replay, &chunk);
    } else if (chunk.kind == REPLAY_SNAPSHOT && !snapshot->bytes) {
      *snapshot = chunk;
    } else if (chunk.kind == REPLAY_COMMAND && chunk.size == sizeof logged) {
      memcpy(&logged, chunk.bytes, sizeof logged);
      replay->end = logged.taken; // of a log that was broken off
    } else if (chunk.kind == REPLAY_END && chunk.size == sizeof replay->end) {
      memcpy(&replay->end, chunk.bytes, sizeof replay->end);
    } else if (chunk.kind == REPLAY_INPUT && chunk.size % sizeof(float) == 0) {
      const size_t count = chunk.size / sizeof(float);
      float *grown = realloc(replay->heard, (replay->heard_count + count + 1) * sizeof *grown);
      if (!grown) return refuse(replay, err, "out of memory");
      replay->heard = grown;
      memcpy(grown + replay->heard_count, chunk.bytes, chunk.size);
      replay->heard_count += count;
    }
  }
  const ReplayHead *head = &replay->head;
  if (!headed || !snapshot->bytes || snapshot->size < sizeof(Snapshot))
    return refuse(replay, err, "a log without its beginning");
  if (head->logged_bytes != sizeof(Logged) || head->snapshot_bytes != sizeof(Snapshot) ||
      head->voice_bytes != sizeof(SnapshotVoice))
    return refuse(replay, err, "a log of another version of cenoted");
  if (head->voices < 1 || head->voices > ENGINE_VOICES || head->block < 1 ||
      head->block > ENGINE_BLOCK || head->channels < 1 || head->channels > ENGINE_CHANNELS ||
      !(head->rate_hz >= 1000.0 && head->rate_hz <= 768000.0) ||
      !(head->past_bytes >= 0.0 && head->past_bytes < 1e10) || head->precision > CENOTE_INT4)
    return refuse(replay, err, "damaged: its head");
  return CENOTE_OK;
}

/// Weights by their hash, loaded when first asked for.
static CenoteModel *model_of(Replay *replay, uint64_t hash, CenoteError *err)
{
  for (size_t i = 0; i < replay->models; ++i) {
    Weights *weights = &replay->weights[i];
    if (weights->hash != hash) continue;
    if (weights->model) return weights->model;
    CenoteModel *model;
    if (cenote_model_load_as(weights->path, (CenotePrecision)replay->head.precision, &model, err) !=
        CENOTE_OK)
      return NULL;
    if (cenote_model_info(model)->hash == hash) return weights->model = model;
    snprintf(err->text, sizeof err->text, "%.900s: other weights than the log was made with",
             weights->path);
    cenote_model_free(model);
    return NULL;
  }
  refuse(replay, err, "damaged: a model that it does not name");
  return NULL;
}

static Kit *make_kit(Replay *replay, uint64_t hash, CenoteError *err)
{
  CenoteModel *model = model_of(replay, hash, err);
  Kit *kit = model ? kit_new(model, replay->head.rate_hz, (size_t)replay->head.past_bytes) : NULL;
  if (model && !kit) refuse(replay, err, "out of memory");
  return kit;
}

static CenoteStatus make_engine(Replay *replay, const ReplayChunk *snapshot, CenoteError *err)
{
  Kit *kit[ENGINE_VOICES] = {0};
  const ReplayHead *head = &replay->head;
  const unsigned char *at = snapshot->bytes + sizeof(Snapshot);
  size_t left = snapshot->size - sizeof(Snapshot);
  bool good = true;
  for (uint32_t k = 0; k < head->voices && good; ++k) {
    SnapshotVoice voice;
    good = left >= sizeof voice;
    if (!good) break;
    memcpy(&voice, at, sizeof voice);
    good = voice.bytes <= left - sizeof voice;
    if (!good) break;
    at += sizeof voice + voice.bytes;
    left -= sizeof voice + voice.bytes;
    kit[k] = make_kit(replay, voice.hash, err);
    if (!kit[k]) goto fail;
  }
  if (!good) {
    refuse(replay, err, "damaged: its snapshot");
    goto fail;
  }
  replay->commands = ring_new(RING, sizeof(Command));
  replay->events = ring_new(RING, sizeof(Event));
  replay->input = ring_new(2 * ENGINE_BLOCK, sizeof(float));
  const EngineOptions options = {.rate_hz = head->rate_hz,
                                 .voices = head->voices,
                                 .channels = head->channels,
                                 .dry = head->dry != 0,
                                 .commands = replay->commands,
                                 .events = replay->events,
                                 .input = head->listens ? replay->input : NULL};
  if (replay->commands && replay->events && replay->input)
    replay->engine = engine_new(&options, kit);
  if (!replay->engine) {
    refuse(replay, err, "out of memory");
    goto fail;
  }
  if (!engine_restore(replay->engine, snapshot->bytes, (size_t)snapshot->size))
    return refuse(replay, err, "damaged: its snapshot");
  replay->begin = engine_frames(replay->engine);
  if (replay->end < replay->begin) replay->end = replay->begin;
  return CENOTE_OK;
fail:
  for (uint32_t k = 0; k < ENGINE_VOICES; ++k) kit_free(kit[k]);
  return CENOTE_BAD_STATE;
}

CenoteStatus replay_open(const char *path, Replay **out, CenoteError *err)
{
  ReplayChunk snapshot;
  Replay *replay = *out = calloc(1, sizeof *replay);
  if (!replay) {
    snprintf(err->text, sizeof err->text, "out of memory");
    return CENOTE_NO_MEMORY;
  }
  snprintf(replay->path, sizeof replay->path, "%s", path);
  replay->at = 8;
  const char *why = replay_file_read(path, &replay->file);
  CenoteStatus status = why ? refuse(replay, err, why) : CENOTE_OK;
  if (status == CENOTE_OK) status = survey(replay, &snapshot, err);
  if (status == CENOTE_OK) status = make_engine(replay, &snapshot, err);
  if (status == CENOTE_OK) return status;
  replay_close(replay);
  *out = NULL;
  return status;
}

static void free_event(const Event *event)
{
  if (event->kind == EVENT_KIT) kit_free(event->object);
  else if (event->kind == EVENT_MOMENT) free(event->object);
}

void replay_close(Replay *replay)
{
  if (!replay) return;
  Event event;
  Command command;
  while (replay->events && ring_read(replay->events, &event, 1) == 1) free_event(&event);
  while (replay->commands && ring_read(replay->commands, &command, 1) == 1) {
    if (command.kind == COMMAND_KIT) kit_free(command.object);
    else free(command.object);
  }
  for (size_t i = 0; i < OBJECTS; ++i) {
    if (replay->object[i].name == 0) continue;
    if (replay->object[i].is_kit) kit_free(replay->object[i].object);
    else free(replay->object[i].object);
  }
  for (Kit *kit; replay->engine && (kit = engine_take_kit(replay->engine)) != NULL;) kit_free(kit);
  for (Moment *moment; replay->engine && (moment = engine_take_moment(replay->engine)) != NULL;)
    free(moment);
  engine_free(replay->engine);
  for (size_t i = 0; i < replay->models; ++i) cenote_model_free(replay->weights[i].model);
  ring_free(replay->commands);
  ring_free(replay->events);
  ring_free(replay->input);
  free(replay->heard);
  replay_file_free(&replay->file);
  free(replay);
}

double replay_rate(const Replay *replay)
{
  return replay->head.rate_hz;
}

uint32_t replay_channels(const Replay *replay)
{
  return replay->head.channels;
}

uint64_t replay_frames(const Replay *replay)
{
  return replay->end - replay->begin;
}

static bool keep_object(Replay *replay, uint64_t name, void *object, bool is_kit)
{
  for (size_t i = 0; i < OBJECTS; ++i) {
    if (replay->object[i].name != 0) continue;
    replay->object[i] = (Object){name, object, is_kit};
    return true;
  }
  return false;
}

/// The object that a command names, which is the command's from now on; NULL: there is none.
static void *take_object(Replay *replay, uint64_t name, bool is_kit)
{
  for (size_t i = 0; i < OBJECTS; ++i) {
    Object *object = &replay->object[i];
    if (object->name != name || object->is_kit != is_kit) continue;
    object->name = 0;
    return object->object;
  }
  return NULL;
}

static bool make_object(Replay *replay, const ReplayChunk *chunk, CenoteError *err)
{
  ReplayObject head;
  if (chunk->size < sizeof head) return refuse(replay, err, "damaged: an object"), false;
  memcpy(&head, chunk->bytes, sizeof head);
  const unsigned char *state = chunk->bytes + sizeof head;
  const size_t bytes = (size_t)chunk->size - sizeof head;
  if (chunk->kind == REPLAY_KIT) {
    Kit *kit = make_kit(replay, head.hash, err);
    if (!kit) return false;
    bool good = cenote_voice_restore(kit->stream[0]->voice, state, bytes) == CENOTE_OK;
    good = good && cenote_voice_restore(kit->stream[1]->voice, state, bytes) == CENOTE_OK;
    if (good && keep_object(replay, head.name, kit, true)) return true;
    kit_free(kit);
    return refuse(replay, err, "damaged: a voice"), false;
  }
  Moment *moment = moment_new(bytes);
  if (!moment) return refuse(replay, err, "out of memory"), false;
  memcpy(moment->state, state, bytes);
  moment->bytes = bytes;
  moment->hash = head.hash;
  if (keep_object(replay, head.name, moment, false)) return true;
  free(moment);
  return refuse(replay, err, "damaged: too many objects"), false;
}

/// A command with an object of our own, on its way to the engine.
static bool send(Replay *replay, Command command, CenoteError *err)
{
  const uint64_t name = (uint64_t)(uintptr_t)command.object;
  command.object = NULL;
  switch (command.kind) {
  case COMMAND_LOOK:
  case COMMAND_TAP:
  case COMMAND_METER:
  case COMMAND_LOG:
    return true; // they change no sample
  case COMMAND_SAVE:
    command.object = moment_new(1 << 20);
    if (!command.object) return refuse(replay, err, "out of memory"), false;
    break;
  case COMMAND_KIT:
    command.object = take_object(replay, name, true);
    if (!command.object)
      return refuse(replay, err, "damaged: a voice that it does not hold"), false;
    break;
  default:
    if (name == 0) break;
    command.object = take_object(replay, name, false);
    if (!command.object)
      return refuse(replay, err, "damaged: a state that it does not hold"), false;
    break;
  }
  command.reply = 0;
  return ring_write(replay->commands, &command, 1) ||
         (refuse(replay, err, "damaged: too much at once"), false);
}

/// All that was taken up to this frame.
static bool feed(Replay *replay, uint64_t frame, CenoteError *err)
{
  ReplayChunk chunk;
  replay->next = UINT64_MAX;
  for (size_t at = replay->at; replay_file_next(&replay->file, &at, &chunk); replay->at = at) {
    if (chunk.kind == REPLAY_KIT || chunk.kind == REPLAY_MOMENT) {
      if (!make_object(replay, &chunk, err)) return false;
    } else if (chunk.kind == REPLAY_COMMAND) {
      Logged logged;
      if (chunk.size != sizeof logged) return refuse(replay, err, "damaged: a command"), false;
      memcpy(&logged, chunk.bytes, sizeof logged);
      replay->next = logged.taken;
      if (logged.taken > frame) return true;
      if (logged.command.kind < 0 || logged.command.kind > COMMAND_LOG ||
          logged.command.voice >= (int32_t)replay->head.voices)
        return refuse(replay, err, "damaged: a command"), false;
      if (!send(replay, logged.command, err)) return false;
    }
  }
  return true;
}

uint32_t replay_render(Replay *replay, float *out, CenoteError *err)
{
  const uint64_t frame = engine_frames(replay->engine);
  const uint32_t block = replay->head.block;
  uint32_t frames = block - (uint32_t)(frame % block);
  Event event;
  if (frame >= replay->end) return 0;
  if (frames > replay->end - frame) frames = (uint32_t)(replay->end - frame);
  if (!feed(replay, frame, err)) return UINT32_MAX;
  // What is not replayed (meters, recordings) cut time, too: commands were taken within blocks.
  if (replay->next > frame && replay->next - frame < frames)
    frames = (uint32_t)(replay->next - frame);
  frames = engine_begin(replay->engine, frames);
  if (replay->head.listens) {
    const size_t left = replay->heard_count - replay->heard_at;
    const size_t count = left < frames ? left : frames;
    if (ring_write(replay->input, replay->heard + replay->heard_at, count))
      replay->heard_at += count;
  }
  const uint32_t streams = engine_streams(replay->engine);
  if (streams > 0) engine_run(replay->engine, 0, 1);
  engine_end(replay->engine, out);
  while (ring_read(replay->events, &event, 1) == 1) free_event(&event);
  return frames;
}
