# SPDX-License-Identifier: ISC
# surface.py SESSION HELP: an Open Stage Control session. Each widget has an address that HELP, what
# `cenoted --help-osc` prints, lists, and a fader has that message's range. Prints what each sends,
# for the argument list of `cenote send`: buttons when pressed, faders at their middle.
import json
import re
import sys

with open(sys.argv[2]) as file:
    help_lines = [re.split(r"\s{2,}", line.rstrip(), maxsplit=2) for line in file]
known = {line[0]: line[-1] for line in help_lines}
with open(sys.argv[1]) as file:
    session = json.load(file)
if session["type"] != "session" or session["content"]["type"] != "root":
    sys.exit("not a session")
widgets = session["content"]["widgets"]
if len({widget["id"] for widget in widgets}) < len(widgets):
    sys.exit("two widgets have one id")
for widget in widgets:
    address = widget["address"]
    row = re.sub(r"/voice/\d+", "/voice/N", address)
    row = re.sub(r"/level/\d+", "/level/L", re.sub(r"/slot/\w+", "/slot/S", row))
    if row not in known:
        sys.exit(f"{widget['id']}: no {address} in --help-osc")
    arguments = [f"f:{value}" for value in widget.get("preArgs", [])]
    if widget["type"] == "fader":
        low, high = widget["range"]["min"], widget["range"]["max"]
        if not re.search(rf"(^|[ ;]){low}\.\.{high}\b", known[row]):
            sys.exit(f"{widget['id']}: {low}..{high}, but {row}: {known[row]}")
        arguments.append(f"f:{(low + high) / 2}")
    elif widget["mode"] == "toggle":
        arguments.append(f"f:{widget['on']}")
    elif widget["mode"] != "momentary": # which sends preArgs alone
        sys.exit(f"{widget['id']}: mode {widget['mode']}")
    print(address, *arguments)
