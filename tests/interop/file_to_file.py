#!/usr/bin/python3
# SPDX-License-Identifier: MIT
"""A recorded file decoded, converted and inverted, into a file of raw frames.

The decoder writes into memory of the accelerator, so nothing is copied. Frames are compared with
those of GStreamer's own converter, whose 8-bit matrix is off by up to 8 of 255.
"""
import os
import tempfile

import numpy

import gst

FRAMES, WIDTH, HEIGHT = 10, 320, 240


def frames(path):
    data = numpy.fromfile(path, numpy.uint8)
    gst.expect(data.size == FRAMES * WIDTH * HEIGHT * 4, f"{path}: {data.size} bytes")
    return data.reshape(FRAMES, HEIGHT, WIDTH, 4)[..., :3].astype(int)


def test():
    directory = tempfile.mkdtemp()
    video, ours, inverted, theirs = (os.path.join(directory, name)
                                     for name in ("video.avi", "ours", "inverted", "theirs"))
    gst.run(f"videotestsrc pattern=smpte75 num-buffers={FRAMES} "
            f"! video/x-raw,format=I420,width={WIDTH},height={HEIGHT},framerate=10/1 "
            f"! jpegenc quality=100 ! avimux ! filesink location={video}")
    source = f"filesrc location={video} ! decodebin"
    raw = "video/x-raw,format=BGRx ! filesink location="

    pipeline = gst.run(f"{source} ! accelconvert name=convert ! accelfilter name=filter ! {raw}{inverted}")
    for element in ("convert", "filter"):
        gst.expect_zero_copy(pipeline, element, FRAMES)
    gst.run(f"{source} ! accelconvert ! {raw}{ours}")
    gst.run(f"{source} ! videoconvert dither=none chroma-mode=full ! {raw}{theirs}")

    gst.expect((frames(inverted) == 255 - frames(ours)).all(), "the filter did not invert")
    difference = numpy.abs(frames(ours) - frames(theirs))
    gst.expect(difference.mean() < 4, f"mean difference from videoconvert is {difference.mean()}")


gst.main(test)
