#!/usr/bin/python3
# SPDX-License-Identifier: MIT
"""Lists the cases of a gtest program and writes ctest's registration of each for the machine."""
import argparse
import os
import re
import subprocess

HERE = os.path.dirname(os.path.abspath(__file__))
# Long enough for whoever does not wait to come too early, short enough for batches by the thousand.
LATE_US = 200
# One kernel is enough for tests that forget to wait.
LATE_KERNEL = "6"


def cases(program):
    """Full names, in gtest's order; disabled cases are left out."""
    listing = subprocess.run([program, "--gtest_list_tests"], check=True, capture_output=True, text=True,
                             timeout=60).stdout
    suite, found = "", []
    for line in listing.splitlines():
        name = line.split("#")[0].strip()
        if not line.startswith(" "):
            suite = name if name.endswith(".") else ""
        elif suite and "DISABLED_" not in suite + name:
            found.append(suite + name)
    return found


def quoted(text):
    return f"[==[{text}]==]"


def runs_late(arguments, kernel, case):
    if not arguments.late or kernel != LATE_KERNEL:
        return False
    return not any(re.fullmatch(pattern, case) for pattern in arguments.not_late)


def registration(arguments, kernel, case, late):
    name = f"vm{kernel}.{'late.' if late else ''}{arguments.prefix}{case}"
    wrapper = [os.path.join(HERE, "late"), str(LATE_US)] if late else []
    command = [os.path.join(HERE, "vm.py"), "exec", "--name", f"vm{kernel}",
               "--timeout", str(arguments.timeout), "--cwd", os.path.dirname(arguments.program),
               *(f"--env={pair}" for pair in arguments.env),
               *(f"--allow-log={pattern}" for pattern in arguments.allow_log),
               "--", *wrapper, arguments.program, f"--gtest_filter={case}"]
    labels = ";".join([f"kernel{kernel}", *arguments.label, *(["late"] if late else [])])
    return (f"add_test({quoted(name)} {' '.join(quoted(word) for word in command)})\n"
            f"set_tests_properties({quoted(name)} PROPERTIES TIMEOUT {arguments.timeout + arguments.reserve} "
            f"FIXTURES_REQUIRED vm{kernel} RESOURCE_LOCK vm SKIP_RETURN_CODE 77 LABELS {quoted(labels)})\n")


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--program", required=True)
    parser.add_argument("--output", required=True)
    parser.add_argument("--prefix", default="")
    parser.add_argument("--timeout", type=int, required=True)
    parser.add_argument("--reserve", type=int, required=True)
    parser.add_argument("--kernel", action="append", required=True)
    parser.add_argument("--label", action="append", default=[])
    parser.add_argument("--env", action="append", default=[])
    parser.add_argument("--allow-log", action="append", default=[])
    parser.add_argument("--late", action="store_true")
    parser.add_argument("--not-late", action="append", default=[])
    arguments = parser.parse_args()
    found = cases(arguments.program)
    if not found:
        raise SystemExit(f"{arguments.program} lists no test case")
    with open(arguments.output, "w", encoding="utf-8") as file:
        for kernel in arguments.kernel:
            for case in found:
                file.write(registration(arguments, kernel, case, late=False))
            for case in found:
                if runs_late(arguments, kernel, case):
                    file.write(registration(arguments, kernel, case, late=True))


main()
