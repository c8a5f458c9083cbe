// SPDX-License-Identifier: ISC
// OSC over UDP and TCP, one thread playing both sides: what a client sends lies in the loopback's
// buffers until the next osc_poll.
#include "osc_packet.h"

#include <netinet/in.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <time.h>
#include <unistd.h>

#include <cmocka.h>

#define BYTES(text) (text), sizeof(text) - 1
// "/a" with no arguments, and how it looks in the two framings.
#define MESSAGE "/a\0\0,\0\0\0"
#define SIZED "\0\0\0\10" MESSAGE

typedef struct Server {
  Osc *osc;
  unsigned messages;
  OscPeer from; // of the last message
} Server;

// "/a" and its like are answered by "/reply" with the number of messages so far.
static void answer(void *data, const OscMessage *message)
{
  Server *server = data;
  ++server->messages;
  server->from = *message->from;
  lo_message reply = lo_message_new();
  if (strcmp(message->address, "/a") != 0) lo_message_add_string(reply, message->address);
  lo_message_add_int32(reply, (int32_t)server->messages);
  osc_send(server->osc, message->from, "/reply", reply);
}

static const char expected_reply[] = "/reply\0\0,i\0\0\0\0\0\1";

static int open_server(void **state)
{
  static Server server;
  CenoteError err = {""};
  server = (Server){.osc = NULL};
  if (osc_open(NULL, 0, 0, answer, &server, &server.osc, &err) != CENOTE_OK) {
    fprintf(stderr, "%s\n", err.text);
    return -1;
  }
  *state = &server;
  return 0;
}

static int close_server(void **state)
{
  Server *server = *state;
  osc_close(server->osc);
  return 0;
}

// A client's socket, connected to the server; it waits at most two seconds for an answer.
static int client(const Server *server, int family, int type)
{
  struct sockaddr_in v4 = {.sin_family = AF_INET,
                           .sin_addr.s_addr = htonl(INADDR_LOOPBACK),
                           .sin_port = htons(osc_port(server->osc))};
  struct sockaddr_in6 v6 = {.sin6_family = AF_INET6,
                            .sin6_addr = IN6ADDR_LOOPBACK_INIT,
                            .sin6_port = htons(osc_port(server->osc))};
  int fd = socket(family, type, 0);
  if (fd < 0) return -1;
  struct timeval patience = {.tv_sec = 2};
  setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof patience);
  int failed = family == AF_INET ? connect(fd, (struct sockaddr *)&v4, sizeof v4)
                                 : connect(fd, (struct sockaddr *)&v6, sizeof v6);
  if (!failed) return fd;
  close(fd);
  return -1;
}

static void put(int fd, const void *bytes, size_t size)
{
  assert_int_equal(send(fd, bytes, size, MSG_NOSIGNAL), size);
}

// Let the server work until nothing arrives for a while.
static void serve(Server *server)
{
  for (int i = 0; i < 20; ++i) assert_true(osc_poll(server->osc, -1, 1));
}

static void assert_hung_up(int fd)
{
  char byte;
  assert_true(recv(fd, &byte, 1, 0) <= 0);
}

static void assert_reply(int fd, const char *bytes, size_t size)
{
  char got[256];
  assert_true(size <= sizeof got);
  assert_int_equal(recv(fd, got, sizeof got, 0), size);
  assert_memory_equal(got, bytes, size);
}

static void udp_answers_from_the_port_written_to(void **state)
{
  Server *server = *state;
  const int families[] = {AF_INET, AF_INET6};
  for (int i = 0; i < 2; ++i) {
    int fd = client(server, families[i], SOCK_DGRAM); // connected: hears that port alone
    if (fd < 0 && i == 1) continue;                   // no IPv6 here
    put(fd, BYTES(MESSAGE));
    server->messages = 0;
    serve(server);
    assert_int_equal(server->messages, 1);
    assert_reply(fd, BYTES(expected_reply));
    assert_true(osc_peer_loopback(&server->from));
    close(fd);
  }
}

static void a_port_in_use_is_named_with_the_remedy(void **state)
{
  Server *server = *state;
  uint16_t port = osc_port(server->osc);
  CenoteError err = {""};
  Osc *second = server->osc;
  assert_int_not_equal(osc_open(NULL, 0, port, answer, server, &second, &err), CENOTE_OK);
  assert_null(second);
  char start[64];
  snprintf(start, sizeof start, "127.0.0.1 port %u: ", port);
  assert_memory_equal(err.text, start, strlen(start));
  assert_non_null(strstr(err.text, "--port N takes another"));
  assert_int_not_equal(osc_open(NULL, 0, port, answer, server, &second, NULL), CENOTE_OK);
}

