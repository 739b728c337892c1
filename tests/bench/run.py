#!/usr/bin/python3
# SPDX-License-Identifier: MIT
"""Runs the benchmarks. Inside the tree, after the build.

usage: run.py [NAME]          results in out/bench/NAME.json, and as a table; all without NAME
       run.py --accept=NAME   makes NAME's path lengths of now the committed ones (NAME: all)
       run.py --guard         fails when a path length is more than 5 % above the committed one

The exit status is 69 when the virtual machine itself failed.
"""
import contextlib
import json
import os
import platform
import re
import subprocess
import sys

import expected
import report

SRC = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
sys.path.insert(0, os.path.join(SRC, "tests/vm"))
import qemu  # noqa: E402  (the machine's own module, found through the line above)

OUT = os.path.join(SRC, "out/bench")
PROGRAMS = os.path.join(SRC, "out/build/user/tests/bench")
VM = os.path.join(SRC, "tests/vm/vm.py")
MACHINE = "bench"
KERNEL = "6"
SECONDS = 600
EXIT_INFRASTRUCTURE = 69

# Name to its modes; the program is bench_NAME.
BENCHMARKS = {"ring": ("path", "wall"), "share": ("path", "wall"), "ops": ("path", "native")}


class BenchError(Exception):
    """A benchmark did not run; the message says which, status is what to exit with."""

    def __init__(self, text, status=1):
        super().__init__(text)
        self.status = status


def run(command, what):
    """Runs a program and returns the rows that it printed."""
    process = subprocess.run(command, stdout=subprocess.PIPE, text=True, errors="replace", check=False)
    lines = process.stdout.splitlines()
    rows = [json.loads(line) for line in lines if line.startswith("{")]
    for line in lines:
        if not line.startswith("{"):
            print(line, file=sys.stderr)
    if process.returncode:
        raise BenchError(f"{what}: exit status {process.returncode}", process.returncode)
    return rows


def machine_options(mode):
    return {"kernel": KERNEL, "icount": mode == "path", "share": None, "display": False, "device": [], "append": []}


@contextlib.contextmanager
def machine(mode):
    """A booted machine for this mode; gives what stands in front of a command that runs in it."""
    def vm(*arguments):
        return subprocess.run([VM, *arguments], check=False).returncode
    # The kernel's collector of huge pages runs when it likes, for millions of instructions.
    counted = ["--icount", "--append", "transparent_hugepage=never"] if mode == "path" else []
    try:
        status = vm("boot", "--name", MACHINE, "--kernel", KERNEL, *counted)
        if status:
            raise BenchError(f"mode {mode}: the machine did not boot as it should", status)
        yield [VM, "exec", "--name", MACHINE, "--timeout", str(SECONDS), "--"]
    finally:
        status = vm("halt", "--name", MACHINE)
    if status:
        raise BenchError(f"mode {mode}: the machine was not in order when it was halted", status)


def measure_mode(names, mode):
    """Name to rows of one mode, all in one boot."""
    context = contextlib.nullcontext([]) if mode == "native" else machine(mode)
    with context as prefix:
        return {name: run([*prefix, f"{PROGRAMS}/bench_{name}", "--mode", mode], f"{name}, mode {mode}")
                for name in names}


def measure(names, modes=report.MODES):
    """Name to rows of all its modes."""
    rows = {name: [] for name in names}
    for mode in modes:
        wanted = [name for name in names if mode in BENCHMARKS[name]]
        if wanted:
            for name, more in measure_mode(wanted, mode).items():
                rows[name] += more
    return {name: report.with_peers(found) for name, found in rows.items()}


def cpu_model():
    with open("/proc/cpuinfo", encoding="utf-8", errors="replace") as info:
        match = re.search(r"^model name\s*:\s*(.*)$", info.read(), re.M)
    return match.group(1) if match else platform.machine()


def accelerator(mode):
    if mode == "native":
        return "no virtual machine"
    name, cpus = qemu.accelerator(machine_options(mode))
    counted = ", icount shift=1" if mode == "path" else ""
    return f"{name}{counted}, {cpus} CPU{'s' if cpus != '1' else ''}"


def machine_of(modes):
    """What the figures were made on."""
    version = subprocess.run(["qemu-system-x86_64", "--version"], check=True, capture_output=True, text=True).stdout
    return {"cpu": cpu_model(), "cores": os.cpu_count(), "host_kernel": platform.release(),
            "kernel": qemu.kernel_version(KERNEL), "qemu": re.search(r"version (\S+)", version).group(1),
            "modes": {mode: accelerator(mode) for mode in modes}}


def show(name, rows):
    """Writes and prints one result."""
    result = {"machine": machine_of(BENCHMARKS[name]), "rows": rows}
    report.write(f"{OUT}/{name}.json", result)
    print(f"\n{name}: {report.table(result)}\n\nout/bench/{name}.json", flush=True)


def accept(names):
    for name, rows in measure(names, ("path",)).items():
        expected.accept(name, rows)
        print(f"{os.path.relpath(expected.path_of(name), SRC)} holds the figures of now")
    return 0


def guard():
    failed = []
    for name, rows in measure(list(BENCHMARKS), ("path",)).items():
        failed += expected.compare(name, rows)
        print()
    for line in failed:
        print(f"GUARD FAILED: {line}")
    if failed:
        print("If that is as it should be: ./dev bench --accept=NAME, and commit tests/bench/expected/")
    return 1 if failed else 0


def names_of(name):
    """What NAME means; ends the program when it means nothing."""
    if name == "all":
        return list(BENCHMARKS)
    if name not in BENCHMARKS:
        print(f"bench: no benchmark {name!r}; there are: {', '.join(BENCHMARKS)}", file=sys.stderr)
        sys.exit(2)
    return [name]


def act(arguments):
    first = arguments[0] if arguments else "all"
    if len(arguments) > 1 and first != "--accept" or len(arguments) > 2:
        print(__doc__, file=sys.stderr)
        return 2
    if first == "--guard":
        return guard()
    if first.startswith("--accept"):
        return accept(names_of(first.partition("=")[2] or "".join(arguments[1:])))
    for name, rows in measure(names_of(first)).items():
        show(name, rows)
    return 0


def main():
    try:
        return act(sys.argv[1:])
    except (BenchError, report.BadRow) as error:
        print(f"bench: {error}", file=sys.stderr)
        return getattr(error, "status", 1)
    except qemu.VmError as error:
        print(f"bench: {error}", file=sys.stderr)
        return EXIT_INFRASTRUCTURE


sys.exit(main())
