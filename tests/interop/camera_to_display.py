#!/usr/bin/python3
# SPDX-License-Identifier: MIT
"""vivid ! accelconvert ! accelfilter ! kmssink on cirrus: DMA_DRM all along, and no copy.

Whatever the camera's format: it is the display's, or has to be converted. The rate is low because
vivid's thread, when it comes late for its next frame, may hand schedule_timeout() a negative time,
which the kernel's log then shows.
"""
import gst


def watch(display, drm_format, frames):
    pipeline = gst.run(
        f"v4l2src io-mode=dmabuf device={gst.camera()} num-buffers={frames} "
        f"! video/x-raw(memory:DMABuf),format=DMA_DRM,drm-format={drm_format},"
        "width=640,height=360,framerate=5/1 "
        "! accelconvert name=convert ! accelfilter name=filter "
        f"! kmssink name=display driver-name={display} force-modesetting=true sync=false")
    for element, pad in (("convert", "sink"), ("filter", "sink"), ("display", "sink")):
        caps = pipeline.caps(element, pad)
        gst.expect("memory:DMABuf" in caps and "DMA_DRM" in caps, f"{element}.{pad}: {caps}")
    for element in ("convert", "filter"):
        stats = gst.expect_zero_copy(pipeline, element, frames)
        gst.expect(stats["imports"] < frames, f"{element} knows no frame again: {stats}")


def test():
    gst.modprobe("vivid")
    display = gst.cirrus()
    for drm_format, frames in (("XR24", 20), ("YUYV", 10), ("NV12", 10)):
        watch(display, drm_format, frames)


gst.main(test)
