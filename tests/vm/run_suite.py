#!/usr/bin/python3
# SPDX-License-Identifier: MIT
"""Runs ctest once and adds what it does not say: slow tests, budgets, unexpected skips.

usage: run_suite.py BUILD_DIR [CTEST ARGUMENTS]

ctest's own summary comes last. The exit status is ctest's; when that is 0 and a skip is not
in tests/skips.txt or a label took longer than tests/budgets.txt grants, it is 1.
"""
import fnmatch
import json
import os
import re
import subprocess
import sys
import xml.etree.ElementTree as ElementTree

TESTS = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
JUNIT = os.path.join(os.path.dirname(TESTS), "out/test/ctest.xml")
SUMMARY = re.compile(r"^\d+% tests passed")
DEFAULT_TIMEOUT = "120"
SLOWEST = 10


def table(name):
    """Lines "KEY REST" of a committed list."""
    with open(os.path.join(TESTS, name), encoding="utf-8") as file:
        lines = (line.split("#")[0].split(None, 1) for line in file)
        return [(words[0], words[1].strip()) for words in lines if len(words) == 2]


def labels_of(build, arguments):
    """Test name to its labels."""
    shown = subprocess.run(["ctest", "--test-dir", build, "--show-only=json-v1", *arguments],
                           check=True, capture_output=True, text=True).stdout
    found = {}
    for test in json.loads(shown[shown.index("{"):])["tests"]:
        properties = {entry["name"]: entry["value"] for entry in test.get("properties", [])}
        found[test["name"]] = properties.get("LABELS", [])
    return found


def run_ctest(build, arguments):
    """Shows ctest's output up to its summary; returns the rest and the exit status."""
    command = ["ctest", "--test-dir", build, "--parallel", str(os.cpu_count()), "--output-on-failure",
               "--no-tests=error", "--timeout", DEFAULT_TIMEOUT, "--output-junit", JUNIT, *arguments]
    held = []
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
                          errors="replace") as process:
        for line in process.stdout:
            if held or SUMMARY.match(line):
                held.append(line)
            else:
                print(line, end="", flush=True)
    return held, process.returncode


def results():
    """(name, seconds, skipped) of each test that was run."""
    try:
        cases = ElementTree.parse(JUNIT).getroot().iter("testcase")
    except (OSError, ElementTree.ParseError):
        return []
    return [(case.get("name"), float(case.get("time", 0)), case.find("skipped") is not None) for case in cases]


def report_slowest(tests):
    print("\nSlowest tests:")
    for name, seconds, _ in sorted(tests, key=lambda test: -test[1])[:SLOWEST]:
        print(f"  {seconds:8.1f} s  {name}")


def over_budget(tests, labels):
    """Prints the time per label; returns what took longer than granted."""
    budgets = {label: float(seconds) for label, seconds in table("budgets.txt")}
    used = {}
    for name, seconds, _ in tests:
        for label in labels.get(name, []):
            used[label] = used.get(label, 0) + seconds
    print("\nTime per label:")
    faults = []
    for label, seconds in sorted(used.items()):
        limit = budgets.get(label)
        print(f"  {seconds:8.1f} s  {label}" + (f" (budget {limit:.0f} s)" if limit else ""))
        if limit and seconds > limit:
            faults.append(f"label {label} took {seconds:.0f} s, its budget is {limit:.0f} s (tests/budgets.txt)")
    return faults


def unexpected_skips(tests):
    """Prints the skips with their reasons; returns those nobody wrote down."""
    known = table("skips.txt")
    faults, lines = [], []
    for name, _, skipped in tests:
        if not skipped:
            continue
        reason = next((text for pattern, text in known if fnmatch.fnmatchcase(name, pattern)), None)
        if reason:
            lines.append(f"  {name}: {reason}")
        else:
            faults.append(f"{name} was skipped and is not in tests/skips.txt")
    if lines:
        print("\nSkipped:", *lines, sep="\n")
    return faults


def main():
    build, arguments = sys.argv[1], sys.argv[2:]
    os.makedirs(os.path.dirname(JUNIT), exist_ok=True)
    if os.path.exists(JUNIT):
        os.unlink(JUNIT)
    labels = labels_of(build, arguments)
    summary, status = run_ctest(build, arguments)
    tests = results()
    report_slowest(tests)
    faults = over_budget(tests, labels) + unexpected_skips(tests)
    for fault in faults:
        print(f"\nSUITE FAILED: {fault}")
    print()
    sys.stdout.writelines(summary)
    return status or (1 if faults else 0)


sys.exit(main())
