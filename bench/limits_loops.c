// SPDX-License-Identifier: ISC
// One function for each instruction set, chosen at run time; the rest of the program needs none of
// them. A compiler must not see through these loops: KEEP is an empty asm that claims to change a
// register, so that what went into it is needed and what comes out is unknown.
#include "limits_loops.h"

#include <stdint.h>

#if defined __x86_64__
#include <immintrin.h>
#define KEEP(VECTOR) __asm__ volatile("" : "+v"(VECTOR))
#elif defined __aarch64__
#include <arm_neon.h>
#include <sys/auxv.h>
#define KEEP(VECTOR) __asm__ volatile("" : "+w"(VECTOR))
#else
#define KEEP(VECTOR) __asm__ volatile("" : "+m"(VECTOR))
#endif

enum {
  STREAMS = 8, ///< vectors loaded before the sums go round
  CHAINS = 12  ///< independent sums: 4 cycles of latency, two a cycle, and spare
};

// Any CPU: the compiler's own vectors, as wide as the machine's smallest are.

typedef float Four __attribute__((vector_size(16)));
typedef uint64_t Two __attribute__((vector_size(16)));

static void read_generic(const char *data, size_t bytes)
{
  Two s[STREAMS] = {{0}};
  for (size_t i = 0; i < bytes; i += sizeof s)
    for (size_t k = 0; k < STREAMS; ++k) s[k] ^= *(const Two *)(const void *)(data + i + 16 * k);
  for (size_t k = 0; k < STREAMS; ++k) KEEP(s[k]);
}

/// On x86 without FMA, two instructions.
static void f32_generic(size_t rounds)
{
  Four s[CHAINS] = {{0}};
  for (size_t k = 0; k < CHAINS; ++k) KEEP(s[k]); // or all are one
  Four a = {0.5f, 0.5f, 0.5f, 0.5f};
  for (size_t i = 0; i < rounds; ++i)
    for (size_t k = 0; k < CHAINS; ++k) {
      KEEP(a); // or the product leaves the loop
#ifdef __aarch64__
      s[k] = (Four)vfmaq_f32((float32x4_t)s[k], (float32x4_t)a, (float32x4_t)a);
#else
      s[k] += a * a;
#endif
    }
  for (size_t k = 0; k < CHAINS; ++k) KEEP(s[k]);
}

static LimitsLoops generic_loops(void)
{
  return (LimitsLoops){
      .isa = "generic", .read = read_generic, .f32 = f32_generic, .f32_macs = CHAINS * 4};
}

#if defined __x86_64__

#define AVX2 __attribute__((target("avx2,fma")))
#define AVX512 __attribute__((target("avx512f")))
#define VNNI __attribute__((target("avx512f,avx512vnni")))
#define BF16 __attribute__((target("avx512f,avx512bf16")))

AVX2 static void read_avx2(const char *data, size_t bytes)
{
  __m256i s[STREAMS] = {{0}};
  for (size_t i = 0; i < bytes; i += sizeof s)
    for (size_t k = 0; k < STREAMS; ++k) {
      const void *at = data + i + k * sizeof s[0];
      s[k] = _mm256_xor_si256(s[k], _mm256_load_si256(at));
    }
  for (size_t k = 0; k < STREAMS; ++k) KEEP(s[k]);
}

AVX512 static void read_avx512(const char *data, size_t bytes)
{
  __m512i s[STREAMS] = {{0}};
  for (size_t i = 0; i < bytes; i += sizeof s)
    for (size_t k = 0; k < STREAMS; ++k)
      s[k] = _mm512_xor_si512(s[k], _mm512_load_si512(data + i + k * sizeof s[0]));
  for (size_t k = 0; k < STREAMS; ++k) KEEP(s[k]);
}

AVX2 static void f32_avx2(size_t rounds)
{
  __m256 s[CHAINS] = {{0}};
  for (size_t k = 0; k < CHAINS; ++k) KEEP(s[k]); // or all are one
  __m256 a = _mm256_set1_ps(0.5f);
  KEEP(a);
  for (size_t i = 0; i < rounds; ++i)
    for (size_t k = 0; k < CHAINS; ++k) s[k] = _mm256_fmadd_ps(a, a, s[k]);
  for (size_t k = 0; k < CHAINS; ++k) KEEP(s[k]);
}