static void addresses_are_bound_as_asked(void **state)
{
  Server *server = *state;
  const char *names[] = {"127.0.0.2", "localhost", "127.0.0.1"};
  Osc *osc;
  CenoteError err = {""};
  if (osc_open(names, 3, 0, answer, server, &osc, &err) != CENOTE_OK) fail_msg("%s", err.text);
  assert_int_not_equal(osc_port(osc), 0);
  osc_close(osc);
  const char *nowhere[] = {"192.0.2.77"}; // set aside for documentation
  assert_int_not_equal(osc_open(nowhere, 1, 0, answer, server, &osc, &err), CENOTE_OK);
  assert_memory_equal(err.text, "192.0.2.77 port ", 16);
  const char *nobody[] = {"no.such.host.invalid"};
  assert_int_not_equal(osc_open(nobody, 1, 0, answer, server, &osc, &err), CENOTE_OK);
  assert_memory_equal(err.text, "--bind no.such.host.invalid: ", 29);
}

static void malformed_packets_are_dropped_and_counted(void **state)
{
  Server *server = *state;
  int fd = client(server, AF_INET, SOCK_DGRAM);
  const char *why = "";
  assert_int_equal(osc_dropped(server->osc, &why), 0);
  assert_null(why);
  put(fd, "x", 1);
  put(fd, "", 0);
  put(fd, BYTES("/a\0\0,x\0\0"));
  put(fd, BYTES(MESSAGE));
  serve(server);
  assert_int_equal(server->messages, 1);
  assert_int_equal(osc_dropped(server->osc, &why), 3);
  assert_string_equal(why, "an unknown type tag");
  close(fd);
}

static void tcp_takes_packets_with_their_size_before_them(void **state)
{
  Server *server = *state;
  int fd = client(server, AF_INET, SOCK_STREAM);
  const char stream[] = SIZED SIZED "\0\0\0\0" SIZED; // an empty one is dropped
  put(fd, BYTES(stream));
  serve(server);
  assert_int_equal(server->messages, 3);
  assert_int_equal(osc_dropped(server->osc, NULL), 1);
  assert_reply(fd, BYTES("\0\0\0\20/reply\0\0,i\0\0\0\0\0\1"
                         "\0\0\0\20/reply\0\0,i\0\0\0\0\0\2"
                         "\0\0\0\20/reply\0\0,i\0\0\0\0\0\3"));
  for (size_t i = 0; i < sizeof stream - 1; ++i) { // and byte by byte
    put(fd, stream + i, 1);
    serve(server);
  }
  assert_int_equal(server->messages, 6);
  close(fd);
}

static void tcp_takes_slip_with_single_and_double_ends(void **state)
{
  Server *server = *state;
  const struct {
    const char *stream;
    size_t size;
    const char *reply;
    size_t reply_size;
  } cases[] = {
      {BYTES("\xc0" MESSAGE "\xc0\xc0" MESSAGE "\xc0" MESSAGE "\xc0"),
       BYTES("\xc0/reply\0\0,i\0\0\0\0\0\1\xc0\xc0/reply\0\0,i\0\0\0\0\0\2\xc0"
             "\xc0/reply\0\0,i\0\0\0\0\0\3\xc0")},
      {BYTES(MESSAGE "\xc0" MESSAGE "\xc0"),
       BYTES("/reply\0\0,i\0\0\0\0\0\1\xc0/reply\0\0,i\0\0\0\0\0\2\xc0")},
      // Escapes there and back: the address holds an END and an ESC.
      {BYTES("\xc0/\xdb\xdc\xdb\xdd\0,\0\0\0\xc0"),
       BYTES("\xc0/reply\0\0,si\0/\xdb\xdc\xdb\xdd\0\0\0\0\1\xc0")},
      // A broken escape costs its packet alone.
      {BYTES("\xc0/a\xdb\0\0,\0\0\0\xc0" MESSAGE "\xc0"),
       BYTES("\xc0/reply\0\0,i\0\0\0\0\0\1\xc0")},
  };
  for (size_t i = 0; i < sizeof cases / sizeof *cases; ++i) {
    int fd = client(server, AF_INET, SOCK_STREAM);
    server->messages = 0;
    put(fd, cases[i].stream, cases[i].size);
    serve(server);
    assert_reply(fd, cases[i].reply, cases[i].reply_size);
    for (size_t k = 0; k < cases[i].size; ++k) {
      put(fd, cases[i].stream + k, 1);
      assert_true(osc_poll(server->osc, -1, 10));
    }
    serve(server);
    close(fd);
  }
  assert_int_equal(osc_dropped(server->osc, NULL), 2);
}

