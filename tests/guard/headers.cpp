// SPDX-License-Identifier: ISC
// The public header in C++, as a plugin's host includes it: no warning, and C linkage.
#include <cenote/cenote.h>

#include <cstdio>
#include <cstring>

int main()
{
  CenoteError err;
  CenoteModel *model = nullptr;
  const CenoteStatus status = cenote_model_load("/nowhere.safetensors", &model, &err);
  std::printf("%s: %s\n", cenote_version(), err.text);
  return status == CENOTE_FILE_ERROR && !model && std::strstr(err.text, "/nowhere") ? 0 : 1;
}
