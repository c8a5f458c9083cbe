// SPDX-License-Identifier: ISC
// What a service manager hears, from a socket of the test's own.
#include "service.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <cmocka.h>

#define SECOND INT64_C(1000000000)

static int manager = -1;
static char name[64];
static char heard[4096];

/// A manager at an address outside the file system, and a service that knows it.
static void begin(Service *service, const char *watchdog_usec)
{
  struct sockaddr_un address = {.sun_family = AF_UNIX};
  const int size = snprintf(name, sizeof name, "@cenote-test-%ld", (long)getpid());
  memcpy(address.sun_path + 1, name + 1, (size_t)size - 1);
  manager = socket(AF_UNIX, SOCK_DGRAM, 0);
  const socklen_t length = (socklen_t)(offsetof(struct sockaddr_un, sun_path) + (size_t)size);
  assert_int_equal(bind(manager, (struct sockaddr *)&address, length), 0);
  setenv("NOTIFY_SOCKET", name, 1);
  unsetenv("WATCHDOG_USEC");
  unsetenv("WATCHDOG_PID");
  if (watchdog_usec) setenv("WATCHDOG_USEC", watchdog_usec, 1);
  service_open(service);
  assert_int_not_equal(service->socket, -1);
}

static void end(Service *service)
{
  service_close(service);
  close(manager);
}

/// All that has come, a space after each datagram.
static const char *hear(void)
{
  size_t filled = 0;
  for (;;) {
    const ssize_t size = recv(manager, heard + filled, sizeof heard - filled - 2, MSG_DONTWAIT);
    if (size <= 0) break;
    filled += (size_t)size;
    heard[filled++] = ' ';
  }
  heard[filled] = '\0';
  return heard;
}

static ServiceState playing(uint64_t frames)
{
  return (ServiceState){
      .frames = frames, .preset = "starter", .voices = 1, .load = 12.4f, .xruns = 3};
}

static void tend(Service *service, ServiceState state, int64_t now_ns)
{
  if (service_due(service, now_ns)) service_tend(service, &state, now_ns);
}

static void nobody_listens_and_nothing_happens(void **state)
{
  (void)state;
  Service service;
  unsetenv("NOTIFY_SOCKET");
  service_open(&service);
  assert_int_equal(service.socket, -1);
  assert_false(service_due(&service, SECOND));
  service_stopping(&service);
  service_close(&service);
  static const char *const unusable[] = {"", "@", "relative", "/no/such/socket"};
  for (size_t i = 0; i < sizeof unusable / sizeof *unusable; ++i) {
    setenv("NOTIFY_SOCKET", unusable[i], 1);
    service_open(&service);
    assert_int_equal(service.socket, -1);
  }
}

static void ready_is_told_with_the_first_frames_and_once(void **state)
{
  (void)state;
  Service service;
  begin(&service, NULL);
  tend(&service, playing(0), 1);
  assert_string_equal(hear(), "");
  tend(&service, playing(128), 2);
  assert_string_equal(hear(), "READY=1\nSTATUS=starter: 1 voice, load 12 %, 3 xruns ");
  tend(&service, playing(256), 3);
  tend(&service, playing(1000), 9 * SECOND);
  assert_string_equal(hear(), "");
  ServiceState two = playing(2000);
  two.voices = 2;
  two.preset = "a\nREADY=0";
  tend(&service, two, 10 * SECOND + 2);
  assert_string_equal(hear(), "STATUS=a?READY=0: 2 voices, load 12 %, 3 xruns ");
  service_stopping(&service);
  assert_string_equal(hear(), "STOPPING=1 ");
  end(&service);
}

static void the_watchdog_hears_only_of_sound_that_goes_on(void **state)
{
  (void)state;
  Service service;
  begin(&service, "2000000");
  tend(&service, playing(128), 1);
  assert_non_null(strstr(hear(), "WATCHDOG=1"));
  tend(&service, playing(256), SECOND / 2);
  assert_string_equal(hear(), ""); // within half of the time asked for
  tend(&service, playing(512), SECOND + 1);
  assert_string_equal(hear(), "WATCHDOG=1 ");
  tend(&service, playing(512), 2 * SECOND + 2);
  tend(&service, playing(512), 3 * SECOND + 3);
  assert_string_equal(hear(), ""); // the render thread hangs
  ServiceState idle = playing(512);
  idle.idle = true;
  tend(&service, idle, 4 * SECOND + 4);
  assert_string_equal(hear(), "WATCHDOG=1 ");
  tend(&service, playing(640), 5 * SECOND + 5);
  assert_string_equal(hear(), "WATCHDOG=1 ");
  end(&service);
}

static void a_watchdog_of_another_process_is_left_alone(void **state)
{
  (void)state;
  Service service;
  char pid[32];
  begin(&service, "2000000");
  setenv("WATCHDOG_PID", "1", 1);
  service_close(&service);
  service_open(&service);
  assert_int_equal(service.watchdog_ns, 0);
  snprintf(pid, sizeof pid, "%ld", (long)getpid());
  setenv("WATCHDOG_PID", pid, 1);
  service_close(&service);
  service_open(&service);
  assert_int_equal(service.watchdog_ns, SECOND);
  end(&service);
}

static void a_manager_that_does_not_read_is_not_waited_for(void **state)
{
  (void)state;
  Service service;
  begin(&service, "2");
  alarm(20); // ends the test if it does wait
  for (uint64_t i = 1; i < 5000; ++i) tend(&service, playing(i), (int64_t)i * SECOND);
  alarm(0);
  end(&service);
}

int main(void)
{
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(nobody_listens_and_nothing_happens),
      cmocka_unit_test(ready_is_told_with_the_first_frames_and_once),
      cmocka_unit_test(the_watchdog_hears_only_of_sound_that_goes_on),
      cmocka_unit_test(a_watchdog_of_another_process_is_left_alone),
      cmocka_unit_test(a_manager_that_does_not_read_is_not_waited_for),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
