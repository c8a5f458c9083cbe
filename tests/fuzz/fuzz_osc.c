// SPDX-License-Identifier: ISC
// Any bytes as an OSC packet: checked, walked, every argument read; its addresses as patterns
// against one another.
#include "osc_packet.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size);

// What the walk keeps from one message to the next.
typedef struct Last {
  char address[OSC_ADDRESS_MAX + 1];
  uint64_t bundle;
  bool ended; // the bundle had its last message
  uint64_t sum;
} Last;

static void broken(const char *promise)
{
  fprintf(stderr, "fuzz_osc: %s\n", promise);
  abort();
}

static size_t argument_size(char tag, const uint8_t *argument)
{
  if (tag == 's' || tag == 'S') return osc_string_size(argument);
  if (tag == 'b') return 4 + lo_blob_datasize((lo_blob)(const void *)argument);
  return strchr("hdt", tag) ? 8 : 4;
}

static void read_message(void *data, const OscMessage *message)
{
  Last *last = data;
  const char *types = lo_message_get_types(message->message);
  lo_arg **argv = lo_message_get_argv(message->message);
  int argc = lo_message_get_argc(message->message);
  if ((size_t)argc != strlen(types)) broken("as many arguments as type tags");
  for (int i = 0; i < argc; ++i) {
    if (!argv[i] != !!strchr("TFNI", types[i])) broken("T, F, N and I alone are NULL");
    const uint8_t *argument = (const uint8_t *)argv[i];
    for (size_t k = 0; argument && k < argument_size(types[i], argument); ++k)
      last->sum += argument[k];
  }
  if (message->address[0] != '/' || strlen(message->address) > OSC_ADDRESS_MAX)
    broken("an address begins with '/' and has at most 255 characters");
  if (message->timetag == 0) broken("time 0 is handed on as 1");
  if (message->bundle != 0 && message->bundle < last->bundle) broken("bundles count upwards");
  if (message->bundle != 0 && message->bundle == last->bundle && last->ended)
    broken("nothing comes after a bundle's last message");
  last->bundle = message->bundle;
  last->ended = message->last;
  osc_match(message->address, last->address);
  osc_match(last->address, message->address);
  if (!strpbrk(message->address, "?*[]{}") && !osc_match(message->address, message->address))
    broken("a plain address matches itself");
  snprintf(last->address, sizeof last->address, "%s", message->address);
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size)
{
  const char *why = NULL;
  if (!osc_valid(bytes, size, &why)) {
    if (!why) broken("a refused packet has a reason");
    return 0;
  }
  Last last = {.address = "/voice/1/temperature"};
  uint64_t bundles = 0;
  if (osc_walk(bytes, size, NULL, &bundles, read_message, &last) != 0)
    broken("liblo reads what is valid");
  return last.sum == UINT64_MAX;
}
