// SPDX-License-Identifier: ISC
// What the OSC thread knows: the values of every control, the models, who listens, what waits for
// an answer, and the commands on their way to the engine.
#ifndef DAEMON_CONTROL_H
#define DAEMON_CONTROL_H

#include "clock.h"
#include "dump.h"
#include "jobs.h"
#include "later.h"
#include "options.h"
#include "player.h"
#include "values.h"

enum {
  CONTROL_MODELS = 64,
  CONTROL_CLIENTS = 32,
  CONTROL_BATCH = 1024, ///< commands of one bundle
  CONTROL_SYNCS = 64,
  CONTROL_ASKED = 2 * ENGINE_QUEUE ///< answers that the engine owes, of what waits and for now
};

/// Codes of /fail: OSC.md.
typedef enum FailCode {
  FAIL_UNKNOWN = 1,
  FAIL_ARGUMENTS,
  FAIL_NOT_THERE,
  FAIL_FILE,
  FAIL_MODEL,
  FAIL_BUSY,
  FAIL_MEMORY,
  FAIL_LIMIT,
  FAIL_QUEUE,
  FAIL_NOT_PERMITTED
} FailCode;

typedef struct Client {
  bool used;
  OscPeer from;
  OscPeer to;
} Client;

typedef struct Sync {
  OscPeer from;
  int32_t id;
  uint64_t due;       ///< frame that must be done first, 0: none
  uint64_t order;     ///< of what was said
  uint64_t after;     ///< jobs that must be done first
  uint64_t after_ask; ///< and questions
} Sync;

/// A question to the engine, and who asked it.
typedef struct Asked {
  uint32_t name;  ///< 0: free
  uint64_t order; ///< of the question; UINT64_MAX: of one for later
  uint64_t said;  ///< of what was said: all until then
  bool answer;
  bool quiet; ///< /done has been said, or need not be
  bool tagged;
  int32_t tag;
  OscPeer from;
  bool sets; ///< no question, but a value of the voice that a trigger takes: `set`
  LaterValue set;
  char command[128];
  Job *job; ///< goes to the job thread with the moment that comes back; NULL: none
} Asked;

/// A recording of the mix or of a voice, from /rec/start to its /done.
typedef struct Take {
  bool used;
  bool ending; ///< asked to; the tap closes next
  int lane;    ///< the recorder's
  int32_t voice;
  Ring *ring;
  Job *job; ///< of /rec/stop, waits for the tap's end
  char name[JOB_NAME];
} Take;

/// A voice that the watchdog looks at.
typedef struct Drift {
  int64_t since_ns; ///< adrift since then; 0: it is not
  int64_t rest_ns;  ///< recalled: not looked at until then
} Drift;

/// A client's own word for a slot.
typedef struct SlotName {
  char name[64]; ///< "": free
} SlotName;

typedef struct Control {
  const Options *options;
  double rate_hz;
  char media[4096]; ///< real path
  Osc *osc;
  Jobs *jobs;
  Player *player;
  Audio *audio;
  Recorder *recorder;
  Ring *commands;
  Ring *events;
  Clock clock;
  Values values;
  LaterValues later;
  Loaded *model[CONTROL_MODELS];
  size_t models;
  Loaded *playing[ENGINE_VOICES]; ///< each voice's
  Client client[CONTROL_CLIENTS];
  Command batch[CONTROL_BATCH];
  uint64_t batch_message[CONTROL_BATCH];
  const char *batch_address[CONTROL_BATCH]; ///< of the message that it is of; NULL: of none
  size_t batched;
  bool in_bundle;
  bool refused;             ///< the bundle, which has not found room for all of it
  uint64_t message;         ///< which is being dispatched, counted
  uint64_t message_refused; ///< which found no room
  const OscPeer *from;      ///< whose it is; NULL: nobody's
  const char *address;      ///< its, till the end of its packet; NULL: none
  uint64_t due;             ///< frame of what is being dispatched, 0: now
  uint64_t timed;           ///< commands with a frame of their own, sent so far
  Job *held;                ///< jobs of this bundle, put when all of it has found room
  uint32_t holding;
  uint64_t later_mark;    ///< what of `later` was there before this bundle
  uint64_t cleared_frame; ///< what was said up to cleared_order, for later than this, is dropped
  uint64_t cleared_order;
  uint64_t done_frames; ///< whose events have been heard
  Sync sync[CONTROL_SYNCS];
  size_t syncs;
  Asked asked[CONTROL_ASKED];
  uint32_t names; ///< of questions so far
  uint64_t asks;  ///< the same, in order
  uint32_t plays; ///< of /dirt/play so far
  uint32_t open;  ///< questions not answered yet
  Take take[ENGINE_TAPS];
  uint64_t slot[ENGINE_SLOTS]; ///< hash of its state's model, 0: empty
  SlotName slot_name[ENGINE_SLOTS];
  uint32_t key_slot[ENGINE_KEYS];
  bool noted[ENGINE_VOICES];        ///< plays a note whose end has not been told
  OscPeer triggered[ENGINE_VOICES]; ///< who began it; socket -1: nobody to tell
  uint64_t began[ENGINE_VOICES];    ///< of a start, in order: the newest is shed first
  uint64_t begins;
  uint64_t jobs_put;
  uint64_t jobs_done;
  uint64_t extra; ///< arguments ignored
  uint64_t late;  ///< messages that came after their time
  uint64_t fatal; ///< voices that stopped being finite
  ReplayLog *log; ///< NULL: no log
  bool opening_log;
  bool logging;     ///< its head is written
  Ring *log_ring;   ///< what the engine took
  Ring *heard_ring; ///< what it listened to; NULL: nothing
  Job *ending_log;  ///< of /log/stop, waits for the engine
  char log_name[JOB_NAME];
  Drift drift[ENGINE_VOICES];
  bool watching;
  float watched_hz; ///< the meters' rate when that began
  int64_t kept_ns;  ///< when states were last kept
  int64_t shed_ns;
  uint64_t shed;                ///< voices stopped because the machine could not keep up
  float morph_x[ENGINE_VOICES]; ///< as last said
  Dump dump;
  bool quit;  ///< asked to end
  bool faded; ///< and silent
} Control;

