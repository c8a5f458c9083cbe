// SPDX-License-Identifier: ISC
#include "rt/codec.h"

#include "rt/dmath.h"

#include <math.h>

#define LN_256 5.5451774444795624753

CENOTE_RT uint8_t cn_encode(CenoteEncoding encoding, double y)
{
  if (!(y >= -1.0)) y = y < -1.0 ? -1.0 : 0.0;
  if (y > 1.0) y = 1.0;
  if (encoding == CENOTE_LINEAR) {
    const double code = floor((y / 2.0 + 0.5) * 256.0);
    return (uint8_t)(code > 255.0 ? 255.0 : code);
  }
  const double size = cn_log(1.0 + 255.0 * fabs(y + 1e-8)) / LN_256;
  const double e = y > 0.0 ? size : y < 0.0 ? -size : 0.0;
  return (uint8_t)floor((256.0 - 0.01) * (e + 1.0) / 2.0 + 0.005);
}

CENOTE_RT double cn_decode(CenoteEncoding encoding, uint8_t code)
{
  const double z = 2.0 * code / 255.0 - 1.0;
  if (encoding == CENOTE_LINEAR) return z;
  const double size = (cn_exp(fabs(z) * LN_256) - 1.0) / 255.0;
  return z < 0.0 ? -size : size;
}
