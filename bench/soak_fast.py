#!/usr/bin/env python3
# SPDX-License-Identifier: ISC
"""A day of sound as fast as it can, under random commands: soak.py --fast.

Usage: bench/soak_fast.py [MINUTES [OPTION OF soak.py...]]
Ends after 24 h of sound or MINUTES (default 60); results in bench/results/soak_fast.json.
"""

import os
import sys

import live
import soak

if __name__ == "__main__":
    minutes = float(sys.argv[1]) if len(sys.argv) > 1 else 60.0
    out = os.path.join(live.HERE, "bench", "results", "soak_fast.jsonl")
    sys.argv = [sys.argv[0], str(60.0 * minutes), "--fast", "--model", live.TINY, "-o", out, *sys.argv[2:]]
    sys.exit(soak.main())
