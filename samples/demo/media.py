# SPDX-License-Identifier: MIT
"""Pictures and films of raw frames, and what a picture must show."""
import os
import re
import subprocess

import numpy
from PIL import Image


class MediaError(Exception):
    """A picture or a film is not what it must be."""


def copies_per_frame(counted):
    """By element, from the elements' own counters."""
    frames = max(counted["frames"], 1)
    return {name: (stats.get("copies-in", 0) + stats.get("copies-out", 0)) / frames
            for name, stats in counted["elements"].items()}


def expect_edges(path):
    """An edge-filtered picture is dark where it is flat and bright along edges; colour bars as the
    camera gives them, or a blank screen, are not."""
    luma = numpy.asarray(Image.open(path).convert("L"))
    dark = float((luma < 48).mean())
    bright = float((luma > 96).mean())
    if dark < 0.5 or bright < 0.002:
        raise MediaError(f"{os.path.basename(path)} does not show the filtered picture: "
                         f"{dark:.1%} dark, {bright:.2%} bright")


def clip_size(path):
    """Width and height of the file's video, made even: chroma comes in blocks of 2x2."""
    found = subprocess.run(["gst-launch-1.0", "-v", "filesrc", "location=" + path, "!", "decodebin", "!",
                            "videoconvert", "!", "fakesink", "name=end", "num-buffers=1"],
                           capture_output=True, text=True, check=False).stdout
    caps = re.search(r"end\.GstPad:sink: caps = (video/.*)", found)
    width = re.search(r"width=\(int\)(\d+)", caps[1] if caps else "")
    height = re.search(r"height=\(int\)(\d+)", caps[1] if caps else "")
    if not width or not height:
        raise MediaError(f"{os.path.basename(path)} has no video that can be decoded")
    return int(width[1]) & ~1, int(height[1]) & ~1


def launch(*words):
    run = subprocess.run(["gst-launch-1.0", "-q", *words], capture_output=True, text=True, check=False)
    if run.returncode != 0:
        raise MediaError(run.stdout + run.stderr)


def raw_source(out, name, caps, size):
    return ["filesrc", "location=" + os.path.join(out, name), "!", "rawvideoparse", f"format={caps}",
            f"width={size[0]}", f"height={size[1]}", "framerate=10/1", "!", "videoconvert", "!"]


def save_frames(out, size):
    """First, middle and last frame, before and after: a list of pairs of file names."""
    launch(*raw_source(out, "input.i420", "i420", size), "video/x-raw,format=BGRx", "!",
           "filesink", "location=" + os.path.join(out, "input.bgrx"))
    frame_bytes = size[0] * size[1] * 4
    counts = [os.path.getsize(os.path.join(out, side + ".bgrx")) // frame_bytes for side in ("input", "output")]
    if counts[0] != counts[1] or counts[0] == 0:
        raise MediaError(f"{counts[0]} frames went in, {counts[1]} came out")
    pairs = []
    for label, index in (("first", 0), ("middle", counts[0] // 2), ("last", counts[0] - 1)):
        names = {}
        for side in ("input", "output"):
            names[side] = f"{label}-{side}.png"
            save_png(os.path.join(out, side + ".bgrx"), index, size, os.path.join(out, names[side]))
        pairs.append({"label": label, "frame": index, **names})
    return pairs


def save_png(raw, index, size, path):
    width, height = size
    frame = numpy.fromfile(raw, numpy.uint8, width * height * 4, offset=index * width * height * 4)
    Image.fromarray(frame.reshape(height, width, 4)[..., 2::-1]).save(path)


def save_film(out, size):
    """All frames as a file that browsers play."""
    film = os.path.join(out, "output.webm")
    launch(*raw_source(out, "output.bgrx", "bgrx", size), "vp8enc", "deadline=1", "threads=2",
           "target-bitrate=2000000", "!", "webmmux", "!", "filesink", "location=" + film)
    if os.path.getsize(film) == 0:
        raise MediaError("the film is empty")
    return os.path.basename(film)
