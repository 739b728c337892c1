# SPDX-License-Identifier: MIT
"""The demo: camera to screen, real video, two processes, and proof that nothing was copied.

Runs inside the tree. Every part runs even when one before it failed; the exit status is 0 only
when all succeeded. Everything that is shown is kept in out/demo/.
"""
import argparse
import json
import os
import shutil
import subprocess
import sys
import time

import bufinfo
import media
import report

SRC = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
OUT = os.path.join(SRC, "out/demo")
VM = [os.path.join(SRC, "tests/vm/vm.py")]
NAME = "demo"
CLIP = "/usr/share/zaccel-demo/vtest.avi"
TOOLS = "$(echo /usr/lib/*/zaccel)"
CAMERA_FRAMES = 100
CLIP_FRAMES = 60
PEER_FRAMES = 60
SCREEN = "width=1024,height=768"
DMABUF = "video/x-raw(memory:DMABuf),format=DMA_DRM"


class DemoError(Exception):
    """A part of the demo failed; the message says which way."""


def say(text):
    print(text, flush=True)


def vm(*arguments):
    return subprocess.run([*VM, *arguments], check=False).returncode


def guest(script, on_line=None, timeout=240, what="command"):
    """Runs a shell script in the machine; returns its output lines."""
    command = [*VM, "exec", "--name", NAME, "--timeout", str(timeout), "--", "bash", "-c", script]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
    lines = []
    for line in process.stdout:
        lines.append(line.rstrip("\n"))
        if on_line:
            on_line(lines[-1])
    if process.wait() != 0:
        raise DemoError(f"{what} failed with status {process.returncode}:\n" + "\n".join(lines[-30:]))
    return lines


def result_of(lines):
    """What run_pipeline printed last."""
    for line in reversed(lines):
        if line.startswith("result "):
            return json.loads(line[len("result "):])
    raise DemoError("no result line:\n" + "\n".join(lines[-30:]))


def pipeline(description, options="", on_line=None, what="pipeline"):
    """Runs a pipeline in the machine and returns what was counted."""
    script = f"exec {TOOLS}/demo/run_pipeline {options} '{description}'"
    counted = result_of(guest(script, on_line, what=what))
    counted["pipeline"] = description
    counted["copies_per_frame"] = media.copies_per_frame(counted)
    return counted


def expect_frames(counted, frames):
    if counted["frames"] != frames:
        raise DemoError(f"{counted['frames']} frames arrived, {frames} were expected")


def expect_no_copies(counted):
    for element, copies in counted["copies_per_frame"].items():
        if copies:
            raise DemoError(f"{element} copied {copies} times per frame")


def guest_facts():
    """Versions, and the driver behind each device name that bufinfo may show."""
    lines = guest("uname -r; gst-launch-1.0 --version | sed -n 2p; ls -1d /sys/bus/pci/devices/*/driver | "
                  "while read d; do echo \"$(basename $(dirname $d)) $(basename $(readlink $d))\"; done",
                  what="reading versions")
    return {"kernel": lines[0], "gstreamer": lines[1].replace("GStreamer ", ""),
            "drivers": dict(line.split() for line in lines[2:])}


def camera_to_screen():
    """Pipeline 1, with a picture of what the display scans out and the kernel's list of dma-bufs."""
    device = guest("modprobe vivid node_types=0x1 && modprobe -a cirrus-qemu 2> /dev/null || modprobe cirrus; "
                   "for d in /sys/class/video4linux/*; do grep -q vivid $d/name && echo /dev/$(basename $d); done",
                   what="loading vivid and cirrus")[-1]

    def on_line(line):
        if line == f"frame {CAMERA_FRAMES * 3 // 4}":
            vm("screendump", "--name", NAME, os.path.join(OUT, "screen.png"))

    description = (f"v4l2src io-mode=dmabuf device={device} num-buffers={CAMERA_FRAMES} ! "
                   f"{DMABUF},drm-format=YUYV,width=640,height=480,framerate=5/1 ! accelconvert name=convert ! "
                   f"{DMABUF},drm-format=XR24,{SCREEN} ! accelfilter name=filter operation=convolve preset=edge ! "
                   "kmssink driver-name=cirrus force-modesetting=true sync=false")
    counted = pipeline(description, "--progress 25 --snapshot-at 50 --snapshot-from /sys/kernel/debug/dma_buf/bufinfo "
                       "--snapshot-to /mnt/share/bufinfo.txt", on_line, "camera to screen")
    expect_frames(counted, CAMERA_FRAMES)
    expect_no_copies(counted)
    media.expect_edges(os.path.join(OUT, "screen.png"))
    return counted


def proof(drivers):
    """What the kernel says of who is attached to whose buffers, taken while pipeline 1 ran."""
    attachments = bufinfo.attachments(os.path.join(OUT, "bufinfo.txt"), drivers)
    for exporter, importer in (("vivid", "zaccel"), ("zaccel", "cirrus")):
        if not attachments.get(f"{exporter} -> {importer}"):
            raise DemoError(f"the kernel shows no buffer of {exporter} attached to {importer}: {attachments}")
    return attachments


