# SPDX-License-Identifier: MIT
"""Pipelines for the interop tests: runs them, and says what the accel elements counted."""
import glob
import os
import re
import signal
import subprocess
import sys

STATS = re.compile(r"stop:<(\w+)>.*?accel-stats, (.*)")
FIELD = re.compile(r"([\w-]+)=\(guint64\)(\d+)")
CAPS = re.compile(r"/GstPipeline:\w+/\w+:(\w+)\.GstPad:(\w+): caps = (.*)")


class Failed(Exception):
    """A pipeline or an expectation."""


def expect(condition, what):
    if not condition:
        raise Failed(what)


def main(test):
    """Runs a test and turns what went wrong into an exit status."""
    try:
        test()
    except Failed as failure:
        sys.exit(f"FAILED: {failure}")
    print("passed")


def modprobe(*modules):
    for module in modules:
        subprocess.run(["modprobe", module], check=True)


def cirrus():
    """Loads the display's driver and returns its name: Linux 7 has it under a new one."""
    name = "cirrus" if os.uname().release.startswith("6.") else "cirrus-qemu"
    modprobe(name)
    return name


def camera():
    """The node of vivid's video capture: nodes have numbers as they come."""
    for entry in sorted(glob.glob("/sys/class/video4linux/video*")):
        with open(entry + "/name", encoding="ascii") as name:
            if re.fullmatch(r"vivid-\d+-vid-cap\n?", name.read()):
                return "/dev/" + os.path.basename(entry)
    raise Failed("vivid has no capture node")


class Pipeline:
    """A gst-launch of its own process."""

    def __init__(self, text):
        self.text = text
        environment = {**os.environ, "GST_DEBUG": "accelbasetransform:4", "GST_DEBUG_NO_COLOR": "1"}
        self.process = subprocess.Popen(["gst-launch-1.0", "-v", *text.split()], env=environment,
                                        stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
        self.output = ""

    def wait(self, timeout=50):
        """Ends well, or raises Failed."""
        try:
            self.output, _ = self.process.communicate(timeout=timeout)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.output, _ = self.process.communicate()
            raise Failed(f"took too long: {self.text}\n{self.output}") from None
        if self.process.returncode != 0 or "CRITICAL" in self.output:
            raise Failed(f"exit status {self.process.returncode}: {self.text}\n{self.output}")
        return self

    def interrupt(self):
        """As Ctrl-C does; for pipelines without an end."""
        self.process.send_signal(signal.SIGINT)
        self.process.communicate(timeout=20)

    def stats(self, element):
        """What an accel element counted until it was stopped."""
        for name, fields in STATS.findall(self.output):
            if name == element:
                return {field: int(value) for field, value in FIELD.findall(fields)}
        raise Failed(f"no statistics of {element}:\n{self.output}")

    def caps(self, element, pad):
        """The last caps of a pad."""
        found = [caps for name, of, caps in CAPS.findall(self.output) if (name, of) == (element, pad)]
        expect(found, f"no caps of {element}.{pad}:\n{self.output}")
        return found[-1]


def run(text, timeout=50):
    return Pipeline(text).wait(timeout)


def expect_zero_copy(pipeline, element, frames):
    """All frames were read where they lay, most of them known already."""
    stats = pipeline.stats(element)
    expect(stats["frames"] == frames, f"{element}: {stats['frames']} frames instead of {frames}")
    copies = stats["copies-in"] + stats["copies-out"]
    expect(copies == 0 and stats["bytes-copied"] == 0, f"{element} copied: {stats}")
    expect(stats["imports"] + stats["import-cache-hits"] == frames, f"{element}: {stats}")
    return stats