/// Values at their defaults, the seeds by --seed.
void control_init(Control *control, const Options *options, double rate_hz);

/// Whoever sent it, or standard error for a preset's own line (from NULL). The tag, if there is one
/// (NULL: none), is echoed.
void control_fail(Control *control, const OscPeer *from, const int32_t *tag, const char *command,
                  FailCode code, const char *format, ...) __attribute__((format(printf, 6, 7)));
/// The same for a Job or an Asked.
#define CONTROL_FAIL(control, item, code, ...)                                                     \
  control_fail(control, (item)->answer ? &(item)->from : NULL,                                     \
               (item)->tagged ? &(item)->tag : NULL, (item)->command, code, __VA_ARGS__)
void control_done(Control *control, const Job *job, lo_message rest);
/// To all who asked by /notify; takes the message.
void control_notify(Control *control, const char *address, lo_message message);

// queue.c

/// A command for the engine, at control->due, now or with the rest of its bundle. False when the
/// queue is full, or the bundle is too long: one for later is then refused as a whole.
bool control_send(Control *control, Command command);
/// End of a bundle: its commands go at once. False: it was refused, which its messages' senders
/// have been told; what its commands carry is given back.
bool control_flush(Control *control);

/// What has been said so far, up to `order`, for later than a frame is dropped by /clearSched.
void control_clear_later(Control *control, uint64_t frame, uint64_t order);

/// The last frame that may be told of as done: the block in the making is begun.
uint64_t control_frame(const Control *control);
/// Give a job to the job thread.
void control_put(Control *control, Job *job);
/// The same for a job that goes on by the engine's word: those who asked for /synced since it was
/// asked for wait for it too.
void control_put_awaited(Control *control, Job *job);

/// A question's name for Command.reply; 0: no room, said to whoever asked. tag (NULL: none) and job
/// (NULL: none) as Asked has them.
uint32_t control_ask(Control *control, const OscPeer *from, const int32_t *tag, const char *command,
                     Job *job);
/// A name for a command that sets a value of the voice which a trigger takes; noted once it has.
uint32_t control_ask_set(Control *control, const LaterValue *set, const char *command);
/// The same as control_ask, of which no more is told than that it was refused.
uint32_t control_ask_quietly(Control *control, const OscPeer *from, const int32_t *tag,
                             const char *command);
/// The question, which is free from now on; false: not asked.
bool control_asked(Control *control, uint32_t name, Asked *out);

/// Set a value (clamped already), tell the engine, owe feedback.
bool control_set(Control *control, const OscPeer *from, Value value, uint32_t voice, uint32_t level,
                 Number number);

/// The slot of a key, which the engine has been told.
void control_map(Control *control, uint32_t key, uint32_t slot);

/// What is due: finished jobs, the engine's events, feedback, syncs.
void control_tend(Control *control);

/// A file under --media-dir: its full path, or false with the reason.
bool control_media_path(const Control *control, const char *name, bool exists, char *path,
                        size_t size, const char **why);

/// The slot of a name or number; false: there is none (and no room, with `make`).
bool control_slot(Control *control, const char *name, bool make, uint32_t *slot);
/// "7", or its name; text[64].
void control_slot_text(const Control *control, uint32_t slot, char text[static 64]);

/// Most bytes of a state of the models that are loaded.
size_t control_state_bytes(const Control *control);

/// Begin to end: fade out. From nobody: a signal.
void control_quit(Control *control);

// finish.c

/// A job that has come back: what follows from it, its answer and its end.
void control_finish(Control *control, Job *job);
/// The end of a job that shall not be done, or is not to have been: /fail 9, and why.
void control_refuse_job(Control *control, Job *job, const char *why);
/// A recording that is not to begin: its file is closed again.
void control_abandon_take(Control *control, uint32_t number);

// models.c

/// Give a kit's voices the values in force.
void control_dress(const Control *control, Kit *kit, uint32_t voice);
/// Take in a loaded model (false when there is no room); by name, by hash.
bool control_add_model(Control *control, Loaded *loaded);
Loaded *control_find_model(const Control *control, const char *name);
Loaded *control_model_of_hash(const Control *control, uint64_t hash);
/// A model that is no longer played by something.
void control_release(Control *control, Loaded *loaded);
/// Have a job use a model of the list, which then stays whatever happens to the list.
void control_hold(Job *job, Loaded *loaded);
/// The end of a job, and of its hold.
void control_end_job(Control *control, Job *job);
/// Forget a model by name; false: no such.
bool control_drop_model(Control *control, const char *name);
/// A job of loading is done.
void control_finish_load(Control *control, Job *job);
/// The slots that a job has found go where they belong.
void control_put_slots(Control *control, Job *job);
/// Kits for voices first .. first + count have been made.
void control_finish_kits(Control *control, Job *job);

// say_files.c

/// A recording's file as it was asked for, but with the last part of where it is: of a row of files
/// each has a name of its own.
void control_add_file(lo_message message, const Take *take, const char *path);

// answers.c

/// A voice has ended: those who are notified hear so, and who began its note.
void control_tell_end(Control *control, uint32_t voice);
/// The engine's events.
void control_take_event(Control *control, const Event *event);
/// "/preset/load" and the like.
const char *control_command_of(const Job *job);

#endif
