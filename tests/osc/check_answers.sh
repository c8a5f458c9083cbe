#!/bin/sh
# SPDX-License-Identifier: ISC
# check_answers.sh: what clients are told, by the daemon and on its standard error, and what they
# are refused.
set -u
here=${CENOTE_SOURCE_ROOT:-$(cd "$(dirname "$0")/../.." && pwd)}
command -v python3 >/dev/null || { echo "skipped: python3 is not installed"; exit 77; }
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
PYTHONPATH=$here/bench python3 "$here/tests/osc/answers.py" "$work"
