// SPDX-License-Identifier: ISC
// One message on its way to one row of the table, and what handlers need to read and answer it.
#ifndef DAEMON_CALL_H
#define DAEMON_CALL_H

#include "control.h"

struct Row;

typedef struct Call {
  Control *control;
  const OscPeer *from; ///< NULL: a preset's line
  const struct Row *row;
  const char *address; ///< the row's own, of the voice, level and slot
  uint32_t voice;
  uint32_t level;
  const char *slot; ///< as the address names it; NULL: it does not
  lo_message message;
  const char *types;
  int count; ///< of arguments, but for the tag
  bool tagged;
  int32_t tag; ///< to be echoed in the answer
} Call;

typedef struct Row {
  const char *path;  ///< N stands for a voice's number, L for a level's, S for a slot
  const char *types; ///< for people
  double low;
  double high;
  const char *unit;
  void (*handler)(const Call *call);
  Value value;
  bool guarded; ///< from loopback only, unless --allow-remote
  const char *help;
} Row;

#define CALL_FAIL(call, code, ...)                                                                 \
  control_fail((call)->control, (call)->from, (call)->tagged ? &(call)->tag : NULL,                \
               (call)->address, code, __VA_ARGS__)

lo_message call_message(const char *text);
/// Takes the message.
void call_reply(const Call *call, const char *address, lo_message message);

/// Argument `index` as a number: i h f d T F. Not one, or not finite: /fail, and false.
bool call_number(const Call *call, int index, Number *out);
bool call_is_text(const Call *call, int index);
bool call_is_number(const Call *call, int index);
/// Argument `index` as text; NULL after a /fail.
const char *call_text(const Call *call, int index);
/// Arguments past `used` count as ignored.
void call_ignore(const Call *call, int used);
/// An action fires on no argument or a number that is not 0.
bool call_fires(const Call *call);
/// A number cut to a range.
double call_within(double x, double low, double high);
/// A number as the row's value takes it: cut to its range, whole for a switch.
Number call_cut(const Row *row, Number number);

/// Take the tag off the arguments: the last one, a whole number, where the row's types say "[i
/// tag]" after as many as it needs, or as many as it may have.
void call_find_tag(Call *call);

/// A job that answers whoever sent this. NULL after a /fail.
Job *call_job(const Call *call, JobKind kind, int used);
/// Send; /fail when the queue is full, and false.
bool call_send(const Call *call, Command command);
/// The same with an answer to whoever sent this, when it is done.
bool call_ask(const Call *call, Command command);
/// A path under --media-dir, or false after a /fail.
bool call_media(const Call *call, const char *name, bool exists, char *path, size_t size);

#endif
