#!/usr/bin/env python3
# SPDX-License-Identifier: ISC
"""Does each control do something, from its very frame on, and nothing at its neutral value?

Usage: bench/controls.py [-m MODEL] [-o FILE] [-p PAGE] [ADDRESS...]
For each message of `cenoted --help-osc` whose address holds one of the ADDRESSes (default: all):
what control_cases.py says of it. Results as JSON to FILE, and as the table of doc/controls.md in
PAGE, if they are named. Exit status 1: a control without a case, or one that fails.
"""

import argparse
import json
import os
import subprocess
import sys
import tempfile

import control_cases
import control_rig
import live


def addresses():
    """Those of the one table."""
    program = os.path.join(live.BUILD, "daemon", "cenoted")
    said = subprocess.run([program, "--help-osc"], check=True, capture_output=True, text=True).stdout
    return [line.split()[0] for line in said.splitlines()]


def uncovered(known):
    """What the table has and the cases have not, and the other way round."""
    covered = {case.address for case in control_cases.CASES}
    covered |= {said[0] for said in control_cases.SILENT + control_cases.SILENT_THEN}
    return (["%s: no case in bench/control_cases.py" % a for a in known if a not in covered] +
            ["%s: a case, but no such message" % a for a in sorted(covered) if a not in known])


def do_case(rig, case):
    """Wrongs of a case, and what was measured."""
    wrong, around = [], case.around()
    base = rig.sound(around, **case.how)
    if case.neutral:
        against = base if case.like is None else rig.sound(case.with_(case.like), **case.how)
        first = control_rig.differs(rig.sound(case.with_(case.neutral), **case.how), against)
        if first is not None:
            wrong.append("not neutral: frame %d of %d differs" % (first, len(base)))
    sound = rig.sound(case.with_(case.tried), **case.how)
    first = control_rig.differs(sound, base)
    from_ = case.from_frame() * case.how.get("rate", control_rig.RATE) // control_rig.RATE
    if first is None:
        wrong.append("no effect")
    elif not from_ <= first <= from_ + case.slack:
        wrong.append("first heard at frame %d, not %d (+%d)" % (first, from_, case.slack))
    text, good = case.check(control_rig.Trial(rig, case, base, sound))
    if not good:
        wrong.append("measured: " + text)
    return wrong, text


def silent(rig):
    """All that makes no sound, at once."""
    cases = control_cases
    before = rig.sound([cases.KEEP])
    after = rig.sound([cases.KEEP] + [(cases.AT, said) for said in cases.SILENT], wait=cases.SILENT_WAIT,
                      then=tuple(cases.SILENT_THEN))
    first = control_rig.differs(after, before)
    return [] if first is None else ["those that make no sound: frame %d differs" % first]


def page(path, rows):
    """The table, in its place in the page."""
    with open(path, encoding="utf-8") as file:
        text = file.read()
    begin = text.index("| control |")
    end = text.index("\n\n", begin)
    lines = ["| control | neutral | tried | measured | result |", "| --- | --- | --- | --- | --- |"]
    lines += ["| `%s` | %s | %s | %s | %s |" % tuple(
        str(row[key]).replace("|", "\\|") for key in ("control", "neutral", "tried", "what", "result"))
        for row in rows]
    with open(path, "w", encoding="utf-8") as file:
        file.write(text[:begin] + "\n".join(lines) + text[end:])


def main():
    parser = argparse.ArgumentParser(usage=__doc__)
    parser.add_argument("-m", dest="model", default=live.TINY)
    parser.add_argument("-o", dest="out")
    parser.add_argument("-p", dest="page")
    parser.add_argument("wanted", nargs="*")
    options = parser.parse_args()
    known = addresses()
    wrongs, rows = uncovered(known), []
    with tempfile.TemporaryDirectory() as folder:
        rig = control_rig.Rig(folder, options.model)
        if not options.wanted:
            wrongs += silent(rig)
        for case in control_cases.CASES:
            if options.wanted and not any(w in case.address for w in options.wanted):
                continue
            wrong, text = do_case(rig, case)
            wrongs += ["%s, %s: %s" % (case.address, case.tried_text(), w) for w in wrong]
            rows.append({"control": case.address, "neutral": case.neutral_text(),
                         "tried": case.tried_text(), "what": case.what, "result": text,
                         "good": not wrong})
            print("%-26s %-26s %s: %s" % (case.address, case.tried_text(), case.what, text),
                  flush=True)
        print("%d controls, %d cases, %d runs of cenoted" % (
            len({row["control"] for row in rows}), len(rows), rig.runs))
    for wrong in wrongs:
        print("controls: " + wrong, file=sys.stderr)
    if options.out:
        with open(options.out, "w", encoding="utf-8") as file:
            file.write(json.dumps({"model": os.path.relpath(options.model, live.HERE), "cases": rows},
                                  indent=1) + "\n")
    if options.page and not wrongs:
        page(options.page, rows)
    return 1 if wrongs else 0


if __name__ == "__main__":
    sys.exit(main())
