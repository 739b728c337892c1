#!/usr/bin/python3
# SPDX-License-Identifier: MIT
"""Frames of one process filtered by another: unixfdsink, unixfdsrc.

The receiver gets a new descriptor of one of few dma-bufs with every frame, and imports each dma-buf
once. When it has had enough, the sender goes on without it.
"""
import os
import tempfile
import time

import numpy

import gst

# More than pile up while a receiver starts.
FRAMES, WIDTH, HEIGHT = 25, 160, 120
DRM = f"video/x-raw(memory:DMABuf),format=DMA_DRM,drm-format=XR24,width={WIDTH},height={HEIGHT}"
SOURCE = f"video/x-raw,format=NV12,width={WIDTH},height={HEIGHT},framerate=10/1"
PLAIN = f"video/x-raw,format=BGRx,width={WIDTH},height={HEIGHT}"


def wait_for(path, seconds=20):
    end = time.monotonic() + seconds
    while not os.path.exists(path):
        gst.expect(time.monotonic() < end, f"{path} did not appear")
        time.sleep(0.05)


def receive(directory, caps):
    """A sender of @caps, and two receivers one after the other."""
    socket = os.path.join(directory, "socket")
    sender = gst.Pipeline(
        f"videotestsrc pattern=smpte is-live=true ! {SOURCE} ! accelconvert ! {caps} "
        f"! unixfdsink socket-path={socket} sync=false")
    try:
        wait_for(socket)
        for _ in range(2):
            path = os.path.join(directory, "received")
            receiver = gst.run(f"unixfdsrc socket-path={socket} num-buffers={FRAMES} "
                               f"! accelfilter name=filter ! video/x-raw,format=BGRx ! filesink location={path}")
            stats = gst.expect_zero_copy(receiver, "filter", FRAMES)
            gst.expect(stats["imports"] < FRAMES, f"no dma-buf was known again: {stats}")
            gst.expect(sender.process.poll() is None, "the sender ended with its receiver")
    finally:
        sender.interrupt()
    return numpy.fromfile(path, numpy.uint8).reshape(FRAMES, HEIGHT, WIDTH, 4)[..., :3]


def test():
    directory = tempfile.mkdtemp()
    path = os.path.join(directory, "sent")
    gst.run(f"videotestsrc pattern=smpte num-buffers=1 ! {SOURCE} ! accelconvert ! {PLAIN} ! filesink location={path}")
    sent = numpy.fromfile(path, numpy.uint8).reshape(HEIGHT, WIDTH, 4)[..., :3]
    for caps in (DRM, PLAIN):
        received = receive(directory, caps)
        # The pattern has a patch of noise at its lower right.
        still = (slice(None), slice(0, HEIGHT // 2))
        gst.expect((received[still] == 255 - sent[still[1:]]).all(), f"other pictures arrived: {caps}")


gst.main(test)
