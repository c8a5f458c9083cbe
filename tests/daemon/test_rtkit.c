// SPDX-License-Identifier: ISC
// Priority by rtkit, from a kit of the test's own on a bus of the test's own.
#define _GNU_SOURCE // gettid

#include "rtkit.h"

#include <dbus/dbus.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

static char address[512];
static pid_t bus = -1;
static FILE *told; // what the kit was asked for

static void append_variant(DBusMessage *reply, int type, const char *signature, const void *value)
{
  DBusMessageIter outer;
  DBusMessageIter inner;
  dbus_message_iter_init_append(reply, &outer);
  dbus_message_iter_open_container(&outer, DBUS_TYPE_VARIANT, signature, &inner);
  dbus_message_iter_append_basic(&inner, type, value);
  dbus_message_iter_close_container(&outer, &inner);
}

/// One request, answered; `refuse` is the kit's answer to a thread.
static void answer(DBusConnection *connection, DBusMessage *message, bool refuse, FILE *out)
{
  const char *interface = "";
  const char *name = "";
  const dbus_int32_t most = 20;
  const dbus_int64_t most_us = 200000;
  dbus_uint64_t thread = 0;
  dbus_uint32_t priority = 0;
  DBusMessage *reply = dbus_message_new_method_return(message);
  if (dbus_message_is_method_call(message, "org.freedesktop.DBus.Properties", "Get")) {
    dbus_message_get_args(message, NULL, DBUS_TYPE_STRING, &interface, DBUS_TYPE_STRING, &name,
                          DBUS_TYPE_INVALID);
    if (strcmp(name, "RTTimeUSecMax") == 0) append_variant(reply, DBUS_TYPE_INT64, "x", &most_us);
    else append_variant(reply, DBUS_TYPE_INT32, "i", &most);
  } else {
    dbus_message_get_args(message, NULL, DBUS_TYPE_UINT64, &thread, DBUS_TYPE_UINT32, &priority,
                          DBUS_TYPE_INVALID);
    fprintf(out, "%llu %u\n", (unsigned long long)thread, (unsigned)priority);
    fflush(out);
    if (refuse) {
      dbus_message_unref(reply);
      reply = dbus_message_new_error(message, "org.test.No", "not today");
    }
  }
  dbus_connection_send(connection, reply, NULL);
  dbus_connection_flush(connection);
  dbus_message_unref(reply);
}

/// A kit in a process of its own, until it is killed.
static pid_t start_kit(bool refuse)
{
  int ready[2];
  char byte;
  assert_int_equal(pipe(ready), 0);
  told = tmpfile();
  const pid_t kit = fork();
  if (kit == 0) {
    DBusConnection *connection = dbus_bus_get_private(DBUS_BUS_SYSTEM, NULL);
    if (!connection || dbus_bus_request_name(connection, "org.freedesktop.RealtimeKit1", 0, NULL) !=
                           DBUS_REQUEST_NAME_REPLY_PRIMARY_OWNER)
      _exit(1);
    if (write(ready[1], "r", 1) != 1) _exit(1);
    while (dbus_connection_read_write(connection, -1)) {
      DBusMessage *message;
      while ((message = dbus_connection_pop_message(connection)) != NULL) {
        if (dbus_message_get_type(message) == DBUS_MESSAGE_TYPE_METHOD_CALL)
          answer(connection, message, refuse, told);
        dbus_message_unref(message);
      }
    }
    _exit(0);
  }
  close(ready[1]);
  assert_int_equal(read(ready[0], &byte, 1), 1);
  close(ready[0]);
  return kit;
}

static void end_kit(pid_t kit)
{
  kill(kit, SIGKILL);
  waitpid(kit, NULL, 0);
}

static void the_kit_is_asked_for_this_thread_and_time_is_bounded(void **state)
{
  (void)state;
  const pid_t kit = start_kit(false);
  char why[128] = "";
  if (!rtkit_ask(gettid(), why)) fail_msg("%s", why);
  unsigned long long thread = 0;
  unsigned priority = 0;
  rewind(told);
  assert_int_equal(fscanf(told, "%llu %u", &thread, &priority), 2);
  assert_int_equal(thread, gettid());
  assert_in_range(priority, 1, 20);
  struct rlimit limit;
  getrlimit(RLIMIT_RTTIME, &limit);
  assert_int_equal(limit.rlim_max, 200000);
  assert_in_range(limit.rlim_cur, 1, 199999);
  end_kit(kit);
}

static void the_last_warning_of_the_kernel_does_not_end_the_process(void **state)
{
  (void)state;
  raise(SIGXCPU);
}

static void a_refusal_says_why(void **state)
{
  (void)state;
  const pid_t kit = start_kit(true);
  char why[128] = "";
  assert_false(rtkit_ask(gettid(), why));
  assert_string_equal(why, "not today");
  end_kit(kit);
}

static void no_kit_and_no_bus_say_why(void **state)
{
  (void)state;
  char why[128] = "";
  assert_false(rtkit_ask(gettid(), why));
  assert_non_null(strstr(why, "RealtimeKit1"));
  setenv("DBUS_SYSTEM_BUS_ADDRESS", "unix:path=/no/such/bus", 1);
  assert_false(rtkit_ask(gettid(), why));
  assert_int_not_equal(why[0], '\0');
  setenv("DBUS_SYSTEM_BUS_ADDRESS", address, 1);
}

static int start_bus(void **state)
{
  (void)state;
  int ends[2];
  if (pipe(ends) != 0) return -1;
  bus = fork();
  if (bus == 0) {
    dup2(ends[1], STDOUT_FILENO);
    execlp("dbus-daemon", "dbus-daemon", "--session", "--nofork", "--nopidfile", "--print-address",
           (char *)NULL);
    _exit(127);
  }
  close(ends[1]);
  FILE *from = fdopen(ends[0], "r");
  const bool there = from && fgets(address, sizeof address, from);
  if (from) fclose(from);
  address[strcspn(address, "\n")] = '\0';
  setenv("DBUS_SYSTEM_BUS_ADDRESS", address, 1);
  return there ? 0 : -1;
}

static int end_bus(void **state)
{
  (void)state;
  kill(bus, SIGKILL);
  waitpid(bus, NULL, 0);
  return 0;
}

int main(void)
{
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(no_kit_and_no_bus_say_why),
      cmocka_unit_test(the_kit_is_asked_for_this_thread_and_time_is_bounded),
      cmocka_unit_test(the_last_warning_of_the_kernel_does_not_end_the_process),
      cmocka_unit_test(a_refusal_says_why),
  };
  if (system("command -v dbus-daemon >/dev/null") != 0) {
    puts("skipped: dbus-daemon is not installed (Debian: dbus)");
    return 77;
  }
  return cmocka_run_group_tests(tests, start_bus, end_bus);
}