static void tcp_streams_that_are_not_osc_are_hung_up_on(void **state)
{
  Server *server = *state;
  const struct {
    const char *bytes;
    size_t size;
  } bad[] = {
      {BYTES("GET / HTTP/1.1\r\n")},
      {BYTES("\xff\xff\xff\xff")},
      {BYTES("\0\x10\0\1")}, // 1 MiB and a byte
  };
  for (size_t i = 0; i < sizeof bad / sizeof *bad; ++i) {
    int fd = client(server, AF_INET, SOCK_STREAM);
    put(fd, bad[i].bytes, bad[i].size);
    serve(server);
    assert_hung_up(fd);
    assert_int_equal(osc_dropped(server->osc, NULL), i + 1);
    close(fd);
  }
}

static void a_slip_packet_without_an_end_is_hung_up_on(void **state)
{
  Server *server = *state;
  int fd = client(server, AF_INET, SOCK_STREAM);
  char chunk[4096];
  memset(chunk, '/', sizeof chunk);
  for (int i = 0; i < 300 && osc_dropped(server->osc, NULL) == 0; ++i) {
    if (send(fd, chunk, sizeof chunk, MSG_NOSIGNAL) < 0) break;
    assert_true(osc_poll(server->osc, -1, 10));
  }
  serve(server);
  const char *why;
  assert_int_equal(osc_dropped(server->osc, &why), 1);
  assert_string_equal(why, "a packet of more than 1 MiB on TCP");
  close(fd);
}

static void a_packet_of_a_mebibyte_arrives(void **state)
{
  Server *server = *state;
  const size_t size = 1 << 20;
  uint8_t *stream = calloc(size + 4, 1);
  assert_non_null(stream);
  osc_put32(stream, (uint32_t)size);
  memcpy(stream + 4, "/a\0\0,b\0\0", 8);
  osc_put32(stream + 12, (uint32_t)size - 12);
  int fd = client(server, AF_INET, SOCK_STREAM);
  for (size_t at = 0, polls = 0; server->messages == 0 && polls < 10000; ++polls) {
    if (at < size + 4) {
      ssize_t sent = send(fd, stream + at, size + 4 - at, MSG_DONTWAIT | MSG_NOSIGNAL);
      if (sent > 0) at += (size_t)sent;
    }
    assert_true(osc_poll(server->osc, -1, 10));
  }
  assert_int_equal(server->messages, 1);
  close(fd);
  free(stream);
}

static void the_sixty_fifth_connection_is_refused(void **state)
{
  Server *server = *state;
  int fds[65];
  for (int i = 0; i < 65; ++i) {
    fds[i] = client(server, AF_INET, SOCK_STREAM);
    assert_true(osc_poll(server->osc, -1, 10));
  }
  assert_hung_up(fds[64]);
  put(fds[63], BYTES(SIZED));
  serve(server);
  assert_int_equal(server->messages, 1);
  for (int i = 0; i < 65; ++i) close(fds[i]);
  serve(server);
  for (int i = 0; i < 64; ++i) { // there is room again
    fds[i] = client(server, AF_INET, SOCK_STREAM);
    assert_true(osc_poll(server->osc, -1, 10));
  }
  put(fds[63], BYTES(SIZED));
  serve(server);
  assert_int_equal(server->messages, 2);
  for (int i = 0; i < 64; ++i) close(fds[i]);
}

static void a_client_that_does_not_read_is_hung_up_on(void **state)
{
  Server *server = *state;
  int fd = client(server, AF_INET, SOCK_STREAM);
  put(fd, BYTES(SIZED));
  serve(server);
  const char *why = NULL;
  static char blob[1 << 16];
  for (int i = 0; i < 400 && osc_dropped(server->osc, NULL) == 0; ++i) {
    lo_message big = lo_message_new();
    lo_blob data = lo_blob_new(sizeof blob, blob);
    lo_message_add_blob(big, data);
    lo_blob_free(data);
    osc_send(server->osc, &server->from, "/big", big);
    assert_true(osc_poll(server->osc, -1, 0));
  }
  assert_int_equal(osc_dropped(server->osc, &why), 1);
  assert_string_equal(why, "a TCP client that does not read");
  close(fd);
}

