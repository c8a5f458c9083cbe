#!/bin/sh
# SPDX-License-Identifier: ISC
# check_rt_symbols.sh NM PLANTED ARCHIVE...: what the archives of audio time call must be their own
# or on the list below. PLANTED calls what it must not, and has to be caught.
set -u
nm=$1 planted=$2
shift 2

# Copy, compare; the resampler, which allocates nothing while running; of libm what is correctly
# rounded, where the compiler does not inline it; what compilers add by themselves; and what the
# choice of a table, made at load, knows of the CPU.
allowed='memcpy memmove memset memcmp strcmp strncpy
src_process src_reset src_set_ratio
sqrt sqrtf floor floorf fma fmaf
_GLOBAL_OFFSET_TABLE_ __stack_chk_fail
__cpu_model __cpu_features2 __cpu_indicator_init cn_amx_allowed'

# strangers LIST ARCHIVE...: "object: symbol" for each call that is neither theirs nor on the list.
strangers() {
  list=$1
  shift
  {
    echo "$list" | tr ' ' '\n'
    "$nm" --defined-only "$@" | awk 'NF == 3 { print $3 }'
    echo =
    "$nm" -A -u "$@" | awk 'NF > 2 { o = $(NF - 2); sub(/:$/, "", o); sub(/.*[\/:]/, "", o); print $NF, o }'
  } | awk '/^=$/ { calls = 1; next } !calls { known[$1]; next } !($1 in known) { print $2 ": " $1 }'
}

calls=$("$nm" -u "$@") || exit 1
case $calls in
  *__asan_* | *__tsan_* | *__ubsan_*) echo "skipped: a sanitizer's build calls the sanitizer" && exit 77 ;;
esac
# The guard is trusted as far as it catches what is planted, and needs its list.
case $(strangers "$allowed" "$planted" "$@") in
  *malloc*) ;;
  *) echo "a planted malloc goes unseen in $planted" && exit 1 ;;
esac
[ -n "$(strangers '' "$@")" ] || { echo "no calls found in: $*" && exit 1; }
found=$(strangers "$allowed" "$@")
[ -z "$found" ] || { echo "audio time calls what it must not:" && echo "$found" && exit 1; }
