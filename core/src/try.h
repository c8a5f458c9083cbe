// SPDX-License-Identifier: ISC
// Early return on failure.
#ifndef CN_TRY_H
#define CN_TRY_H

#define CN_TRY(expression)                                                                         \
  do {                                                                                             \
    const CenoteStatus cn_try_status = (expression);                                               \
    if (cn_try_status != CENOTE_OK) return cn_try_status;                                          \
  } while (0)

#endif
