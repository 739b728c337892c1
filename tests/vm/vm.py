#!/usr/bin/python3
# SPDX-License-Identifier: MIT
"""Boots the virtual machine and runs commands in it.

Exit status of exec and run: the command's own; 124 when its time ran out; 70 when it
succeeded but the kernel log or something left behind says otherwise, or the kernel panicked;
69 when the machine itself failed; 77 when every gtest case in it skipped itself.
"""
import argparse
import contextlib
import json
import os
import re
import socket
import subprocess
import sys
import time

import qemu
from qemu import VmError

EXIT_INFRASTRUCTURE = 69
EXIT_PROBLEMS = 70
EXIT_SKIPPED = 77
REPLY_GRACE = 20


def say(text):
    print(f"vm: {text}", file=sys.stderr, flush=True)


class Agent:
    """A connection to the agent of a running machine. A second one waits for the first to end."""

    def __init__(self, name):
        self.socket = socket.socket(socket.AF_UNIX)
        try:
            self.socket.connect(qemu.state_dir(name) + "/agent.sock")
        except OSError as error:
            raise VmError(f"cannot reach machine {name}: {error.strerror}") from error
        self.buffer = b""
        self.number = f"{os.getpid()}.{time.monotonic_ns()}"

    def ask(self, request, seconds, on_data=None):
        """Sends a request and returns its last reply; the newline first ends what a dead client left."""
        deadline = time.monotonic() + seconds
        self.socket.sendall(b"\n" + json.dumps({"id": self.number, **request}).encode() + b"\n")
        while True:
            reply = self._receive(deadline)
            if reply.get("id") != self.number:
                continue
            if "data" not in reply:
                return reply
            if on_data:
                on_data(reply["data"].encode("latin-1"))

    def _receive(self, deadline):
        while b"\n" not in self.buffer:
            self.socket.settimeout(max(deadline - time.monotonic(), 0.001))
            try:
                data = self.socket.recv(65536)
            except TimeoutError as error:
                raise VmError("the machine does not answer") from error
            except OSError as error:
                raise VmError(f"the machine went away: {error.strerror}") from error
            if not data:
                raise VmError("the machine went away")
            self.buffer += data
        line, self.buffer = self.buffer.split(b"\n", 1)
        try:
            return json.loads(line)
        except ValueError:
            return {}

    def close(self):
        self.socket.close()


def write_options(name, options):
    with open(qemu.state_dir(name) + "/boot.json", "w", encoding="utf-8") as file:
        json.dump(options, file)


def read_options(name):
    try:
        with open(qemu.state_dir(name) + "/boot.json", encoding="utf-8") as file:
            return json.load(file)
    except OSError as error:
        raise VmError(f"no machine named {name}: boot it first") from error


def boot(name, options):
    """Boots to the agent. A boot that never reached its init is tried once more: now and then
    TCG loses a race while the kernel patches its own text, before anything of ours runs."""
    if qemu.pid_of(name):
        raise VmError(f"machine {name} runs already")
    began = time.monotonic()
    for attempt in (1, 2):
        process = qemu.start(name, options)
        write_options(name, options)
        if qemu.wait_for(name, process, qemu.INIT_MARK, qemu.INIT_SECONDS):
            break
        qemu.kill(name)
        process.wait()
        if attempt == 2:
            raise VmError("the machine never reached its init script:\n" + qemu.tail(name))
        say("this boot never reached its init script, trying once more\n" + qemu.tail(name))
    if not qemu.wait_for(name, process, qemu.READY_MARK, qemu.READY_SECONDS):
        qemu.kill(name)
        process.wait()
        raise VmError("the machine's agent did not start:\n" + qemu.tail(name))
    accel = qemu.accelerator(options)[0].split(",")[0].upper()
    version = qemu.kernel_version(options["kernel"])
    say(f"Linux {version} under {accel}, up in {time.monotonic() - began:.1f} s")
    with contextlib.closing(Agent(name)) as agent:
        problems = agent.ask({"hello": True}, REPLY_GRACE)["problems"]
    return report(problems, "the machine came up, but:")


def report(problems, title):
    """Prints what the agent found; the exit status that says so."""
    if not problems:
        return 0
    say(title)
    for problem in problems:
        print("  " + problem, file=sys.stderr)
    return EXIT_PROBLEMS


class Output:
    """Passes output on and remembers whether gtest skipped everything."""

    def __init__(self):
        self.last = b""

    def __call__(self, data):
        sys.stdout.buffer.write(data)
        sys.stdout.buffer.flush()
        self.last = (self.last + data)[-65536:]

    def all_skipped(self):
        return (re.search(rb"^\[  PASSED  \] 0 tests", self.last, re.M)
                and re.search(rb"^\[  SKIPPED \] [1-9]", self.last, re.M))


def execute(name, arguments):
    """Runs a command in a machine that was booted; one that died since is booted again."""
    if not qemu.pid_of(name):
        options = read_options(name)
        say(f"{name} is not running, booting it again")
        boot(name, options)
    request = {"run": arguments.command, "env": dict(arguments.env), "cwd": arguments.cwd,
               "timeout": arguments.timeout, "check": not arguments.no_check,
               "allow_log": arguments.allow_log}
    output = Output()
    try:
        with contextlib.closing(Agent(name)) as agent:
            # The wait for another client's command and the command itself.
            reply = agent.ask(request, arguments.timeout + REPLY_GRACE, output)
    except VmError as error:
        qemu.kill(name)
        say(f"{error} while running: {' '.join(arguments.command)}\n{qemu.tail(name, 60)}")
        return EXIT_PROBLEMS if "Kernel panic" in qemu.console(name) else EXIT_INFRASTRUCTURE
    return verdict(reply, output, arguments)


