#!/bin/sh
# SPDX-License-Identifier: ISC
# cenoted under a session manager: tests/daemon/nsm.py is one.
set -u
here=${CENOTE_SOURCE_ROOT:-$(cd "$(dirname "$0")/../.." && pwd)}
build=${CENOTE_BUILD_ROOT:-$here/build}
cenoted=$build/daemon/cenoted
golden=$here/tests/golden
command -v python3 >/dev/null || { echo "skipped: python3 is not installed"; exit 77; }
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

timeout 60 python3 "$here/tests/daemon/nsm.py" "$cenoted" "$build/cli/cenote" "$golden/tiny.safetensors" \
  "$golden/mixed.safetensors" "$work" || {
  cat "$work"/log* >&2
  exit 1
}
# What is no server is said, and no more.
for url in osc.tcp://127.0.0.1:9 osc.udp://127.0.0.1:9/ nonsense; do
  NSM_URL=$url "$cenoted" --port 0 --no-audio --duration 0.2 "$golden/tiny.safetensors" 2>"$work/log" &&
    grep -q 'NSM_URL' "$work/log" || {
    echo "check_nsm: NSM_URL=$url: $(cat "$work/log")" >&2
    exit 1
  }
done
