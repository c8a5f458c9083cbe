#!/bin/sh
# SPDX-License-Identifier: ISC
# check_icecast.sh AUDIO_MATCH: cenoted streams to a real Icecast on the loopback, which is late,
# goes away and comes back; what a listener hears is what the file beside it holds.
set -u
here=${CENOTE_SOURCE_ROOT:-$(cd "$(dirname "$0")/../.." && pwd)}
build=${CENOTE_BUILD_ROOT:-$here/build}
match=${1:-$build/tests/audio_match}
failures=0
work=$(mktemp -d)
daemon=
ice=
trap 'kill -9 $daemon $ice 2>/dev/null; rm -rf "$work"' EXIT

bad() {
  echo "check_icecast: $*" >&2
  failures=$((failures + 1))
}

skip() {
  echo "skipped: $*"
  exit 77
}

PATH=$PATH:/usr/sbin
command -v icecast2 >/dev/null || skip "icecast2 is not installed (Debian: icecast2)"
command -v curl >/dev/null || skip "curl is not installed (Debian: curl)"
"$build/daemon/cenoted" --port 0 --output icecast://x --duration 1 2>&1 | grep -q 'without libshout' &&
  skip "cenoted is built without libshout (Debian: libshout-dev)"

port=$(python3 -c 'import socket; s = socket.socket(); s.bind(("127.0.0.1", 0)); print(s.getsockname()[1])')
mkdir "$work/logs"
changed=
if [ "$(id -u)" = 0 ]; then # it does not run as root
  changed='<changeowner><user>nobody</user><group>nogroup</group></changeowner>'
  chmod 755 "$work"
  chown nobody "$work/logs"
fi
cat >"$work/ice.xml" <<XML
<icecast><limits><sources>2</sources><burst-size>0</burst-size></limits>
<authentication><source-password>h@sh/h</source-password><admin-user>a</admin-user>
<admin-password>b</admin-password></authentication><hostname>localhost</hostname>
<listen-socket><port>$port</port><bind-address>127.0.0.1</bind-address></listen-socket>
<paths><basedir>$work</basedir><logdir>$work/logs</logdir><webroot>/usr/share/icecast2/web</webroot>
<adminroot>/usr/share/icecast2/admin</adminroot></paths>
<logging><accesslog>access.log</accesslog><errorlog>error.log</errorlog></logging>
<security><chroot>0</chroot>$changed</security></icecast>
XML

serve() {
  icecast2 -c "$work/ice.xml" >/dev/null 2>&1 &
  ice=$!
}

# await COUNT PATTERN: until the daemon's log has it so often.
await() {
  for _ in $(seq 600); do
    [ "$(grep -c "$2" "$work/log")" -ge "$1" ] && return
    sleep 0.05
  done
  bad "not $1 times '$2' in: $(cat "$work/log")"
}

url=127.0.0.1:$port/live.ogg
# libshout keeps what a stream that broke had: not ours to free.
ASAN_OPTIONS=detect_leaks=0:${ASAN_OPTIONS:-}
export ASAN_OPTIONS
"$build/daemon/cenoted" --port 0 --seed 7 --output "icecast://source:h%40sh%2Fh@$url" \
  --output "$work/want.wav" "$here/tests/golden/tiny.safetensors" 2>"$work/log" &
daemon=$!
await 1 "^cenoted: icecast://$url: .*; trying again$"
serve
await 1 "^cenoted: icecast://$url: connected$"
curl -s -m 3 "http://$url" >"$work/got.ogg" &
sleep 3
kill $ice
wait $ice
await 2 "^cenoted: icecast://$url: .*; trying again$"
serve
await 2 "^cenoted: icecast://$url: connected$"
kill -INT $daemon
wait $daemon || bad "it ends with $?: $(cat "$work/log")"
daemon=
kill $ice
wait $ice
ice=
found=$("$match" "$work/got.ogg" "$work/want.wav") || bad "another sound: $found"
[ "${found% *}" -ge 16000 ] || bad "a listener of 3 s gets ${found% *} frames"
grep -q "^cenoted: icecast://$url: [1-9][0-9]* frames dropped in all$" "$work/log" ||
  bad "what is lost is not told: $(cat "$work/log")"
grep -q 'h@sh\|h%40' "$work/log" && bad "the password is told"
"$build/daemon/cenoted" --port 0 --output "icecast://source@:secret@" 2>&1 | grep -q secret &&
  bad "the password of a bad URL is told"
[ $failures -eq 0 ]
