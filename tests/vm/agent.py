#!/usr/bin/python3
# SPDX-License-Identifier: MIT
"""Runs commands in the virtual machine for vm.py.

Talks JSON, one object a line, over the virtio-serial port org.zaccel.agent.0:

  in:  {"id": N, "run": [ARGV], "env": {}, "cwd": DIR, "timeout": S, "check": BOOL, "allow_log": [REGEX]}
       {"id": N, "halt": true}
       {"id": N, "hello": true}
  out: {"id": N, "kernel": TEXT, "problems": [TEXT]}     answers hello
       {"id": N, "data": TEXT}        output, bytes as latin-1
       {"id": N, "exit": STATUS, "timed_out": BOOL, "problems": [TEXT]}

One command at a time. When the other end goes away, the running command is killed.
"""
import errno
import glob
import json
import os
import re
import select
import signal
import subprocess
import sys
import time

PORT_NAME = "org.zaccel.agent.0"
ALLOW_FILE = os.path.join(os.path.dirname(os.path.abspath(__file__)), "allow-log.txt")
BUFINFO = "/sys/kernel/debug/dma_buf/bufinfo"
DESCRIPTORS = "/proc/[0-9]*/fd/*"
START_MARK = "zaccel-vm: init reached"
LEVEL_ERR = 3
LEFTOVER_GRACE = 2.0
TAINTS = {7: "D (oops)", 9: "W (warning)"}
ALARM = re.compile(r"WARNING:|BUG:|Oops|refcount_t:|KASAN|UBSAN|Call Trace|blocked for more than"
                   r"|possible circular locking|inconsistent lock state|suspicious RCU|rcu:.*stall")
DRIVER = re.compile(r"\bzaccel\b(?!-vm)")


class Disconnected(Exception):
    """The host closed its end of the port."""


class Port:
    """Lines of JSON over the virtio-serial port."""

    def __init__(self):
        self.fd = os.open(self._path(), os.O_RDWR | os.O_NONBLOCK)
        self.poll = select.poll()
        self.buffer = b""

    @staticmethod
    def _path():
        for entry in glob.glob("/sys/class/virtio-ports/*"):
            with open(entry + "/name", encoding="ascii") as name:
                if name.read().strip() == PORT_NAME:
                    return "/dev/" + os.path.basename(entry)
        sys.exit("no virtio-serial port " + PORT_NAME)

    def send(self, message):
        data = json.dumps(message).encode("ascii") + b"\n"
        while data:
            try:
                data = data[os.write(self.fd, data):]
            except BlockingIOError:
                select.select([], [self.fd], [])
            except OSError as error:
                raise Disconnected() from error

    def fill(self):
        """Takes in what has arrived."""
        try:
            data = os.read(self.fd, 65536)
        except BlockingIOError:
            return
        if not data:
            self.buffer = b""
            raise Disconnected()
        self.buffer += data

    def next_line(self):
        """The next message, or None while it is incomplete."""
        while b"\n" in self.buffer:
            line, self.buffer = self.buffer.split(b"\n", 1)
            try:
                return json.loads(line)
            except ValueError:
                continue  # empty, or the rest of a message whose sender went away
        return None


class KernelLog:
    """New records of /dev/kmsg, and what is wrong with them."""

    def __init__(self):
        self.fd = os.open("/dev/kmsg", os.O_RDONLY | os.O_NONBLOCK)
        self.taint = self._taint()
        with open(ALLOW_FILE, encoding="utf-8") as lines:
            wanted = (line.strip() for line in lines)
            self.allowed = [re.compile(line) for line in wanted if line and not line.startswith("#")]
        self.pending = self._since_mark()

    @staticmethod
    def _taint():
        with open("/proc/sys/kernel/tainted", encoding="ascii") as value:
            return int(value.read())

    def _read(self):
        records = []
        while True:
            try:
                record = os.read(self.fd, 8192).decode("utf-8", "replace")
            except BlockingIOError:
                return records
            except OSError as error:
                if error.errno != errno.EPIPE:
                    raise
                records.append((LEVEL_ERR, "kernel log overflowed, records were lost"))
                continue
            head, _, text = record.partition(";")
            records.append((int(head.split(",", 1)[0]) & 7, text.split("\n", 1)[0]))

    def _since_mark(self):
        records = self._read()
        for index, (_, text) in enumerate(records):
            if START_MARK in text:
                return records[index + 1:]
        return records

    def _bad(self, level, text, expected):
        if any(pattern.search(text) for pattern in self.allowed + expected):
            return False
        return level <= LEVEL_ERR or ALARM.search(text) or DRIVER.search(text)

    def problems(self, expected=()):
        """What went wrong since the last call. One alarm brings the lines after it along."""
        patterns = [re.compile(text) for text in expected]
        records = self.pending + self._read()
        self.pending = []
        first = next((n for n, record in enumerate(records) if self._bad(*record, patterns)), None)
        found = []
        if first is not None:
            found = ["kernel log: " + text for _, text in records[first:first + 80]]
        taint, self.taint = self.taint, self._taint()
        new = self.taint & ~taint
        found += ["kernel is tainted: " + name for bit, name in TAINTS.items() if new & 1 << bit]
        return found


