#!/usr/bin/python3
# SPDX-License-Identifier: MIT
"""Runs clang-tidy on what was built of libaccel, gst-plugin and samples.

usage: tidy.py BUILD_DIR

A file takes ten seconds and more, so what passed is remembered: a stamp that is newer than the
file's object speaks for the file and for every header the build knows it depends on.
"""
import concurrent.futures
import json
import os
import subprocess
import sys

TOP = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
PLACES = ("libaccel/", "gst-plugin/", "samples/")
CONFIG = os.path.join(TOP, ".clang-tidy")


def modified(path):
    return os.stat(path).st_mtime_ns if os.path.exists(path) else 0


def sources(build):
    """(source, object) of each C++ file to look at, each file once."""
    with open(os.path.join(build, "compile_commands.json"), encoding="utf-8") as file:
        commands = json.load(file)
    found = {}
    for command in commands:
        source = os.path.relpath(command["file"], TOP)
        if source.startswith(PLACES) and source.endswith(".cpp"):
            found[source] = os.path.join(command["directory"], command["output"])
    return sorted(found.items())


def tidy(build, source, built):
    """What clang-tidy says about a file, or None when it has nothing to say."""
    stamp = os.path.join(build, "tidy", source.replace("/", "_"))
    if modified(stamp) > max(modified(built), modified(CONFIG)) and modified(built):
        return None
    run = subprocess.run(["clang-tidy", "--quiet", "-p", build, "--extra-arg=-Wno-unknown-warning-option",
                          os.path.join(TOP, source)], capture_output=True, text=True, check=False)
    if run.returncode:
        return run.stdout + run.stderr
    with open(stamp, "w", encoding="utf-8"):
        return None


def main():
    build = os.path.abspath(sys.argv[1])
    os.makedirs(os.path.join(build, "tidy"), exist_ok=True)
    with concurrent.futures.ThreadPoolExecutor(os.cpu_count()) as pool:
        answers = list(pool.map(lambda pair: tidy(build, *pair), sources(build)))
    complaints = [answer for answer in answers if answer]
    print("\n".join(complaints), end="")
    return 1 if complaints else 0


sys.exit(main())
