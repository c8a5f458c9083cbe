// SPDX-License-Identifier: ISC
#include "kernels/isa.h"

#define STRING2(text) #text
#define STRING(text) STRING2(text)

static bool usable(void)
{
#if defined(TRAINER_BF16)
  return __builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512bw") &&
         __builtin_cpu_supports("avx512dq") && __builtin_cpu_supports("avx512vl") &&
         __builtin_cpu_supports("avx512bf16");
#elif defined(__AVX512F__)
  return __builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512bw") &&
         __builtin_cpu_supports("avx512dq") && __builtin_cpu_supports("avx512vl");
#elif defined(__AVX2__)
  return __builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma");
#else
  return true;
#endif
}

const Ops OP(table) = {
    .name = STRING(TRAINER_ISA),
    .usable = usable,
#ifdef TRAINER_BF16
    .bfloat16 = true,
#endif
    .packed_size = OP(packed_size),
    .pack = OP(pack),
    .left = OP(left),
    .multiply = OP(multiply),
    .side = OP(side),
    .outer = OP(outer),
    .sum_rows = OP(sum_rows),
    .norm = OP(norm),
    .norm_again = OP(norm_again),
    .norm_back = OP(norm_back),
    .gelu = OP(gelu),
    .gelu_back = OP(gelu_back),
    .gates_size = OP(gates_size),
    .gates_pack = OP(gates_pack),
    .gates = OP(gates),
    .gates_back = OP(gates_back),
    .scan = OP(scan),
    .scan_back = OP(scan_back),
    .lru = OP(lru),
    .lru_back = OP(lru_back),
    .loss = OP(loss),
    .pool_down = OP(pool_down),
    .pool_up = OP(pool_up),
    .pool_down_back = OP(pool_down_back),
    .pool_up_back = OP(pool_up_back),
    .dropout = OP(dropout),
    .sum_squares = OP(sum_squares),
    .adam = OP(adam),
};