class Leftovers:
    """Counts what a command must not leave behind."""

    def __init__(self):
        self.before = self._count()

    @staticmethod
    def _lines(path):
        try:
            with open(path, encoding="utf-8", errors="replace") as lines:
                return lines.read().splitlines()
        except OSError:
            return []

    @staticmethod
    def _is_accel(descriptor):
        try:
            return os.readlink(descriptor).startswith("/dev/accel/")
        except OSError:
            return False

    def _count(self):
        dma_bufs = 0
        for line in self._lines(BUFINFO):
            match = re.match(r"Total (\d+) objects", line)
            if match:
                dma_bufs = int(match.group(1))
        return {"dma-bufs": dma_bufs, "open accel files": sum(map(self._is_accel, glob.glob(DESCRIPTORS)))}

    def problems(self):
        """What is left over. Releases are asynchronous, hence the grace."""
        end = time.monotonic() + LEFTOVER_GRACE
        while True:
            now = self._count()
            more = [f"left behind: {now[name] - count} {name}"
                    for name, count in self.before.items() if now[name] > count]
            if not more or time.monotonic() > end:
                return more
            time.sleep(0.05)


def run(port, request, log):
    """Runs one command and streams its output; returns the closing message."""
    leftovers = Leftovers()
    try:
        child = subprocess.Popen(request["run"], stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                                 stderr=subprocess.STDOUT, cwd=request.get("cwd") or "/root",
                                 env={**os.environ, **request.get("env", {})}, start_new_session=True)
    except OSError as error:
        port.send({"id": request["id"], "data": f"{request['run'][0]}: {error.strerror}\n"})
        return {"exit": 127 if error.errno == errno.ENOENT else 126, "timed_out": False, "problems": []}
    timed_out = stream(port, request, child)
    status = child.wait()
    if status < 0 and not timed_out:
        port.send({"id": request["id"], "data": f"killed by {signal.Signals(-status).name}\n"})
    problems = log.problems(request.get("allow_log", ()))
    problems = problems + leftovers.problems() if request.get("check", True) else []
    exit_status = 124 if timed_out else status if status >= 0 else 128 - status
    return {"exit": exit_status, "timed_out": timed_out, "problems": problems}


def stream(port, request, child):
    """Passes output on until the command and its whole session are gone; True when time ran out."""
    end = time.monotonic() + request.get("timeout", 60)
    poll = select.poll()
    pidfd = os.pidfd_open(child.pid)
    pipe = child.stdout.fileno()
    for fd in (pidfd, pipe, port.fd):
        poll.register(fd, select.POLLIN)
    timed_out = False
    try:
        while True:
            ready = dict(poll.poll(max(0, end - time.monotonic()) * 1000))
            if pipe in ready and not forward(port, request, pipe):
                poll.unregister(pipe)
            if port.fd in ready:
                port.fill()
            if pidfd in ready:
                break
            if time.monotonic() >= end:
                timed_out = True
                break
    finally:
        kill_session(child.pid)
        os.close(pidfd)
    os.set_blocking(pipe, False)
    while forward(port, request, pipe):
        pass
    return timed_out


def forward(port, request, pipe):
    """Passes one piece of output on; False at its end."""
    try:
        data = os.read(pipe, 65536)
    except BlockingIOError:
        return False
    if data:
        port.send({"id": request["id"], "data": data.decode("latin-1")})
    return bool(data)


def kill_session(session):
    """Kills every process of a command, also those that made process groups of their own."""
    for stat in glob.glob("/proc/[0-9]*/stat"):
        try:
            with open(stat, encoding="utf-8", errors="replace") as line:
                fields = line.read().rsplit(")", 1)[1].split()
            if int(fields[3]) == session:
                os.kill(int(stat.split("/")[2]), signal.SIGKILL)
        except (OSError, IndexError):
            continue


def halt(log):
    """Last look: the module must unload, and quietly."""
    found = log.problems()
    if os.path.isdir("/sys/module/zaccel"):
        unload = subprocess.run(["modprobe", "-r", "zaccel"], capture_output=True, text=True, check=False)
        if unload.returncode != 0:
            found.append("module does not unload: " + unload.stderr.strip())
    return found + log.problems()


def serve(port, log):
    """Answers one connection."""
    while True:
        request = port.next_line()
        if request is None:
            select.select([port.fd], [], [])
            port.fill()
            continue
        reply = {"id": request["id"]}
        if request.get("hello"):
            reply.update({"kernel": os.uname().release, "problems": log.problems()})
        elif request.get("halt"):
            reply.update({"exit": 0, "timed_out": False, "problems": halt(log)})
        else:
            reply.update(run(port, request, log))
        port.send(reply)
        if request.get("halt"):
            return


def main():
    port = Port()
    log = KernelLog()
    print("zaccel-vm: agent ready", flush=True)
    while True:
        try:
            serve(port, log)
            return
        except Disconnected:
            time.sleep(0.05)


main()
