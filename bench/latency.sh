#!/bin/sh
# SPDX-License-Identifier: ISC
# latency.sh [ARGUMENT...]: from /trigger to the JACK output, a Markdown table; see latency.py.
exec python3 "$(dirname "$0")/latency.py" "$@"