AVX512 static void f32_avx512(size_t rounds)
{
  __m512 s[CHAINS] = {{0}};
  for (size_t k = 0; k < CHAINS; ++k) KEEP(s[k]); // or all are one
  __m512 a = _mm512_set1_ps(0.5f);
  KEEP(a);
  for (size_t i = 0; i < rounds; ++i)
    for (size_t k = 0; k < CHAINS; ++k) s[k] = _mm512_fmadd_ps(a, a, s[k]);
  for (size_t k = 0; k < CHAINS; ++k) KEEP(s[k]);
}

BF16 static void bf16_avx512(size_t rounds)
{
  __m512 s[CHAINS] = {{0}};
  for (size_t k = 0; k < CHAINS; ++k) KEEP(s[k]); // or all are one
  __m512i a = _mm512_set1_epi32(0x3f003f00);      // pairs of 0.5
  KEEP(a);
  for (size_t i = 0; i < rounds; ++i)
    for (size_t k = 0; k < CHAINS; ++k) s[k] = _mm512_dpbf16_ps(s[k], (__m512bh)a, (__m512bh)a);
  for (size_t k = 0; k < CHAINS; ++k) KEEP(s[k]);
}

VNNI static void int8_vnni(size_t rounds)
{
  __m512i s[CHAINS] = {{0}};
  for (size_t k = 0; k < CHAINS; ++k) KEEP(s[k]); // or all are one
  __m512i a = _mm512_set1_epi8(1);
  KEEP(a);
  for (size_t i = 0; i < rounds; ++i)
    for (size_t k = 0; k < CHAINS; ++k) s[k] = _mm512_dpbusd_epi32(s[k], a, a);
  for (size_t k = 0; k < CHAINS; ++k) KEEP(s[k]);
}

/// Without VNNI three instructions make a vector of products.
AVX2 static void int8_avx2(size_t rounds)
{
  __m256i s[CHAINS] = {{0}};
  for (size_t k = 0; k < CHAINS; ++k) KEEP(s[k]); // or all are one
  __m256i a = _mm256_set1_epi8(1);
  __m256i ones = _mm256_set1_epi16(1);
  for (size_t i = 0; i < rounds; ++i)
    for (size_t k = 0; k < CHAINS; ++k) {
      KEEP(a); // or the products leave the loop
      s[k] = _mm256_add_epi32(s[k], _mm256_madd_epi16(_mm256_maddubs_epi16(a, a), ones));
    }
  for (size_t k = 0; k < CHAINS; ++k) KEEP(s[k]);
}

LimitsLoops limits_loops(void)
{
  __builtin_cpu_init();
  if (!__builtin_cpu_supports("avx2") || !__builtin_cpu_supports("fma")) return generic_loops();
  LimitsLoops loops = {.isa = "avx2",
                       .read = read_avx2,
                       .f32 = f32_avx2,
                       .f32_macs = CHAINS * 8,
                       .int8 = int8_avx2,
                       .int8_macs = CHAINS * 32};
  if (!__builtin_cpu_supports("avx512f")) return loops;
  loops.isa = "avx512";
  loops.read = read_avx512;
  loops.f32 = f32_avx512;
  loops.f32_macs = CHAINS * 16;
  if (__builtin_cpu_supports("avx512vnni")) {
    loops.int8 = int8_vnni;
    loops.int8_macs = CHAINS * 64;
  }
  if (__builtin_cpu_supports("avx512bf16")) {
    loops.bf16 = bf16_avx512;
    loops.bf16_macs = CHAINS * 32;
  }
  return loops;
}

#elif defined __aarch64__

#define DOT __attribute__((target("arch=armv8.2-a+dotprod")))

DOT static void int8_neon(size_t rounds)
{
  int32x4_t s[CHAINS] = {{0}};
  for (size_t k = 0; k < CHAINS; ++k) KEEP(s[k]); // or all are one
  int8x16_t a = vdupq_n_s8(1);
  KEEP(a);
  for (size_t i = 0; i < rounds; ++i)
    for (size_t k = 0; k < CHAINS; ++k) s[k] = vdotq_s32(s[k], a, a);
  for (size_t k = 0; k < CHAINS; ++k) KEEP(s[k]);
}

LimitsLoops limits_loops(void)
{
  LimitsLoops loops = generic_loops();
  loops.isa = "neon";
  if (getauxval(AT_HWCAP) & HWCAP_ASIMDDP) {
    loops.int8 = int8_neon;
    loops.int8_macs = CHAINS * 16;
  }
  return loops;
}

#else

LimitsLoops limits_loops(void)
{
  return generic_loops();
}

#endif
