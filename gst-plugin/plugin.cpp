// SPDX-License-Identifier: MIT
#include <gst/gst.h>

#include "accelconvert.hpp"
#include "accelfilter.hpp"

static gboolean plugin_init(GstPlugin* plugin) {
    gboolean any = FALSE;
    any |= GST_ELEMENT_REGISTER(accelconvert, plugin);
    any |= GST_ELEMENT_REGISTER(accelfilter, plugin);
    return any;
}

#define PACKAGE "zaccel"
GST_PLUGIN_DEFINE(GST_VERSION_MAJOR, GST_VERSION_MINOR, accel,
                  "Video processing on accelerators, in dma-bufs", plugin_init, ZACCEL_VERSION,
                  "MIT/X11", "zaccel", "zaccel")