static void answers_to_clients_that_are_gone_go_nowhere(void **state)
{
  Server *server = *state;
  signal(SIGPIPE, SIG_DFL);
  int fd = client(server, AF_INET, SOCK_STREAM);
  put(fd, BYTES(SIZED SIZED)); // and hangs up without waiting for the answers
  close(fd);
  serve(server);
  assert_int_equal(server->messages, 2);
  osc_send(server->osc, &server->from, "/late", lo_message_new());
  osc_send(server->osc, &server->from, "/late", NULL);
  fd = client(server, AF_INET, SOCK_DGRAM);
  put(fd, BYTES(MESSAGE));
  close(fd);
  serve(server); // the answer is refused, and the server goes on
  fd = client(server, AF_INET, SOCK_DGRAM);
  put(fd, BYTES(MESSAGE));
  serve(server);
  assert_reply(fd, BYTES("/reply\0\0,i\0\0\0\0\0\4"));
  close(fd);
}

static void a_flood_is_taken_in_turns(void **state)
{
  Server *server = *state;
  int fd = client(server, AF_INET, SOCK_DGRAM);
  unsigned before = 0;
  for (int turn = 0; turn < 5; ++turn, before = server->messages) {
    for (int i = 0; i < 400; ++i) send(fd, BYTES(MESSAGE), 0); // some get lost
    assert_true(osc_poll(server->osc, -1, 1000));
    assert_true(server->messages - before <= 64);
  }
  close(fd);
}

static void a_burst_waits_and_is_not_lost(void **state)
{
  Server *server = *state;
  int fd = client(server, AF_INET, SOCK_DGRAM);
  for (int turn = 0; turn < 20; ++turn) { // far more than the kernel keeps, and a turn takes
    for (int i = 0; i < 100; ++i) put(fd, BYTES(MESSAGE));
    assert_true(osc_poll(server->osc, -1, 1000));
  }
  for (int turn = 0; turn < 100; ++turn) assert_true(osc_poll(server->osc, -1, 0));
  assert_int_equal(server->messages, 2000);
  close(fd);
}

static void what_a_turn_leaves_is_not_slept_over(void **state)
{
  Server *server = *state;
  int fd = client(server, AF_INET, SOCK_STREAM);
  for (int i = 0; i < 2000; ++i) put(fd, BYTES(SIZED));
  const time_t start = time(NULL);
  while (server->messages < 2000) {
    unsigned before = server->messages;
    assert_true(osc_poll(server->osc, -1, 3000));
    assert_true(server->messages - before <= 64);
  }
  assert_true(time(NULL) - start < 3);
  close(fd);
}

static void a_wake_descriptor_ends_the_wait(void **state)
{
  Server *server = *state;
  int ends[2];
  assert_int_equal(pipe(ends), 0);
  assert_int_equal(write(ends[1], "x", 1), 1);
  assert_true(osc_poll(server->osc, ends[0], 60000));
  close(ends[0]);
  close(ends[1]);
}

static void closing_nothing_is_fine(void **state)
{
  (void)state;
  osc_close(NULL);
}

#define WITH_SERVER(test) cmocka_unit_test_setup_teardown(test, open_server, close_server)

int main(void)
{
  const struct CMUnitTest tests[] = {
      WITH_SERVER(udp_answers_from_the_port_written_to),
      WITH_SERVER(a_port_in_use_is_named_with_the_remedy),
      WITH_SERVER(addresses_are_bound_as_asked),
      WITH_SERVER(malformed_packets_are_dropped_and_counted),
      WITH_SERVER(tcp_takes_packets_with_their_size_before_them),
      WITH_SERVER(tcp_takes_slip_with_single_and_double_ends),
      WITH_SERVER(tcp_streams_that_are_not_osc_are_hung_up_on),
      WITH_SERVER(a_slip_packet_without_an_end_is_hung_up_on),
      WITH_SERVER(a_packet_of_a_mebibyte_arrives),
      WITH_SERVER(the_sixty_fifth_connection_is_refused),
      WITH_SERVER(a_client_that_does_not_read_is_hung_up_on),
      WITH_SERVER(answers_to_clients_that_are_gone_go_nowhere),
      WITH_SERVER(a_flood_is_taken_in_turns),
      WITH_SERVER(a_burst_waits_and_is_not_lost),
      WITH_SERVER(what_a_turn_leaves_is_not_slept_over),
      WITH_SERVER(a_wake_descriptor_ends_the_wait),
      cmocka_unit_test(closing_nothing_is_fine),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
