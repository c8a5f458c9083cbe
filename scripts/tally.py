# SPDX-License-Identifier: ISC
"""tally.py TESTLOG.json: what a meson test run came to, "passed failed skipped" on standard output;
each skipped test with its reason on standard error."""

import json
import sys

count = {"passed": 0, "failed": 0, "skipped": 0}
for line in open(sys.argv[1], encoding="utf-8"):
    test = json.loads(line)
    if test["result"] == "SKIP":
        said = (test.get("stdout", "") + test.get("stderr", "")).strip().splitlines()
        why = said[-1].removeprefix("skipped: ") if said else "no reason given"
        print(f"skipped {test['name']}: {why}", file=sys.stderr)
        count["skipped"] += 1
    elif test["result"] in ("OK", "EXPECTEDFAIL"):
        count["passed"] += 1
    else:
        count["failed"] += 1
print(*count.values())
