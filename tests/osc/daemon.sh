# SPDX-License-Identifier: ISC
# What the checks of real clients share. Sourced by sh, in a script called $check (what it says of
# itself), which leaves the folder $work to it: a daemon on $port, and cenote send to ask it.
here=${CENOTE_SOURCE_ROOT:-$(cd "$(dirname "$0")/../.." && pwd)}
build=${CENOTE_BUILD_ROOT:-$here/build}
cenote=$build/cli/cenote
cenoted=$build/daemon/cenoted
failures=0
daemon=

work=$(mktemp -d)
mkdir "$work/media"
cleanup() {
  [ -n "$daemon" ] && kill "$daemon" 2>/dev/null && wait "$daemon"
  rm -rf "$work"
}
trap cleanup EXIT
trap 'exit 1' INT TERM

skip() {
  echo "skipped: $*"
  exit 77
}

bad() {
  echo "$check: $*" >&2
  failures=$((failures + 1))
}

need() {
  command -v "$1" >/dev/null || skip "$1 is not installed (Debian: $2)"
}

# start_daemon ARGUMENT...: on a free port, which it says when it is ready. It ends by itself, should
# nobody be left to end it.
start_daemon() {
  : >"$work/log"
  "$cenoted" --no-audio --port 0 --duration 300 --media-dir "$work/media" "$@" 2>"$work/log" &
  daemon=$!
  port=
  for _ in $(seq 1200); do
    port=$(sed -n 's/^cenoted: ready: udp 127\.0\.0\.1:\([0-9]*\),.*/\1/p' "$work/log")
    [ -n "$port" ] && return
    kill -0 "$daemon" 2>/dev/null || break
    sleep 0.05
  done
  cat "$work/log" >&2
  bad "the daemon does not say that it is ready"
  exit 1
}

# It must still be there, and end cleanly when asked.
quit_daemon() {
  "$cenote" send --port "$port" /quit >"$work/quit" || bad "/quit fails: $(cat "$work/quit")"
  [ "$(cat "$work/quit")" = '/done /quit' ] || bad "/quit answers: $(cat "$work/quit")"
  await_end 'after /quit'
}

await_end() {
  for _ in $(seq 1200); do
    kill -0 "$daemon" 2>/dev/null || break
    sleep 0.05
  done
  kill -9 "$daemon" 2>/dev/null # 137 below, if it is still there
  wait "$daemon"
  status=$?
  daemon=
  [ $status -eq 0 ] || {
    bad "the daemon ends with $status $1"
    cat "$work/log" >&2
  }
}

# says WANTED ARGS...: what cenote send prints, wholly.
says() {
  wanted=$1
  shift
  got=$("$cenote" send --port "$port" "$@" 2>&1)
  [ "$got" = "$wanted" ] || bad "send $*: want '$wanted', got '$got'"
}

# await SECONDS COMMAND...: until it succeeds.
await() {
  turns=$(($1 * 10))
  shift
  for _ in $(seq "$turns"); do
    "$@" && return
    sleep 0.1
  done
  return 1
}

for program in "$cenoted" "$cenote"; do
  [ -x "$program" ] || skip "$program is not built"
done
