# SPDX-License-Identifier: MIT
"""The committed path lengths, and whether what was measured is as good."""
import json
import os

DIRECTORY = os.path.join(os.path.dirname(os.path.abspath(__file__)), "expected")
TOLERANCE = 0.05
LAYOUT = "{:<38} {:>10} {:>10} {:>8}  {}"


def guarded(rows):
    """Name to figure of what is guarded: mode path only, as nothing else repeats."""
    return {row["name"]: row["value"] for row in rows if row["mode"] == "path"}


def path_of(name):
    return os.path.join(DIRECTORY, name + ".json")


def read(name):
    """Row name to its committed figure."""
    with open(path_of(name), encoding="utf-8") as file:
        return {row["name"]: row["value"] for row in json.load(file)["rows"]}


def accept(name, rows):
    """Makes the figures of mode path the committed ones."""
    lines = [f'  {{"name": {json.dumps(row)}, "value": {value:.5g}}}' for row, value in guarded(rows).items()]
    with open(path_of(name), "w", encoding="utf-8") as file:
        file.write('{"rows": [\n' + ",\n".join(lines) + "\n]}\n")


def judge(wanted, measured):
    """What is to be said of one row, and whether it fails."""
    if measured is None:
        return "MISSING", True
    if wanted is None:
        return "not committed yet", True
    if measured > wanted * (1 + TOLERANCE):
        return "WORSE", True
    return ("better" if measured < wanted * (1 - TOLERANCE) else ""), False


def compare(name, rows):
    """Prints a table of every guarded row; returns the names of those that fail."""
    committed = read(name)
    found = guarded(rows)
    failed = []
    print(LAYOUT.format(name, "committed", "measured", "change", "").rstrip())
    for row in list(committed) + [row for row in found if row not in committed]:
        wanted, measured = committed.get(row), found.get(row)
        verdict, bad = judge(wanted, measured)
        change = f"{100 * (measured / wanted - 1):+.1f} %" if wanted and measured is not None else "-"
        print(LAYOUT.format(row, *("-" if value is None else f"{value:.5g}" for value in (wanted, measured)),
                            change, verdict).rstrip())
        if bad:
            failed.append(f"{name}: {row}: {verdict}")
    return failed
