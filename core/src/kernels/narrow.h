// SPDX-License-Identifier: ISC
// Vectors made narrow, for the tables that have no instruction for it; vector.h comes before it.
#ifndef CN_NARROW_H
#define CN_NARROW_H

static uint16_t to_bf16(uint32_t bits)
{
  if ((bits & 0x7fffffffu) > 0x7f800000u) return (uint16_t)(bits >> 16 | 0x40);
  return (uint16_t)((bits + 0x7fffu + (bits >> 16 & 1)) >> 16);
}

static void narrow_int8(CnVector *to, const float *x, uint32_t n, uint32_t top)
{
  int8_t *narrow = to->narrow;
  if (top == CN_UNKNOWN) top = most_of(x, n);
  float size;
  memcpy(&size, &top, sizeof size);
  const bool finite = top < 0x7f800000u;
  to->scale = finite ? size * (1.0f / 127.0f) : NAN;
  const Real inverse = SPLAT(finite ? 127.0f / size : 0.0f);
  const Real magic = SPLAT(0x1.8p23f); // adding it rounds to a whole number, in the low bits
  Bits total = {0};
  for (uint32_t i = 0; i < n; i += LANES) {
    const Bits whole = AS_BITS(load_some(x + i, rest_of(n, i)) * inverse + magic) - AS_BITS(magic);
    for (int lane = 0; lane < LANES; ++lane) narrow[i + (uint32_t)lane] = (int8_t)whole[lane];
    total += whole;
  }
  to->total = 0;
  for (int lane = 0; lane < LANES; ++lane) to->total += (int32_t)total[lane];
}

static void narrow(CnVector *to, CnForm form, const float *x, uint32_t n, uint32_t most)
{
  const uint32_t padded = (n + CN_GRANULE - 1) / CN_GRANULE * CN_GRANULE;
  to->wide = x;
  if (form == CN_FORM_BF16) {
    uint16_t *numbers = to->narrow;
    for (uint32_t i = 0; i < n; ++i) {
      uint32_t bits;
      memcpy(&bits, x + i, sizeof bits);
      numbers[i] = to_bf16(bits);
    }
    memset(numbers + n, 0, (padded - n) * sizeof *numbers);
  } else if (form != CN_FORM_F32) {
    narrow_int8(to, x, n, most);
    for (uint32_t i = (n + LANES - 1) / LANES * LANES; i < padded; i += LANES)
      memset((int8_t *)to->narrow + i, 0, LANES);
  }
}

#endif
