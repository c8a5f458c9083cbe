#!/bin/sh
# SPDX-License-Identifier: ISC
# evening.sh [MINUTES [PORT]]: an evening with one voice of a daemon that plays already, 60 minutes
# unless said otherwise: four parts, recorded to evening-DATE.wav in the daemon's --media-dir.
set -eu
minutes=${1:-60}
port=${2:-7770}
cenote=${CENOTE:-cenote}

osc() { "$cenote" send --port "$port" "$@" >/dev/null; }

# The evening has 60 steps: each takes as many seconds as the evening has minutes.
step=$minutes

# glide ADDRESS FROM TO STEPS [BEFORE...]: arguments BEFORE, then the value.
glide() {
  address=$1 from=$2 to=$3 steps=$4
  shift 4
  for i in $(seq "$steps"); do
    osc "$address" "$@" "f:$(awk "BEGIN { print $from + ($to - $from) * $i / $steps }")"
    sleep "$step"
  done
}

take=evening-$(date +%Y%m%d-%H%M%S).wav
osc /rec/start "$take"
trap 'osc /rec/stop "$take"' EXIT
trap 'exit 1' INT TERM # the recording ends too

echo "1: it arrives, ever surer of itself"
osc /voice/1/temperature f:1.2
osc /voice/1/slot/dusk/save
glide /voice/1/temperature 1.2 0.9 15

echo "2: from what it was to what it is, and back"
osc /voice/1/slot/night/save
glide /voice/1/morph 0 1 8 dusk night
osc /voice/1/slot/dusk/load
glide /voice/1/level/0/gain 1 0.7 7

echo "3: the slow levels hold still while the fast ones go on"
osc '/voice/1/level/[1-3]/freeze' 1
glide /voice/1/level/0/gain 0.7 1 15
osc '/voice/1/level/[1-3]/freeze' 0

echo "4: once more the night, and out"
osc /voice/1/slot/night/load
osc /voice/1/temperature f:1
glide /gain 0 -40 15
osc /voice/1/run 0
osc /gain 0
