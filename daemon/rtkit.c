// SPDX-License-Identifier: ISC
#include "rtkit.h"

#include <dbus/dbus.h>
#include <errno.h>
#include <sched.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>

enum { THREADS = 64, PATIENCE_MS = 1000, PRIORITY = 15 };

static const char kit[] = "org.freedesktop.RealtimeKit1";
static const char kit_path[] = "/org/freedesktop/RealtimeKit1";

static atomic_int given[THREADS]; // those with a priority; the rest 0
static atomic_int givens;

/// The kernel's last word before it kills: a thread has not slept for too long. Which one, it does
/// not say.
static void on_overtime(int number)
{
  static const char text[] = "cenoted: it takes too long: ordinary priority from now on\n";
  const int error = errno;
  (void)number;
  for (int i = 0; i < THREADS; ++i) {
    const pid_t thread = atomic_exchange_explicit(&given[i], 0, memory_order_relaxed);
    if (thread == 0) continue;
    sched_setscheduler(thread, SCHED_OTHER, &(struct sched_param){.sched_priority = 0});
  }
  if (write(STDERR_FILENO, text, sizeof text - 1) < 0) errno = error;
  errno = error;
}

/// Send and wait; takes the message. NULL: error is set.
static DBusMessage *call(DBusConnection *bus, DBusMessage *message, DBusError *error)
{
  DBusMessage *reply = dbus_connection_send_with_reply_and_block(bus, message, PATIENCE_MS, error);
  dbus_message_unref(message);
  return reply;
}

/// A whole number that the kit tells of itself; 0: error is set, or it is none.
static int64_t property(DBusConnection *bus, const char *name, DBusError *error)
{
  const char *interface = kit;
  DBusMessage *message =
      dbus_message_new_method_call(kit, kit_path, "org.freedesktop.DBus.Properties", "Get");
  if (!message) return 0;
  dbus_message_append_args(message, DBUS_TYPE_STRING, &interface, DBUS_TYPE_STRING, &name,
                           DBUS_TYPE_INVALID);
  DBusMessage *reply = call(bus, message, error);
  if (!reply) return 0;
  DBusMessageIter outer;
  DBusMessageIter inner;
  DBusBasicValue value = {.i64 = 0};
  int64_t number = 0;
  if (dbus_message_iter_init(reply, &outer) &&
      dbus_message_iter_get_arg_type(&outer) == DBUS_TYPE_VARIANT) {
    dbus_message_iter_recurse(&outer, &inner);
    const int type = dbus_message_iter_get_arg_type(&inner);
    if (type == DBUS_TYPE_INT32 || type == DBUS_TYPE_INT64)
      dbus_message_iter_get_basic(&inner, &value);
    number = type == DBUS_TYPE_INT32 ? value.i32 : value.i64;
  }
  dbus_message_unref(reply);
  return number;
}

/// The kit helps only those whose threads the kernel stops in time: asked for at half of it.
static bool bound_time(int64_t most_us)
{
  struct rlimit limit;
  if (most_us <= 0 || getrlimit(RLIMIT_RTTIME, &limit) != 0) return false;
  const struct sigaction overtime = {.sa_handler = on_overtime, .sa_flags = SA_RESTART};
  if (sigaction(SIGXCPU, &overtime, NULL) != 0) return false;
  if (limit.rlim_max > (rlim_t)most_us) limit.rlim_max = (rlim_t)most_us;
  limit.rlim_cur = limit.rlim_max / 2;
  return setrlimit(RLIMIT_RTTIME, &limit) == 0;
}

static bool ask(DBusConnection *bus, pid_t thread, DBusError *error)
{
  const int64_t most = property(bus, "MaxRealtimePriority", error);
  const int64_t most_us = most > 0 ? property(bus, "RTTimeUSecMax", error) : 0;
  if (most_us <= 0 || !bound_time(most_us)) return false;
  const dbus_uint64_t id = (dbus_uint64_t)thread;
  const dbus_uint32_t priority = most < PRIORITY ? (dbus_uint32_t)most : PRIORITY;
  DBusMessage *message = dbus_message_new_method_call(kit, kit_path, kit, "MakeThreadRealtime");
  if (!message) return false;
  dbus_message_append_args(message, DBUS_TYPE_UINT64, &id, DBUS_TYPE_UINT32, &priority,
                           DBUS_TYPE_INVALID);
  DBusMessage *reply = call(bus, message, error);
  if (!reply) return false;
  dbus_message_unref(reply);
  const int at = atomic_fetch_add_explicit(&givens, 1, memory_order_relaxed);
  if (at < THREADS) atomic_store_explicit(&given[at], thread, memory_order_relaxed);
  return true;
}

bool rtkit_ask(pid_t thread, char why[static 128])
{
  DBusError error;
  dbus_error_init(&error);
  DBusConnection *bus = dbus_bus_get_private(DBUS_BUS_SYSTEM, &error);
  bool done = false;
  if (bus) {
    dbus_connection_set_exit_on_disconnect(bus, FALSE);
    done = ask(bus, thread, &error);
    dbus_connection_close(bus);
    dbus_connection_unref(bus);
  }
  if (!done)
    snprintf(why, 128, "%s", dbus_error_is_set(&error) ? error.message : "it has no answer");
  dbus_error_free(&error);
  return done;
}
