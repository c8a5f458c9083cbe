// SPDX-License-Identifier: ISC
// Leave to use AMX, which Linux gives a process that asks for it.
#ifndef CN_AMX_H
#define CN_AMX_H

#include <stdbool.h>

/// Whether the processor has tiles for int8 and the system lets this process use them: from then on
/// every thread may. False too where a thread's signal stack is too small for them. Not for audio
/// time; and a thread's first use of a tile costs a page fault.
bool cn_amx_allowed(void);

#endif
