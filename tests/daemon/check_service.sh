#!/bin/sh
# SPDX-License-Identifier: ISC
# cenoted as a service: what its manager hears while it plays, and that the units are sound.
set -u
here=${CENOTE_SOURCE_ROOT:-$(cd "$(dirname "$0")/../.." && pwd)}
build=${CENOTE_BUILD_ROOT:-$here/build}
cenoted=$build/daemon/cenoted
model=$here/tests/golden/tiny.safetensors
failures=0
skipped=
work=$(mktemp -d)
manager=
trap '[ -n "$manager" ] && kill "$manager" 2>/dev/null; rm -rf "$work"' EXIT

bad() {
  echo "check_service: $*" >&2
  failures=$((failures + 1))
}

# A manager that writes down what it hears: a socket in the file system, or one with an @ and no
# file.
if command -v python3 >/dev/null; then
  for socket in "$work/notify" "@cenote-check-$$"; do
    python3 -c 'import os, socket, sys
s = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
s.bind(sys.argv[1].replace("@", "\0"))
print("listening", flush=True)
while True: print(s.recv(4096).decode(), flush=True)' "$socket" >"$work/heard" &
    manager=$!
    for _ in $(seq 1200); do grep -q listening "$work/heard" && break; sleep 0.02; done
    NOTIFY_SOCKET=$socket WATCHDOG_USEC=200000 "$cenoted" --port 0 --no-audio "$model" 2>"$work/log" &
    daemon=$!
    for _ in $(seq 1200); do
      [ "$(grep -c WATCHDOG=1 "$work/heard")" -ge 3 ] && break
      sleep 0.05
    done
    kill -TERM $daemon
    wait $daemon || bad "exit $? on SIGTERM: $(cat "$work/log")"
    for _ in $(seq 1200); do grep -q STOPPING "$work/heard" && break; sleep 0.02; done
    kill "$manager" && manager=
    tr '\n' ' ' <"$work/heard" |
      grep -Eq '^listening READY=1 STATUS=[^ ]*tiny.safetensors: 1 voice, load [0-9]+ %, 0 xruns (WATCHDOG=1 ){3,}STOPPING=1 $' ||
      bad "heard by $socket: $(cat "$work/heard")"
  done
  # One that cannot start says so, and is never ready.
  NOTIFY_SOCKET=/nowhere "$cenoted" --port 0 --no-audio --duration 0.05 "$model" 2>"$work/log" ||
    bad "a manager that is not there ends it: $(cat "$work/log")"
else
  skipped="python3 is not installed"
fi

# The units, with the program where it is here.
for kind in system user; do
  sed "s|^ExecStart=.*|ExecStart=\"$cenoted\"|" "$build/daemon/systemd/cenoted-$kind.service" >"$work/cenoted.service"
  grep -q '^ExecStart="/.*/cenoted"$' "$build/daemon/systemd/cenoted-$kind.service" || bad "$kind: no ExecStart"
  if command -v systemd-analyze >/dev/null; then
    option=
    [ $kind = user ] && option=--user
    mkdir -p "$work/run"
    XDG_RUNTIME_DIR=$work/run systemd-analyze $option --man=no verify "$work/cenoted.service" >"$work/verify" 2>&1 ||
      bad "$kind: verify: $(cat "$work/verify")"
    ! grep "cenoted.service:" "$work/verify" || bad "$kind: see above"
  else
    skipped="systemd-analyze is not installed (Debian: systemd)"
  fi
done
if command -v systemd-analyze >/dev/null; then
  cp "$build/daemon/systemd/cenoted-system.service" "$work/cenoted.service"
  # Tenths: 2.0 is what systemd calls OK; most services have 9.
  systemd-analyze security --offline=yes --threshold=20 "$work/cenoted.service" >"$work/security" 2>&1 ||
    bad "exposed: $(tail -n 3 "$work/security")"
fi

[ $failures -eq 0 ] || exit 1
[ -z "$skipped" ] || { echo "skipped: $skipped" && exit 77; }