def real_video(clip):
    """Pipeline 2: decode, convert, filter; raw frames out of the machine, pictures and a film of them."""
    name = "clip" + os.path.splitext(clip)[1]
    shutil.copyfile(clip, os.path.join(OUT, name))
    size = media.clip_size(os.path.join(OUT, name))
    counted = pipeline(
        f"filesrc location=/mnt/share/{name} ! decodebin ! videoconvertscale ! "
        f"video/x-raw,format=I420,width={size[0]},height={size[1]} ! identity eos-after={CLIP_FRAMES + 1} ! tee name=t "
        "t. ! queue ! filesink location=/tmp/input.i420 "
        "t. ! queue ! accelconvert name=convert ! video/x-raw(memory:DMABuf),format=DMA_DRM,drm-format=XR24 ! "
        "accelfilter name=filter operation=convolve preset=emboss ! video/x-raw,format=BGRx ! "
        "filesink location=/tmp/output.bgrx", what="real video")
    # Not written to the share directly: 9p would pin the pages that it writes from, and those of a
    # device's mapping cannot be pinned.
    guest("mv /tmp/input.i420 /tmp/output.bgrx /mnt/share/", what="taking the frames out")
    counted["pictures"] = media.save_frames(OUT, size)
    counted["film"] = media.save_film(OUT, size)
    for raw in ("input.i420", "input.bgrx", "output.bgrx", name):
        os.unlink(os.path.join(OUT, raw))
    return counted


def two_processes():
    """Pipeline 3: buffers from one process to another, each process on its own open device."""
    script = f"""
set -e
{TOOLS}/demo/run_pipeline 'videotestsrc num-buffers={PEER_FRAMES} ! accelconvert name=convert ! \
{DMABUF},drm-format=XR24,width=640,height=360 ! unixfdsink socket-path=/run/demo.sock sync=false wait-for-connection=true' > /run/sender.log 2>&1 &
sender=$!
until [ -S /run/demo.sock ]; do kill -0 $sender; sleep 0.1; done
{TOOLS}/demo/run_pipeline 'unixfdsrc socket-path=/run/demo.sock ! accelfilter name=filter operation=invert ! \
fakevideosink sync=false'
wait $sender
sed 's/^result/sender/' /run/sender.log
"""
    lines = guest(script, what="two processes")
    counted = result_of(lines)
    counted["pipeline"] = "videotestsrc ! accelconvert ! unixfdsink | unixfdsrc ! accelfilter ! fakevideosink"
    counted["copies_per_frame"] = media.copies_per_frame(counted)
    expect_frames(counted, PEER_FRAMES)
    expect_no_copies(counted)
    return counted


def share_buffer():
    """The same without GStreamer: samples/share_buffer, a buffer and its fence over SCM_RIGHTS."""
    return guest(f"exec {TOOLS}/samples/share_buffer", what="share_buffer")


def run_parts(clip):
    facts = {}
    parts = {}
    steps = [
        ("camera", "Camera to screen", camera_to_screen),
        ("proof", "Proof of zero copy", lambda: proof(facts["drivers"])),
        ("video", "Real video", lambda: real_video(clip)),
        ("processes", "Two processes", two_processes),
        ("share_buffer", "Two processes, library only", share_buffer),
    ]
    for key, title, step in steps:
        began = time.monotonic()
        try:
            if key == "proof":
                facts.update(guest_facts())
            parts[key] = {"title": title, "ok": True, "result": step()}
        except (DemoError, media.MediaError, OSError, KeyError) as error:
            parts[key] = {"title": title, "ok": False, "error": str(error)}
        parts[key]["seconds"] = round(time.monotonic() - began, 1)
        verdict = "ok" if parts[key]["ok"] else "FAILED: " + parts[key]["error"]
        say(f"  {title:<52} {parts[key]['seconds']:6.1f} s  {verdict}")
    return facts, parts


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--input", default=CLIP, help="a video file for the second part")
    arguments = parser.parse_args()

    shutil.rmtree(OUT, ignore_errors=True)
    os.makedirs(OUT)
    if vm("boot", "--name", NAME, "--display", "--share", OUT) != 0:
        say("demo: the virtual machine did not boot")
        return 69
    try:
        facts, parts = run_parts(arguments.input)
    finally:
        halted = vm("halt", "--name", NAME)
    if halted != 0:
        parts["halt"] = {"title": "Shutting down", "ok": False, "seconds": 0,
                         "error": "the module did not unload cleanly, see above"}
    report.write(OUT, facts, parts)
    say("  report: out/demo/report.html")
    failed = [part["title"] for part in parts.values() if not part["ok"]]
    if failed:
        say("demo: FAILED: " + ", ".join(failed))
    return 1 if failed else 0


sys.exit(main())
