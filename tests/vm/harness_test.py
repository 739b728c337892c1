#!/usr/bin/python3
# SPDX-License-Identifier: MIT
"""Does the machine's harness notice what it is there to notice?

usage: harness_test.py MACHINE

Runs commands that misbehave, each in its own way, in a machine that was booted.
"""
import os
import subprocess
import sys
import tempfile

HERE = os.path.dirname(os.path.abspath(__file__))

# Gets a dma-buf and hands it to a child that leaves the command's session.
KEEP_DMA_BUF = """
import fcntl, os, struct, time
heap = os.open("/dev/dma_heap/system", os.O_RDWR)
request = bytearray(struct.pack("QIIQ", 4096, 0, os.O_RDWR | os.O_CLOEXEC, 0))
fcntl.ioctl(heap, 0xC0184800, request)
if os.fork() == 0:
    os.setsid()
    time.sleep(4)
    os._exit(0)
time.sleep(0.5)
"""
ALL_SKIPPED = r"printf '[  PASSED  ] 0 tests.\n[  SKIPPED ] 1 test, listed below:\n'"

# What is run, with which options, the exit status expected and a text expected in the output.
CASES = [
    ("status is passed on", ["sh", "-c", "exit 5"], [], 5, ""),
    ("output is passed on", ["sh", "-c", "echo out; echo err >&2"], [], 0, "out\nerr"),
    ("death by signal", ["sh", "-c", "kill -SEGV $$"], [], 139, ""),
    ("no such command", ["/nonexistent"], [], 127, "No such file"),
    ("environment and directory", ["sh", "-c", 'test "$A" = b && test "$PWD" = /usr'],
     ["--env=A=b", "--cwd=/usr"], 0, ""),
    ("time limit, children too", ["sh", "-c", "sleep 77 & sleep 77"], ["--timeout=2"], 124, "time limit"),
    ("nothing of it is left", ["sh", "-c", "! pgrep -f 'sleep [7]7'"], [], 0, ""),
    ("kernel warning", ["sh", "-c", "echo '<4>WARNING: made up' > /dev/kmsg"], [], 70, "WARNING: made up"),
    ("kernel error", ["sh", "-c", "echo '<3>made up' > /dev/kmsg"], [], 70, "made up"),
    ("driver has something to say", ["sh", "-c", "echo '<7>zaccel zaccel: made up' > /dev/kmsg"], [], 70, "made up"),
    ("a record is expected", ["sh", "-c", "echo '<4>zaccel zaccel: made up' > /dev/kmsg"],
     ["--allow-log=^zaccel zaccel: made up$"], 0, ""),
    ("and no other one", ["sh", "-c", "echo '<4>zaccel zaccel: made up too' > /dev/kmsg"],
     ["--allow-log=^zaccel zaccel: made up$"], 70, "made up too"),
    ("nor of the next command", ["sh", "-c", "echo '<4>zaccel zaccel: made up' > /dev/kmsg"], [], 70, "made up"),
    ("driver comes", ["sh", "-c", "modprobe -r zaccel && modprobe zaccel"], [], 0, ""),
    ("kernel notice is no failure", ["sh", "-c", "echo '<5>made up' > /dev/kmsg"], [], 0, ""),
    ("own status wins over the log", ["sh", "-c", "echo '<3>made up' > /dev/kmsg; exit 3"], [], 3, "made up"),
    ("the log can be left alone", ["sh", "-c", "echo '<3>made up' > /dev/kmsg"], ["--no-check"], 0, ""),
    ("and is then not held against the next", ["true"], [], 0, ""),
    ("gtest skipped everything", ["sh", "-c", ALL_SKIPPED], [], 77, ""),
    ("dma-buf left behind", ["python3", "-c", KEEP_DMA_BUF], [], 70, "left behind: 1 dma-bufs"),
    ("kernel panic", ["sh", "-c", "echo c > /proc/sysrq-trigger"], [], 70, "Kernel panic"),
    ("the machine is booted again", ["true"], [], 0, "booting it again"),
]


def failure(machine, command, options, status, text):
    """Runs one case; what is wrong with it, or None."""
    run = subprocess.run([os.path.join(HERE, "vm.py"), "exec", "--name", machine, "--timeout=20", *options,
                          "--", *command], stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, check=False)
    if run.returncode != status:
        return f"exit status {run.returncode}, expected {status}\n{run.stdout}"
    if text not in run.stdout:
        return f"no '{text}' in the output:\n{run.stdout}"
    return None


def share_failure():
    """What ./dev vm --share does, in a machine of its own: files go there and come back."""
    with tempfile.TemporaryDirectory() as directory:
        with open(os.path.join(directory, "there"), "w", encoding="ascii") as file:
            file.write("from the host\n")
        command = "cat /mnt/share/there && echo from the machine > /mnt/share/back"
        run = subprocess.run([os.path.join(HERE, "vm.py"), "run", "--name", "share", "--share", directory,
                              "--timeout=20", "--", "sh", "-c", command],
                             stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, check=False)
        back = os.path.join(directory, "back")
        if run.returncode or "from the host\n" not in run.stdout or not os.path.exists(back):
            return f"exit status {run.returncode}\n{run.stdout}"
        with open(back, encoding="ascii") as file:
            text = file.read()
        return None if text == "from the machine\n" else f"'{text}' came back"


def report(title, wrong):
    print(f"{'FAIL' if wrong else 'ok  '} {title}" + (f": {wrong}" if wrong else ""), flush=True)
    return bool(wrong)


def main():
    failed = 0
    for title, command, options, status, text in CASES:
        failed += report(title, failure(sys.argv[1], command, options, status, text))
    failed += report("a directory is shared", share_failure())
    return 1 if failed else 0


sys.exit(main())
