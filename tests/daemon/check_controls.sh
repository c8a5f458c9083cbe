#!/bin/sh
# SPDX-License-Identifier: ISC
# Every message of the OSC table that changes sound does so from its frame on, as it should, and
# nothing at its neutral value; one without a case in bench/control_cases.py fails.
set -u
here=${CENOTE_SOURCE_ROOT:-$(cd "$(dirname "$0")/../.." && pwd)}
command -v python3 >/dev/null || { echo "skipped: python3 is not installed"; exit 77; }
exec python3 "$here/bench/controls.py"
