# SPDX-License-Identifier: ISC
# What CI=true scripts/test runs, sourced by it: the same tests in several builds. Each stage adds
# to the counts of the closing line.

# section TEXT: what comes next, and when.
section() {
  echo "== $1 ($((SECONDS / 60)) min $((SECONDS % 60)) s)"
}

short_render() {
  valgrind -q --error-exitcode=9 --leak-check=full build-ci-gcc/cli/cenote render \
    tests/golden/tiny.safetensors --samples 200 -o - --format raw >/dev/null
}

if ! scripts/setup ci; then
  failed=1
  return
fi

section "gcc, warnings are errors"
build build-ci-gcc --buildtype=release -Dwerror=true -Dprograms=enabled -Ddaemon=enabled \
  -Dtests=enabled && tests build-ci-gcc

section "valgrind"
one "valgrind on a short render" short_render

section "clang, warnings are errors"
export CC=clang-14 # Debian 12's
build build-ci-clang --buildtype=release -Dwerror=true -Dtests=enabled &&
  tests build-ci-clang --suite core

section "clang, address and undefined-behaviour sanitizers, fuzzers"
export UBSAN_OPTIONS=halt_on_error=1:print_stacktrace=1
build build-ci-asan --buildtype=debugoptimized -Db_sanitize=address,undefined -Db_lundef=false \
  -Dc_args=-fsanitize=fuzzer-no-link -Dfuzz=true -Dtests=enabled && {
  # Units with the tables that sanitizers see into; whole programs with those that people run.
  CENOTE_ISA=portable CENOTE_TRAINER_ISA=plain \
    tests build-ci-asan --suite core --suite trainer --timeout-multiplier 5
  tests build-ci-asan --suite cli --suite daemon --suite fuzz --timeout-multiplier 5
}
unset CC

section "thread sanitizer"
build build-ci-tsan --buildtype=debugoptimized -Db_sanitize=thread -Db_lundef=false \
  -Dtests=enabled && tests build-ci-tsan --timeout-multiplier 5 \
  ring audio input replay threads osc_sockets osc_send osc_oscsend osc_pd osc_hostile osc_quit

section "core on aarch64, by an emulator"
one "arm64 libraries" .ci/aarch64
build build-ci-aarch64 --cross-file .ci/aarch64.ini --buildtype=release -Dprograms=disabled \
  -Dwerror=true -Dtests=enabled && tests build-ci-aarch64 --suite core --timeout-multiplier 10
section "done"
