#!/bin/sh
# SPDX-License-Identifier: ISC
# load.sh [MINUTES]: the most voices without an xrun while the machine compiles; see load.py.
exec python3 "$(dirname "$0")/load.py" "$@"