def verdict(reply, output, arguments):
    status = reply["exit"]
    if reply["timed_out"]:
        say(f"time limit of {arguments.timeout} s exceeded, the command was killed")
    problems = report(reply["problems"], f"the command's exit status was {status}, but:")
    if not status and not problems and output.all_skipped():
        return EXIT_SKIPPED
    return status or problems


def halt(name):
    """Unloads the module, looks at the log a last time, powers off."""
    if not qemu.pid_of(name):
        return 0
    try:
        with contextlib.closing(Agent(name)) as agent:
            reply = agent.ask({"halt": True}, 60)
    except VmError:
        qemu.kill(name)
        raise
    end = time.monotonic() + 15
    while qemu.pid_of(name) and time.monotonic() < end:
        time.sleep(0.05)
    qemu.kill(name)
    return report(reply["problems"], "the machine was halted, but:")


def qmp(name, command, arguments):
    """One QMP command."""
    with socket.socket(socket.AF_UNIX) as connection:
        connection.settimeout(30)
        connection.connect(qemu.state_dir(name) + "/qmp.sock")
        stream = connection.makefile("rw", encoding="utf-8")
        stream.readline()
        for request in ({"execute": "qmp_capabilities"}, {"execute": command, "arguments": arguments}):
            stream.write(json.dumps(request) + "\n")
            stream.flush()
            reply = json.loads(stream.readline())
            while "event" in reply:
                reply = json.loads(stream.readline())
            if "error" in reply:
                raise VmError(f"{command}: {reply['error']['desc']}")


def screendump(name, path):
    try:
        qmp(name, "screendump", {"filename": os.path.abspath(path), "format": "png"})
    except OSError as error:
        raise VmError(f"cannot reach QEMU of {name}: {error}") from error
    return 0


def shell(options):
    """The serial console on this terminal."""
    qemu.prepare("shell")
    command = qemu.arguments("shell", options, True)
    say(f"Linux {qemu.kernel_version(options['kernel'])} under {qemu.accelerator(options)[0]}; Ctrl-A X ends it")
    return subprocess.call(command, env={**os.environ, "TMPDIR": qemu.log_dir("shell")})


def run(arguments):
    """boot, exec, halt."""
    problems = boot(arguments.name, options_of(arguments))
    status = execute(arguments.name, arguments)
    if qemu.pid_of(arguments.name):
        problems = halt(arguments.name) or problems
    return status or (0 if arguments.no_check else problems)


def options_of(arguments):
    return {key: getattr(arguments, key)
            for key in ("kernel", "share", "display", "device", "append", "icount")}


def add_boot_options(parser):
    parser.add_argument("--kernel", default="6", help="6, 7 or a full version (default: 6)")
    parser.add_argument("--share", metavar="DIR", help="mounted read-write at /mnt/share")
    parser.add_argument("--display", action="store_true", help="add a cirrus display")
    parser.add_argument("--device", action="append", default=[], help="another QEMU -device")
    parser.add_argument("--append", action="append", default=[], help="another kernel argument")
    parser.add_argument("--icount", action="store_true", help="one CPU, time is counted in instructions")


def add_exec_options(parser):
    parser.add_argument("--timeout", type=float, default=600, help="seconds (default: 600)")
    parser.add_argument("--env", action="append", default=[], metavar="NAME=VALUE",
                        type=lambda text: text.split("=", 1))
    parser.add_argument("--cwd", help="working directory (default: /root)")
    parser.add_argument("--no-check", action="store_true",
                        help="do not look at the kernel log and for what was left behind")
    parser.add_argument("--allow-log", action="append", default=[], metavar="REGEX",
                        help="kernel log records that the command is to bring about")
    parser.add_argument("command", nargs=argparse.REMAINDER, metavar="-- COMMAND...")


def parse():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    actions = parser.add_subparsers(dest="action", required=True)
    for action in ("boot", "exec", "run", "screendump", "halt", "shell"):
        sub = actions.add_parser(action)
        sub.add_argument("--name", default="vm")
        if action in ("boot", "run", "shell"):
            add_boot_options(sub)
        if action in ("exec", "run"):
            add_exec_options(sub)
        if action == "screendump":
            sub.add_argument("file")
    arguments = parser.parse_args()
    if hasattr(arguments, "command"):
        if arguments.command[:1] == ["--"]:
            del arguments.command[0]
        if not arguments.command:
            parser.error("no command given")
    return arguments


def main():
    arguments = parse()
    actions = {
        "boot": lambda: boot(arguments.name, options_of(arguments)),
        "exec": lambda: execute(arguments.name, arguments),
        "run": lambda: run(arguments),
        "halt": lambda: halt(arguments.name),
        "screendump": lambda: screendump(arguments.name, arguments.file),
        "shell": lambda: shell(options_of(arguments)),
    }
    try:
        return actions[arguments.action]() or 0
    except VmError as error:
        say(f"infrastructure failure: {error}")
        return EXIT_INFRASTRUCTURE


sys.exit(main())
